"""The exporter: live into files. What is in the tree is edited in place, the rest written anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlsync.differ import compare
from dlsync.errors import DlsyncError
from dlsync.fetcher import fetch
from dlsync.kinds import all_kinds, kind_of
from dlsync.model import Action, Address, Problem, Target
from dlsync.naming import distinct_stems, too_long

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dlsync.client import ReadClient
    from dlsync.fetcher import Live
    from dlsync.model import Resource
    from dlsync.settings import Settings
    from dlsync.state_reader import Tree
    from dlsync.targets import Targets


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file to write, or where ``content`` is None, to remove.

    :param file: relative to the tree, POSIX style.
    """

    address: Address
    action: Action
    file: str
    content: bytes | None


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
    :param managed: only what the tree has already.
    :param mirror: also remove the files of what is gone from the server.
    :raises ApiError: live state could not be fetched whole.
    """
    wanted = {address for address in tree.resources if targets.admits(address)} | targets.named()
    live = await fetch(client, wanted, everything=not managed, admits=targets.admits, progress=progress)
    stems = _stems(tree, live)
    changes: list[FileChange] = []
    problems = [Problem("warning", _unlisted(kind)) for kind in live.unlisted]
    for address, resource in live.resources.items():
        try:
            changes += _changes(tree.resources.get(address), resource, stems[address.kind][address.name])
        except DlsyncError as error:
            problems.append(Problem("error", f"{address}: {error.message}"))
    if mirror:
        changes += _gone(tree, wanted - set(live.resources))
    touched = {change.address for change in changes}
    changes.sort(key=lambda change: change.file)
    return Export(settings.target, tuple(changes), len(set(live.resources) - touched), tuple(problems))


def _stems(tree: Tree, live: Live) -> dict[str, dict[str, str]]:
    addresses = {*tree.resources, *live.resources}
    names = {kind.name: {address.name for address in addresses if address.kind == kind.name} for kind in all_kinds()}
    return {kind: distinct_stems(sorted(of_kind)) for kind, of_kind in names.items()}


def _changes(desired: Resource | None, live: Resource, stem: str) -> Iterator[FileChange]:
    kind = kind_of(live.kind)
    if desired is None:
        for file, content in kind.new_files(live, stem).items():
            if too_long(file.rpartition("/")[2]):
                raise DlsyncError(f"its name is too long for a file: {file}", hint="Rename it on the server.")
            yield FileChange(live.address, "create", file, content)
    elif compare(kind, desired, live).diff:
        known = kind.files(desired)
        for file, content in kind.edited_files(desired, live).items():
            action: Action = "delete" if content is None else "update" if file in known else "create"
            yield FileChange(live.address, action, file, content)


def _gone(tree: Tree, addresses: set[Address]) -> Iterator[FileChange]:
    for address in addresses & set(tree.resources):
        for file in kind_of(address.kind).files(tree.resources[address]):
            yield FileChange(address, "delete", file, None)


def _unlisted(kind: str) -> str:
    return f"this server cannot list {kind}s: only those that files or --target name are exported"
