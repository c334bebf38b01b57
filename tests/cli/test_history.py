"""``dlsync history``: lists the runs with changes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.builders.commands import dlsync
from tests.builders.trees import write_tree

if TYPE_CHECKING:
    from pathlib import Path


def test_history_lists_runs_with_changes_latest_first_without_a_request(applied: Path, env: dict[str, str]) -> None:
    dlsync("apply", applied, "--auto-approve", env=env)
    write_tree(applied, {"rules/load.yaml": "title: Loads\ncriteria: []\n"})
    dlsync("apply", applied, "--auto-approve", env=env)
    dlsync("rollback", applied, "--auto-approve", env=env)
    done = dlsync("history", applied)
    assert (done.code, done.err, done.asked) == (0, "", ())
    head, *rows = done.out.splitlines()
    assert head.split() == ["RUN", "STARTED", "COMMAND", "ACCOUNT", "CHANGES", "COMMIT", "BY"]
    ids = [row.split()[0] for row in rows]
    assert ids == sorted(ids, reverse=True)
    assert [f"rollback of {ids[1]}" in rows[0], "3 applied" in rows[2]] == [True, True]
    runs = json.loads(dlsync("history", applied, "--format", "json").out)["runs"]
    assert [(one["run"], one["command"], one["takes_back"], one["ended"]) for one in runs] == [
        (ids[0], "rollback", ids[1], True),
        (ids[1], "apply", None, True),
        (ids[2], "apply", None, True),
    ]
    assert runs[1]["changes"] == [{"kind": "rule", "name": "load", "action": "update", "result": "applied"}]


def test_history_of_an_environment_lists_only_its_runs(tree: Path, env: dict[str, str]) -> None:
    (tree / "dlsync.yaml").write_text("environments: {staging: {}, production: {}}\n")
    for chosen in (["-e", "staging"], []):
        write_tree(tree, {"rules/load.yaml": f"title: Load {len(chosen)}\ncriteria: []\n"})
        assert dlsync("apply", tree, "--auto-approve", *chosen, env=env).code == 0
    assert len(dlsync("history", tree).out.splitlines()) == 3
    assert "3 applied" in dlsync("history", tree, "-e", "staging").out.splitlines()[1]
    assert dlsync("history", tree, env={"DLSYNC_ENVIRONMENT": "staging"}).out.count("\n") == 2
    done = dlsync("history", tree, "-e", "production")
    assert done[:3] == (0, "", f"no runs of environment production in {tree}/.dlsync/runs\n")


def test_git_ignores_the_journals_of_a_tree(tree: Path, env: dict[str, str], tmp_path: Path) -> None:
    ignored = tree / ".dlsync" / ".gitignore"
    dlsync("apply", tree, "--auto-approve", env=env)
    assert ignored.read_text() == "*\n"
    ignored.write_text("runs\n")
    write_tree(tree, {"rules/load.yaml": "title: Loads\ncriteria: []\n"})
    dlsync("apply", tree, "--auto-approve", env=env)
    assert ignored.read_text() == "runs\n"
    dlsync("rollback", tree, "--auto-approve", "--journal", tree / ".dlsync/runs", "--format", "json", env=env)
    assert not (tmp_path / ".gitignore").exists()


def test_journals_outside_the_tree_are_not_read_through_a_link(tree: Path, env: dict[str, str], tmp_path: Path) -> None:
    dlsync("apply", tree, "--auto-approve", "--journal", tmp_path / "outside/runs", env=env)
    (tree / ".dlsync").symlink_to(tmp_path / "outside")
    done = dlsync("history", tree)
    assert (done.code, done.out) == (1, "")
    assert "leads outside" in done.err
    assert len(dlsync("history", tree, "--journal", tree / ".dlsync/runs").out.splitlines()) == 2


def test_the_option_journal_chooses_the_folder_of_the_journals(tree: Path, env: dict[str, str], tmp_path: Path) -> None:
    dlsync("apply", tree, "--auto-approve", "--journal", tmp_path / "kept", env=env)
    assert not (tree / ".dlsync" / "runs").exists()
    assert len(dlsync("history", "--journal", tmp_path / "kept").out.splitlines()) == 2
    assert dlsync("history", tree)[:3] == (0, "", f"no runs in {tree}/.dlsync/runs\n")
