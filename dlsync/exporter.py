"""The exporter: live into files. What is in the tree is edited in place, the rest written anew."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from dlsync.differ import compare
from dlsync.errors import DlsyncError
from dlsync.exposure import exposed
from dlsync.fetcher import fetch_by_name
from dlsync.foresight import Foresight, require_allowed, written_anew
from dlsync.kinds import Draft, all_kinds, kind_of
from dlsync.mentions import Former, parted
from dlsync.model import Action, Address, Problem, Target
from dlsync.naming import distinct_stems, too_long
from dlsync.ownership import keeping
from dlsync.redaction import Redaction

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from dlsync.fetcher import Fetcher, Live
    from dlsync.model import Resource
    from dlsync.settings import Settings
    from dlsync.state_reader import Tree
    from dlsync.targets import Targets


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file to write, or where ``content`` is None, to remove.

    :param file: relative to the tree, POSIX style.
    :param others: the further resources of which it holds a change.
    """

    address: Address
    action: Action
    file: str
    content: bytes | None
    others: tuple[Address, ...] = ()


@dataclass(frozen=True)
class Export:
    """The files that make the tree what is live; falsy when it is that already.

    :param unchanged: how many resources their files hold as they are live.
    :param problems: errors are resources that no file can hold.
    """

    target: Target
    files: tuple[FileChange, ...]
    unchanged: int
    problems: tuple[Problem, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.files)

    @property
    def summary(self) -> dict[str, int]:
        """How many files would be created, updated, deleted, and how many resources are unchanged."""
        actions = [file.action for file in self.files]
        counts = {action: actions.count(action) for action in ("create", "update", "delete")}
        return {**counts, "unchanged": self.unchanged}


async def export(
    fetcher: Fetcher,
    tree: Tree,
    settings: Settings,
    *,
    targets: Targets,
    managed: bool = False,
    mirror: bool = False,
) -> Export:
    """Work out which files an export writes.

    :param tree: one that is usable; it may hold nothing.
    :param managed: only what is managed, or in the tree already.
    :param mirror: also remove the files of what is gone from the server.
    :raises ApiError: live state could not be fetched whole.
    """
    wanted = {address for address in tree.resources if targets.admits(address)}
    foresight = Foresight(_draft(tree, tree.sources, {}), tree.resources)
    async with foresight.of(keeping.recorded(fetcher, settings, tree.root)) as reading:
        if managed:
            wanted |= {address for address in await reading if targets.admits(address)}
        else:
            wanted |= targets.named()
        wanted = {address for address in wanted if kind_of(address.kind).inside}
        listed = () if managed else {name for name in targets.kinds() if kind_of(name).inside}
        live = await fetcher.fetch(wanted, everything=listed, admits=targets.admits, arrived=foresight.take)
        inventory = await reading
        live = await _with_managed(fetcher, live, filter(targets.admits, inventory))
    edits = Edits(tree, foresight.former_secrets(inventory, live.resources.values()), foresight)
    edits.write(live.resources)
    if mirror:
        edits.remove(wanted - set(live.resources))
    warnings = [Problem("warning", _unlisted(kind)) for kind in live.unlisted]
    unchanged = set(live.resources) - edits.changed - edits.faulty
    files = edits.files()
    return Export(settings.target, files, len(unchanged), (*warnings, *edits.problems(files)))


async def _with_managed(fetcher: Fetcher, live: Live, managed: Iterable[Address]) -> Live:
    """Fetch by name what is managed and was not found: servers need not list everything."""
    missing = {one for one in managed if one not in live.resources and kind_of(one.kind).inside}
    found = await fetch_by_name(fetcher.client, missing)
    resources = sorted({**live.resources, **found}.items(), key=lambda pair: pair[0].key)
    return replace(live, resources=dict(resources)) if found else live


def _draft(tree: Tree, files: Mapping[str, bytes | None], former: Mapping[str, str]) -> Draft:
    return Draft(files, Redaction({**former, **tree.secrets}), references=not tree.backup)


