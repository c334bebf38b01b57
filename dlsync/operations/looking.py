"""What asks a server and writes nothing to it: plan, drift, export."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from dlsync import environments, guards, planner, state_reader
from dlsync.fetcher import Fetcher
from dlsync.kinds import account, kind_of
from dlsync.operations.connecting import reader, silent
from dlsync.operations.remembering import remember, remembered
from dlsync.ownership import keeping
from dlsync.saved_plan import Wishes
from dlsync.targets import Targets

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from dlsync.drift import Drift
    from dlsync.exporter import Export
    from dlsync.model import Plan
    from dlsync.planner import Prepared
    from dlsync.settings import Settings
    from dlsync.state_reader import Tree

EVERYTHING = Targets()


async def plan(
    directory: Path, settings: Settings, *, wishes: Wishes | None = None, progress: Callable[[], None] = silent
) -> Plan:
    """Say what an apply would change; see :func:`prepare`."""
    return (await prepare(directory, settings, wishes=wishes, progress=progress)).plan


async def prepare(
    directory: Path, settings: Settings, *, wishes: Wishes | None = None, progress: Callable[[], None] = silent
) -> Prepared:
    """Work out a plan, with what it takes to carry it out or to keep it.

    :param wishes: what it is to be about; everything, where that is not said.
    :raises SettingsError: an account is to be deleted that is in use, or that dlsync.yaml names.
    :raises InvalidTree: the files have errors.
    :raises ApiError: the live state could not be fetched.
    :raises Refused: the files hold nothing, and the plan would delete.
    """
    wanted = wishes or Wishes()
    async with looked(directory, settings, Targets(wanted.targets), progress) as (fetcher, tree):
        return await prepared(fetcher, tree, settings, wanted)


@asynccontextmanager
async def looked(
    directory: Path, settings: Settings, targets: Targets, progress: Callable[[], None], *, missing_ok: bool = False
) -> AsyncIterator[tuple[Fetcher, Tree]]:
    """Read a tree, and while a thread does so, fetch what the names of its files promise.

    :param targets: what is not meant is not fetched.
    :param missing_ok: take a directory that does not exist for an empty tree.
    :raises InvalidTree: the files have errors, whatever the server says.
    """
    found = state_reader.find(directory, missing_ok=missing_ok)
    async with reader(settings) as client:
        known = {address: content for address, content in found.foretold().items() if targets.admits(address)}
        fetcher = Fetcher(client, cache=remembered(directory, settings), progress=progress)
        async with fetcher.ahead(known, keeping.read(client, settings, directory)):
            tree = (await asyncio.to_thread(environments.understood, found, settings)).usable()
            fetcher.desired = tree.resources
            yield fetcher, tree


async def prepared(fetcher: Fetcher, tree: Tree, settings: Settings, wishes: Wishes) -> Prepared:
    """Work out a plan with a client that is open; see :func:`prepare`."""
    work = await planner.prepare(
        fetcher,
        tree,
        settings,
        targets=Targets(wishes.targets),
        doomed=account.deletions(wishes.delete_accounts, settings, tree.resources),
        decisions=wishes.decisions,
    )
    remember(tree.root, settings, fetcher, work)
    guards.refuse_an_empty_tree(work.plan, [one for one in tree.resources if kind_of(one.kind).inside])
    return work


async def drift(
    directory: Path, settings: Settings, *, targets: Targets = EVERYTHING, progress: Callable[[], None] = silent
) -> Drift:
    """Say what was changed on the server since it was applied.

    :raises SettingsError: the settings want no record of what was applied.
    :raises InvalidTree: the files have errors.
    :raises ApiError: the live state could not be fetched.
    """
    from dlsync import drift as drifts

    drifts.require_record(settings)
    async with looked(directory, settings, targets, progress) as (fetcher, tree):
        return await drifts.find(fetcher, tree, settings, targets)


async def export(
    directory: Path,
    settings: Settings,
    *,
    targets: Targets = EVERYTHING,
    managed: bool = False,
    mirror: bool = False,
    check: bool = False,
    progress: Callable[[], None] = silent,
) -> Export:
    """Write the live state into files.

    :param managed: only what is managed, or in the files already.
    :param check: write nothing, only say what would be written.
    :raises InvalidTree: the files that are there have errors.
    """
    from dlsync import exporter, file_writer

    async with looked(directory, settings, targets, progress, missing_ok=True) as (fetcher, tree):
        made = await exporter.export(fetcher, tree, settings, targets=targets, managed=managed, mirror=mirror)
    if not check:
        file_writer.write(directory, made.files)
    return made
