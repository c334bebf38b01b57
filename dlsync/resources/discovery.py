"""The files of a tree, byte for byte: links inside it followed, loops, giants and what cannot be read reported."""

from __future__ import annotations

import os
from contextlib import suppress
from itertools import chain, islice
from typing import TYPE_CHECKING

from dlsync.files import ignored
from dlsync.files.directory import Directory, read_regular, reason
from dlsync.files.settings import FILE_NAME as SETTINGS
from dlsync.model import Problem
from dlsync.resources.context import SourceFile

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

    from dlsync.files.ignored import Ignored

    Entry = str | os.DirEntry[str]

_SAMPLES = 20  # files: a folder of resources shows it early, and others are to cost little


def is_backup(root: Path) -> bool:
    """Whether a folder is an old client's backup: it holds agents or links, one JSON file each, and no settings."""
    if os.path.lexists(root / SETTINGS):
        return False
    folders = filter(Directory(root).holds, ("agents", "links"))
    return any(next((root / folder).glob("*.json"), None) is not None for folder in folders)


def entries(root: Path, problems: list[Problem]) -> list[str]:
    """Return the names at the root of a tree; those of folders end with a slash.

    :param problems: takes that they cannot be read.
    """
    try:
        with os.scandir(root) as found:
            return sorted(f"{entry.name}/" if _is_folder(entry) else entry.name for entry in found)
    except OSError as error:
        problems.append(Problem("error", reason(error), "."))
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
    directory = Directory(root)
    for place in places:
        if not os.path.lexists(root / place) or skips(place) or not (path := real_path(directory, place, problems)):
            continue
        if not os.path.isdir(path):
            yield from _read([(place, path)], problems)
        elif not skips(f"{place}/"):
            yield from _read(sorted(_files(directory, path, place, (), problems, skips=skips), key=_by_parts), problems)


def samples(root: Path, folder: str, passed_over: Collection[str]) -> Iterator[SourceFile]:
    """Yield the first YAML files of a folder and of the folders in it; what cannot be read is passed over.

    :param folder: at the root of a tree.
    :param passed_over: names of folders in it that are not looked into.
    """
    directory = Directory(root)
    for path in islice(chain(*(sorted((root / folder).glob(names)) for names in ("*.y*ml", "*/*.y*ml"))), _SAMPLES):
        if path.parent.name not in passed_over:
            with suppress(OSError):
                file = path.relative_to(root).as_posix()
                yield SourceFile(file, directory.read(file))


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
    directory: Directory,
    folder: Entry,
    file: str,
    above: tuple[tuple[int, int], ...],
    problems: list[Problem],
    *,
    skips: Ignored,
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
        name = f"{file}/{entry.name}"
        if skips(name):
            continue
        path = real_path(directory, name, problems) if entry.is_symlink() else entry
        if path and _is_folder(path):
            if not skips(f"{name}/"):
                yield from _files(directory, path, name, (*above, here), problems, skips=skips)
        elif path:
            yield name, path


def _by_parts(found: tuple[str, Entry]) -> list[str]:
    return found[0].split("/")


def _is_folder(entry: Entry) -> bool:
    try:
        return os.path.isdir(entry) if isinstance(entry, str) else entry.is_dir()
    except OSError:  # a link that leads to itself; reading it says so
        return False
