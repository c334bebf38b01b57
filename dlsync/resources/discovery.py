"""The files of a tree, byte for byte: links inside it followed, loops, giants and what cannot be read reported."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dlsync.files.directory import Directory, read_regular, reason
from dlsync.files.settings import FILE_NAME as SETTINGS
from dlsync.model import Problem
from dlsync.resources import SourceFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    Entry = str | os.DirEntry[str]


def is_backup(root: Path) -> bool:
    """Whether a folder is an old client's backup: it holds agents or links, one JSON file each, and no settings."""
    if os.path.lexists(root / SETTINGS):
        return False
    folders = filter(Directory(root).holds, ("agents", "links"))
    return any(next((root / folder).glob("*.json"), None) is not None for folder in folders)


def read_files(root: Path, places: Iterable[str], problems: list[Problem]) -> Iterator[SourceFile]:
    """Yield the files of a tree, in order.

    :param places: the files and folders at its root that are meant; those that are not there are passed over.
    :param problems: takes what cannot be read.
    """
    directory = Directory(root)
    for place in places:
        if os.path.lexists(root / place) and (path := real_path(directory, place, problems)):
            found = _files(directory, path, place, (), problems) if os.path.isdir(path) else [(place, path)]
            yield from _read(sorted(found, key=lambda one: one[0].split("/")), problems)


def real_path(directory: Directory, file: str, problems: list[Problem]) -> str | None:
    """Return where a file really is; None where that is not inside the directory, which becomes a problem."""
    try:
        return directory.real_path(file)
    except OSError as error:
        problems.append(Problem("error", reason(error), file))
        return None


def _read(found: Iterable[tuple[str, Entry]], problems: list[Problem]) -> Iterator[SourceFile]:
    for file, entry in found:
        try:
            yield SourceFile(file, read_regular(entry))
        except OSError as error:
            problems.append(Problem("error", reason(error), file))


def _files(
    directory: Directory, folder: Entry, file: str, above: tuple[tuple[int, int], ...], problems: list[Problem]
) -> Iterator[tuple[str, Entry]]:
    """Walk a folder, symbolic links inside the directory followed, loops and unreadable folders reported.

    :param file: the folder's path in the tree, POSIX style.
    """
    try:
        status = os.stat(folder)
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        problems.append(Problem("error", reason(error), file))
        return
    here = (status.st_dev, status.st_ino)
    if here in above:
        problems.append(Problem("error", "a symbolic link leads back to a folder above it; remove the link", file))
        return
    for entry in entries:
        if entry.name.startswith(".") or entry.name == "__pycache__":
            continue
        name = f"{file}/{entry.name}"
        path = real_path(directory, name, problems) if entry.is_symlink() else entry
        if path and (os.path.isdir(path) if isinstance(path, str) else path.is_dir()):
            yield from _files(directory, path, name, (*above, here), problems)
        elif path:
            yield name, path
