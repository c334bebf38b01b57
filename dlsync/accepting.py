"""Accepting what was done on the server: the live side into the files, but for what the files alone have moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlsync import exporter
from dlsync.drift import drifted, look, require_record
from dlsync.errors import DlsyncError
from dlsync.kinds import kind_of
from dlsync.three_way import blended, movement

if TYPE_CHECKING:
    from dlsync.exporter import Export
    from dlsync.fetcher import Fetcher
    from dlsync.model import Resource
    from dlsync.planner import Prepared
    from dlsync.settings import Settings
    from dlsync.state_reader import Tree
    from dlsync.targets import Targets


async def accept(fetcher: Fetcher, tree: Tree, settings: Settings, targets: Targets) -> Export:
    """Work out the files that have what was changed on the server in them.

    :param targets: the resources that are meant; all that drifted, where it has no patterns.
    :raises DlsyncError: a resource that is named is neither in the files nor live.
    :raises SettingsError: what drifted is not recorded.
    :raises ApiError: live state could not be fetched whole.
    """
    if not targets:
        require_record(settings)
    work = await look(fetcher, tree, settings, targets)
    if targets:
        wanted = {one for one in tree.resources if targets.admits(one) and kind_of(one.kind).inside} | targets.named()
    else:
        wanted = {change.address for change in drifted(work)}
    if lost := sorted(one for one in targets.named() if one not in work.desired and one not in work.live):
        raise DlsyncError(f"{lost[0]} is neither in the files nor live", hint="`dlsync drift` lists what was changed.")
    live = {address: _accepted(work, one) for address, one in work.live.items() if address in wanted}
    edits = exporter.Edits(tree, work.inventory.former_secrets(live.values()))
    edits.write(live)
    edits.remove({one for one in wanted if one in tree.resources and one not in work.live})
    files = edits.files()
    return exporter.Export(settings.target, files, len(set(live) - edits.changed), edits.problems(files))


def _accepted(work: Prepared, live: Resource) -> Resource:
    """Return the live side, but for what only the files have moved since it was applied."""
    desired, entry = work.desired.get(live.address), work.inventory.entry(live.address)
    if desired is None or entry is None:
        return live
    kind, salt = kind_of(live.kind), work.inventory.salt
    theirs = tuple(one for one in movement(kind, desired, live, entry, salt).diff if one.mover != "repo")
    return kind.blended(desired, live, blended(kind, desired, live, theirs)) if theirs else desired
