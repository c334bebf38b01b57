"""The state reader: the files of a tree to the desired resources, with every problem found in one run."""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain, starmap
from pathlib import Path
from typing import TYPE_CHECKING

from dlsync.errors import DlsyncError, InvalidTree
from dlsync.files import ignored
from dlsync.files.interpolation import Values
from dlsync.files.redaction import Redaction
from dlsync.files.settings import FILE_NAME as SETTINGS
from dlsync.model import DOT_NAMES, Problem, Resource
from dlsync.resources import LoadContext, all_kinds, discovery, kind_of, misnamed, packs
from dlsync.resources.context import BARE
from dlsync.resources.link_files import FILE as LINKS
from dlsync.resources.overlays import FOLDER as OVERLAYS
from dlsync.resources.tree import Tree, in_order

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dlsync.files.ignored import Ignored
    from dlsync.model import Address
    from dlsync.resources import SourceFile
    from dlsync.resources.selector import Targets


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file of a resource.

    :param file: relative to the tree, POSIX style.
    """

    address: Address
    file: str
    content: bytes


def sent_files(tree: Tree, targets: Targets) -> Iterator[SentFile]:
    """Yield the files of the resources that are meant, in the order of an apply.

    :param tree: one that is usable.
    """
    redaction = Redaction(tree.secrets)
    for address, resource in tree.resources.items():
        if targets.admits(address):
            for file, content in kind_of(address.kind).sent_files(resource, redaction).items():
                yield SentFile(address, file, content)


@dataclass(frozen=True)
class Found:
    """The files below a directory that are anybody's business, not understood yet.

    :param sources: in order, byte for byte.
    :param problems: what cannot be read.
    :param backup: see :attr:`Tree.backup`, and for ``ignored`` :attr:`Tree.ignored`.
    """

    root: Path
    sources: tuple[SourceFile, ...] = ()
    problems: tuple[Problem, ...] = ()
    backup: bool = False
    ignored: Ignored = ignored.NOTHING_BUT_BUILT_IN

    def addresses(self) -> set[Address]:
        """Return the resources that the names of the files promise."""
        found: set[Address] = set()
        for kind in all_kinds():
            for source in self.sources:
                if kind.claims(source.file):
                    with suppress(DlsyncError):  # whoever reads the files says what is wrong with a name
                        if address := kind.address_from_path(source.file, encoded=not self.backup):
                            found.add(address)
        return found


def find(root: Path, *, missing_ok: bool = False, backup: bool = False) -> Found:
    """Read the bytes of the files of every kind below a directory.

    :param missing_ok: take a directory that does not exist for an empty tree.
    :param backup: it is a backup, even if it does not look like one.
    :raises InvalidTree: the directory itself cannot be read.
    """
    require_directory(root, may_be_missing=missing_ok)
    if not root.exists():
        return Found(root)
    problems: list[Problem] = []
    backup = backup or discovery.is_backup(root)
    skips = ignored.NOTHING_BUT_HIDDEN if backup else discovery.read_ignored(root, problems)
    places = sorted({place for kind in all_kinds() for place in kind.places})
    sources = tuple(discovery.read_files(root, places, problems, skips))
    if not backup:
        problems += _misnamed(root, discovery.entries(root, problems), sources, skips)
    return Found(root, sources, tuple(problems), backup, skips)


def _misnamed(root: Path, entries: Sequence[str], sources: Sequence[SourceFile], skips: Ignored) -> Iterator[Problem]:
    kinds = {kind.folder: kind for kind in all_kinds() if kind.named_by_file}
    folders = [f"{folder}/" for folder in kinds]
    known = (SETTINGS, LINKS, ignored.FILE, *folders, f"{packs.FOLDER}/", f"{OVERLAYS}/")
    files = [source.file for source in sources]
    contents = {source.content for source in sources}
    named = list(misnamed.in_root(entries, known, skips))
    yield from named
    for entry in set(entries).difference(known, (f"{one.file}/" for one in named)):
        if entry.endswith("/") and not skips(entry):
            samples = discovery.samples(root, entry.rstrip("/"), kinds)
            # what is read through a link, or is a copy, is not missing
            yield from misnamed.of_folder((one for one in samples if one.content not in contents), kinds)
    yield from misnamed.in_packs(files, (packs.PACKAGE, *folders))
    yield from misnamed.of_kinds(sources, kinds, skips)


def understood(found: Found, scene: LoadContext = BARE) -> Tree:
    """Turn files into the tree that they are; what is wrong with them is in :attr:`Tree.problems`.

    :param scene: what they are read with.
    """
    if found.backup:
        scene = replace(scene, values=Values(literal=True), backup=True)
    problems: list[Problem] = [*found.problems]
    resources: list[Resource] = []
    for kind in all_kinds():
        read, troubles = kind.read([source for source in found.sources if kind.claims(source.file)], scene)
        read.sort(key=lambda resource: resource.address.key)
        resources += read
        problems += [
            *troubles,
            *_not_addressable(read),
            *(_clashes(read, backup=scene.backup) if kind.named_by_file else ()),
        ]
    content = {source.file: source.content for source in found.sources}
    problems += packs.problems(content)
    if content and not scene.backup:  # in which there are no references to write instead
        from dlsync.files import secret_scan

        problems += chain.from_iterable(starmap(secret_scan.problems, content.items()))
    if (
        found.root.exists()
        and not problems
        and not any(kind_of(resource.kind).account_scoped for resource in resources)
    ):
        folders = ", ".join(f"{kind.folder}/" for kind in all_kinds() if kind.named_by_file)
        problems.append(Problem("warning", f"no resources here; expected files in {folders} of the directory"))
    by_address = {resource.address: resource for resource in resources}
    return Tree(found.root, by_address, in_order(problems), content, scene.backup, ignored=found.ignored)


def read(root: Path, scene: LoadContext = BARE, *, missing_ok: bool = False) -> Tree:
    """Read the files of every kind below a directory; :func:`find` and :func:`understood` in one."""
    return understood(find(root, missing_ok=missing_ok, backup=scene.backup), scene)


def require_directory(root: Path, *, may_be_missing: bool = False) -> None:
    """Require that a tree can be read there.

    :param may_be_missing: nothing at all is as good as a directory.
    :raises InvalidTree: it is a file, or missing.
    """
    if root.is_dir() or (may_be_missing and not root.exists()):
        return
    what = "is a file; expected a directory" if root.exists() else "does not exist"
    raise InvalidTree(f"{root} {what}", (), hint="Give the directory that holds dashboards/, rules/ or plugins/.")


def _not_addressable(resources: Iterable[Resource]) -> Iterator[Problem]:
    for one in resources:
        if one.name in DOT_NAMES:
            line = kind_of(one.kind).line(one)
            yield Problem(
                "error", f"the name `{one.name}` means a folder in a URL; choose another name", one.file, line
            )


def _clashes(resources: Iterable[Resource], *, backup: bool) -> Iterator[Problem]:
    """Two files for one resource, or two names that only case tells apart, cannot both be meant everywhere.

    :param backup: it stays where it is, on a file system that holds both.
    """
    named: dict[Address, Resource] = {}
    folded: defaultdict[str, list[Resource]] = defaultdict(list)
    for resource in resources:
        first = named.setdefault(resource.address, resource)
        if first is not resource:
            yield Problem("error", f"a second file for {resource.address}; the first is {first.file}", resource.file)
        elif not backup:
            folded[_stem(resource).casefold()].append(resource)
    for first, *others in folded.values():
        for other in others:
            yield Problem("error", f"its name differs from that of {first.file} in case alone; rename one", other.file)


def _stem(resource: Resource) -> str:
    return Path(resource.file).stem
