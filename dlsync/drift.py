"""Drift: what was changed on the server since it was applied, field by field."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dlsync import planner
from dlsync.errors import SettingsError
from dlsync.kinds import kind_of
from dlsync.model import Change, Target
from dlsync.three_way import has_moved, movement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlsync.fetcher import Fetcher
    from dlsync.model import Difference, Op, Problem, Resource
    from dlsync.ownership.inventory import Entry
    from dlsync.planner import Prepared
    from dlsync.settings import Settings
    from dlsync.state_reader import Tree
    from dlsync.targets import Targets

_NO_RECORD = (
    "`inventory: none` in dlsync.yaml: without a record of what was applied, nobody knows what was changed since"
)


@dataclass(frozen=True)
class Drift:
    """What was changed outside; falsy where nothing was.

    :param changes: what was done on the server, as a change from what was applied (``before``) to what is live
        (``after``). What was applied is known only where the files still say it.
    :param unchanged: how many managed resources are as they were applied.
    """

    target: Target
    changes: tuple[Change, ...]
    unchanged: int
    warnings: tuple[Problem, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.changes)


async def find(fetcher: Fetcher, tree: Tree, settings: Settings, targets: Targets) -> Drift:
    """Compare what is live with what was applied.

    :param tree: says in words what was applied, where the files have not moved on.
    :param settings: of which :func:`require_record` has been asked.
    :raises ApiError: live state could not be fetched whole.
    """
    work = await look(fetcher, tree, settings, targets)
    found = drifted(work)
    managed = sum(targets.admits(address) for address in work.inventory)
    warnings = tuple(
        one for one in work.plan.warnings if work.inventory.broken and work.inventory.broken in one.message
    )
    return Drift(settings.target, found, managed - len(found), warnings)


def require_record(settings: Settings) -> None:
    """Require that what was applied is recorded.

    :raises SettingsError: the settings want no record.
    """
    if settings.inventory == "none":
        raise SettingsError(_NO_RECORD, hint="Set `inventory: account`, or a file's path.")


async def look(fetcher: Fetcher, tree: Tree, settings: Settings, targets: Targets) -> Prepared:
    """Return what the files say, what is live and what was recorded, of all that is managed."""
    chosen = replace(settings, prune="managed", protect=())
    return await planner.prepare(fetcher, tree, chosen, targets=targets)


def drifted(work: Prepared) -> tuple[Change, ...]:
    """Return what was changed outside, in the order of an apply."""
    found = sorted(_found(work), key=lambda change: (kind_of(change.address.kind).order, change.address.name))
    return tuple(found)


def _found(work: Prepared) -> Iterator[Change]:
    salt = work.inventory.salt
    for address in work.inventory:
        entry, live, desired = work.inventory.entry(address), work.live.get(address), work.desired.get(address)
        if entry is None:
            continue
        kind = kind_of(address.kind)
        if live is None:
            if desired or address in work.gone:
                yield Change(address, "delete", "drift", desired.file if desired else "")
        elif desired is None:
            if has_moved(kind, live, entry, salt):
                yield Change(address, "update", "drift")
        elif diff := tuple(_moved(work, entry, desired, live)):
            file, placed = kind.located(desired, diff)
            line = min((one.line for one in placed if one.line), default=None)
            yield Change(address, "update", "drift", file, line, tuple(map(_outside, placed)))


def _moved(work: Prepared, entry: Entry, desired: Resource, live: Resource) -> Iterator[Difference]:
    kind = kind_of(live.kind)
    if kind.identical(desired, live):
        return
    # before they are chosen from: what the files have moved tells which of the others are likely secret
    for one in work.redaction.differences(movement(kind, desired, live, entry, work.inventory.salt).diff):
        if one.mover != "repo":
            yield one


_OPS: dict[Op, Op] = {"add": "remove", "remove": "add", "replace": "replace"}


def _outside(one: Difference) -> Difference:
    """Turn a difference around: from what was applied to what is live."""
    before = None if one.mover == "conflict" else one.after
    return replace(one, op=_OPS[one.op], before=before, after=one.before)
