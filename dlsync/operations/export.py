"""The exporter: live into files. What is in the tree is edited in place, the rest written anew."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from dlsync.diff.compare import compare
from dlsync.errors import DlsyncError
from dlsync.files import secret_scan, writer
from dlsync.files.ignored import FILE as IGNORE_FILE
from dlsync.files.interpolation import plain
from dlsync.files.names import distinct_stems, too_long
from dlsync.files.redaction import Redaction, values_in
from dlsync.files.writer import FileChange
from dlsync.messages import visible
from dlsync.model import Action, Address, Problem, Target
from dlsync.operations import hidden_secrets
from dlsync.operations import warnings as concerns
from dlsync.operations.fetch import fetch_by_name
from dlsync.operations.hidden_secrets import Former, parted
from dlsync.operations.plan import open_planning
from dlsync.operations.session import do_nothing, read_inventory
from dlsync.operations.update_inventory import resolved
from dlsync.resources import ExportContext, all_kinds, kind_of
from dlsync.resources.selector import EVERYTHING, Targets

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from dlsync.files.settings import Settings
    from dlsync.model import Json, Resource
    from dlsync.operations.fetch import Fetcher, Live
    from dlsync.resources.tree import Tree


_REFERENCE = {sort: re.compile(rb"\$\{" + sort + rb":[^}]*\}") for sort in (b"env", b"var")}
_REPLACED = "%s is no longer in it, for what is live is something else: if that is a secret too, do not commit it"
_NO_VARIABLE = (
    "`%s` is no longer in it, so this changes every environment: to change one, edit `variables` in dlsync.yaml"
)
_UNKNOWN = "%s is in it because the account's record says so: see that it is one of yours before you apply this"


NONE_RECORDED: Mapping[Address, Collection[str]] = MappingProxyType({})


def exposed(files: Iterable[tuple[str, bytes]], sources: Mapping[str, bytes]) -> Iterator[Problem]:
    """Yield a warning for each likely secret in what is to be written, and for what takes a secret's place.

    :param files: to be written, each with its content.
    :param sources: the files of the tree as they were.
    """
    for file, content in files:
        yield from secret_scan.problems(file, content)
        for sort, message in ((b"env", _REPLACED), (b"var", _NO_VARIABLE)):
            gone = _references(sort, sources.get(file, b"")) - _references(sort, content)
            yield from (Problem("warning", message % visible(name), file) for name in sorted(gone))
        if not sources:
            known = sorted(_references(b"env", content))
            yield from (Problem("warning", _UNKNOWN % visible(name), file) for name in known)


def _references(sort: bytes, content: bytes) -> set[str]:
    return {name.decode("utf-8", "replace") for name in _REFERENCE[sort].findall(content)}


def _require_allowed(live: Resource) -> None:
    """Return where a file may hold a resource: one that the next run refuses would stop that run, and all after it.

    :raises DlsyncError: it may not.
    """
    faults = kind_of(live.kind).faults(replace(live, given=cast("dict[str, Json]", plain(dict(live.document)))))
    if errors := [one for one in faults if one.severity == "error"]:
        raise DlsyncError(f"the server has it in a form that its file must not have: {errors[0].message}")


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
    directory: Path,
    settings: Settings,
    *,
    targets: Targets = EVERYTHING,
    managed: bool = False,
    mirror: bool = False,
    check: bool = False,
    progress: Callable[[], None] = do_nothing,
) -> Export:
    """Write the live state into files.

    :param managed: only what is managed, or in the files already.
    :param check: write nothing, only say what would be written.
    :raises InvalidTree: the files that are there have errors.
    """
    async with open_planning(directory, settings, progress, exports=True) as (fetcher, tree):
        made = await build_export(fetcher, tree, settings, targets=targets, managed=managed, mirror=mirror)
    if not check:
        writer.write(directory, made.files)
    return made


async def build_export(
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
    inventory = await read_inventory(fetcher.client, settings, tree.root)
    wanted |= {address for address in inventory.known if targets.admits(address)} if managed else targets.named()
    wanted = {address for address in wanted if kind_of(address.kind).account_scoped}
    listed = () if managed else {name for name in targets.kinds() if kind_of(name).account_scoped}
    live = await fetcher.fetch(wanted, everything=listed, admits=targets.admits)
    live = await _with_managed(fetcher, live, filter(targets.admits, inventory.known))
    targets.require_match({*tree.resources, *live.resources, *inventory.known})
    inventory = resolved(inventory, live.resources, (), tree.resources)
    masked = hidden_secrets.readable(live.resources, tree.resources, inventory)
    live = live.with_readable(masked)
    spellings = inventory.secret_spellings(live.resources.keys() - tree.resources.keys())
    edits = Edits(tree, hidden_secrets.known(inventory, live.resources.values()), spellings)
    edits.write(live.resources)
    if mirror:
        edits.remove(wanted - set(live.resources))
    unchanged = set(live.resources) - edits.changed - edits.faulty
    files = edits.files()
    problems = (*concerns.unread(inventory), *_not_listed(live), *edits.problems(files))
    return Export(settings.target, files, len(unchanged), problems)


async def _with_managed(fetcher: Fetcher, live: Live, managed: Iterable[Address]) -> Live:
    """Fetch by name what is managed and was not found: servers need not list everything."""
    missing = {one for one in managed if one not in live.resources and kind_of(one.kind).account_scoped}
    found = await fetch_by_name(fetcher.client, missing)
    resources = sorted({**live.resources, **found}.items(), key=lambda pair: pair[0].key)
    return replace(live, resources=dict(resources)) if found else live


class Edits:
    """The files of a tree as they become; several resources may be in one.

    :param tree: one that is usable.
    :param known: by resource, the texts that were secrets when they were applied, each with its spelling in a file.
    :param recorded: by resource without a file, what stood for secrets in it when it was applied.
    """

    def __init__(
        self,
        tree: Tree,
        known: Mapping[Address, Mapping[str, str]],
        recorded: Mapping[Address, Collection[str]] = NONE_RECORDED,
    ) -> None:
        self._tree = tree
        self._known = known
        self._recorded = recorded
        former = {text: spelling for texts in known.values() for text, spelling in texts.items()}
        # a folder that is empty mentions nothing, and would hold no secret: there a warning says whose word it is
        believes = tree.backup or not tree.sources
        self._former = Former(former) if believes else parted(former, tree.root)
        self._files: dict[str, bytes | None] = dict(tree.sources)
        self._said = Redaction({**values_in([former]), **tree.secrets}).said
        self._draft = ExportContext(
            self._files, Redaction({**values_in([self._former.known]), **tree.secrets}), references=not tree.backup
        )
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

    def problems(self, files: Collection[FileChange]) -> tuple[Problem, ...]:
        """Return what is likely secret in what :meth:`files` gave, and why resources are in none."""
        written = ((one.file, one.content) for one in files if one.content is not None)
        # a backup has no references to write instead
        told = () if self._tree.backup else exposed(written, self._tree.sources)
        replaced = () if self._tree.backup else self._replaced_secrets(files)
        return (*told, *replaced, *self._faults.values())

    def _replaced_secrets(self, files: Collection[FileChange]) -> Iterator[Problem]:
        """Yield a warning for each recorded secret whose place something else takes in the files of a resource."""
        for address, spellings in self._recorded.items():
            own = {one.file: one.content or b"" for one in files if address in (one.address, *one.others)}
            there = _references(b"env", b"\n".join(own.values()))
            gone = _references(b"env", "\n".join(spellings).encode("utf-8", "surrogatepass")) - there if own else ()
            yield from (Problem("warning", _REPLACED % visible(name), min(own)) for name in sorted(gone))

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
        # what is live may be spelled as the file has it: a reference whose value changed
        changed = {file: text for file, text in files.items() if file not in self._files or self._files[file] != text}
        for file in changed:
            self._changes[file].append(address)
        self._files |= changed

    def _written(self, desired: Resource | None, live: Resource, stem: str) -> Mapping[str, bytes | None]:
        kind = kind_of(live.kind)
        if live.unreadable:
            raise DlsyncError(live.unreadable)
        if desired is not None and compare(kind, desired, live).diff:
            live = self._former.renewed(desired, live)
        if desired is not None and not compare(kind, desired, live).diff:
            return {}
        self._former.require_known(desired, live)
        hidden_secrets.require_spellings(live, references=not self._tree.backup)
        _require_allowed(live)
        known = {text: how for text, how in self._known.get(live.address, {}).items() if text in self._former.known}
        draft = replace(self._draft, redaction=self._draft.redaction.knowing(known))
        files = kind.edited_files(desired, live, draft) if desired else kind.new_files(live, stem, draft)
        for file in files:
            self._require_holdable(file)
        return files

    def _require_holdable(self, file: str) -> None:
        if file in self._tree.sources:
            return
        if self._tree.ignored(file):
            raise DlsyncError(f"its file {file} would be ignored: write `!{file}` in {IGNORE_FILE} to have it")
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


def _not_listed(live: Live) -> Iterator[Problem]:
    which = "those that the inventory, files or --target name are exported"
    for kind in live.unlisted:
        yield Problem("warning", f"this server does not list every {kind}: of the others, {which}")
    yield from (Problem("error", fault) for fault in live.faults)
