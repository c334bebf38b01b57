"""Backups of an old client: used as a tree, and imported into a new tree."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlsync import operations
from dlsync.errors import DlsyncError, InvalidTree
from dlsync.operations import import_backup
from dlsync.resources import loader
from tests.builders.trees import account, address, tree_files, write_tree

if TYPE_CHECKING:
    from pathlib import Path

    from dlsync.model import Plan
    from tests.builders.trees import Account

DASHBOARD = "# ours\r\ntitle:   'Web'\r\npositions: [ ]\r\n"
FILES: dict[str, str | bytes] = {
    "agents/0a1b.json": json.dumps({"id": "0a1b", "name": "web-1"}),
    "agents/host-2.json": "{}",
    "dashboards/web.yaml": DASHBOARD,
    "dashboards/50%20 a:b.yaml": "title: ${var:x}  # literally\npositions: []\n",
    "plugins/disk.py": b"print('${var:x}')\r\n",
    "plugins/run.tar.gz": b"\x1f\x8b",
    "rules/Web.yaml": "title: Web\ncriteria: []\n",
    "rules/web.yaml": "title: Web\ncriteria: []\n",
    "links/1.json": json.dumps({"id": "1", "plugin": "disk", "tags": ["web", "all"]}),
    "links/2.json": json.dumps({"id": "2", "plugin": "disk", "tags": ["db"]}),
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "backups/acme/default", FILES)


def planned(live: Account, tree: Path) -> Plan:
    return asyncio.run(operations.plan(tree, live.settings))


def test_an_import_keeps_contents_escapes_references_and_encodes_names(source: Path, tmp_path: Path) -> None:
    before = tree_files(source)
    made = import_backup.import_backup(source, tmp_path / "tree")
    assert tree_files(tmp_path / "tree") == {
        "dlsync.yaml": b"org: acme\naccount: default\n",
        "dashboards/50%2520 a%3Ab.yaml": b"title: $${var:x}  # literally\npositions: []\n",
        "dashboards/web.yaml": DASHBOARD.encode(),
        "plugins/disk.py": b"print('${var:x}')\r\n",
        "plugins/run.tar.gz": b"\x1f\x8b",
        "rules/%57eb.yaml": b"title: Web\ncriteria: []\n",
        "rules/web.yaml": b"title: Web\ncriteria: []\n",
        "links.yaml": b"disk:\n  - web\n  - all\n  - db\n",
    }
    assert (made.org, made.account, made.agents, made.problems) == ("acme", "default", ("host-2", "web-1"), ())
    assert set(made.files) == set(tree_files(tmp_path / "tree"))
    assert tree_files(source) == before


def test_after_an_apply_of_a_backup_its_plan_and_that_of_the_imported_tree_are_empty(
    source: Path, tmp_path: Path
) -> None:
    import_backup.import_backup(source, tmp_path / "tree")
    with account() as live:
        done = asyncio.run(operations.apply(source, live.settings))
        assert done is not None
        assert {change.result for change in done.changes} == {"applied"}
        assert (planned(live, source).changes, planned(live, tmp_path / "tree").changes) == ((), ())
        assert not asyncio.run(operations.export(source, live.settings))


def test_an_import_keeps_the_settings_file_of_a_plugin(source: Path, tmp_path: Path) -> None:
    write_tree(source, {"plugins/disk.meta.yaml": "interval: 60\n"})
    import_backup.import_backup(source, tmp_path / "tree")
    assert tree_files(tmp_path / "tree")["plugins/disk.meta.yaml"] == b"interval: 60\n"


def test_an_import_writes_no_settings_if_the_folders_do_not_look_like_org_and_account(tmp_path: Path) -> None:
    source = write_tree(tmp_path / "home/backup", FILES)
    write_tree(tmp_path / "home", {"notes/a.txt": "x", ".cache/x": ""})
    made = import_backup.import_backup(source, tmp_path / "tree")
    assert (made.org, made.account) == ("", "")
    assert not (tmp_path / "tree/dlsync.yaml").exists()


def test_an_import_that_would_overwrite_a_file_writes_nothing(source: Path, tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", {"rules/web.yaml": "mine"})
    with pytest.raises(DlsyncError, match=r"has these already: rules/web\.yaml"):
        import_backup.import_backup(source, tree)
    assert tree_files(tree) == {"rules/web.yaml": b"mine"}


@pytest.mark.parametrize(
    ("file", "content", "line"),
    [
        ("links/1.json", '{"plugin": "disk",\n "tags": [', 2),
        ("links/1.json", '{"plugin": "disk", "plugin": "load", "tags": []}', 1),
        ("links/1.json", '{"plugin": ["disk"], "tags": []}', 1),
        ("links/1.json", "[" * 10_000, 1),
        ("links/1.json", b"\xff\xfe", 1),
        ("dashboards/web.yaml", "- 1\n", 1),
        ("rules/web.yaml", "title: [\n", 1),
    ],
)
def test_a_broken_file_in_a_backup_is_an_error_with_its_line_and_nothing_is_written(
    source: Path, tmp_path: Path, file: str, content: str | bytes, line: int
) -> None:
    write_tree(source, {file: content})
    with pytest.raises(InvalidTree) as caught:
        import_backup.import_backup(source, tmp_path / "tree")
    assert [(one.file, (one.line or 0) >= line) for one in caught.value.problems] == [(file, True)]
    assert not (tmp_path / "tree").exists()


def test_a_broken_agent_file_is_only_a_warning(source: Path, tmp_path: Path) -> None:
    write_tree(source, {"agents/bad.json": "{"})
    made = import_backup.import_backup(source, tmp_path / "tree")
    assert [(one.severity, one.file, one.line) for one in made.problems] == [("warning", "agents/bad.json", 1)]
    assert made.agents == ("host-2", "web-1")


def test_a_file_with_a_wrong_extension_is_a_warning_and_is_not_imported(source: Path, tmp_path: Path) -> None:
    write_tree(source, {"dashboards/x.yml": DASHBOARD, "rules/x.YAML": "title: X", "links/x.yml": "x: []"})
    made = import_backup.import_backup(source, tmp_path / "tree")
    assert made.problems == operations.validate(source).warnings
    assert [str(one) for one in made.problems] == [
        "dashboards/x.yml: is not read: expected <name>.yaml; rename it",
        "links/x.yml: is not read: expected <name>.json; rename it",
        "rules/x.YAML: is not read: expected <name>.yaml; rename it",
    ]
    assert not any("x." in file for file in made.files)


def test_names_that_look_like_paths_stay_names(source: Path, tmp_path: Path) -> None:
    write_tree(
        source,
        {
            "links/3.json": json.dumps({"plugin": "../../x", "tags": ["all"]}),
            "rules/x\\..\\..\\x.yaml": FILES["rules/web.yaml"],
            "rules/C:x.yaml": FILES["rules/web.yaml"],
        },
    )
    import_backup.import_backup(source, tmp_path / "tree")
    found = loader.read(tmp_path / "tree").resources
    assert {address("link/../../x"), address("rule/x\\..\\..\\x"), address("rule/C:x")} <= set(found)
    assert {"rules/x%5C..%5C..%5Cx.yaml", "rules/C%3Ax.yaml"} <= set(tree_files(tmp_path / "tree"))


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"agents/1.json": "{}"}, "holds no backup"),
        ({**FILES, "dlsync.yaml": "org: a\n"}, "a directory of dlsync already"),
    ],
)
def test_a_folder_that_is_no_backup_is_an_error(tmp_path: Path, files: dict[str, str | bytes], says: str) -> None:
    with pytest.raises(InvalidTree, match=says):
        import_backup.import_backup(write_tree(tmp_path / "source", files), tmp_path / "tree")


NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1, max_size=8).filter(
    lambda name: not name.startswith(".") and name.isprintable() and name == name.strip()
)


@settings(max_examples=30)
@given(names=st.sets(NAMES, min_size=1, max_size=5))
def test_an_import_keeps_any_file_name_as_the_name_of_its_resource(
    tmp_path_factory: pytest.TempPathFactory, names: set[str]
) -> None:
    root = tmp_path_factory.mktemp("backup")
    files = {f"rules/{name}.yaml": "title: Web\ncriteria: []\n" for name in names}
    source = write_tree(root / "source", {**files, "agents/1.json": "{}"})
    import_backup.import_backup(source, root / "tree")
    tree = loader.read(root / "tree").raise_for_errors()
    assert {one.name for one in tree.resources.values()} == names


# backups of accounts that dlsync manages

OWN: dict[str, str | bytes] = {
    "plugins/dlsync-inventory.json": "{}",
    "plugins/dlsync-lock.json": "{}",
    "plugins/dlsync-lock.0a1b2c.json": "{}",
    "plugins/dlsync-lock": "{}",
    "plugins/dlsync-inventory.json.json": "{}",
    "links/8.json": json.dumps({"id": "8", "plugin": "dlsync-inventory", "tags": ["all"]}),
    "links/9.json": json.dumps({"id": "9", "plugin": "dlsync-lock.json", "tags": ["all"]}),
}


def test_dlsync_s_own_plugins_and_their_links_are_skipped(live: Account, source: Path, tmp_path: Path) -> None:
    before = operations.validate(source)
    write_tree(source, {**OWN, "plugins/dlsync-mine.py": ""})
    found = operations.validate(source)
    assert found.problems == before.problems
    assert found.resources.keys() - before.resources.keys() == {address("plugin/dlsync-mine")}
    assert {one.address for one in planned(live, source).changes} == {*found.resources}
    made = import_backup.import_backup(source, tmp_path / "tree")
    assert {file for file in made.files if "dlsync-" in file} == {"plugins/dlsync-mine.py"}
    assert "dlsync" not in (tmp_path / "tree/links.yaml").read_text()


def test_a_mirror_keeps_the_files_of_dlsync_s_own_plugins_in_the_backup(live: Account, source: Path) -> None:
    write_tree(source, OWN)
    asyncio.run(operations.apply(source, live.settings))
    asyncio.run(operations.export(source, live.settings, mirror=True))
    assert {file for file in tree_files(source) if not file.startswith(".dlsync/")} == {*FILES, *OWN}


def test_the_error_for_a_backup_without_agents_and_links_names_import_backup(tmp_path: Path) -> None:
    source = write_tree(tmp_path / "acme/default", {"plugins/dlsync-inventory.json": "{}", "plugins/disk.py": ""})
    (problem,) = operations.validate(source).errors
    assert problem.message == (
        "`dlsync-inventory` is the name of one of dlsync's own plugins; choose another, "
        "or if this is an old client's backup, import it with `dlsync import-backup`"
    )
    assert import_backup.import_backup(source, tmp_path / "tree").files == ("dlsync.yaml", "plugins/disk.py")
