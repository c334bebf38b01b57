"""Commit the files of an export, but none that has changes that are not committed or not applied yet."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from dlsync.diff.compare import compare
from dlsync.diff.three_way import moved_in_files
from dlsync.errors import DlsyncError, Refused
from dlsync.files import git, writer
from dlsync.files.git import Repository
from dlsync.files.writer import FileChange
from dlsync.messages import shortened, visible
from dlsync.model import Address, Resource, Target
from dlsync.resources import all_kinds, discovery, kind_of
from dlsync.resources.tree import Tree
from dlsync.state.inventory import Inventory

_SIGNS = {"create": "+", "update": "~", "delete": "-"}
_MOST_LINES = 100  # of a commit's message
# what code hosts act on in a message: `[skip ci]`, `closes #1`, `@all`, `skip-checks: true`, `GH-1`
_ACTED_ON = re.compile(r"[#@!*:\[\]]|(?<=[gG][hH])-(?=\d)")
_CHANGED = "its file is not applied yet; run `dlsync apply`, then export again"
_REMOVED = "its file is gone, and that is not applied yet; run `dlsync apply`, then export again"
_NOT_CHECKED_OUT = "its file is gone or not checked out; run `%s`, then export again"
_SHOW = "Undo that, such as by `git update-index --no-assume-unchanged FILE`; then commit or discard the changes."
_UNCOMMITTED = "its file has changes that are not committed, as by a run that was killed; commit or discard them"
_NEW = "its file was never applied; run `dlsync apply --adopt`, or export it without --commit"


def not_applied(
    addresses: Collection[Address], tree: Tree, live: Mapping[Address, Resource], inventory: Inventory
) -> dict[Address, str]:
    """Return the resources whose files are not applied or not committed yet, each with what to do.

    A directory without files, without an inventory, or without the commit that was applied last is a backup, whose
    files are never applied.
    """
    reasons: dict[Address, str] = {}
    if tree.resources and inventory.packed and not git.is_unknown(tree.root, inventory.commit):
        found = {one: _reason(tree.resources.get(one), live.get(one), inventory) for one in addresses}
        reasons = {address: reason for address, reason in found.items() if reason}
    # an apply would delete what has no file
    if _REMOVED in reasons.values() and (missing := git.not_checked_out(tree.root, discovery.places(all_kinds()))):
        instead = _NOT_CHECKED_OUT % "` and `".join(one.command for one in missing)
        reasons = {one: instead if reason == _REMOVED else reason for one, reason in reasons.items()}
    desired = {one: tree.resources[one] for one in sorted(addresses) if one in tree.resources}
    changed = git.uncommitted(tree.root) - {file for one in desired.keys() & reasons for file in _files(desired[one])}
    for address, resource in desired.items():
        if changed.intersection(files := _files(resource)) and _is_live(resource, live.get(address)):
            reasons[address] = _UNCOMMITTED
            changed.difference_update(files)  # name a file of many resources once
    return reasons


def _files(resource: Resource) -> Collection[str]:
    return kind_of(resource.kind).files(resource)


def _is_live(desired: Resource, live: Resource | None) -> bool:
    return live is not None and not live.unreadable and not compare(kind_of(desired.kind), desired, live).diff


def _reason(desired: Resource | None, live: Resource | None, inventory: Inventory) -> str:
    if desired is None:
        return _REMOVED if live and live.address in inventory else ""
    kind, entry = kind_of(desired.kind), inventory.entry(desired.address)
    if _is_live(desired, live):
        return ""
    if entry is None:
        return _NEW
    return _CHANGED if moved_in_files(kind, desired, entry, inventory.salt) else ""


async def commit(repository: Repository, directory: Path, target: Target, changes: Sequence[FileChange]) -> str:
    """Write changes of files and commit them; return the commit, empty if git sees no change.

    :raises Refused: a file has, or may have, changes that are not committed; nothing is written.
    :raises DlsyncError: git or a hook refuses; the files are restored.
    """
    places = [Path(place) for _, place in writer.real_paths(directory, changes)]
    paths = [repository.path(str(place)) for place in places]
    refusals = [
        (repository.changed(paths), "not committed", "Commit or discard the changes first."),
        (repository.hidden(paths), "git does not show its changes", _SHOW),
    ]
    for files, reason, hint in refusals:
        if files:
            named = shortened(", ".join(map(visible, files)), width=500)
            raise Refused(f"{reason}, so it is not overwritten: {named}; nothing was written", hint=hint)
    head, undo = repository.head(), _undo(places)
    try:
        writer.write(directory, changes)
        return await repository.commit(paths, message(target, changes)) if changes else ""
    except BaseException as error:
        if repository.head() == head or repository.changed(paths):
            undo()
            raise
        if not isinstance(error, DlsyncError):
            raise
        return repository.head()  # git was stopped after it had committed, in a later hook


def _undo(places: Sequence[Path]) -> Callable[[], None]:
    """Return a function that restores files and links as they are now."""
    links = {one: one.readlink() for one in places if one.is_symlink()}
    before = {one: (one.read_bytes(), one.stat().st_mode) for one in places if one.is_file() and one not in links}

    def undo() -> None:
        for place in places:
            place.unlink(missing_ok=True)
        for place, to in links.items():
            place.symlink_to(to)
        for place, (content, mode) in before.items():
            writer.replace_file(place, content)
            place.chmod(mode)

    return undo


def message(target: Target, changes: Sequence[FileChange]) -> str:
    """Return the message of a commit: how many files changed, of which account, and a line for each of the first."""
    counts = Counter(f"{one.action}d" for one in changes)
    subject = f"Export {_inert(f'{target.org}/{target.account}')}: "
    subject += ", ".join(f"{counts[verb]} {verb}" for verb in ("created", "updated", "deleted") if counts[verb])
    lines = [f"{_SIGNS[one.action]} {_inert(one.file)}" for one in changes[:_MOST_LINES]]
    more = [f"and {len(changes) - _MOST_LINES} more"] if len(changes) > _MOST_LINES else []
    return "\n".join([subject, "", *lines, *more])


def _inert(name: str) -> str:
    return _ACTED_ON.sub(lambda found: f"%{ord(found[0]):02X}", visible(name))
