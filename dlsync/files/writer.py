"""Write files whole or not at all, and never outside the tree."""

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
    """A file to write, or to remove if ``content`` is None.

    :param file: relative to the tree, with slashes.
    :param others: the other resources that the file changes.
    :param before: the content when the file was read; None for a file to create.
    """

    address: Address
    action: Action
    file: str
    content: bytes | None
    others: tuple[Address, ...] = ()
    before: bytes | None = None


def write(root: Path, changes: Iterable[FileChange]) -> None:
    """Write and remove the files of an export; create the root if it is missing.

    :raises DlsyncError: a file is outside the tree or was changed since it was read, and no file is written; or a file
        cannot be written, and the files before it are written.
    """
    places = real_paths(root, changes)
    for change, path in places:
        if change.before is not None or change.action == "create":
            require_unchanged(change.file, path, change.before, change.content)
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DlsyncError(f"{root} cannot be created: {error.strerror}") from error
    for change, path in places:
        try:
            if change.content is None:
                with suppress(FileNotFoundError):
                    os.unlink(path)
            else:
                replace_file(path, change.content)
        except OSError as error:
            raise DlsyncError(f"{change.file} cannot be written: {error.strerror}") from error


def require_unchanged(file: str, path: str, before: bytes | None, content: bytes | None) -> None:
    """Require that a file is unchanged since it was read: what a user saved since then exists only there.

    :param before: the content when it was read; None if it did not exist.
    :param content: the content to write, which another run may have written already; None if the file is to be removed.
    :raises DlsyncError: the file was changed.
    """
    try:
        with open(path, "rb") as stream:
            now = stream.read()
    except OSError:
        now = None
    if now not in {before, content}:
        raise DlsyncError(f"{file} was changed while this ran, so it is not overwritten", hint="Run it again.")


def real_paths(root: Path, changes: Iterable[FileChange]) -> list[tuple[FileChange, str]]:
    """Return the changes, each with the real path of its file.

    :raises DlsyncError: a file is outside the tree.
    """
    directory = Directory(root)
    places: list[tuple[FileChange, str]] = []
    for change in changes:
        try:  # a removal removes a link, not its target
            places.append((change, directory.real_path(change.file, follow=change.content is not None)))
        except RefusedFile as error:
            raise DlsyncError(f"{change.file} {error.strerror}; nothing was written") from error
    return places


def replace_file(path: str | Path, content: bytes) -> None:
    """Replace a file atomically, so that a reader sees the old or the new content, never a part."""
    folder = os.path.dirname(path)
    beside = os.path.join(folder, f".dlsync-{os.getpid()}.tmp")
    os.makedirs(folder or os.curdir, exist_ok=True)
    with suppress(FileNotFoundError):  # left by a run that was killed; or a link, which must not be followed
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
