"""``dlsync accept``: writes changes of the server into the files."""

from __future__ import annotations

import json
from shutil import rmtree
from typing import TYPE_CHECKING

import pytest

from tests.builders.commands import DASHBOARD, by_hand, dlsync
from tests.builders.repositories import CONFIGURATION, commit_all, git, repository
from tests.builders.trees import tree_files, write_tree

if TYPE_CHECKING:
    from pathlib import Path

EDITED = DASHBOARD.replace("Web", "Shop")


@pytest.fixture
def drifted(tree: Path, env: dict[str, str]) -> Path:
    """A tree with a comment; its dashboard and its rule were changed on the server."""
    write_tree(tree, {"dashboards/web.yaml": f"# ours\n{DASHBOARD}"})
    assert dlsync("apply", tree, "--auto-approve", env=env).code == 0
    by_hand(env, "PUT", "dashboards/web", EDITED)
    by_hand(env, "DELETE", "rules/load")
    return tree


def test_accept_writes_named_resources_into_their_files_and_keeps_comments(drifted: Path, env: dict[str, str]) -> None:
    done = dlsync("accept", "dashboard/web", drifted, env=env)
    assert (done.code, done.err, done.writes) == (0, "", [])
    assert done.out.startswith("~ dashboards/web.yaml\n")
    assert tree_files(drifted)["dashboards/web.yaml"] == f"# ours\n{EDITED}".encode()
    assert "rules/load.yaml" in tree_files(drifted)


def test_all_drift_accepts_every_change_and_leaves_no_drift(drifted: Path, env: dict[str, str]) -> None:
    done = dlsync("accept", "--all-drift", drifted, "--format", "json", env=env)
    assert done.code == 0
    assert {(one["file"], one["action"]) for one in json.loads(done.out)["files"]} == {
        ("dashboards/web.yaml", "update"),
        ("rules/load.yaml", "delete"),
    }
    assert dlsync("apply", drifted, "--auto-approve", env=env).out.startswith("No changes. ")
    assert dlsync("drift", drifted, env=env).code == 0


def test_check_writes_nothing_and_exits_with_2_for_drift(drifted: Path, env: dict[str, str]) -> None:
    before = tree_files(drifted)
    assert dlsync("accept", "--all-drift", "--check", drifted, env=env).code == 2
    assert tree_files(drifted) == before
    dlsync("accept", "--all-drift", drifted, env=env)
    assert dlsync("accept", "--all-drift", "--check", drifted, env=env).code == 0


@pytest.mark.parametrize("arguments", [[], ["dashboard/web", "--all-drift"]])
def test_accept_requires_either_resources_or_all_drift(tree: Path, env: dict[str, str], arguments: list[str]) -> None:
    done = dlsync("accept", *arguments, tree, env=env)
    assert (done.code, done.out, done.asked) == (1, "", ())
    assert done.err.startswith("error: expected either resources or --all-drift\n")


def test_a_name_that_matches_nothing_is_an_error(applied: Path, env: dict[str, str]) -> None:
    done = dlsync("accept", "dashboard/wep", applied, env=env)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("error: no resource matches `dashboard/wep`\n")


MINE = "# mine\n" + DASHBOARD.replace("Web", "Mine")


@pytest.fixture
def repo(applied: Path, env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of a repository, with a dashboard that both sides have changed."""
    for name, value in CONFIGURATION.items():
        monkeypatch.setitem(env, name, value)
    repository(applied.parent)
    write_tree(applied, {"dashboards/web.yaml": MINE})
    by_hand(env, "PUT", "dashboards/web", EDITED)
    return applied


@pytest.mark.parametrize("option", ["dashboard/web", "--all-drift"])
def test_accept_never_replaces_an_uncommitted_edit(repo: Path, env: dict[str, str], option: str) -> None:
    by_hand(env, "DELETE", "plugins/disk")
    done = dlsync("accept", "plugin/disk" if option != "--all-drift" else option, option, repo, env=env)
    assert (done.code, tree_files(repo)["dashboards/web.yaml"]) == (3, MINE.encode())
    assert done.err == (
        "error: dashboard/web: not written: dashboards/web.yaml has changes that are not committed, and what is live "
        "would replace them; commit or discard them, then accept again\n"
    )
    assert "- plugins/disk.sh\n" in done.out
    commit_all(repo, "mine")
    assert dlsync("accept", option, repo, env=env).code == 0
    assert tree_files(repo)["dashboards/web.yaml"] == f"# mine\n{EDITED}".encode()


@pytest.mark.parametrize("variable", ["GIT_TEST_ASSUME_DIFFERENT_OWNER", "PATH"])
def test_accept_replaces_no_edit_when_git_cannot_report_uncommitted_changes(
    repo: Path, env: dict[str, str], variable: str
) -> None:
    """This happens in a container without git, or where another user owns the repository."""
    before = tree_files(repo)
    done = dlsync("accept", "dashboard/web", repo, env={**env, variable: "1"})
    assert (done.code, tree_files(repo)) == (1, before)
    why = "git cannot be run: " if variable == "PATH" else "fatal: detected dubious ownership in repository at "
    assert done.err.startswith(f"error: git cannot tell which files of {repo} have changes: {why}")
    assert done.err.endswith("Fix what git reports.\n")
    git(repo, "checkout", "--quiet", "--", ".")
    by_hand(env, "PUT", "dashboards/web", f"{DASHBOARD}period: 600\n")
    assert dlsync("accept", "dashboard/web", repo, env={**env, variable: "1"}).code == 0


def test_an_empty_dot_git_folder_does_not_make_a_repository(repo: Path, env: dict[str, str]) -> None:
    rmtree(repo.parent / ".git")
    (repo.parent / ".git").mkdir()
    assert dlsync("accept", "dashboard/web", repo, env=env).code == 0


def test_accept_merges_a_server_change_of_another_field_into_an_uncommitted_edit(
    repo: Path, env: dict[str, str]
) -> None:
    by_hand(env, "PUT", "dashboards/web", f"{DASHBOARD}period: 600\n")
    assert dlsync("accept", "dashboard/web", repo, env=env).code == 0
    assert tree_files(repo)["dashboards/web.yaml"] == f"{MINE}period: 600\n".encode()


def test_a_file_that_was_never_committed_or_applied_is_neither_replaced_nor_removed(
    repo: Path, env: dict[str, str]
) -> None:
    files = {"dashboards/both.yaml": MINE, "dashboards/only.yaml": MINE}
    write_tree(repo, files)
    by_hand(env, "PUT", "dashboards/both", EDITED)
    done = dlsync("accept", "dashboard/both", "dashboard/only", repo, env=env)
    assert (done.code, done.err.count("not committed")) == (3, 2)
    assert {file: tree_files(repo)[file].decode() for file in files} == files
