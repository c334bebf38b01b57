"""Files written whole or not at all, and never outside the tree."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

from dlsync.errors import DlsyncError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from dlsync.operations.export import FileChange


def write(root: Path, changes: Iterable[FileChange]) -> None:
    """Carry out an export's changes.

    :param root: the tree; made when missing.
    :raises DlsyncError: a file leads outside the tree, before anything is written; or it cannot be written, and those
        before it are.
    """
    inside = _Inside(root)
    places = [(change, inside.place(change)) for change in changes]
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DlsyncError(f"{root} cannot be made: {error.strerror}") from error
    for change, path in places:
        try:
            if change.content is None:
                with suppress(FileNotFoundError):
                    os.unlink(path)
            else:
                replace_file(path, change.content)
        except OSError as error:
            raise DlsyncError(f"{change.file} cannot be written: {error.strerror}") from error


def is_inside(root: Path, path: Path) -> bool:
    """Whether a path is below a tree, symbolic links followed: one of a checkout may lead anywhere."""
    return os.path.realpath(path).startswith(os.path.join(os.path.realpath(root), ""))


class _Inside:
    """Where the files of a tree really are, symbolic links followed; each folder is looked at once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._real_root = os.path.realpath(root)
        # unlike Path.resolve, which raises on links that lead in a circle; those are for the writing to stumble over
        self._real = cache(os.path.realpath)

    def place(self, change: FileChange) -> str:
        """Return where a file is; of one to remove, the link and not its target.

        :raises DlsyncError: it is outside the tree.
        """
        folder, name = os.path.split(os.path.join(self._root, change.file))
        path = os.path.join(self._real(folder), name)
        if change.content is not None and (os.path.islink(path) or name == os.pardir):
            path = os.path.realpath(path)
        if not path.startswith(os.path.join(self._real_root, "")):
            raise DlsyncError(
                f"{change.file} leads outside {self._root}; nothing was written",
                hint="Remove the symbolic link on its way.",
            )
        return path


def replace_file(path: str | Path, content: bytes) -> None:
    """Put the content beside the file and then in its place: a reader sees the old or the new, never a part."""
    beside = os.path.join(os.path.dirname(path), f".dlsync-{os.getpid()}.tmp")
    try:
        _make(beside, content)
        if os.path.exists(path):
            shutil.copymode(path, beside)
        os.replace(beside, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(beside)
        raise


def _make(file: str, content: bytes) -> None:
    """Make a file, and whatever keeps it from being made anew: a look beforehand would cost as much as the making."""
    try:
        _new(file, content)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(file), exist_ok=True)
        _new(file, content)
    except FileExistsError:  # from a run that was killed; or a link, which must not be written through
        os.unlink(file)
        _new(file, content)


def _new(file: str, content: bytes) -> None:
    opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        while content:
            content = content[os.write(opened, content) :]
    finally:
        os.close(opened)
