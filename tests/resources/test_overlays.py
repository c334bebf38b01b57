"""Fields from overlays: plans point to the file of a field, and exports edit the base but not the overlay."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dlsync.errors import DlsyncError
from dlsync.files.interpolation import Values
from dlsync.files.redaction import Redaction
from dlsync.resources import ExportContext, LoadContext, SourceFile, kind_of
from tests.builders.plans import added, removed, replaced
from tests.builders.trees import dashboard, resource, widget

if TYPE_CHECKING:
    from dlsync.model import Json, Resource

DASHBOARD, PLUGIN = kind_of("dashboard"), kind_of("plugin")
BASE = """\
# ours
title: Web
period: 3600
positions:
  # the busiest first
  - {title: cpu, row: 1, col: 1, size_x: 2, size_y: 2, type: number, series: [{metric: cpu.load, scope: {tag: web}}]}
"""
OVERLAY = """\
period: ${var:period}
positions:
  - title: cpu
    color: red
  - {title: net, row: 1, col: 1, size_x: 2, size_y: 2, type: number, series: [{metric: net.load, scope: {tag: web}}]}
"""
FILE, OVER = "dashboards/web.yaml", "overlays/staging/dashboards/web.yaml"
LIVE = dashboard(widget("cpu", color="red"), widget("net"), period=60)


def desired(base: str = BASE, overlay: str = OVERLAY, **environ: str) -> Resource:
    scene = LoadContext(Values({"period": 60}, environ), {FILE: SourceFile(OVER, overlay.encode())})
    ((found,), problems) = DASHBOARD.read([SourceFile(FILE, base.encode())], scene)
    assert problems == []
    return found


def plugin(meta: str = "", overlay: str = "interval: 60\n") -> Resource:
    scene = LoadContext(
        overlays={"plugins/disk.meta.yaml": SourceFile("overlays/s/plugins/disk.meta.yaml", overlay.encode())}
    )
    sources = [SourceFile("plugins/disk.sh", b"exit 0\n")]
    sources += [SourceFile("plugins/disk.meta.yaml", meta.encode())] if meta else []
    ((found,), problems) = PLUGIN.read(sources, scene)
    assert problems == []
    return found


def edited(live: dict[str, Json], of: Resource | None = None, **secrets: str) -> str:
    draft = ExportContext({}, Redaction(secrets))
    ((file, content),) = DASHBOARD.edited_files(of or desired(), resource("dashboard/web", live), draft).items()
    assert (file, content is None) == (FILE, False)
    return (content or b"").decode()


# lines


def test_differences_only_in_overlay_fields_are_located_in_the_overlay() -> None:
    diff = [
        replaced(("period",), 1, 60),
        replaced(("positions", 0, "color"), "blue", "red"),
        added(("positions", 1), widget("net")),
    ]
    file, placed = DASHBOARD.located(desired(), diff)
    assert (file, [one.line for one in placed]) == (OVER, [1, 4, 5])


def test_mixed_differences_are_located_in_the_file_and_overlay_fields_have_no_line() -> None:
    diff = [
        replaced(("period",), 1, 60),
        replaced(("positions", 0, "row"), 2, 1),
        removed(("positions", 7), {}),
        removed(("zoom",), 1),
    ]
    file, placed = DASHBOARD.located(desired(), diff)
    assert (file, [one.line for one in placed]) == (FILE, [None, 6, 4, 2])
    assert DASHBOARD.located(desired(), ()) == (FILE, ())


def test_differences_in_plugin_settings_are_located_in_the_file_that_holds_them() -> None:
    mine, theirs = replaced(("params",), "-b", "-a"), replaced(("interval",), 5, 60)
    settled = plugin("# ours\nparams: -a\n")
    assert PLUGIN.located(settled, [theirs])[0] == "overlays/s/plugins/disk.meta.yaml"
    file, placed = PLUGIN.located(settled, [mine, theirs])
    assert (file, [one.line for one in placed]) == ("plugins/disk.meta.yaml", [2, None])
    file, placed = PLUGIN.located(plugin(), [removed(("params",), "-b"), theirs])
    assert (file, [one.line for one in placed]) == ("plugins/disk.sh", [None, None])


# export


def test_an_export_edits_fields_outside_the_overlay_in_the_file() -> None:
    live = dashboard(widget("cpu", color="red", row=9), widget("net"), widget("new"), period=60, title="Live")
    text = edited({**live, "positions": [live["positions"][2], *live["positions"][:2]]})  # type: ignore[index, misc] # a list
    assert text.startswith(BASE.replace("title: Web", "title: Live").replace("row: 1", "row: 9"))
    assert resource("dashboard/web", text).document["positions"] == [widget("cpu", row=9), widget("new")]


@pytest.mark.parametrize(
    ("live", "told"),
    [
        (dict(LIVE, period=7), "`period` (line 1) is live as 7"),
        (
            dashboard(widget("cpu"), widget("net"), period=60),
            "`positions[0].color` (line 4) is not live",
        ),
        (
            dashboard(widget("cpu", color="red"), period=60),
            "`positions[1]` (line 5) is not live",
        ),
    ],
)
def test_an_export_refuses_a_difference_in_an_overlay_field(live: dict[str, Json], told: str) -> None:
    with pytest.raises(DlsyncError) as caught:
        edited({**live, "title": "also"})
    assert str(caught.value) == f"it differs in what {OVER} says: {told}; edit that file"


def test_an_export_refuses_a_moved_item_of_an_overlay() -> None:
    base = BASE.replace("series: [", "series: [{metric: disk}, ")
    over = "positions:\n  - title: cpu\n    series:\n      - metric: net\n"
    series: list[Json] = [{"metric": "net"}, {"metric": "disk"}, {"metric": "cpu.load", "scope": {"tag": "web"}}]
    told = r"`positions\[0\].series\[0\]` \(line 4\) stands elsewhere; edit that file"
    with pytest.raises(DlsyncError, match=told):
        edited(dashboard(widget("cpu", series=series)), desired(base, over))


def test_the_position_of_an_overlay_widget_in_the_list_is_no_difference() -> None:
    assert edited({**LIVE, "positions": [*reversed(LIVE["positions"])]}) == BASE  # type: ignore[arg-type] # a list


def test_the_export_error_names_at_most_five_fields_and_hides_secrets() -> None:
    over = "".join(f"{letter}: ${{env:HOOK}}\n" for letter in "abcdefg")
    live: dict[str, Json] = {"title": "Web", "positions": [], **dict.fromkeys("abcdefg", "s3cret!")}
    with pytest.raises(DlsyncError) as caught:
        edited(live, lax("title: Web\npositions: []\n", over, HOOK="s3cret"), s3cret="${env:HOOK}")
    assert '`e` (line 5) is live as "${env:HOOK}!" and 2 more; edit that file' in str(caught.value)
    assert "`f`" not in str(caught.value)


def lax(base: str, overlay: str, **environ: str) -> Resource:
    """Return a dashboard with fields that no schema knows."""
    scene = LoadContext(Values({}, environ), {FILE: SourceFile(OVER, overlay.encode())})
    ((found,), _) = DASHBOARD.read([SourceFile(FILE, base.encode())], scene)
    return found


def test_an_export_refuses_a_live_state_that_base_and_overlay_cannot_express() -> None:
    """The server lacks the widget of base and overlay; the overlay alone would give an incomplete widget."""
    with pytest.raises(DlsyncError, match=f"what is live cannot be written below {OVER}: edit that file and {FILE}"):
        edited(dashboard(widget("net"), period=60))


def test_an_export_edits_plugin_settings_beside_the_script_and_refuses_overlay_settings() -> None:
    live = resource("plugin/disk", {"content": "exit 0\n", "extension": "sh", "interval": 60, "params": "-b"})
    settled = plugin("# ours\nparams: -a\n")
    assert PLUGIN.edited_files(settled, live) == {"plugins/disk.meta.yaml": b"# ours\nparams: '-b'\n"}
    assert PLUGIN.edited_files(plugin(), live) == {"plugins/disk.meta.yaml": b"params: '-b'\n"}
    other = resource("plugin/disk", {**live.document, "interval": 5})
    with pytest.raises(
        DlsyncError, match=r"overlays/s/plugins/disk.meta.yaml says: `interval` \(line 1\) is live as 5"
    ):
        PLUGIN.edited_files(settled, other)


def warnings_of(overlay: str) -> list[str]:
    scene = LoadContext(Values(), {FILE: SourceFile(OVER, overlay.encode())})
    _, problems = DASHBOARD.read([SourceFile(FILE, BASE.encode())], scene)
    return [str(one) for one in problems]


def test_an_overlay_item_with_a_name_close_to_an_item_of_the_file_is_a_warning() -> None:
    added_ = "{title: cpus, row: 1, col: 1, size_x: 2, size_y: 2, type: number, series: []}"
    (warning,) = warnings_of(f"positions:\n  - {added_}\n")
    assert warning.startswith(
        f"{OVER}:2:5: the dashboard's own file has no such item, so it is added; did you mean `cpu`?"
    )
    assert warnings_of(f"positions:\n  - {added_.replace('cpus', 'network')}\n") == []
    assert warnings_of(f"positions:\n  - {added_.replace('cpus', '7')}\n") != []  # a title that is not text


@pytest.mark.parametrize(
    ("item", "base", "guess"),
    [
        ("CPU", "cpu", "did you mean `cpu`?"),
        (" c p  u ", "cpu", "did you mean `cpu`?"),
        ("cup", "cpu", "did you mean `cpu`?"),
        ("Disk usage", "Disc usages", "did you mean `Disc usages`?"),
        (f"{'x' * 200} of a", f"{'x' * 200} of b", f"did you mean `{'x' * 200} of b`?"),
        ("net", "cpu", ""),
        ("Version 1.0", "Free 2.5", ""),
    ],
)
def test_the_warning_of_an_added_widget_suggests_a_similar_title(item: str, base: str, guess: str) -> None:
    scene = LoadContext(overlays={FILE: SourceFile(OVER, f"positions:\n- title: '{item}'\n".encode())})
    _, problems = DASHBOARD.read([SourceFile(FILE, BASE.replace("title: cpu", f"title: {base}").encode())], scene)
    assert [guess in str(one) for one in problems if "has no such item" in str(one)] == ([True] if guess else [])


METRICS = [
    ("http_chek.latency", "did you mean `http_check.latency`?"),
    ("HTTP_check.latency", "did you mean `http_check.latency`?"),
    ("probe.latency", "did you mean `http_check.latency`?"),
    ("http_check.code", "did you mean `http_check.latency`?"),
    ("latency", ""),
    ("cpu.load", ""),
]


@pytest.mark.parametrize(("metric", "guess"), METRICS)
def test_the_warning_of_an_added_criterion_or_series_suggests_a_similar_metric(metric: str, guess: str) -> None:
    item = "{metric: http_check.latency, scope: {tag: web}, condition: {operator: gt, threshold: 1}}"
    rule = f"title: R\ncriteria:\n- {item}\n"
    texts = {
        ("rule", "rules/web.yaml"): (rule, rule.replace("http_check.latency", metric)),
        ("dashboard", FILE): (
            BASE.replace("cpu.load", "http_check.latency"),
            f"positions:\n- title: cpu\n  series:\n  - {{metric: {metric}, scope: {{tag: web}}}}\n",
        ),
    }
    for (kind, file), (base, overlay) in texts.items():
        scene = LoadContext(overlays={file: SourceFile(OVER, overlay.encode())})
        _, problems = kind_of(kind).read([SourceFile(file, base.encode())], scene)
        assert [guess in one.message for one in problems] == ([True] if guess else []), problems


def test_an_added_criterion_that_differs_only_in_its_scope_is_a_warning() -> None:
    rule = "title: R\ncriteria:\n- {metric: a, scope: {tag: web}, condition: {operator: gt, threshold: 1}}\n"
    scene = LoadContext(overlays={"rules/web.yaml": SourceFile(OVER, rule.replace("web", "wbe").encode())})
    _, (problem,) = kind_of("rule").read([SourceFile("rules/web.yaml", rule.encode())], scene)
    assert "so it is added; one with this `metric` has another `scope`. Else" in problem.message
