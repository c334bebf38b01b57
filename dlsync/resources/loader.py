"""The state reader: the files of a tree to the desired resources, with every problem found in one run."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain, starmap
from pathlib import Path

from dlsync.errors import InvalidTree
from dlsync.files import ignored
from dlsync.files.interpolation import Values
from dlsync.model import DOT_NAMES, Address, Code, Problem, Resource
from dlsync.resources import all_kinds, discovery, kind_of, misnamed, packs
from dlsync.resources.file_format import LoadContext, SourceFile
from dlsync.resources.tree import Tree, in_order

_IN_CASE_ALONE = "its name differs from that of {} in case alone; rename one"
_DOT_NAME = "the name `{}` means a folder in a URL; choose another name"


def read_sources(root: Path, *, missing_ok: bool = False, backup: bool = False) -> Tree:
    """Read the bytes of the files of every kind below a directory, which :func:`parse` parses.

    :param missing_ok: take a directory that does not exist for an empty tree.
    :param backup: it is a backup, even if it does not look like one.
    :raises InvalidTree: the directory itself cannot be read.
    """
    require_directory(root, may_be_missing=missing_ok)
    if not root.exists():
        return Tree(root)
    problems: list[Problem] = []
    backup = backup or discovery.is_backup(root)
    skips = ignored.NOTHING_BUT_HIDDEN if backup else discovery.read_ignored(root, problems)
    places = sorted({place for kind in all_kinds() for place in kind.places})
    sources = {source.file: source.content for source in discovery.read_files(root, places, problems, skips)}
    if backup:
        problems += misnamed.in_backup(sources)
    else:
        problems += misnamed.in_tree(root, discovery.entries(root, problems), sources, skips)
    return Tree(root, problems=tuple(problems), sources=sources, backup=backup, ignored=skips)


def parse(found: Tree, context: LoadContext = LoadContext()) -> Tree:
    """Return a tree with the resources that its files hold, and with all that is wrong with them."""
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
    if found.sources and not context.backup:  # in which there are no references to write instead
        from dlsync.files import secret_scan

        problems += chain.from_iterable(starmap(secret_scan.problems, found.sources.items()))
    in_account = any(kind_of(resource.kind).account_scoped for resource in resources)
    if found.root.exists() and not problems and not in_account:
        folders = ", ".join(f"{kind.folder}/" for kind in all_kinds() if kind.named_by_file)
        problems.append(Problem(Code.NO_RESOURCES, f"no resources here; expected files in {folders} of the directory"))
    by_address = {resource.address: resource for resource in resources}
    return replace(found, resources=by_address, problems=in_order(problems), backup=context.backup)


def read(root: Path, context: LoadContext = LoadContext()) -> Tree:
    """Read the files of every kind below a directory; :func:`read_sources` and :func:`parse` in one."""
    return parse(read_sources(root, backup=context.backup), context)


def require_directory(root: Path, *, may_be_missing: bool = False) -> None:
    """Require that a tree can be read there.

    :raises InvalidTree: it is a file, or missing.
    """
    if root.is_dir() or (may_be_missing and not root.exists()):
        return
    what = "is a file; expected a directory" if root.exists() else "does not exist"
    raise InvalidTree(f"{root} {what}", hint="Give the directory that holds dashboards/, rules/ or plugins/.")


def _clashes(resources: Iterable[Resource], *, backup: bool) -> Iterator[Problem]:
    """Yield an error for each second file of a resource, and for names that some file systems take for the same.

    :param backup: it stays on a file system that tells them apart.
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
