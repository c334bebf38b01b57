"""Read the files of a tree, byte for byte; follow links inside it, and report loops, large and unreadable files."""

import errno
import os
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path

from dlsync.files import ignored
from dlsync.files.directory import Directory, read_regular, reason
from dlsync.files.ignored import Ignored
from dlsync.files.settings import FILE_NAME as SETTINGS
from dlsync.model import Code, Problem
from dlsync.resources.file_format import FileFormat, SourceFile

Entry = str | os.DirEntry[str]

_TOO_LARGE = f"; shorten it, or list it in {ignored.FILE} if it is no resource"
_NESTED = f"is not read: write its patterns into {ignored.FILE} beside {SETTINGS}, with their paths from there"
_SAMPLES = 20  # files: enough to recognise a folder of resources, and fast for other folders


def is_backup(root: Path) -> bool:
    """Whether a folder is an old client's backup: it holds agents or links, one JSON file each, and no settings."""
    if os.path.lexists(root / SETTINGS):
        return False
    folders = filter(Directory(root).holds, ("agents", "links"))
    return any(next((root / folder).glob("*.json"), None) is not None for folder in folders)


def places(kinds: Iterable[FileFormat]) -> list[str]:
    """Return the files and folders at the root of a tree that can hold resources of these kinds."""
    return sorted({place for kind in kinds for place in kind.places})


def entries(root: Path, problems: list[Problem]) -> list[str]:
    """Return the names at the root of a tree; those of folders end with a slash.

    :param problems: takes an error if they cannot be read.
    """
    try:
        with os.scandir(root) as found:
            return sorted(f"{entry.name}/" if _is_folder(entry) else entry.name for entry in found)
    except OSError as error:
        problems.append(Problem(Code.UNREADABLE_FILE, reason(error), "."))
        return []


def read_ignored(root: Path, problems: list[Problem]) -> Ignored:
    """Return the patterns of files in the tree that are no resources.

    :param problems: takes what is wrong with its ``.dlsyncignore``.
    """
    for source in read_files(root, [ignored.FILE], problems, ignored.NOTHING):
        return ignored.parse(source.content, problems)
    return ignored.NOTHING_BUT_BUILT_IN


def read_files(
    root: Path, places: Iterable[str], problems: list[Problem], skips: Ignored = ignored.NOTHING_BUT_BUILT_IN
) -> Iterator[SourceFile]:
    """Yield the files of a tree, in order.

    :param places: files and folders at its root, existing or not.
    :param problems: takes what cannot be read.
    """
    directory = Directory(root)
    for place in places:
        if os.path.lexists(root / place):
            for file, path in _files(directory, place, None, (), problems, skips=skips):
                try:
                    yield SourceFile(file, read_regular(path))
                except OSError as error:
                    way_out = _TOO_LARGE if error.errno == errno.EFBIG else ""
                    problems.append(Problem(Code.UNREADABLE_FILE, f"{reason(error)}{way_out}", file))


def _files(
    directory: Directory,
    file: str,
    entry: os.DirEntry[str] | None,
    above: tuple[tuple[int, int], ...],
    problems: list[Problem],
    *,
    skips: Ignored,
) -> Iterator[tuple[str, Entry]]:
    """Yield a file, or the files below a folder in order, with their places; follow links inside the directory.

    :param above: device and inode of each folder above.
    """
    if skips(file):
        return
    try:
        path = entry if entry and not entry.is_symlink() else directory.real_path(file)
        if not _is_folder(path):
            yield file, path
            return
        if skips(f"{file}/"):
            return
        status = os.stat(path)
        entries = sorted(os.scandir(path), key=lambda entry: entry.name)
    except OSError as error:
        problems.append(Problem(Code.UNREADABLE_FILE, reason(error), file))
        return
    here = (status.st_dev, status.st_ino)
    if here in above:
        problems.append(
            Problem(Code.LINK_LOOP, "a symbolic link leads back to a folder above it; remove the link", file)
        )
        return
    nested = f"{file}/{ignored.FILE}"
    if any(inner.name == ignored.FILE for inner in entries) and not skips.by_user(nested):  # git has one in any folder
        problems.append(Problem(Code.FILE_NOT_READ, _NESTED, nested))
    for inner in entries:
        yield from _files(directory, f"{file}/{inner.name}", inner, (*above, here), problems, skips=skips)


def samples(root: Path, folder: str, skipped: Collection[str]) -> Iterator[SourceFile]:
    """Yield the first YAML files of a folder and of the folders in it; skip unreadable files.

    :param skipped: names of folders in it.
    """
    directory = Directory(root)
    for path in islice(chain(*(sorted((root / folder).glob(names)) for names in ("*.y*ml", "*/*.y*ml"))), _SAMPLES):
        if path.parent.name not in skipped:
            with suppress(OSError):
                file = path.relative_to(root).as_posix()
                yield SourceFile(file, directory.read(file))


def names_at(root: Path, place: str) -> frozenset[str]:
    """Return the name of a file, or the names of everything below a folder; none if a link leads outside."""
    with suppress(OSError):
        path = Path(Directory(root).real_path(place))
        return frozenset(one.name for one in path.rglob("*")) if path.is_dir() else frozenset({path.name})
    return frozenset()


def _is_folder(entry: Entry) -> bool:
    try:
        return os.path.isdir(entry) if isinstance(entry, str) else entry.is_dir()
    except OSError:  # a link that leads to itself; reading it reports that
        return False
