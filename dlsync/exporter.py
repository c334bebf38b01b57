"""The exporter: live into files. What is in the tree is edited in place, the rest written anew."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from dlsync import likely_secrets
from dlsync.differ import compare
from dlsync.errors import DlsyncError
from dlsync.escape import visible
from dlsync.fetcher import fetch
from dlsync.kinds import Draft, all_kinds, kind_of
from dlsync.mentions import Former, parted
from dlsync.model import Action, Address, Problem, Target
from dlsync.naming import distinct_stems, too_long
from dlsync.ownership import keeping
from dlsync.redaction import Redaction

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from dlsync.client import ReadClient
    from dlsync.model import Resource
    from dlsync.settings import Settings
    from dlsync.state_reader import Tree
    from dlsync.targets import Targets

_FROM_ENVIRONMENT = re.compile(rb"\$\{env:[^}]*\}")
_REPLACED = "%s is no longer in it, for what is live is something else: if that is a secret too, do not commit it"
_UNKNOWN = "%s is in it because the account's record says so: see that it is one of yours before you apply this"


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
    client: ReadClient,
    tree: Tree,
    settings: Settings,
    *,
    targets: Targets,
    managed: bool = False,
    mirror: bool = False,
    progress: Callable[[], None] = lambda: None,
) -> Export:
    """Work out which files an export writes.

    :param tree: one that is usable; it may hold nothing.
    :param managed: only what is managed, or in the tree already.
    :param mirror: also remove the files of what is gone from the server.
    :raises ApiError: live state could not be fetched whole.
    """
    wanted = {address for address in tree.resources if targets.admits(address)}
    inventory = await keeping.read(client, settings, tree.root)
    if managed:
        wanted |= {address for address in inventory if targets.admits(address)}
    else:
        wanted |= targets.named()
    wanted = {address for address in wanted if kind_of(address.kind).inside}
    listed = () if managed else {name for name in targets.kinds() if kind_of(name).inside}
    live = await fetch(client, wanted, everything=listed, admits=targets.admits, progress=progress)
    edits = Edits(tree, inventory.former_secrets(live.resources.values()))
    edits.write(live.resources)
    if mirror:
        edits.remove(wanted - set(live.resources))
    warnings = [Problem("warning", _unlisted(kind)) for kind in live.unlisted]
    unchanged = set(live.resources) - edits.changed - edits.faulty
    return Export(settings.target, edits.files(), len(unchanged), (*warnings, *edits.problems))


class Edits:
    """The files of a tree as they become; several resources may be in one.

    :param tree: one that is usable.
    :param former: what was a secret when it was applied, each with what stands for it in a file.
    """

    def __init__(self, tree: Tree, former: Mapping[str, str]) -> None:
        self._tree = tree
        # a folder that is empty mentions nothing, and would hold no secret: there a warning says whose word it is
        believes = tree.backup or not tree.sources
        self._former = Former(former) if believes else parted(former, tree.root)
        self._files: dict[str, bytes | None] = dict(tree.sources)
        self._said = Redaction({**former, **tree.secrets}).said
        written = Redaction({**self._former.known, **tree.secrets})
        self._draft = Draft(self._files, written, references=not tree.backup)
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

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is likely secret in the files, and why resources are in none."""
        # a backup has no references to write instead
        exposed = () if self._tree.backup else _exposed(self.files(), self._tree.sources)
        return (*exposed, *self._faults.values())

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
        for finding in kind.faults(live):
            if finding.severity == "error":  # a file that the next run refuses would stop that run, and all after it
                raise DlsyncError(f"the server has it in a form that its file must not have: {finding.message}")
        self._former.require_known(desired, live)
        if desired is not None:
            files = kind.edited_files(desired, live, self._draft)
        else:
            files = kind.new_files(live, stem, self._draft)
        for file in files:
            self._require_holdable(file)
        return files

    def _require_holdable(self, file: str) -> None:
        if file in self._tree.sources:
            return
        if too_long(PurePosixPath(file).name):
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


def _exposed(files: Iterable[FileChange], sources: Mapping[str, bytes]) -> Iterator[Problem]:
    """Yield a warning for each likely secret in what is to be written, and for what takes a secret's place."""
    for one in files:
        if one.content is not None:
            yield from likely_secrets.problems(one.file, one.content)
            gone = _from_environment(sources.get(one.file, b"")) - _from_environment(one.content)
            yield from (Problem("warning", _REPLACED % name, one.file) for name in sorted(gone))
            if not sources:
                known = sorted(_from_environment(one.content))
                yield from (Problem("warning", _UNKNOWN % visible(name), one.file) for name in known)


def _from_environment(content: bytes) -> set[str]:
    return {name.decode("utf-8", "replace") for name in _FROM_ENVIRONMENT.findall(content)}


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
    return f"this server does not list every {kind}: of the others, those that files or --target name are exported"
