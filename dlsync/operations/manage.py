"""Taking resources in and out of management, hand edits into the files, and locks away."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from dlsync.errors import SettingsError
from dlsync.files import writer as file_writer
from dlsync.operations.drift import accept_edits
from dlsync.operations.duplicates import with_ids
from dlsync.operations.fetch import Fetcher
from dlsync.operations.plan import build_plan, open_planning
from dlsync.operations.reconcile import NOT_MANAGED
from dlsync.operations.session import locked, reader, recorded, silent, unheard, who_runs_us, writer
from dlsync.operations.update_inventory import advanced, as_live
from dlsync.resources import environments, kind_of
from dlsync.state import store
from dlsync.state.inventory import LOCK_TIMEOUT
from dlsync.state.lock import holder_of, remove

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dlsync.client import Client
    from dlsync.files.settings import Settings
    from dlsync.model import Address
    from dlsync.operations.export import Export
    from dlsync.operations.plan import PlanContext
    from dlsync.resources.selector import Targets
    from dlsync.state.inventory import Inventory
    from dlsync.state.lock import Lock, LockInfo

_NO_FILE = "it is in no file, so the next apply would delete it; if it is live, `dlsync export --target {}` writes one"
_NOT_LIVE = "it is not live; `dlsync apply` makes it"
_ALREADY = "it is managed already"
_UNMANAGED = "it is not managed already"
_DIFFERS = "it differs from its file; `dlsync adopt {}` takes it over, and the next plan shows how"


class ManageResult(NamedTuple):
    """What became of resources that were to be taken in or out of management.

    :param taken: those for which it was done.
    :param left: the others, each with the reason.
    :param failed: those of them that were named in full, and are not as they were to be.
    """

    taken: tuple[Address, ...]
    left: tuple[tuple[Address, str], ...] = ()
    failed: tuple[Address, ...] = ()


class Waiting(NamedTuple):
    """How to wait for an apply that goes on.

    :param seconds: for so long.
    :param told: is told whom it is waited for.
    """

    seconds: float = LOCK_TIMEOUT
    told: Callable[[str], None] = unheard


PATIENTLY = Waiting()


async def managed(directory: Path, settings: Settings) -> Inventory:
    """Return the inventory of the account."""
    async with reader(settings) as client:
        return await recorded(client, settings, directory)


async def adopt(directory: Path, settings: Settings, targets: Targets, waiting: Waiting = PATIENTLY) -> ManageResult:
    """Take resources into management as they are live; what differs from the files is then a change of the files.

    :raises Refused: an apply goes on.
    :raises SettingsError: a glob matches no resource of the files.
    """
    tree = environments.read(directory, _recording(settings)).raise_for_errors()
    targets.require_match({*tree.resources, *targets.named()})
    async with (
        writer(settings) as client,
        locked(client, who_runs_us(settings, tree.secrets), waiting.seconds, waiting.told) as lock,
    ):
        context = await build_plan(Fetcher(client), tree, replace(settings, prune="none"), targets=targets)
        chosen = {one for one in context.desired if kind_of(one.kind).account_scoped} | targets.named()
        left = {one: reason for one in chosen if (reason := _not_adopted(context, one))}
        entries = {one: as_live(context, one, context.live[one]) for one in chosen if one not in left}
        kept = with_ids(client, context.inventory.changed(entries))
        await _keep(client, lock, settings, directory, before=context.inventory, after=kept)
    failed = sorted(one for one in targets.named() if left.get(one, _ALREADY) != _ALREADY)
    return ManageResult(tuple(sorted(entries)), tuple(sorted(left.items())), tuple(failed))


def _not_adopted(context: PlanContext, address: Address) -> str:
    if address in context.inventory:
        return _ALREADY
    if address not in context.desired:
        return _NO_FILE.format(address)
    if address not in context.live:
        return _NOT_LIVE
    return context.live[address].unreadable


async def release(directory: Path, settings: Settings, targets: Targets, waiting: Waiting = PATIENTLY) -> ManageResult:
    """Take resources out of management; they stay as they are live.

    :raises Refused: an apply goes on.
    :raises SettingsError: a glob matches no managed resource.
    """
    _recording(settings)
    async with writer(settings) as client, locked(client, who_runs_us(settings), waiting.seconds, waiting.told) as lock:
        inventory = await recorded(client, settings, directory)
        known = inventory.known | inventory.unreadable
        targets.require_match({*known, *targets.named()})
        taken = sorted(filter(targets.admits, known))
        await _keep(client, lock, settings, directory, before=inventory, after=inventory.changed({}, taken))
    return ManageResult(tuple(taken), tuple((one, _UNMANAGED) for one in sorted(targets.named()) if one not in taken))


async def rebuild(directory: Path, settings: Settings, waiting: Waiting = PATIENTLY) -> ManageResult:
    """Make the inventory anew from the files and what is live as they say; what can still be read of it stays.

    :raises Refused: an apply goes on.
    """
    tree = environments.read(directory, _recording(settings)).raise_for_errors()
    async with (
        writer(settings) as client,
        locked(client, who_runs_us(settings, tree.secrets), waiting.seconds, waiting.told) as lock,
    ):
        context = await build_plan(Fetcher(client), tree, replace(settings, prune="managed"))
        changes = [change.finished("skipped") for change in context.plan.changes]
        entries = advanced(replace(context, inventory=replace(context.inventory, foreign=None)), changes)
        record = with_ids(client, entries)
        await _keep(client, lock, settings, directory, before=context.inventory, after=record)
    left = [(one.address, _DIFFERS.format(one.address)) for one in changes if one.held == NOT_MANAGED]
    return ManageResult(tuple(sorted(record.packed)), tuple(sorted(left)))


def _recording(settings: Settings) -> Settings:
    if settings.inventory == "none":
        raise SettingsError("`inventory: none` in dlsync.yaml: nothing is managed", hint="Set `inventory: account`.")
    return settings


async def _keep(
    client: Client, lock: Lock, settings: Settings, directory: Path, *, before: Inventory, after: Inventory
) -> None:
    if after != before or before.broken:
        async with lock.held():
            await store.write(client, settings, directory, after)


async def accept(
    directory: Path,
    settings: Settings,
    targets: Targets,
    *,
    check: bool = False,
    progress: Callable[[], None] = silent,
) -> Export:
    """Write what was changed on the server into the files.

    :param targets: the resources that are meant; all that drifted, where it has no patterns.
    :param check: write nothing, only say what would be written.
    :raises SettingsError: a target matches no resource.
    """
    async with open_planning(directory, settings, progress) as (fetcher, tree):
        made = await accept_edits(fetcher, tree, settings, targets)
    if not check:
        file_writer.write(directory, made.files)
    return made


async def unlock(settings: Settings, agree: Callable[[LockInfo], bool]) -> LockInfo | None:
    """Take the lock of the account away from whoever holds it.

    :param agree: is told who that is; nothing is done unless it returns True.
    :returns: who held it; None where nobody did.
    """
    async with writer(settings) as client:
        holder = await holder_of(client)
        if holder is not None and agree(holder):
            await remove(client)
        return holder
