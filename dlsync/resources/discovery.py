"""The files of a tree, byte for byte: links followed, loops, giants and what cannot be read reported."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from dlsync.files import ignored
from dlsync.files.settings import FILE_NAME as SETTINGS
from dlsync.model import Problem
from dlsync.resources import SourceFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from dlsync.files.ignored import Ignored

    Entry = Path | os.DirEntry[str]

# ten times the largest dashboard or script that a person would keep; the server takes 16 MiB
MAX_FILE_BYTES = 10 * 1024 * 1024


def is_backup(root: Path) -> bool:
    """Whether a folder is an old client's backup: it holds agents or links, one JSON file each, and no settings."""
    if os.path.lexists(root / SETTINGS):
        return False
    return any(next((root / folder).glob("*.json"), None) is not None for folder in ("agents", "links"))


def entries(root: Path, problems: list[Problem]) -> list[str]:
    """Return the names at the root of a tree; those of folders end with a slash.

    :param problems: takes that they cannot be read.
    """
    try:
        with os.scandir(root) as found:
            return sorted(f"{entry.name}/" if _is_folder(entry) else entry.name for entry in found)
    except OSError as error:
        problems.append(Problem("error", _unreadable(error), "."))
        return []


def read_ignored(root: Path, problems: list[Problem]) -> Ignored:
    """Return the patterns of the tree's files that are no resources.

    :param problems: takes what is wrong with its ``.dlsyncignore``.
    """
    for source in read_files(root, [ignored.FILE], problems, ignored.NOTHING):
        return ignored.parsed(source.content, problems)
    return ignored.NOTHING_BUT_BUILT_IN


def read_files(
    root: Path, places: Iterable[str], problems: list[Problem], skips: Ignored = ignored.NOTHING_BUT_BUILT_IN
) -> Iterator[SourceFile]:
    """Yield the files of a tree, in order.

    :param places: the files and folders at its root that are meant; those that are not there are passed over.
    :param problems: takes what cannot be read.
    :param skips: the files and folders that are passed over.
    """
    for place in places:
        path = root / place
        if path.is_dir():
            found = [] if skips(f"{place}/") else sorted(_files(path, place, (), problems, skips), key=_by_parts)
        else:
            found = [(place, path)] if os.path.lexists(path) and not skips(place) else []
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
    folder: Entry, file: str, above: tuple[tuple[int, int], ...], problems: list[Problem], skips: Ignored
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
        path, is_folder = f"{file}/{entry.name}", _is_folder(entry)
        if skips(f"{path}/" if is_folder else path):
            continue
        if is_folder:
            yield from _files(entry, path, (*above, here), problems, skips)
        else:
            yield path, entry


def _by_parts(found: tuple[str, Entry]) -> list[str]:
    return found[0].split("/")


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself; reading it says so
        return False


def _too_large(size: int) -> str:
    return f"{size / 1e6:.0f} MB; expected a file of at most {MAX_FILE_BYTES / 1e6:.0f} MB"


def _unreadable(error: OSError) -> str:
    return f"cannot be read: {error.strerror or error}"