class Edits:
    """The files of a tree as they become; several resources may be in one.

    :param tree: one that is usable.
    :param former: what was a secret when it was applied, each with what stands for it in a file.
    :param foresight: what was worked out already; of no use where anything was a secret.
    """

    def __init__(self, tree: Tree, former: Mapping[str, str], foresight: Foresight | None = None) -> None:
        self._tree = tree
        # a folder that is empty mentions nothing, and would hold no secret: there a warning says whose word it is
        believes = tree.backup or not tree.sources
        self._former = Former(former) if believes else parted(former, tree.root)
        self._files: dict[str, bytes | None] = dict(tree.sources)
        self._said = Redaction({**former, **tree.secrets}).said
        self._draft = _draft(tree, self._files, self._former.known)
        self._foresight = foresight or Foresight(self._draft)
        # in each, the resources that changed it, and the files in the order of their kinds: cut short between them, the
        # tree can still be read
        self._changes: defaultdict[str, list[Address]] = defaultdict(list)
        self._faults: dict[Address, Problem] = {}

    @property
    def changed(self) -> set[Address]:
        """The resources whose files become others."""
        return {address for addresses in self._changes.values() for address in addresses}

    @property
    def faulty(self) -> set[Address]:
        """The resources that no file can hold."""
        return {*self._faults}

    def problems(self, files: Iterable[FileChange]) -> tuple[Problem, ...]:
        """Return what is likely secret in what :meth:`files` gave, and why resources are in none."""
        written = ((one.file, one.content) for one in files if one.content is not None)
        # a backup has no references to write instead
        told = () if self._tree.backup else exposed(written, self._tree.sources, self._foresight.exposed)
        return (*told, *self._faults.values())

    def write(self, live: Mapping[Address, Resource]) -> None:
        """Have the files hold live resources."""
        stems = _stems(self._tree.resources, live)
        for address, resource in live.items():
            desired = self._tree.resources.get(address)
            self._note(address, lambda: self._written(desired, resource, stems[address]))  # noqa: B023 - called at once

    def remove(self, addresses: set[Address]) -> None:
        """Have no file hold these resources."""
        for address, desired in self._tree.resources.items():  # a plugin before its links: those of packs go with it
            if address in addresses:
                self._note(address, lambda: kind_of(desired.kind).removed_files(desired, self._draft))  # noqa: B023 - called at once

    def files(self) -> tuple[FileChange, ...]:
        """Return the changes of files, in the order of their kinds."""
        changes = [self._change(file, addresses) for file, addresses in self._changes.items()]
        return tuple(sorted(changes, key=lambda change: change.address))

    def _note(self, address: Address, work: Callable[[], Mapping[str, bytes | None]]) -> None:
        try:
            files = work()
        except DlsyncError as error:
            self._faults[address] = Problem("error", f"{address}: {self._said(error.message)}")
            return
        for file in files:
            self._changes[file].append(address)
        self._files |= files

    def _written(self, desired: Resource | None, live: Resource, stem: str) -> Mapping[str, bytes | None]:
        kind = kind_of(live.kind)
        if desired is not None and not compare(kind, desired, live).diff:
            return {}
        self._former.require_known(desired, live)
        files: Mapping[str, bytes | None]
        if desired is not None:
            require_allowed(live)
            files = kind.edited_files(desired, live, self._draft)
        else:
            files = self._foresight.files(live, stem) or written_anew(live, stem, self._draft)
        for file in files:
            self._require_holdable(file)
        return files

    def _require_holdable(self, file: str) -> None:
        if file in self._tree.sources:
            return
        if too_long(file.rpartition("/")[2]):
            raise DlsyncError(f"its name is too long for a file: {file}", hint="Rename it on the server.")
        if self._tree.backup and "%" in file:
            raise DlsyncError(
                "its name cannot be a file's in an old client's backup, which `import-backup` makes a tree"
            )

    def _change(self, file: str, addresses: Sequence[Address]) -> FileChange:
        content, first = self._files[file], min(addresses)
        action: Action = "delete" if content is None else "update" if file in self._tree.sources else "create"
        others = tuple(sorted({*addresses} - {first}))
        return FileChange(first, action, file, content, others)


def _stems(desired: Mapping[Address, Resource], live: Collection[Address]) -> dict[Address, str]:
    """Return a file stem for each address; a new one is not what a file system takes for one of the tree's."""
    stems: dict[Address, str] = {}
    for kind in all_kinds():
        names = sorted({address.name for address in (*desired, *live) if address.kind == kind.name})
        taken = {PurePosixPath(one.file).stem.casefold() for one in desired.values() if one.kind == kind.name}
        for name, stem in distinct_stems(names).items():
            stems[Address(kind.name, name)] = _spelled_out(name) if stem.casefold() in taken else stem
    return stems


def _spelled_out(name: str) -> str:
    return "".join(f"%{byte:02X}" for byte in name.encode("utf-8", "surrogatepass"))


def _unlisted(kind: str) -> str:
    which = "those that the inventory, files or --target name are exported"
    return f"this server does not list every {kind}: of the others, {which}"
