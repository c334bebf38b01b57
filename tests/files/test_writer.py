"""The writer writes each file whole or not at all, and never outside the tree."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from dlsync.errors import DlsyncError
from dlsync.files import writer
from dlsync.files.writer import FileChange
from tests.builders.trees import address, tree_files, write_tree


def write(root: Path, **files: bytes | None) -> None:
    """Write files by name; two underscores stand for a folder."""
    names = {name.replace("__", "/"): content for name, content in files.items()}
    write_all(root, names)


def write_all(root: Path, files: dict[str, bytes | None]) -> None:
    writer.write(root, [FileChange(address("rule/x"), "update", name, one) for name, one in files.items()])


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_write_creates_files_with_their_folders_and_replaces_and_removes_files(tmp_path: Path) -> None:
    write_tree(tmp_path, {"rules/old": b"1", "rules/changed": b"2", "rules/kept": b"3"})
    write(tmp_path, rules__old=None, rules__changed=b"4", rules__team__new=b"5")
    assert tree_files(tmp_path) == {"rules/changed": b"4", "rules/kept": b"3", "rules/team/new": b"5"}


def test_write_resolves_each_folder_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = Mock(wraps=os.path.realpath)
    monkeypatch.setattr(os.path, "realpath", looked)
    write_all(tmp_path / "tree", {f"rules/{number}": b"1" for number in range(9)})
    assert looked.call_count == 2


def test_write_creates_a_missing_tree(tmp_path: Path) -> None:
    write(tmp_path / "a/b", x=b"1")
    assert tree_files(tmp_path) == {"a/b/x": b"1"}


def test_removing_a_missing_file_is_no_error(tmp_path: Path) -> None:
    write(tmp_path, gone=None, nowhere__gone=None)
    assert tree_files(tmp_path) == {}


def test_an_update_keeps_the_file_mode_and_a_new_file_has_the_default_mode(tmp_path: Path) -> None:
    write_tree(tmp_path, {"script": b"1", "private": b"1", "ordinary": b"1"})
    (tmp_path / "script").chmod(0o755)
    (tmp_path / "private").chmod(0o400)
    write(tmp_path, script=b"2", private=b"2", new=b"2")
    assert [mode(tmp_path / name) for name in ("script", "private")] == [0o755, 0o400]
    assert mode(tmp_path / "new") == mode(tmp_path / "ordinary")


def test_a_write_follows_a_symbolic_link_inside_the_tree_and_a_removal_deletes_the_link(tmp_path: Path) -> None:
    write_tree(tmp_path, {"shared": b"1", "other": b"1"})
    (tmp_path / "written").symlink_to("shared")
    (tmp_path / "removed").symlink_to("other")
    write(tmp_path, written=b"2", removed=None)
    assert (tmp_path / "written").is_symlink()
    assert tree_files(tmp_path) == {"shared": b"2", "written": b"2", "other": b"1"}


@pytest.mark.parametrize("link", ["rules", "rules/x.yaml"])
def test_write_refuses_a_symbolic_link_that_leads_outside_and_writes_nothing(tmp_path: Path, link: str) -> None:
    root, outside = tmp_path / "tree", tmp_path / "outside"
    write_tree(outside, {"x.yaml": b"theirs"})
    (root / link).parent.mkdir(parents=True)
    (root / link).symlink_to(outside / Path(link).relative_to("rules"))
    with pytest.raises(DlsyncError, match=r"rules/x\.yaml leads outside") as caught:
        write_all(root, {"before.yaml": b"1", "rules/x.yaml": b"ours"})
    assert str(outside) not in caught.value.message
    assert "replace the link" in caught.value.message
    assert tree_files(outside) == {"x.yaml": b"theirs"}
    assert not (root / "before.yaml").exists()


def test_write_refuses_a_symbolic_link_into_the_git_folder(tmp_path: Path) -> None:
    write_tree(tmp_path, {".git/hooks/pre-commit": b"theirs"})
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins/x.sh").symlink_to("../.git/hooks/pre-commit")
    with pytest.raises(DlsyncError, match=r"plugins/x\.sh leads to a hidden file .*; nothing was written"):
        write_all(tmp_path, {"plugins/x.sh": b"ours"})
    assert (tmp_path / ".git/hooks/pre-commit").read_bytes() == b"theirs"


def test_removing_a_symbolic_link_that_leads_outside_keeps_its_target(tmp_path: Path) -> None:
    write_tree(tmp_path, {"outside": b"theirs", "tree/kept": b""})
    (tmp_path / "tree/link").symlink_to(tmp_path / "outside")
    write(tmp_path / "tree", link=None)
    assert tree_files(tmp_path) == {"outside": b"theirs", "tree/kept": b""}


@pytest.mark.parametrize("file", ["../x", "rules/../../x", "/x"])
@pytest.mark.parametrize("content", [b"1", None])
def test_a_name_that_leads_outside_is_refused(tmp_path: Path, file: str, content: bytes | None) -> None:
    tree = tmp_path / "tree"
    write_tree(tmp_path, {"x": b"theirs"})
    with pytest.raises(DlsyncError, match="leads outside"):
        write_all(tree, {file: content})
    assert tree_files(tmp_path) == {"x": b"theirs"}


def test_write_accepts_a_tree_that_is_a_symbolic_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "tree").symlink_to("real")
    write(tmp_path / "tree", x=b"1")
    assert tree_files(tmp_path / "real") == {"x": b"1"}


def test_a_symbolic_link_loop_in_place_of_a_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "rules").symlink_to("rules")
    with pytest.raises(DlsyncError, match="rules/x cannot be written: "):
        write(tmp_path, rules__x=b"1")


def test_a_folder_in_place_of_a_file_or_a_file_in_place_of_a_folder_is_an_error(tmp_path: Path) -> None:
    write_tree(tmp_path, {"folder/x": b"1", "file": b"1"})
    for name in ("folder", "file/x"):
        with pytest.raises(DlsyncError, match=f"{name} cannot be written: "):
            write_all(tmp_path, {name: b"2"})
    with pytest.raises(DlsyncError, match="folder cannot be written: "):
        write(tmp_path, folder=None)
    with pytest.raises(DlsyncError, match="file cannot be created: File exists"):
        write(tmp_path / "file", x=b"2")
    assert tree_files(tmp_path) == {"folder/x": b"1", "file": b"1"}


@pytest.mark.parametrize("step", ["makedirs", "replace"])
def test_a_failed_write_keeps_the_old_file_and_earlier_writes_and_leaves_no_temporary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    write_tree(tmp_path, {"rules/a": b"old", "rules/b": b"old", "rules/c": b"old"})
    real: Any = getattr(os, step)
    calls = iter(range(9))

    def failing(path: str, *arguments: Any, **named: Any) -> object:  # root may write anywhere, so the test refuses
        if next(calls) == 1:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        return real(path, *arguments, **named)

    monkeypatch.setattr(os, step, failing)
    with pytest.raises(DlsyncError, match="rules/b cannot be written: Read-only file system"):
        write(tmp_path, rules__a=b"new", rules__b=b"new", rules__c=b"new")
    monkeypatch.undo()
    assert tree_files(tmp_path) == {"rules/a": b"new", "rules/b": b"old", "rules/c": b"old"}


def test_a_full_disk_keeps_the_old_file_and_leaves_no_temporary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tree(tmp_path, {"a": b"old"})

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(shutil, "copymode", full)
    with pytest.raises(DlsyncError, match="a cannot be written: No space left on device"):
        write(tmp_path, a=b"new")
    assert tree_files(tmp_path) == {"a": b"old"}


def test_a_temporary_file_of_a_killed_run_neither_blocks_a_write_nor_leads_outside(tmp_path: Path) -> None:
    write_tree(tmp_path, {"outside": b"theirs", "tree/a": b"old"})
    (tmp_path / f"tree/.dlsync-{os.getpid()}.tmp").symlink_to(tmp_path / "outside")
    write(tmp_path / "tree", a=b"new")
    assert tree_files(tmp_path) == {"outside": b"theirs", "tree/a": b"new"}
