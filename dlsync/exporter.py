"""The exporter: live into files. What is in the tree is edited in place, the rest written anew."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from dlsync import schema
from dlsync.differ import compare
from dlsync.errors import DlsyncError
from dlsync.fetcher import fetch
from dlsync.kinds import Draft, all_kinds, kind_of
from dlsync.model import Action, Address, Problem, Target
from dlsync.naming import distinct_stems, too_long
from dlsync.redaction import Redaction

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

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
    wanted = {address for address in tree.resources if targets.admits(address)}
    if not managed:
        wanted |= targets.named()
    listed = () if managed else targets.kinds()
    live = await fetch(client, wanted, everything=listed, admits=targets.admits, progress=progress)
    changes, problems = _edits(tree, live)
    if mirror:
        changes += _gone(tree, wanted - set(live.resources))
    # stable, so that each resource's files stay in its kind's order: cut short between them, the tree can still be read
    changes.sort(key=lambda change: change.address)
    warnings = [Problem("warning", _unlisted(kind)) for kind in live.unlisted]
    unchanged = set(live.resources) - {change.address for change in changes} - set(problems)
    return Export(settings.target, tuple(changes), len(unchanged), (*warnings, *problems.values()))


def _edits(tree: Tree, live: Live) -> tuple[list[FileChange], dict[Address, Problem]]:
    changes: list[FileChange] = []
    problems: dict[Address, Problem] = {}
    files: dict[str, bytes | None] = dict(tree.sources)
    draft = Draft(files, Redaction(tree.secrets))
    stems = _stems(tree.resources, live.resources)
    for address, resource in live.resources.items():
        try:
            found = _changes(tree.resources.get(address), resource, stems[address], draft)
        except DlsyncError as error:
            problems[address] = Problem("error", f"{address}: {error.message}")
        else:
            changes += found
            files |= {change.file: change.content for change in found}
    return changes, problems


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


def _changes(desired: Resource | None, live: Resource, stem: str, draft: Draft) -> list[FileChange]:
    kind = kind_of(live.kind)
    if desired is not None and not compare(kind, desired, live).diff:
        return []
    for finding in schema.check(kind.name, kind.canonical(live.document)):
        if finding.severity == "error":  # a file that the next run refuses would stop that run, and every one after it
            raise DlsyncError(f"the server has it in a form that its file must not have: {finding.message}")
    known = kind.files(desired) if desired else ()
    files = kind.edited_files(desired, live, draft) if desired else kind.new_files(live, stem, draft)
    return [FileChange(live.address, _action(file, content, known), file, content) for file, content in files.items()]


def _action(file: str, content: bytes | None, known: Collection[str]) -> Action:
    if file in known:
        return "delete" if content is None else "update"
    if too_long(PurePosixPath(file).name):
        raise DlsyncError(f"its name is too long for a file: {file}", hint="Rename it on the server.")
    return "create"


def _gone(tree: Tree, addresses: set[Address]) -> Iterator[FileChange]:
    for address in addresses & set(tree.resources):
        for file in reversed(kind_of(address.kind).files(tree.resources[address])):
            yield FileChange(address, "delete", file, None)


def _unlisted(kind: str) -> str:
    return f"this server does not list every {kind}: of the others, those that files or --target name are exported"
