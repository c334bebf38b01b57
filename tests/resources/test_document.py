"""The behaviour that dashboards and rules share: one YAML document in one file."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlsync.diff.compare import compare, differences
from dlsync.diff.list_match import anywhere, identity
from dlsync.diff.three_way import merge_sides
from dlsync.errors import DlsyncError
from dlsync.files import yaml
from dlsync.files.interpolation import Values
from dlsync.files.redaction import NOTHING_SECRET, Redaction
from dlsync.resources import SourceFile, kind_of
from dlsync.resources.document import DocumentKind
from dlsync.resources.file_format import LoadContext
from dlsync.state.sealed_values import Seal, Source, unsealed
from tests.builders.accounts import DASHBOARDS, RULES, spellings
from tests.builders.plans import added, removed, replaced
from tests.builders.trees import address, criterion, dashboard, resource, rule, widget

if TYPE_CHECKING:
    from dlsync.model import Json, Resource


def kind(name: str) -> DocumentKind:
    found = kind_of(name)
    assert isinstance(found, DocumentKind)
    return found


DASHBOARD, RULE = kind("dashboard"), kind("rule")


def read(*files: tuple[str, bytes]) -> tuple[list[Resource], list[tuple[str, str, int | None]]]:
    resources, problems = DASHBOARD.read([SourceFile(*file) for file in files])
    return resources, [(one.severity, one.file, one.line) for one in problems]


def test_a_message_about_a_value_from_the_environment_hides_the_value() -> None:
    hook = "https://hooks.example/" + "T0K3N" * 20
    scene = LoadContext(Values({}, {"HOOK": hook}))
    _, (problem,) = RULE.read([SourceFile("rules/x.yaml", b"title: X\ncriteria: '${env:HOOK}'\n")], scene)
    assert "${env:HOOK}" in problem.message
    assert "hooks" not in problem.message


def test_a_file_is_read_as_a_resource_with_its_stem_as_name_and_its_bytes_as_body() -> None:
    text = b"# ours\ntitle: Web\npositions: []\n"
    ((web, db), problems) = read(("dashboards/team/web.yaml", text), ("dashboards/db%2F1.v2.yaml", text))
    assert (web.address, web.body, web.file) == (address("dashboard/web"), text, "dashboards/team/web.yaml")
    assert web.document == {"title": "Web", "positions": []}
    assert db.address == address("dashboard/db/1.v2")
    assert problems == []


def test_read_ignores_other_files_in_the_folder() -> None:
    assert read(("dashboards/README.md", b"["), ("dashboards/web.yaml.orig", b"["), ("dashboards/yaml", b"[")) == (
        [],
        [],
    )


@pytest.mark.parametrize(
    ("content", "found"), [(b"", "nothing"), (b"- title: Web\n", "a list"), (b"Web\n", "a single value")]
)
def test_a_file_that_holds_no_mapping_is_an_error_that_says_what_it_holds(content: bytes, found: str) -> None:
    resources, (problem,) = RULE.read([SourceFile("rules/web.yaml", content)])
    assert resources == []
    assert str(problem) == (
        f"rules/web.yaml:1: expected a rule, a mapping that begins with `title:`, but the file holds {found}"
    )


def test_the_problems_of_each_file_are_reported_at_their_place() -> None:
    resources, problems = read(
        ("dashboards/broken.yaml", b"title: [\n"),
        ("dashboards/%FF.yaml", b"title: Web\n"),
        ("dashboards/wrong.yaml", b"title: Web\npositions: 1\n"),
        ("dashboards/unknown.yaml", b"title: Web\npositions: []\nzoom: 2\n"),
    )
    assert [one.name for one in resources] == ["wrong", "unknown"]
    assert problems == [
        ("error", "dashboards/broken.yaml", 2),
        ("error", "dashboards/%FF.yaml", None),
        ("error", "dashboards/wrong.yaml", 2),
        ("warning", "dashboards/unknown.yaml", 3),
    ]


def test_a_difference_is_placed_on_its_line_and_a_missing_field_on_the_line_of_its_parent() -> None:
    text = "title: Web\npositions:\n  - title: cpu\n    row: 1\n"
    desired = resource("dashboard/web", text, file="dashboards/web.yaml")
    diff = (
        replaced(("title",), "a", "b"),
        replaced(("positions", 0, "row"), 2, 1),
        removed(("positions", 0, "color"), "red"),
        removed(("period",), 60),
        added(("positions", 0, "row", "odd"), 1),
    )
    file, placed = DASHBOARD.located(desired, diff)
    assert file == "dashboards/web.yaml"
    assert [one.line for one in placed] == [1, 4, 3, 1, 4]
    assert DASHBOARD.located(desired, ()) == (file, ())
    assert DASHBOARD.files(desired) == (file,)


def test_a_new_file_follows_the_schema_order_without_fields_of_the_server() -> None:
    live: dict[str, Json] = {
        "zoom": 1,
        "positions": [{"series": [{"scope": {"tag": ["a"]}, "metric": "a.b"}], "col": 1, "title": "A"}],
        "id": "1",
        "name": "web",
        "title": "Web",
    }
    assert DASHBOARD.new_files(resource("dashboard/web", live), "web") == {
        "dashboards/web.yaml": (
            b"title: Web\n"
            b"positions:\n"
            b"  - title: A\n"
            b"    col: 1\n"
            b"    series:\n"
            b"      - metric: a.b\n"
            b"        scope:\n"
            b"          tag:\n"
            b"            - a\n"
            b"zoom: 1\n"
        )
    }


def test_a_new_rule_file_omits_the_delivery_status_of_the_server() -> None:
    action: dict[str, Json] = {"type": "EMAIL", "details": {"status": "OK", "emails": ["a@example.org"]}, "id": 1}
    ((content),) = RULE.new_files(resource("rule/web", rule(actions=[action], state="clear")), "web").values()
    assert content is not None
    assert yaml.parse(content) == {
        "title": "Web",
        "criteria": [],
        "actions": [{"type": "EMAIL", "details": {"emails": ["a@example.org"]}}],
    }


def test_an_edited_file_keeps_its_comments_and_its_spelling() -> None:
    text = "# ours\ntitle: 'Web'   # the fleet\nlocked: no\nperiod: 60\npositions: []\n"
    text = text.replace("no", "false")
    desired = resource("dashboard/web", text, file="dashboards/web.yaml")
    live = resource("dashboard/web", {"title": "Web", "period": 30, "positions": [], "id": 1})
    assert DASHBOARD.edited_files(desired, live) == {"dashboards/web.yaml": text.replace("60", "30").encode()}


def test_the_canonical_form_omits_defaults_and_server_fields_and_keeps_its_input_unchanged() -> None:
    document: dict[str, Json] = {
        **dashboard(widget("cpu"), locked=False, annotations=None, id=1, name="web"),
        "zoom": None,
    }
    kept = copy.deepcopy(document)
    assert DASHBOARD.canonical(document) == {**dashboard(widget("cpu")), "zoom": None}
    assert document == kept


def test_the_canonical_form_of_a_list_with_one_tag_is_the_tag() -> None:
    listed = criterion("a.b")
    listed["scope"] = {"tag": ["web"]}
    assert RULE.canonical(rule(listed)) == rule(criterion("a.b"))


def test_resources_are_identical_only_with_the_same_bytes() -> None:
    one, other = resource("rule/a", "title: A\n"), resource("rule/a", "title: 'A'\n")
    assert RULE.identical(one, resource("rule/a", "title: A\n"))
    assert not RULE.identical(one, other)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"title: [", "what the server sent is not YAML: 1:9: "),
        (b"- a\n", "what the server sent is not a mapping"),
        (b"", "what the server sent is not a mapping"),
        (b"title: \xff", "what the server sent is not YAML: "),
    ],
)
def test_a_server_response_that_is_no_document_is_unreadable_and_kept_unchanged(body: bytes, message: str) -> None:
    live = RULE.live("web", body)
    assert live.unreadable.startswith(message)
    assert (live.document, RULE.from_journal("web", RULE.to_journal(live, Seal(NOTHING_SECRET)))) == ({}, live)


def test_a_server_may_add_unknown_fields_except_where_every_field_counts() -> None:
    assert DASHBOARD.is_server_managed((), "revision")
    assert DASHBOARD.is_server_managed(("positions", 3), "revision")
    assert not DASHBOARD.is_server_managed((), "period")
    assert not DASHBOARD.is_server_managed(("positions", 3, "series", 0, "scope"), "host")
    assert not DASHBOARD.is_server_managed(("zoom",), "x")


def test_an_update_drops_fields_that_only_the_server_has() -> None:
    assert DASHBOARD.dropped_by_update([("revision",)]) == [("revision",)]


def test_an_unknown_list_is_ordered_and_has_no_item_identities() -> None:
    known, unknown = DASHBOARD.list_rule(("annotations",)), DASHBOARD.list_rule(("zoom",))
    assert (known.ordered, unknown.ordered, unknown.keys) == (False, True, ())
    assert DASHBOARD.list_rule(("positions", 7, "series")) == DASHBOARD.list_rule(("positions", 0, "series"))


def test_an_identity_consists_of_field_values_and_is_none_for_an_item_without_these_fields() -> None:
    key = identity("a", "b")
    assert key({"a": 1, "c": 2}) == key({"a": 1.0})
    assert key({"a": 1}) != key({"b": 1})
    assert (key({"c": 1}), key("a"), key(None)) == (None, None, None)
    assert anywhere(("positions", 7, "series", 2)) == ("positions", 0, "series", 0)


# blends, fingerprints and metrics


def test_a_blend_keeps_the_comments_and_layout_of_the_user_s_text() -> None:
    desired = resource("dashboard/web", "# ours\ntitle: Fleet # the fleet\nperiod: 60\npositions: []\n")
    live = resource("dashboard/web", {"title": "Web", "period": 5, "positions": [], "id": 1})
    kept = tuple(one for one in compare(DASHBOARD, desired, live).diff if one.path == ("period",))
    blend = DASHBOARD.merge_live(desired, live, merge_sides(DASHBOARD, desired, live, kept))
    assert blend.body == b"# ours\ntitle: Fleet # the fleet\nperiod: 5\npositions: []\n"
    assert blend.document == {"title": "Fleet", "period": 5, "positions": []}


def test_a_blend_resolves_the_references_of_the_file() -> None:
    source = SourceFile("rules/web.yaml", b"title: ${env:A}\ndescription: ours\ncriteria: []\n")
    ((desired,), _) = RULE.read([source], LoadContext(Values({}, {"A": "s3cret"})))
    live = resource("rule/web", {"title": "s3cret", "description": "by hand", "criteria": []})
    blend = RULE.merge_live(desired, live, merge_sides(RULE, desired, live, compare(RULE, desired, live).diff))
    assert blend.body == b"title: s3cret\ndescription: by hand\ncriteria: []\n"
    assert (blend.written, blend.source, blend.secrets) == (None, None, {"s3cret": "${env:A}"})


def test_a_dashboard_has_its_text_as_fingerprint_source_and_no_metric_prefix() -> None:
    assert DASHBOARD.fingerprint_source(resource("dashboard/web", "title: Web\n")) == b"title: Web\n"
    assert DASHBOARD.metric_prefix("web") == ""


def test_the_metrics_of_a_document_come_from_its_series_and_criteria() -> None:
    shown = resource(
        "dashboard/web", dashboard(widget("cpu"), widget("net", series=[{"metric": "net.in"}, {"metric": 1}]))
    )
    watched = resource("rule/web", rule(criterion("disk.used"), title="metric"))
    assert [*DASHBOARD.metrics(shown)] == ["cpu.load", "net.in"]
    assert [*RULE.metrics(watched)] == ["disk.used"]


# journal


@given(st.data(), st.sampled_from(["dashboard", "rule"]))
def test_the_fast_comparison_of_two_texts_agrees_with_the_full_comparison(data: st.DataObject, name: str) -> None:
    documents = DASHBOARDS if name == "dashboard" else RULES
    ours = data.draw(documents)
    theirs = data.draw(st.just(ours) | documents)
    file = f"{name}s/web.yaml"
    found, _ = kind(name).read([SourceFile(file, data.draw(spellings(ours)))])
    live = kind(name).live("web", data.draw(spellings(theirs)))
    for desired in found:
        files, server = (dict(kind(name).canonical(one.document)) for one in (desired, live))
        walked = [*differences(kind(name), (), files, server)]
        assert [*compare(kind(name), desired, live).diff] == walked
        assert not (kind(name).identical(desired, live) and walked)


def test_an_equal_float_is_no_difference_from_an_integer_but_true_is() -> None:
    text = "title: Web\npositions: []\nzoom: %s\n"
    ((desired,), _) = kind("dashboard").read([SourceFile("dashboards/web.yaml", (text % "1").encode())])
    alike = [kind("dashboard").live("web", (text % zoom).encode()) for zoom in ("1 ", "1.0", "true")]
    assert [bool(compare(kind("dashboard"), desired, live).diff) for live in alike] == [False, False, True]


SECRET = Redaction({"s3cret-value": "${env:A}"})


TWO_CRITERIA = """\
title: Web
criteria:
  # the front
  - metric: disk.used
    scope: {tag: web}
    condition: {operator: '>', threshold: 80}
  # the back
  - metric: disk.used
    scope: {tag: db}
    condition: {operator: '>', threshold: 90}  # agreed with the team
