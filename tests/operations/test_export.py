"""Exporting live resources: existing files are edited in place, and missing files are created."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING
from unittest.mock import Mock

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dlsync import operations
from dlsync.errors import InvalidTree, Refused, SettingsError
from dlsync.files import schema, writer, yaml
from dlsync.model import Target
from dlsync.operations.export import Export, build_export, edit_files
from dlsync.operations.fetch import Fetcher
from dlsync.operations.plan import build_plan
from dlsync.resources import kind_of, loader
from dlsync.resources.document import DocumentKind
from dlsync.resources.selector import Targets
from dlsync.state import inventory
from tests.builders.accounts import trees, without_links
from tests.builders.applies import apply
from tests.builders.inventories import forge
from tests.builders.trees import (
    FLAVOURS,
    account,
    address,
    criterion,
    dashboard,
    resource,
    rule,
    tree_files,
    widget,
    write_tree,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dlsync.model import Json, Resource
    from tests.builders.trees import Account

WEB = "# the fleet\ntitle:   'Web' # ours\npositions: [ ]\nperiod: 60\n"
RULE = "title: Web\ncriteria: []\n"
# each example fills and exports an account, which takes 0.3 s
SOME = settings(max_examples=20)
FILES: dict[str, str | bytes] = {
    "dashboards/team/web.yaml": WEB,
    "rules/web.yaml": RULE,
    "plugins/disk.py": b"print()\r\n",
    "plugins/disk.meta.yaml": "# ours\ninterval:  60\n",
}


def same_as_files() -> tuple[Resource, ...]:
    script: dict[str, Json] = {"content": "print()\r\n", "extension": "py", "interval": 60}
    return resource("dashboard/web", WEB), resource("rule/web", RULE), resource("plugin/disk", script)


@pytest.fixture
def live() -> Iterator[Account]:
    with account() as live:
        yield live


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "tree", FILES)


def export(live: Account, root: Path, *targets: str, managed: bool = False, mirror: bool = False) -> Export:
    """Export and write."""
    tree = loader.parse(loader.read_sources(root, missing_ok=True)).raise_for_errors()
    made = live.run(
        lambda client: build_export(
            Fetcher(client), tree, live.settings, targets=Targets(targets), managed=managed, mirror=mirror
        )
    )
    writer.write(root, made.files)
    return made


def actions(made: Export) -> list[str]:
    return [f"{one.action} {one.file}" for one in made.files]


def problems(made: Export) -> list[tuple[str, str]]:
    return [(one.severity, one.message) for one in made.problems]


# into an empty folder


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_after_an_export_the_plan_is_empty_and_a_second_export_changes_nothing(tmp_path: Path, flavour: str) -> None:
    action: dict[str, Json] = {"type": "EMAIL", "details": {"emails": ["a@example.org"], "message": "m"}}
    with account(**FLAVOURS[flavour]) as live:
        live.has(
            resource("dashboard/web", dashboard(widget("cpu"), widget("memory", row=2), locked=False)),
            resource("rule/web", rule(criterion("base.cpu"), actions=[action])),
            resource("plugin/disk", {"content": "print()\r\n", "extension": "py", "params": "all"}),
            resource("plugin/plain", {"content": "x", "extension": ""}),
        )
        names = ["dashboard/web", "rule/web"] if flavour == "documented_only" else []
        made = export(live, tmp_path, "*/*", *names)
        assert {one.method for one in live.asked} == {"GET"}
        written = tree_files(tmp_path)
        desired = loader.read(tmp_path).raise_for_errors()
        plan = live.run(lambda client: build_plan(Fetcher(client), desired, live.settings)).plan
        again = export(live, tmp_path, "*/*", *names)
    assert made.summary == {"create": 6, "update": 0, "delete": 0, "unchanged": 0}
    assert (plan.changes, plan.unchanged) == ((), 4)
    assert not again
    assert again.summary == {"create": 0, "update": 0, "delete": 0, "unchanged": 4}
    assert tree_files(tmp_path) == written


def test_new_files_have_the_standard_style_and_no_fields_of_the_server(live: Account, tmp_path: Path) -> None:
    action: dict[str, Json] = {"type": "EMAIL", "details": {"status": "OK", "emails": ["a@example.org"]}}
    live.has(
        resource("dashboard/web", {"positions": [], "name": "x", "id": 7, "title": "Web"}),
        resource("rule/web", {"state": "clear", "actions": [action], "criteria": [], "title": "Web"}),
        resource("plugin/disk", {"content": "a", "extension": "sh", "interval": 60, "type": "SCRIPT"}),
    )
    assert export(live, tmp_path)
    assert tree_files(tmp_path) == {
        "dashboards/web.yaml": b"title: Web\npositions: []\n",
        "rules/web.yaml": (
            b"title: Web\ncriteria: []\nactions:\n"
            b"  - type: EMAIL\n    details:\n      emails:\n        - a@example.org\n"
        ),
        "plugins/disk.sh": b"a",
        "plugins/disk.meta.yaml": b"interval: 60\ntype: SCRIPT\n",
    }


def test_an_export_serialises_each_new_file_once_without_schema_check_or_normalisation(
    live: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    web, cost = rule(criterion("web.status")), rule(criterion("a.cost"), title="${x}")
    live.has(resource("rule/web", web), resource("rule/cost", cost))
    dumped, checked, canonical = (Mock(wraps=one) for one in (yaml.dump, schema.check, kind_of("rule").canonical))
    monkeypatch.setattr(yaml, "dump", dumped)
    monkeypatch.setattr(schema, "check", checked)
    monkeypatch.setattr(DocumentKind, "canonical", canonical)
    export(live, tmp_path)
    assert [one.call_count for one in (dumped, checked, canonical)] == [2, 0, 0]


def test_dlsync_s_own_plugins_are_not_exported(live: Account, tmp_path: Path) -> None:
    live.has(resource("plugin/dlsync-inventory", "{}"), resource("plugin/dlsync-lock", "{}"))
    assert not export(live, tmp_path, "plugin/*", "plugin/dlsync-lock")
    assert tree_files(tmp_path) == {}


# over a tree


def test_files_that_match_the_live_resources_stay_byte_for_byte(live: Account, tree: Path) -> None:
    before = tree_files(tree)
    live.has(*same_as_files())
    made = export(live, tree, mirror=True)
    assert (actions(made), made.summary["unchanged"]) == ([], 3)
    assert tree_files(tree) == before


def test_an_export_edits_changed_files_in_place_and_keeps_their_comments(live: Account, tree: Path) -> None:
    live.has(
        resource("dashboard/web", {"title": "Web", "positions": [], "period": 30}),
        resource("rule/web", rule(criterion("base.cpu"))),
        resource("plugin/disk", {"content": "new\r\n", "extension": "py", "interval": 90}),
    )
    made = export(live, tree)
    assert actions(made) == [
        "update dashboards/team/web.yaml",
        "update plugins/disk.py",
        "update plugins/disk.meta.yaml",
        "update rules/web.yaml",
    ]
    files = tree_files(tree)
    assert files["dashboards/team/web.yaml"] == WEB.replace("60", "30").encode()
    assert files["plugins/disk.meta.yaml"] == b"# ours\ninterval:  90\n"
    assert files["plugins/disk.py"] == b"new\r\n"
    assert not export(live, tree)


def test_an_export_writes_only_the_settings_file_if_only_plugin_settings_changed(live: Account, tree: Path) -> None:
    live.has(*same_as_files()[:2], resource("plugin/disk", {"content": "print()\r\n", "extension": "py"}))
    assert actions(export(live, tree)) == ["update plugins/disk.meta.yaml"]


def test_another_extension_renames_the_script(live: Account, tree: Path) -> None:
    (tree / "plugins/disk.py").chmod(0o755)
    live.has(*same_as_files()[:2], resource("plugin/disk", {"content": "echo", "extension": "sh", "interval": 60}))
    assert actions(export(live, tree)) == ["delete plugins/disk.py", "create plugins/disk.sh"]
    assert not export(live, tree)


def test_a_new_resource_gets_a_file_in_the_folder_of_its_kind(live: Account, tree: Path) -> None:
    live.has(*same_as_files(), resource("dashboard/new", dashboard()))
    assert actions(export(live, tree)) == ["create dashboards/new.yaml"]


def test_with_managed_a_resource_without_a_file_and_an_inventory_entry_is_not_exported(
    live: Account, tree: Path
) -> None:
    live.has(*same_as_files()[1:], resource("dashboard/web", dashboard()), resource("dashboard/new", dashboard()))
    assert actions(export(live, tree, managed=True)) == ["update dashboards/team/web.yaml"]
    with pytest.raises(SettingsError, match="no resource matches `dashboard/new`"):
        export(live, tree, "dashboard/new", managed=True)


def test_with_managed_a_managed_resource_without_a_file_is_exported(live: Account, tree: Path, tmp_path: Path) -> None:
    apply(live, tree)
    live.has(resource("rule/other", rule()))
    folder = tmp_path / "new"
    assert actions(export(live, folder, "rule/*", managed=True)) == ["create rules/web.yaml"]
    export(live, folder, managed=True)
    assert set(tree_files(folder)) == {
        "dashboards/web.yaml",
        "plugins/disk.meta.yaml",
        "plugins/disk.py",
        "rules/web.yaml",
    }


def test_with_managed_and_mirror_deleted_resources_lose_their_files_and_get_no_new_ones(
    live: Account, tree: Path
) -> None:
    apply(live, tree)
    live.lacks("rule/web", "dashboard/web")
    (tree / "dashboards/team/web.yaml").unlink()
    assert actions(export(live, tree, managed=True, mirror=True)) == ["delete rules/web.yaml"]


def test_an_export_into_a_tree_writes_no_reference_that_only_the_inventory_contains(live: Account, tree: Path) -> None:
    """Otherwise, a forged inventory could make the next apply send any environment variable to the server."""
    other = "title: bar\ncriteria: []\n"
    write_tree(tree, {"rules/web.yaml": "title: Web\ndescription: bar\ncriteria: []\n", "rules/other.yaml": other})
    apply(live, tree)
    forge(live, "rule/web", "bar", "${env:AWS_KEY}")
    forge(live, "rule/other", "bar", "x ${env:AWS_KEY}")
    live.has(resource("rule/web", "title: Mine, not bar\ndescription: bar\ncriteria: []\n"))
    (tree / "rules/other.yaml").unlink()
    made = export(live, tree)
    assert actions(made) == ["update rules/web.yaml"]
    assert (tree / "rules/web.yaml").read_text() == "title: Mine, not bar\ndescription: bar\ncriteria: []\n"
    (problem,) = made.problems
    assert problem.severity == "error"
    assert problem.message.startswith(
        "rule/other: not written, because it holds what the account's inventory has as ${env:AWS_KE"
    )


def test_an_export_into_an_empty_folder_writes_references_of_the_inventory_with_warnings(
    live: Account, tree: Path, tmp_path: Path
) -> None:
    write_tree(tree, {"rules/web.yaml": "title: ${env:TITLE}\ncriteria: []\n"})
    apply(live, tree, environ={"TITLE": "s3cret"})
    made = export(live, tmp_path / "backup")
    assert (tmp_path / "backup/rules/web.yaml").read_text() == "title: ${env:TITLE}\ncriteria: []\n"
    assert [(one.severity, one.file, one.message.partition(" from")[0]) for one in made.problems] == [
        ("warning", "rules/web.yaml", "${env:TITLE} comes")
    ]


@pytest.mark.parametrize("files", [{}, {"dlsync.yaml": "org: acme # ${env:TITLE}\n"}])
def test_an_export_warns_if_a_live_value_replaces_a_secret_in_a_new_file(
    live: Account, tree: Path, tmp_path: Path, files: dict[str, str]
) -> None:
    write_tree(tree, {"rules/web.yaml": "title: ${env:TITLE}\ncriteria: []\n"})
    apply(live, tree, environ={"TITLE": "s3cret"})
    live.has(resource("rule/web", "title: rotated\ncriteria: []\n"))
    made = export(live, write_tree(tmp_path / "copy", files))
    assert [(one.severity, one.file, one.message.partition(",")[0]) for one in made.problems] == [
        ("warning", "rules/web.yaml", "${env:TITLE} was replaced by the live value")
    ]


def test_edits_of_several_resources_are_one_change_of_the_file_that_they_share(tmp_path: Path) -> None:
    write_tree(tmp_path, {"links.yaml": LINKS, "plugins/disk.py": "1", "plugins/load.py": "1"})
    disk = resource("link/disk", {"tags": ["db"]})
    target, tree = Target("", "", ""), loader.read(tmp_path).raise_for_errors()
    assert edit_files(target, tree, inventory.empty(), {}, ()) == Export(target, (), 0)
    removed = {address("link/load"), address("plugin/none")}
    made = edit_files(target, tree, inventory.empty(), {disk.address: disk}, removed)
    (file,) = made.files
    assert (file.file, file.address, file.others) == ("links.yaml", address("link/disk"), (address("link/load"),))
    assert (made.unchanged, made.problems) == (0, ())


def test_targets_narrow_an_export(live: Account, tree: Path) -> None:
    live.has(resource("dashboard/web", dashboard()), resource("dashboard/new", dashboard()), resource("rule/n", rule()))
    assert actions(export(live, tree, "dashboard/n*", mirror=True)) == ["create dashboards/new.yaml"]


def test_a_mirror_removes_the_files_of_deleted_resources_settings_files_first(live: Account, tree: Path) -> None:
    live.has(same_as_files()[0])
    assert not export(live, tree)
    made = export(live, tree, mirror=True)
    assert actions(made) == ["delete plugins/disk.meta.yaml", "delete plugins/disk.py", "delete rules/web.yaml"]
    assert made.summary == {"create": 0, "update": 0, "delete": 3, "unchanged": 1}
    assert set(tree_files(tree)) == {"dashboards/team/web.yaml"}


@pytest.mark.parametrize("targets", [(), ("*/*",), ("rule/web", "plugin/d*")])
def test_a_mirror_of_an_empty_account_is_refused_unless_each_target_is_a_full_name(
    live: Account, tree: Path, targets: tuple[str, ...]
) -> None:
    before = tree_files(tree)
    with pytest.raises(Refused, match=r"nothing .* is live on acme/default .*--mirror would remove the files of \d"):
        export(live, tree, *targets, mirror=True)
    assert tree_files(tree) == before
    assert actions(export(live, tree, "rule/web", mirror=True)) == ["delete rules/web.yaml"]


def test_a_resource_whose_file_is_ignored_is_an_error_and_the_ignored_file_is_kept(live: Account, tree: Path) -> None:
    live.has(*same_as_files(), resource("rule/x", rule()))
    before = tree_files(write_tree(tree, {"rules/x.yaml": "[", ".dlsyncignore": "rules/x.yaml\n"}))
    made = export(live, tree)
    assert [str(one) for one in made.problems if one.severity == "error"] == [
        "rule/x: its file rules/x.yaml would be ignored: to export it, write `!rules/x.yaml` in .dlsyncignore"
    ]
    assert tree_files(tree) == before


def test_a_file_name_that_a_built_in_pattern_would_ignore_is_encoded(live: Account, tree: Path) -> None:
    live.has(resource("plugin/README", {"content": "x", "extension": "md"}), resource("rule/x_BASE_7", rule()))
    notes = write_tree(tree, {"plugins/README.md": "our notes"}) / "plugins/README.md"
    assert {*actions(export(live, tree))} > {"create plugins/README.m%64", "create rules/x_BASE%5F7.yaml"}
    assert notes.read_text() == "our notes"
    assert not export(live, tree)


def test_with_mirror_no_file_that_is_ignored_or_not_read_is_removed(live: Account, tree: Path) -> None:
    left = {"rules/two.YAML": RULE, "plugins/disk.meta.yml": "x: 1", "plugins/disk.py.orig": "x", "Rules/a.yaml": RULE}
    write_tree(tree, {**left, ".dlsyncignore": "/rules/mine.yaml", "rules/mine.yaml": RULE})
    live.has(same_as_files()[0])
    assert export(live, tree, mirror=True)
    assert set(tree_files(tree)) == {*left, ".dlsyncignore", "rules/mine.yaml", "dashboards/team/web.yaml"}


def test_an_export_that_is_interrupted_between_two_files_leaves_a_valid_tree(tree: Path) -> None:
    with account() as live:
        live.has(resource("plugin/new", {"content": "a", "extension": "py", "interval": 60}))
        desired = loader.read(tree)
        made = live.run(
            lambda client: build_export(Fetcher(client), desired, live.settings, targets=Targets(), mirror=True)
        )
    for file in made.files:
        writer.write(tree, [file])
        assert not loader.read(tree).errors
    assert set(tree_files(tree)) == {"plugins/new.py", "plugins/new.meta.yaml"}


def test_without_complete_lists_an_export_covers_files_and_targets_and_warns(tree: Path) -> None:
    with account(documented_only=True) as live:
        live.has(
            *same_as_files()[1:], *(resource(f"dashboard/{name}", dashboard()) for name in ("web", "named", "not"))
        )
        made = export(live, tree, "dashboard/named", "dashboard/w*", "rule/*")
    assert actions(made) == ["create dashboards/named.yaml", "update dashboards/team/web.yaml"]
    tail = "of the others, only those that the inventory, a file or --target names are exported"
    assert problems(made) == [
        ("warning", f"this server does not list every {kind}: {tail}") for kind in ("dashboard", "rule")
    ]


# names


DOTS = {".", ".."}  # which no URL can address
HOSTILE = ("../../etc/x", "CON", "a\0b", "...", "/etc/passwd", "a\\b", ".hidden", "x.", "e\u0301", "%2E", "\x1b[2J")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_resource_with_a_hostile_name_gets_a_file_in_its_folder_that_reads_back_the_name(
    live: Account, tmp_path: Path, name: str
) -> None:
    tree = tmp_path / "tree"
    live.has(
        resource(f"dashboard/{name}", dashboard()),
        resource(f"rule/{name}", rule()),
        resource(f"plugin/{name}", {"content": "x", "extension": name, "interval": 60}),
    )
    made = export(live, tree)
    assert problems(made) == []
    assert set(tree_files(tmp_path)) == {f"tree/{one.file}" for one in made.files}
    assert sorted(one.file.count("/") for one in made.files) == [1, 1, 1, 1]
    read = loader.read(tree).raise_for_errors()
    assert {str(one) for one in read.resources} == {f"{kind}/{name}" for kind in ("dashboard", "rule", "plugin")}
    assert not export(live, tree)


@SOME
@given(
    names=st.lists(
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8).filter(lambda name: name not in DOTS)
        | st.sampled_from(HOSTILE),
        min_size=1,
        max_size=6,
        unique=True,
    ),
    first=st.integers(0, 6),
)
def test_two_exports_of_any_names_give_a_tree_that_contains_each_resource(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], first: int
) -> None:
    tree = tmp_path_factory.mktemp("tree")
    wanted = [resource(f"dashboard/{name}", dashboard()) for name in names]
    with account() as live:
        for some in (wanted[:first], wanted[first:]):
            live.has(*some)
            export(live, tree)
    assert set(loader.read(tree).raise_for_errors().resources) == {one.address for one in wanted}


def test_names_that_differ_only_in_case_get_files_that_differ_in_more_than_case(live: Account, tmp_path: Path) -> None:
    live.has(resource("dashboard/Redis", dashboard()), resource("dashboard/redis", dashboard()))
    assert actions(export(live, tmp_path)) == ["create dashboards/%52edis.yaml", "create dashboards/redis.yaml"]


def test_a_name_that_differs_only_in_case_from_an_existing_file_is_encoded(live: Account, tmp_path: Path) -> None:
    write_tree(tmp_path, {"dashboards/team/Redis.yaml": resource("dashboard/x", dashboard()).body})
    live.has(resource("dashboard/Redis", dashboard()), resource("dashboard/redis", dashboard()))
    assert actions(export(live, tmp_path)) == ["create dashboards/%72%65%64%69%73.yaml"]
    assert not export(live, tmp_path)


def test_a_name_too_long_for_a_file_is_an_error_while_the_others_are_written(live: Account, tmp_path: Path) -> None:
    long = "x" * 251
    live.has(
        resource("dashboard/fine", dashboard()),
        resource(f"dashboard/{long}", dashboard()),
        resource(f"plugin/{long}", {"content": "1", "extension": "py", "interval": 60}),
    )
    made = export(live, tmp_path)
    assert actions(made) == ["create dashboards/fine.yaml"]
    assert problems(made) == [
        ("error", f"dashboard/{long}: its name is too long for a file: dashboards/{long}.yaml"),
        ("error", f"plugin/{long}: its name is too long for a file: plugins/{long}.meta.yaml"),
    ]
    assert made.summary["unchanged"] == 0


def test_a_resource_that_would_make_an_invalid_file_is_an_error_and_no_file_changes(live: Account, tree: Path) -> None:
    live.has(*same_as_files(), resource("rule/made-by-hand", "{}\n"), resource("dashboard/new", {"title": 1}))
    before = tree_files(tree)
    made = export(live, tree)
    form = "its file would be invalid: "
    assert [(severity, message.partition(form)[0]) for severity, message in problems(made)] == [
        ("error", "dashboard/new: "),
        ("error", "rule/made-by-hand: "),
    ]
    assert made.summary["unchanged"] == 3
    assert tree_files(tree) == before


def test_an_export_writes_nothing_through_a_symlink_that_leads_out_of_the_tree(live: Account, tmp_path: Path) -> None:
    tree, outside = tmp_path / "tree", tmp_path / "outside"
    write_tree(outside, {"web.yaml": WEB})
    tree.mkdir()
    (tree / "dashboards").symlink_to(outside)
    live.has(resource("dashboard/web", dashboard()))
    with pytest.raises(InvalidTree) as caught:
        export(live, tree)
    assert [(one.file, one.message[:27]) for one in caught.value.problems] == [
        ("dashboards", "leads outside the directory")
    ]
    assert tree_files(outside) == {"web.yaml": WEB.encode()}


def test_the_mode_of_a_script_is_kept(live: Account, tree: Path) -> None:
    (tree / "plugins/disk.py").chmod(0o755)
    live.has(resource("plugin/disk", {"content": "new", "extension": "py", "interval": 60}))
    export(live, tree)
    assert (tree / "plugins/disk.py").read_bytes() == b"new"
    assert (tree / "plugins/disk.py").stat().st_mode & 0o777 == 0o755


@SOME
@given(files=trees(), live_files=trees(packs=True), flavour=st.sampled_from(sorted(FLAVOURS)))
def test_after_a_mirror_over_any_tree_the_plan_is_empty_and_a_second_mirror_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes], live_files: dict[str, bytes], flavour: str
) -> None:
    if flavour == "documented_only":
        files, live_files = without_links(files), without_links(live_files)
    tree = write_tree(tmp_path_factory.mktemp("tree"), files)
    others = loader.read(write_tree(tmp_path_factory.mktemp("live"), live_files)).raise_for_errors().resources
    assume(others)  # an empty account is refused
    names = [str(one) for one in others if not set("*?[") & set(str(one))]
    with account(**FLAVOURS[flavour]) as live:
        live.has(*others.values())
        export(live, tree, "*/*", *names, mirror=True)
        desired = loader.read(tree).raise_for_errors()
        assert live.run(lambda client: build_plan(Fetcher(client), desired, live.settings)).plan.changes == ()
        assert not export(live, tree, "*/*", *names, mirror=True)
    assert set(desired.resources) == set(others) or flavour == "documented_only"


# links: several resources in one file


LINKS = "# who runs what\ndisk: [all, web]  # everywhere\nload:\n  - db\n"


def linked(plugin: str, *tags: str) -> tuple[Resource, Resource]:
    return resource(f"plugin/{plugin}", "1"), resource(f"link/{plugin}", {"tags": [*tags]})


def test_all_new_links_make_one_new_file(live: Account, tmp_path: Path) -> None:
    live.has(*linked("up", "web"), *linked("disk", "b", "a"))
    made = export(live, tmp_path)
    assert actions(made)[:2] == ["create links.yaml", "create plugins/disk.py"]
    assert (made.files[0].address, made.files[0].others) == (address("link/disk"), (address("link/up"),))
    assert tree_files(tmp_path)["links.yaml"] == b"disk:\n  - a\n  - b\nup:\n  - web\n"
    again = export(live, tmp_path, mirror=True)
    assert (again.files, again.summary["unchanged"]) == ((), 4)


def test_changed_new_and_deleted_links_are_one_update_of_their_file(live: Account, tmp_path: Path) -> None:
    write_tree(tmp_path, {"links.yaml": LINKS, "plugins/disk.py": "1", "plugins/load.py": "1", "plugins/up.py": "1"})
    live.has(*linked("disk", "all", "db"), *linked("up", "web"), resource("plugin/load", "1"))
    made = export(live, tmp_path, mirror=True)
    assert (actions(made), made.summary) == (
        ["update links.yaml"],
        {"create": 0, "update": 1, "delete": 0, "unchanged": 3},
    )
    assert tree_files(tmp_path)["links.yaml"].decode() == (
        "# who runs what\ndisk: [all, db]  # everywhere\nup:\n  - web\n"
    )


def test_a_mirror_of_an_account_without_links_removes_their_file(live: Account, tmp_path: Path) -> None:
    write_tree(tmp_path, {"links.yaml": LINKS})
    assert actions(export(live, tmp_path)) == []
    made = export(live, tmp_path, "link/disk", "link/load", mirror=True)
    assert (actions(made), made.files[0].others) == (["delete links.yaml"], (address("link/load"),))
    assert tree_files(tmp_path) == {}


@pytest.mark.parametrize("empty", ["", "# ours\n", "---\n", "null\n", "{}\n"])
def test_an_empty_links_file_is_valid_and_an_export_adds_links_to_it(live: Account, tmp_path: Path, empty: str) -> None:
    write_tree(tmp_path, {"links.yaml": empty, "plugins/disk.py": "1"})
    assert loader.read(tmp_path).problems == ()
    live.has(*linked("disk", "db"))
    assert actions(export(live, tmp_path)) == ["update links.yaml"]
    assert yaml.parse((tmp_path / "links.yaml").read_bytes()) == {"disk": ["db"]}
    assert ("# ours" in (tmp_path / "links.yaml").read_text()) == ("# ours" in empty)


def test_an_export_ignores_accounts(live: Account, tmp_path: Path) -> None:
    write_tree(tmp_path, {"dlsync.yaml": "accounts: [default, gone]\n"})
    made = export(live, tmp_path, "account/*", "account/default", mirror=True)
    assert (made.files, made.problems, made.summary["unchanged"]) == ((), (), 0)


# packs and old backups


PACK = {
    "packs/db/package.yaml": "title: Db\n",
    "packs/db/dashboards/db.yaml": "title: Db  # ours\npositions: []\n",
    "packs/db/plugins/up.py": "1",
}


def test_files_of_a_pack_are_edited_in_place_and_its_links_go_into_links_yaml(live: Account, tmp_path: Path) -> None:
    write_tree(tmp_path, PACK)
    live.has(resource("dashboard/db", {"title": "New", "positions": []}), *linked("up", "db", "web"))
    assert actions(export(live, tmp_path)) == ["update packs/db/dashboards/db.yaml", "create links.yaml"]
    assert tree_files(tmp_path)["packs/db/dashboards/db.yaml"] == b"title: New  # ours\npositions: []\n"
    assert tree_files(tmp_path)["links.yaml"] == b"up:\n  - web\n"
    assert not export(live, tmp_path, mirror=True)


def test_a_mirror_reports_an_error_for_a_link_of_a_pack_that_is_not_live(live: Account, tmp_path: Path) -> None:
    write_tree(tmp_path, PACK)
    live.has(resource("dashboard/db", PACK["packs/db/dashboards/db.yaml"]), resource("plugin/up", "1"))
    assert not export(live, tmp_path)
    made = export(live, tmp_path, mirror=True)
    assert [(severity, message.partition(":")[0]) for severity, message in problems(made)] == [("error", "link/up")]
    assert not made


def test_a_mirror_that_removes_a_plugin_of_a_pack_reports_no_error_for_its_link(live: Account, tmp_path: Path) -> None:
    write_tree(tmp_path, PACK)
    live.has(resource("dashboard/db", PACK["packs/db/dashboards/db.yaml"]))
    made = export(live, tmp_path, mirror=True)
    assert (actions(made), made.problems) == (["delete packs/db/plugins/up.py"], ())


def test_an_export_into_an_old_backup_edits_it_in_place_and_refuses_names_with_a_slash(
    live: Account, tmp_path: Path
) -> None:
    write_tree(
        tmp_path,
        {
            "links/1.json": '{"plugin": "disk", "tags": ["a"]}',
            "plugins/disk.py": "1",
            "rules/a%2Fb.yaml": "title: ${x}\ncriteria: []\n",
        },
    )
    live.has(
        *linked("disk", "b"),
        resource("rule/a%2Fb", rule(title="${var:y}")),
        resource("rule/new", rule()),
        resource("rule/c/d", rule()),
    )
    made = export(live, tmp_path)
    assert actions(made) == [
        "delete links/1.json",
        "create links.yaml",
        "update rules/a%2Fb.yaml",
        "create rules/new.yaml",
    ]
    assert [message.partition(": ")[0] for _, message in problems(made)] == ["rule/c/d"]
    assert tree_files(tmp_path)["rules/a%2Fb.yaml"] == b"title: ${var:y}\ncriteria: []\n"


ROTATED = {
    "rules/a.yaml": "title: A\ncriteria: [{metric: m.x, scope: {tag: ['${env:HOOK}', b]}, condition: {threshold: 5,"
    " timeout: 300, operator: gt}}]\n",
    "rules/b.yaml": "title: B\ncriteria: [{metric: 'm.${env:HOOK}', scope: {agent: ['${env:HOOK}', b]}, condition:"
    " {threshold: 5, timeout: 300, operator: gt}}]\n",
    "plugins/disk.sh": "exit 0\n",
    "plugins/disk.meta.yaml": "params: --password ${env:HOOK} # ours\n",
    "links.yaml": "disk: ['${env:HOOK}', web]\n",
}
NEW = {"HOOK": "newhook2"}


def exported(live: Account, tree: Path) -> dict[str, bytes | None]:
    made = asyncio.run(operations.export(tree, replace(live.settings, environ=NEW), check=True))
    return {one.file: one.content for one in made.files}


def test_a_new_value_of_a_reference_since_the_apply_changes_no_file(live: Account, tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", ROTATED)
    apply(live, tree, environ={"HOOK": "oldhook1"})
    assert exported(live, tree) == {}
    rule_a = ROTATED["rules/a.yaml"]
    live.has(resource("rule/a", rule_a.replace("${env:HOOK}", "oldhook1").replace("5", "6")))
    assert exported(live, tree) == {"rules/a.yaml": rule_a.replace("5", "6").encode()}


def test_an_export_restores_a_reference_that_was_removed_from_its_file(live: Account, tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", ROTATED)
    apply(live, tree, environ={"HOOK": "oldhook1"})
    write_tree(tree, {"plugins/disk.meta.yaml": "params: none # not ${env:HOOK}\n"})
    assert exported(live, tree) == {"plugins/disk.meta.yaml": b"params: '--password ${env:HOOK}' # not ${env:HOOK}\n"}
