"""The directory resolves symbolic links safely and reads regular files only."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from dlsync.files.directory import Directory, RefusedFile, read_regular
from tests.builders.trees import write_tree

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_tree(tmp_path, {"outside/x": "theirs", "tree-2/x": "theirs"})
    return write_tree(tmp_path / "tree", {"shared/x": "ours", ".git/config": "token", "..data/x": "ours"})


LEAVING = {
    "link": {"link": "../outside/x"},
    "absolute": {"absolute": "/proc/self/environ"},
    "folder/x": {"folder": "../outside"},
    "chain": {"chain": "shared/next", "shared/next": "../../outside/x"},
    "parent/sub/x": {"parent": "..", "../sub": "outside"},
    "dangling": {"dangling": "../nowhere"},
    "like-its-name": {"like-its-name": "../tree-2/x"},
    "git": {"git": ".git/config"},
    ".hidden": {".hidden": ".git/config"},
    "folder-of-git/config": {"folder-of-git": ".git"},
}


@pytest.mark.parametrize("file", LEAVING)
def test_a_symbolic_link_that_leads_outside_or_to_a_hidden_file_is_refused(root: Path, file: str) -> None:
    for link, target in LEAVING[file].items():
        (root / link).symlink_to(target)
    directory = Directory(root)
    with pytest.raises(RefusedFile, match="through a symbolic link; replace the link") as caught:
        directory.read(file)
    assert "outside/" not in str(caught.value)
    assert not directory.holds(file)


@pytest.mark.parametrize("target", ["shared/x", "../tree/shared/x", "..data/x", "folder/x"])
def test_read_follows_a_symbolic_link_that_stays_inside(root: Path, target: str) -> None:
    (root / "folder").symlink_to("shared")
    (root / "link").symlink_to(target)
    assert Directory(root).read("link") == b"ours"


def test_the_directory_itself_may_be_a_symbolic_link_or_hidden(root: Path) -> None:
    (root / ".hidden").symlink_to(root)
    assert Directory(root / ".hidden").read("shared/x") == b"ours"
    assert Directory(root / ".git").read("config") == b"token"


def test_a_hidden_file_is_read_by_its_own_name(root: Path) -> None:
    assert Directory(root).read(".git/config") == b"token"


def test_a_symbolic_link_to_the_directory_itself_is_accepted(root: Path) -> None:
    (root / "self").symlink_to(".")
    assert Directory(root).real_path("self") == str(root)


def test_a_pipe_a_folder_and_a_socket_are_refused_without_blocking(root: Path) -> None:
    os.mkfifo(root / "pipe")
    for file in ("pipe", "shared"):
        with pytest.raises(RefusedFile, match="is not a regular file"):
            Directory(root).read(file)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(root / "socket"))
        with pytest.raises(OSError, match="No such device"):
            Directory(root).read("socket")


def test_a_symbolic_link_that_replaces_a_checked_file_is_not_followed(root: Path) -> None:
    path = Directory(root).real_path("shared/x")
    (root / "shared/x").unlink()
    (root / "shared/x").symlink_to("../../outside/x")
    with pytest.raises(OSError, match="symbolic links"):
        read_regular(path)


def test_a_file_is_read_whole_up_to_the_limit(root: Path) -> None:
    content = os.urandom(200_000)
    (root / "large").write_bytes(content)
    assert Directory(root).read("large", 200_000) == content
    with pytest.raises(RefusedFile, match="is too large"):
        Directory(root).read("large", 199_999)