"""
TWO_WIDGETS = """\
title: Web
positions:
  # of the front
  - title: Load
    type: chart
    series:
      - metric: load  # on the left
        scope: {tag: web}
      - metric: load  # on the right
        scope: {tag: db}
  # of the back
  - title: Load
    type: number
"""


def exported(name: str, text: str, live: str) -> str:
    desired, there = resource(f"{name}/web", text), resource(f"{name}/web", live)
    ((_, content),) = kind(name).edited_files(desired, there).items()
    assert content is not None
    return content.decode()


def test_an_export_edits_the_list_item_that_the_differ_pairs_with_the_live_item() -> None:
    front, back = TWO_CRITERIA.index("  # the front"), TWO_CRITERIA.index("  # the back")
    second = (TWO_CRITERIA[:front] + TWO_CRITERIA[back:]).replace("90", "95")
    assert exported("rule", TWO_CRITERIA, second) == second
    swapped = TWO_CRITERIA[:front] + TWO_CRITERIA[back:] + TWO_CRITERIA[front:back]
    assert exported("dashboard", TWO_WIDGETS, TWO_WIDGETS.replace("number", "top-ten")) == TWO_WIDGETS.replace(
        "number", "top-ten"
    )
    assert exported("rule", swapped, swapped.replace("80", "85")) == swapped.replace("80", "85")


ACTIONS = [f"  # {name}\n  - emails: [a@b.c]\n    message: {name}\n" for name in ("first", "second", "third")]
WIDGETS = [f"  # {name}\n  - title: {title}\n" for name, title in (("first", "a"), ("second", "b"), ("third", "a"))]


def test_a_comment_stays_with_its_item_when_a_similar_item_is_removed() -> None:
    head, rest = "title: Web\nactions:\n", "".join(ACTIONS[1:]).replace("message: third", "message: changed")
    assert exported("rule", head + "".join(ACTIONS), head + rest) == head + rest
    head, rest = "title: Web\npositions:\n", "".join(WIDGETS[1:])
    assert exported("dashboard", head + "".join(WIDGETS), head + rest) == head + rest


def test_widgets_with_the_same_title_keep_their_comments_after_a_move_or_a_removal() -> None:
    front, back = TWO_WIDGETS.index("  # of the front"), TWO_WIDGETS.index("  # of the back")
    swapped = TWO_WIDGETS[:front] + TWO_WIDGETS[back:] + TWO_WIDGETS[front:back]
    assert exported("dashboard", TWO_WIDGETS, swapped) == TWO_WIDGETS
    placed = TWO_WIDGETS.replace("type: chart", "row: 1\n    type: chart").replace(
        "type: number", "row: 2\n    type: number"
    )
    after = placed.replace("number", "top-ten").replace("db", "cache")
    below = after.index("  # of the back")
    assert exported("dashboard", placed, after[:front] + after[below:] + after[front:below]) == after
    last = TWO_WIDGETS[:front] + TWO_WIDGETS[back:]
    assert exported("dashboard", TWO_WIDGETS, last) == last
    left = TWO_WIDGETS.index("      - metric: load  # on the left")
    right = TWO_WIDGETS.index("      - metric: load  # on the right")
    one_series = TWO_WIDGETS[:left] + TWO_WIDGETS[right:]
    assert exported("dashboard", TWO_WIDGETS, one_series) == one_series


def again(one: Resource, redaction: Redaction = NOTHING_SECRET) -> Resource:
    saved = json.loads(json.dumps(kind(one.kind).to_journal(one, Seal(redaction))))
    plain = unsealed(saved, Source({"A": "s3cret-value"}, "A"), {})
    assert isinstance(plain, dict)
    return kind(one.kind).from_journal(one.name, plain)


@given(st.data(), st.sampled_from(["dashboard", "rule"]))
def test_the_journal_restores_a_document_with_its_text(data: st.DataObject, name: str) -> None:
    document = data.draw(DASHBOARDS if name == "dashboard" else RULES)
    live = kind(name).live("web", data.draw(spellings(document)))
    restored = again(live)
    assert restored.document == live.document
    assert restored.body == live.body


def test_the_journal_restores_a_listed_resource_without_text_from_its_document() -> None:
    listed = resource("dashboard/web", dashboard(), body=b"")
    assert again(listed).document == listed.document
    assert yaml.parse(again(listed).body) == listed.document


@pytest.mark.parametrize("text", ["title: s3cret-value\n", 'title: "s3\\u0063ret-value"\n', "s3cret-value: 1\n"])
def test_the_journal_hides_a_secret_in_every_spelling_of_the_text(text: str) -> None:
    live = RULE.live("web", text.encode())
    assert "s3cret" not in json.dumps(RULE.to_journal(live, Seal(SECRET)))
    assert "ret" not in json.dumps(RULE.to_journal(live, Seal(SECRET)))
    assert again(live, SECRET).document == live.document


@pytest.mark.parametrize("saved", [{}, {"text": None}, {"document": "title: Web"}, {"text": "["}, {"text": "\ud800"}])
def test_a_journal_entry_without_a_document_is_refused(saved: dict[str, Json]) -> None:
    with pytest.raises(DlsyncError):
        RULE.from_journal("web", saved)
