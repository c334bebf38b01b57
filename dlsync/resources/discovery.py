"""The files of a tree, byte for byte: links followed, loops, giants and what cannot be read reported."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from dlsync.files.settings import FILE_NAME as SETTINGS
from dlsync.model import Problem
from dlsync.resources import SourceFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    Entry = Path | os.DirEntry[str]

# ten times the largest dashboard or script that a person would keep; the server takes 16 MiB
MAX_FILE_BYTES = 10 * 1024 * 1024


def is_backup(root: Path) -> bool:
    """Whether a folder is an old client's backup: it holds agents or links, one JSON file each, and no settings."""
    if os.path.lexists(root / SETTINGS):
        return False
    return any(next((root / folder).glob("*.json"), None) is not None for folder in ("agents", "links"))


def read_files(root: Path, places: Iterable[str], problems: list[Problem]) -> Iterator[SourceFile]:
    """Yield the files of a tree, in order.

    :param places: the files and folders at its root that are meant; those that are not there are passed over.
    :param problems: takes what cannot be read.
    """
    for place in places:
        path = root / place
        if path.is_dir():
            found = sorted(_files(path, place, (), problems), key=lambda one: one[0].split("/"))
        else:
            found = [(place, path)] if os.path.lexists(path) else []
        yield from _read(found, problems)


def _read(found: Iterable[tuple[str, Entry]], problems: list[Problem]) -> Iterator[SourceFile]:
    for file, entry in found:
        try:
            status = entry.stat()
            if not stat.S_ISREG(status.st_mode):
                problems.append(Problem("error", "is not a regular file", file))
            elif status.st_size > MAX_FILE_BYTES:
                problems.append(Problem("error", _too_large(status.st_size), file))
            else:
                with open(entry, "rb", buffering=0) as content:  # noqa: PTH123 - of thousands, none is made a Path first
                    yield SourceFile(file, content.read())
        except OSError as error:
            problems.append(Problem("error", _unreadable(error), file))


def _files(
    folder: Entry, file: str, above: tuple[tuple[int, int], ...], problems: list[Problem]
) -> Iterator[tuple[str, Entry]]:
    """Walk a folder, symbolic links followed, loops and unreadable folders reported.

    :param file: the folder's path in the tree, POSIX style.
    """
    try:
        status = folder.stat()
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        problems.append(Problem("error", _unreadable(error), file))
        return
    here = (status.st_dev, status.st_ino)
    if here in above:
        problems.append(Problem("error", "a symbolic link leads back to a folder above it; remove the link", file))
        return
    for entry in entries:
        if entry.name.startswith(".") or entry.name == "__pycache__":
            continue
        if _is_folder(entry):
            yield from _files(entry, f"{file}/{entry.name}", (*above, here), problems)
        else:
            yield f"{file}/{entry.name}", entry


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself; reading it says so
        return False


def _too_large(size: int) -> str:
    return f"{size / 1e6:.0f} MB; expected a file of at most {MAX_FILE_BYTES / 1e6:.0f} MB"


def _unreadable(error: OSError) -> str:
    return f"cannot be read: {error.strerror or error}"
