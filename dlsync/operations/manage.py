"""Take resources into and out of management, rebuild the inventory, and remove locks."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import NamedTuple

from dlsync.client import Client
from dlsync.errors import SettingsError
from dlsync.files.settings import Settings
from dlsync.model import Address
from dlsync.operations.duplicates import with_ids
from dlsync.operations.fetch import Fetcher
from dlsync.operations.plan import build_plan
from dlsync.operations.plan_context import PlanContext
from dlsync.operations.reconcile import NOT_MANAGED
from dlsync.operations.reporter import SILENT, Reporter
from dlsync.operations.run_owner import NO_SECRETS, run_owner
from dlsync.operations.session import locked, read_inventory, reader, writer
from dlsync.operations.update_inventory import advanced, as_live
from dlsync.resources import environments, kind_of
from dlsync.resources.selector import Targets
from dlsync.state import inventory_store
from dlsync.state.inventory import LOCK_TIMEOUT, Inventory
from dlsync.state.lock import LockInfo, holder_of, remove

_NO_FILE = "it is in no file, so the next apply would delete it; if it is live, `dlsync export --target {}` writes one"
_NOT_LIVE = "it does not exist on the server; `dlsync apply` creates it"
_ALREADY = "it is managed already"
_UNMANAGED = "it is not managed"
_DIFFERS = "it differs from its file; `dlsync adopt {}` takes it over, and the next plan shows how"


class ManageResult(NamedTuple):
    """The result of managing or releasing resources.

    :param taken: the resources for which it was done.
    :param left: the others, each with the reason.
    :param failed: the resources named in full that could not be managed.
    """

    taken: tuple[Address, ...]
    left: tuple[tuple[Address, str], ...] = ()
    failed: tuple[Address, ...] = ()


async def managed(directory: Path, settings: Settings) -> Inventory:
    """Return the inventory of the account."""
    async with reader(settings) as client:
        return await read_inventory(client, settings, directory)


async def adopt(
    directory: Path,
    settings: Settings,
    targets: Targets,
    lock_timeout: float = LOCK_TIMEOUT,
    reporter: Reporter = SILENT,
) -> ManageResult:
    """Manage resources as they are live; the next plan shows how they differ from their files.

    :raises Refused: another run holds the lock.
    :raises SettingsError: a glob matches no resource of the files.
    """
    _require_inventory(settings)
    tree = environments.read(directory, settings).raise_for_errors()
    targets.require_match({*tree.resources, *targets.named()})
    async with _locked_account(directory, settings, lock_timeout, reporter, tree.secrets) as (client, store_inventory):
        fetcher = Fetcher(client, reporter=reporter)
        context = await build_plan(fetcher, tree, settings, targets=targets, prune="none")
        chosen = {one for one in context.desired if kind_of(one.kind).account_scoped} | targets.named()
        left = {one: reason for one in chosen if (reason := _not_adopted(context, one))}
        entries = {one: as_live(context, one, context.live[one]) for one in chosen if one not in left}
        await store_inventory(context.inventory, with_ids(client, context.inventory.changed(entries)))
    failed = sorted(one for one in targets.named() if left.get(one, _ALREADY) != _ALREADY)
    return ManageResult(tuple(sorted(entries)), tuple(sorted(left.items())), tuple(failed))


def _not_adopted(context: PlanContext, address: Address) -> str:
    if address in context.inventory:
        return _ALREADY
    if address not in context.desired:
        return _NO_FILE.format(quote(str(address)))
    return context.live[address].unreadable if address in context.live else _NOT_LIVE


async def release(
    directory: Path,
    settings: Settings,
    targets: Targets,
    lock_timeout: float = LOCK_TIMEOUT,
    reporter: Reporter = SILENT,
) -> ManageResult:
    """Stop managing resources, which stay live.

    :raises Refused: another run holds the lock.
    :raises SettingsError: a glob matches no managed resource.
    """
    _require_inventory(settings)
    async with _locked_account(directory, settings, lock_timeout, reporter) as (client, store_inventory):
        inventory = await read_inventory(client, settings, directory)
        known = inventory.known | inventory.unreadable
        targets.require_match({*known, *targets.named()})
        taken = sorted(filter(targets.admits, known))
        await store_inventory(inventory, inventory.changed({}, taken))
    return ManageResult(tuple(taken), tuple((one, _UNMANAGED) for one in sorted(targets.named()) if one not in taken))


async def rebuild(
    directory: Path, settings: Settings, lock_timeout: float = LOCK_TIMEOUT, reporter: Reporter = SILENT
) -> ManageResult:
    """Rebuild the inventory from live resources that match their files; its readable entries stay.

    :raises Refused: another run holds the lock.
    """
    _require_inventory(settings)
    tree = environments.read(directory, settings).raise_for_errors()
    async with _locked_account(directory, settings, lock_timeout, reporter, tree.secrets) as (client, store_inventory):
        context = await build_plan(Fetcher(client, reporter=reporter), tree, settings, prune="managed")
        changes = [change.finished("skipped") for change in context.plan.changes]
        readable = replace(context, inventory=replace(context.inventory, foreign=None))
        inventory = with_ids(client, advanced(readable, changes))
        await store_inventory(context.inventory, inventory)
    left = [(one.address, _DIFFERS.format(quote(str(one.address)))) for one in changes if one.held == NOT_MANAGED]
    return ManageResult(tuple(sorted(inventory.packed)), tuple(sorted(left)))


def _require_inventory(settings: Settings) -> None:
    if settings.inventory == "none":
        raise SettingsError("`inventory: none` in dlsync.yaml: nothing is managed", hint="Set `inventory: account`.")


@asynccontextmanager
async def _locked_account(
    directory: Path,
    settings: Settings,
    lock_timeout: float,
    reporter: Reporter,
    secrets: Mapping[str, str] = NO_SECRETS,
) -> AsyncIterator[tuple[Client, Callable[[Inventory, Inventory], Awaitable[None]]]]:
    """Lock the account; yield its client, and a function that stores an inventory if it changed."""
    owner = run_owner(settings, secrets)
    async with writer(settings) as client, locked(client, owner, lock_timeout, reporter) as lock:

        async def store_inventory(before: Inventory, after: Inventory) -> None:
            if after != before or before.broken:
                async with lock.held():
                    await inventory_store.write(client, settings, directory, after)

        yield client, store_inventory


async def unlock(settings: Settings, agree: Callable[[LockInfo], bool]) -> LockInfo | None:
    """Remove the lock of the account.

    :param agree: is called with the holder; the lock stays unless it returns True.
    :returns: the holder; None if there was no lock.
    """
    async with writer(settings) as client:
        holder = await holder_of(client)
        if holder is not None and agree(holder):
            await remove(client)
        return holder
