"""Files written whole or not at all, and never outside the tree."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlsync.errors import DlsyncError
from dlsync.files.directory import Directory, RefusedFile

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from dlsync.model import Action, Address


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file to write, or where ``content`` is None, to remove.

    :param file: relative to the tree, POSIX style.
    :param others: the further resources of which it holds a change.
    """

    address: Address
    action: Action
    file: str
    content: bytes | None
    others: tuple[Address, ...] = ()


def write(root: Path, changes: Iterable[FileChange]) -> None:
    """Carry out an export's changes.

    :param root: the tree; made when missing.
    :raises DlsyncError: a file leads outside the tree, before anything is written; or it cannot be written, and those
        before it are.
    """
    directory = Directory(root)
    places = [(change, _place(directory, change)) for change in changes]
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


def _place(directory: Directory, change: FileChange) -> str:
    """Return where a file is; of one to remove, the link and not its target."""
    try:
        return directory.real_path(change.file, follow=change.content is not None)
    except RefusedFile as error:
        raise DlsyncError(f"{change.file} {error.strerror}; nothing was written") from error


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
