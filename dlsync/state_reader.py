"""The state reader: the files of a tree to the desired resources, with every problem found in one run."""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dlsync.errors import InvalidTree
from dlsync.kinds import Kind, SourceFile, all_kinds
from dlsync.model import Problem, Resource

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from dlsync.model import Address

# ten times the largest dashboard or script that a person would keep; the server takes 16 MiB
MAX_FILE_BYTES = 10 * 1024 * 1024


@dataclass(frozen=True)
class Tree:
    """What the files say.

    :param resources: by address, in the order of an apply.
    :param problems: by file and line; errors among them make the tree unusable.
    """

    root: Path
    resources: Mapping[Address, Resource]
    problems: tuple[Problem, ...] = ()

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that must be mended first."""
        return tuple(problem for problem in self.problems if problem.severity == "error")

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """The problems that a user should know of."""
        return tuple(problem for problem in self.problems if problem.severity == "warning")

    def with_problems(self, problems: Iterable[Problem]) -> Tree:
        """Return the tree with more problems, in their order."""
        return replace(self, problems=_in_order((*problems, *self.problems)))

    def usable(self) -> Tree:
        """Return the tree.

        :raises InvalidTree: it has errors; all of them are in the exception.
        """
        if self.errors:
            count = len(self.errors)
            raise InvalidTree(f"{count} {'error' if count == 1 else 'errors'} in the files", self.problems)
        return self


def read(root: Path, *, missing_ok: bool = False) -> Tree:
    """Read every kind's folder below a directory.

    :param missing_ok: take a directory that does not exist for an empty tree.
    :raises InvalidTree: the directory itself cannot be read; what is wrong inside it is in :attr:`Tree.problems`.
    """
    require_directory(root, may_be_missing=missing_ok)
    if not root.exists():
        return Tree(root, {})
    resources: list[Resource] = []
    problems: list[Problem] = []
    for kind in all_kinds():
        found, troubles = _read_kind(root, kind)
        resources += found
        problems += troubles
    if not resources and not problems:
        folders = ", ".join(f"{kind.folder}/" for kind in all_kinds())
        problems.append(Problem("warning", f"no resources here; expected files in {folders} of the directory"))
    return Tree(root, {resource.address: resource for resource in resources}, _in_order(problems))


def require_directory(root: Path, *, may_be_missing: bool = False) -> None:
    """Require that a tree can be read there.

    :param may_be_missing: nothing at all is as good as a directory.
    :raises InvalidTree: it is a file, or missing.
    """
    if root.is_dir() or (may_be_missing and not root.exists()):
        return
    what = "is a file; expected a directory" if root.exists() else "does not exist"
    raise InvalidTree(f"{root} {what}", (), hint="Give the directory that holds dashboards/, rules/ or plugins/.")


def _in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(problems, key=lambda problem: (problem.file, problem.line or 0, problem.column or 0)))


def _read_kind(root: Path, kind: Kind) -> tuple[list[Resource], list[Problem]]:
    problems: list[Problem] = []
    sources = list(_sources(root, root / kind.folder, problems))
    resources, troubles = kind.read(sources)
    resources.sort(key=lambda resource: resource.address)
    return resources, [*problems, *troubles, *_clashes(resources)]


def _sources(root: Path, folder: Path, problems: list[Problem]) -> Iterator[SourceFile]:
    for path in sorted(_files(folder, (), problems, root)):
        file = path.relative_to(root).as_posix()
        try:
            if (size := path.stat().st_size) > MAX_FILE_BYTES:
                problems.append(Problem("error", _too_large(size), file))
            else:
                yield SourceFile(file, path.read_bytes())
        except OSError as error:
            problems.append(Problem("error", _unreadable(error), file))


def _files(folder: Path, above: tuple[tuple[int, int], ...], problems: list[Problem], root: Path) -> Iterator[Path]:
    """Walk a folder, symbolic links followed, loops and unreadable folders reported."""
    if not folder.is_dir():
        return
    file = folder.relative_to(root).as_posix()
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
        if entry.is_dir():
            yield from _files(folder / entry.name, (*above, here), problems, root)
        else:
            yield folder / entry.name


def _too_large(size: int) -> str:
    return f"{size / 1e6:.0f} MB; expected a file of at most {MAX_FILE_BYTES / 1e6:.0f} MB"


def _unreadable(error: OSError) -> str:
    return f"cannot be read: {error.strerror or error}"


def _clashes(resources: Iterable[Resource]) -> Iterator[Problem]:
    """Two files for one resource, or two names that only case tells apart, cannot both be meant everywhere."""
    named: dict[Address, Resource] = {}
    folded: defaultdict[str, list[Resource]] = defaultdict(list)
    for resource in resources:
        first = named.setdefault(resource.address, resource)
        if first is not resource:
            yield Problem("error", f"a second file for {resource.address}; the first is {first.file}", resource.file)
        else:
            folded[_stem(resource).casefold()].append(resource)
    for first, *others in folded.values():
        for other in others:
            yield Problem("error", f"its name differs from that of {first.file} in case alone; rename one", other.file)


def _stem(resource: Resource) -> str:
    return Path(resource.file).stem
