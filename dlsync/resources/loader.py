"""Load the files of a tree as desired resources, with all problems in one run."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain, starmap
from pathlib import Path

from dlsync.errors import InvalidTree
from dlsync.files import ignored, unresolved
from dlsync.files.interpolation import Values
from dlsync.model import DOT_NAMES, Address, Code, Problem, Resource
from dlsync.resources import all_kinds, discovery, kind_of, misnamed, packs
from dlsync.resources.file_format import LoadContext, SourceFile
from dlsync.resources.tree import Tree, in_order

_IN_CASE_ALONE = "its name differs from that of {} in case alone; rename one"
_DOT_NAME = "the name `{}` means a folder in a URL; choose another name"


def read_sources(root: Path, *, missing_ok: bool = False, backup: bool = False) -> Tree:
    """Read the bytes of the files of all kinds below a directory, for :func:`parse`.

    :param missing_ok: a directory that does not exist is an empty tree.
    :param backup: it is a backup, even if it does not look like one.
    :raises InvalidTree: the directory itself cannot be read.
    """
    require_directory(root, may_be_missing=missing_ok)
    if not root.exists():
        return Tree(root)
    problems: list[Problem] = []
    backup = backup or discovery.is_backup(root)
    skips = ignored.NOTHING_BUT_HIDDEN if backup else discovery.read_ignored(root, problems)
    places = discovery.places(all_kinds())
    sources = {source.file: source.content for source in discovery.read_files(root, places, problems, skips)}
    if backup:
        problems += misnamed.in_backup(sources)
    else:
        problems += misnamed.in_tree(root, discovery.entries(root, problems), sources, skips)
    return Tree(root, problems=tuple(problems), sources=sources, backup=backup, ignored=skips)


def parse(found: Tree, context: LoadContext = LoadContext()) -> Tree:
    """Parse the files of a tree; return the tree with its resources and problems."""
    if found.backup:
        context = replace(context, values=Values(literal=True), backup=True)
    problems: list[Problem] = [*found.problems]
    resources: list[Resource] = []
    for kind in all_kinds():
        read, wrong = kind.read([SourceFile(*one) for one in found.sources.items() if kind.claims(one[0])], context)
        read.sort(key=lambda resource: resource.address)
        resources += read
        problems += wrong
        for one in read:
            if one.name in DOT_NAMES:
                problems.append(Problem(Code.INVALID_NAME, _DOT_NAME.format(one.name), one.file, kind.line(one)))
        if kind.named_by_file:
            problems += _clashes(read, backup=context.backup)
    problems += packs.problems(found.sources)
    for file, content in found.sources.items():
        problems += unresolved.problems(file, content, found.ignored)
    if found.sources and not context.backup:  # a backup has no references to write instead
        from dlsync.files import secret_scan

        problems += chain.from_iterable(starmap(secret_scan.problems, found.sources.items()))
    in_account = any(kind_of(resource.kind).account_scoped for resource in resources)
    if found.root.exists() and not problems and not in_account:
        folders = ", ".join(f"{kind.folder}/" for kind in all_kinds() if kind.named_by_file)
        problems.append(Problem(Code.NO_RESOURCES, f"no resources here; expected files in {folders} of the directory"))
    by_address = {resource.address: resource for resource in resources}
    return replace(found, resources=by_address, problems=in_order(problems), backup=context.backup)


def read(root: Path, context: LoadContext = LoadContext()) -> Tree:
    """Read and parse the files of all kinds below a directory; see :func:`read_sources` and :func:`parse`."""
    return parse(read_sources(root, backup=context.backup), context)


def require_directory(root: Path, *, may_be_missing: bool = False) -> None:
    """Require a directory.

    :raises InvalidTree: the path is a file, or missing.
    """
    if root.is_dir() or (may_be_missing and not root.exists()):
        return
    what = "is a file; expected a directory" if root.exists() else "does not exist"
    raise InvalidTree(f"{root} {what}", hint="Give the directory that holds dashboards/, rules/ or plugins/.")


def _clashes(resources: Iterable[Resource], *, backup: bool) -> Iterator[Problem]:
    """Yield an error for each second file of a resource, and for names that differ only in case.

    :param backup: its names may differ only in case, because it stays on its file system.
    """
    named: dict[Address, str] = {}
    folded: dict[str, str] = {}
    for resource in resources:
        first = named.setdefault(resource.address, resource.file)
        stem = Path(resource.file).stem.casefold()
        if first != resource.file:
            yield Problem(
                Code.SECOND_FILE, f"a second file for {resource.address}; the first is {first}", resource.file
            )
        elif not backup and (other := folded.setdefault(stem, resource.file)) != resource.file:
            yield Problem(Code.SAME_BUT_CASE, _IN_CASE_ALONE.format(other), resource.file)
