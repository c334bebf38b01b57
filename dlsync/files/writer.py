"""Files written whole or not at all, and never outside the tree."""

import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dlsync.errors import DlsyncError
from dlsync.files.directory import Directory, RefusedFile
from dlsync.model import Action, Address


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file to write, or where ``content`` is None, to remove.

    :param file: relative to the tree, POSIX style.
    :param others: the further resources of which it holds a change.
    :param before: what it held when it was read; a file to create was not there.
    """

    address: Address
    action: Action
    file: str
    content: bytes | None
    others: tuple[Address, ...] = ()
    before: bytes | None = None


def write(root: Path, changes: Iterable[FileChange]) -> None:
    """Write and remove the files of an export; the root is made where it is missing.

    :raises DlsyncError: a file leads outside the tree, or was changed since it was read, before anything is written; or
        it cannot be written, and those before it are.
    """
    places = real_paths(root, changes)
    for change, path in places:
        is_gone = change.content is None and not os.path.lexists(path)  # as it is to be
        if (change.before is not None or change.action == "create") and not is_gone:
            require_unchanged(change.file, path, change.before)
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


def require_unchanged(file: str, path: str, before: bytes | None) -> None:
    """Require that a file holds what it held when it was read; who saved it meanwhile has it nowhere else.

    :param before: None if it was not there.
    :raises DlsyncError: it holds something else.
    """
    try:
        with open(path, "rb") as stream:
            now = stream.read()
    except OSError:
        now = None
    if now != before:
        raise DlsyncError(f"{file} was changed while this ran, so it is not overwritten", hint="Run it again.")


def real_paths(root: Path, changes: Iterable[FileChange]) -> list[tuple[FileChange, str]]:
    """Return the changes of files, each with where the file really is.

    :raises DlsyncError: a file leads outside the tree.
    """
    directory = Directory(root)
    places: list[tuple[FileChange, str]] = []
    for change in changes:
        try:  # of a file to remove, the link and not its target
            places.append((change, directory.real_path(change.file, follow=change.content is not None)))
        except RefusedFile as error:
            raise DlsyncError(f"{change.file} {error.strerror}; nothing was written") from error
    return places


def replace_file(path: str | Path, content: bytes) -> None:
    """Put the content beside the file and then in its place: a reader sees the old or the new, never a part."""
    folder = os.path.dirname(path)
    beside = os.path.join(folder, f".dlsync-{os.getpid()}.tmp")
    os.makedirs(folder or os.curdir, exist_ok=True)
    with suppress(FileNotFoundError):  # from a run that was killed; or a link, which must not be written through
        os.unlink(beside)
    try:
        with open(beside, "xb") as stream:
            stream.write(content)
        if os.path.exists(path):
            shutil.copymode(path, beside)
        os.replace(beside, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(beside)
        raise
