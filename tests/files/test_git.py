"""The commit, the path and the user that git reports for a tree."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from dlsync.files.git import head_commit, is_unknown, place, user_name

if TYPE_CHECKING:
    from pathlib import Path

IDENTITY = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")


@pytest.fixture(autouse=True)
def nobody_s_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, "/dev/null")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)


def git(root: Path, *arguments: str) -> str:
    command = ("git", "-C", str(root), *IDENTITY, *arguments)
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_a_tree_in_a_subfolder_has_the_commit_of_its_repository_and_its_path(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    tree = repository / "monitoring"
    tree.mkdir(parents=True)
    git(repository, "init", "--quiet")
    git(repository, "commit", "--quiet", "--allow-empty", "--message", "first")
    commit = git(repository, "rev-parse", "HEAD")
    assert len(commit) == 40
    assert head_commit(repository) == head_commit(tree) == commit
    assert (place(repository), place(tree), place(tmp_path)) == ("", "monitoring/", "")


def test_a_commit_is_unknown_in_a_full_clone_without_it_outside_a_repository_and_without_git(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository, other, shallow = (tmp_path / name for name in ("repository", "other", "shallow"))
    for folder in (repository, other):
        folder.mkdir()
        git(folder, "init", "--quiet")
        git(folder, "commit", "--quiet", "--allow-empty", "--message", folder.name)
    git(other, "commit", "--quiet", "--allow-empty", "--message", "second")
    git(tmp_path, "clone", "--quiet", "--depth=1", other.as_uri(), str(shallow))
    commit = head_commit(repository)
    assert is_unknown(other, commit)
    assert is_unknown(tmp_path, commit)
    assert not any(is_unknown(folder, commit) for folder in (repository, shallow))
    assert not any(is_unknown(folder, text) for folder in (other, tmp_path) for text in ("", "HEAD", "--help", "main"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert is_unknown(repository, commit)


def test_an_empty_repository_and_a_folder_outside_a_repository_have_no_commit(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    assert head_commit(tree) == ""
    git(tree, "init", "--quiet")
    assert head_commit(tree) == ""


def test_without_git_there_is_no_commit_and_no_user_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert head_commit(tmp_path) == user_name(tmp_path) == ""


def test_the_user_name_comes_from_the_git_configuration(tmp_path: Path) -> None:
    assert user_name(tmp_path) == ""
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "config", "user.name", "Ada Lovelace")
    assert user_name(tmp_path) == "Ada Lovelace"
