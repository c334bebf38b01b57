"""``dlsync import-backup``: converts a backup of the old client to a tree."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.builders.commands import dlsync
from tests.builders.trees import tree_files, write_tree

if TYPE_CHECKING:
    from pathlib import Path

FILES = {
    "acme/default/agents/1.json": json.dumps({"name": "web-1\x1b[2J"}),
    "acme/default/dashboards/web.yaml": "title: Web\npositions: []\n",
    "acme/default/plugins/disk.sh": "echo\n",
    "acme/default/links/1.json": json.dumps({"plugin": "disk", "tags": ["all"]}),
}


def test_import_backup_lists_files_and_agents_and_its_tree_plans_like_the_backup(
    tmp_path: Path, env: dict[str, str]
) -> None:
    source, tree = write_tree(tmp_path / "old", FILES) / "acme/default", tmp_path / "new"
    done = dlsync("import-backup", source, tree)
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "wrote dlsync.yaml",
        "wrote plugins/disk.sh",
        "wrote links.yaml",
        "wrote dashboards/web.yaml",
        "agents are listed, never applied: web-1\\x1b[2J",
        f"Next: dlsync validate {tree}",
    ]
    assert dlsync("apply", source, "--auto-approve", env=env).code == 0
    assert dlsync("plan", tree, "--detailed-exitcode", env=env).code == 0


def test_json_has_the_account_the_files_the_agents_and_the_problems(tmp_path: Path) -> None:
    source = write_tree(tmp_path / "old", {**FILES, "acme/default/agents/2.json": "{"}) / "acme/default"
    done = dlsync("import-backup", source, tmp_path / "new", "--format", "json")
    assert (done.code, json.loads(done.out)["org"], json.loads(done.out)["account"]) == (0, "acme", "default")
    assert json.loads(done.out)["agents"] == ["web-1\x1b[2J"]
    assert set(json.loads(done.out)["files"]) == set(tree_files(tmp_path / "new"))
    assert [one["file"] for one in json.loads(done.out)["problems"]] == ["agents/2.json"]


def test_a_backup_without_agents_prints_no_line_about_agents(tmp_path: Path) -> None:
    source = write_tree(tmp_path / "backup", {"rules/a.yaml": "title: A\ncriteria: []\n", "other": ""})
    done = dlsync("import-backup", source, tmp_path / "new")
    assert (done.code, done.out.splitlines()[0], len(done.out.splitlines())) == (0, "wrote dlsync.yaml", 3)


def test_a_broken_backup_is_an_error_with_its_places_and_nothing_is_written(tmp_path: Path) -> None:
    source = write_tree(tmp_path / "old", {**FILES, "acme/default/links/2.json": "{"}) / "acme/default"
    done = dlsync("import-backup", source, tmp_path / "new")
    assert (done.code, done.out) == (1, "")
    assert "links/2.json:1:2: error:" in done.err
    assert not (tmp_path / "new").exists()
