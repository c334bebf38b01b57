"""Packs: folders of dashboards, rules and plugins, read as they are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dlsync.resources import loader, packs
from tests.builders.trees import write_tree

FILES = {
    "packs/db/package.yaml": "title: Databases\nauthor: Acme\nversion: 1.0\nicon: {name: db}\n",
    "packs/db/dashboards/db.yaml": "title: Db\npositions: []\n",
    "packs/db/rules/team/db.yaml": "title: Db\ncriteria: []\n",
    "packs/db/plugins/up.sh": "echo\n",
    "packs/db/plugins/up.meta.yaml": "interval: 60\n",
    "packs/db/plugins/lag.py": "print()\n",
    "packs/web/package.yaml": "title: Web\n",
    "dashboards/own.yaml": "title: Own\npositions: []\n",
}


def problems(root: Path) -> list[tuple[str, str, int | None]]:
    return [(one.severity, one.file, one.line) for one in loader.read(root).problems]


def test_a_tree_holds_the_resources_of_packs_and_links_their_plugins_to_the_tag_of_the_pack(tmp_path: Path) -> None:
    tree = loader.read(write_tree(tmp_path, FILES))
    assert not tree.problems
    assert {str(one) for one in tree.resources} == {
        "dashboard/own",
        "dashboard/db",
        "rule/db",
        "plugin/up",
        "plugin/lag",
        "link/up",
        "link/lag",
    }
    assert [one.document for one in tree.resources.values() if one.kind == "link"] == [{"tags": ["db"]}] * 2


def test_packs_are_listed_with_their_metadata_and_resource_counts(tmp_path: Path) -> None:
    db, web = packs.packs_of(loader.read(write_tree(tmp_path, FILES)))
    assert [db.text(field) for field in ("title", "version", "author", "description")] == [
        "Databases",
        "1.0",
        "Acme",
        "",
    ]
    assert (db.name, {kind: db.counts[kind] for kind in ("dashboard", "rule", "plugin")}) == (
        "db",
        {"dashboard": 1, "rule": 1, "plugin": 2},
    )
    assert (web.name, web.text("title"), web.counts) == ("web", "Web", {})


@pytest.mark.parametrize(
    ("content", "severity", "line"),
    [
        ("title: [", "error", 1),
        ("", "error", 1),
        ("author: Acme\n", "error", 1),
        ("title: 1\n", "error", 1),
        ("title: a\nprocesses:\n  - 1\n", "error", 3),
        ("title: a\nicon: {colour: red}\n", "warning", 2),
    ],
)
def test_package_yaml_is_checked(tmp_path: Path, content: str, severity: str, line: int) -> None:
    write_tree(tmp_path, {**FILES, "packs/db/package.yaml": content})
    assert problems(tmp_path) == [(severity, "packs/db/package.yaml", line)]
    assert packs.packs_of(loader.read(tmp_path))[0].name == "db"


def test_a_pack_without_package_yaml_is_a_warning(tmp_path: Path) -> None:
    write_tree(tmp_path, {"packs/x/rules/r.yaml": "title: R\ncriteria: []\n", "packs/README.md": "ours"})
    assert problems(tmp_path) == [("warning", "packs/x", None)]


def test_a_pack_whose_folder_name_is_not_utf_8_is_an_error(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/packs/\xff/rules")).mkdir(parents=True)
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/packs/\xff/rules/r.yaml")).write_text("title: R\ncriteria: []\n")
    assert problems(tmp_path) == [("error", "'packs/\\udcff'", None)]
