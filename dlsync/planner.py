"""The planner: what the files say and what is live, to the plan."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from dlsync import guards
from dlsync.differ import diff
from dlsync.escape import field_name
from dlsync.fetcher import fetch
from dlsync.git import head_commit
from dlsync.kinds import account, kind_of
from dlsync.model import Address, Plan, Problem
from dlsync.redaction import Redaction
from dlsync.targets import Targets

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from dlsync.client import ReadClient
    from dlsync.differ import Outcome
    from dlsync.fetcher import Live
    from dlsync.model import Path, Resource
    from dlsync.settings import Settings
    from dlsync.state_reader import Tree

_EVERYTHING = Targets()
_USELESS = "%s is of no use: there is no %s, neither in the files nor live"
_POSITION = re.compile(r"\[\d+\]")


async def plan(
    client: ReadClient,
    tree: Tree,
    settings: Settings,
    *,
    targets: Targets = _EVERYTHING,
    doomed: Collection[Address] = (),
    progress: Callable[[], None] = lambda: None,
) -> Plan:
    """Work out what it takes to make the account what the files say.

    :param tree: one that is usable.
    :param targets: plan for these resources only.
    :param doomed: what is to be deleted whatever ``prune`` says: somebody named it.
    :param progress: called for each resource that was looked at.
    :raises ApiError: live state could not be fetched whole.
    :raises Refused: the files hold nothing, and the plan would delete.
    """
    desired = {address: resource for address, resource in tree.resources.items() if targets.admits(address)}
    prunes = settings.prune == "all"
    live = await _live(client, {*desired, *doomed}, settings, targets, progress)
    extra = [address for address in live.resources if address not in desired]
    protected = [address for address in extra if any(fnmatchcase(str(address), glob) for glob in settings.protect)]
    leaves = {*doomed, *(address for address in live.resources if prunes and kind_of(address.kind).inside)}
    outcome = diff(kind_of, desired, live.resources, leaves.difference(protected).__contains__)
    redaction = Redaction(tree.secrets)
    useless = await _useless(client, tree, desired, live, account.in_use(settings))
    result = Plan(
        settings.target,
        tuple(map(redaction.change, outcome.changes)),
        outcome.unchanged,
        head_commit(tree.root),
        (*tree.warnings, *_warnings(outcome, live, protected), *_missing(live, doomed), *useless),
    )
    guards.refuse_an_empty_tree(result, [one for one in tree.resources if kind_of(one.kind).inside])
    return result


async def _live(
    client: ReadClient,
    wanted: Collection[Address],
    settings: Settings,
    targets: Targets,
    progress: Callable[[], None],
) -> Live:
    """Fetch what a plan compares with: nothing is live in an account that the same plan creates."""
    outside = {address for address in wanted if not kind_of(address.kind).inside}
    around = await fetch(client, outside, progress=progress)
    if account.in_use(settings) in outside - set(around.resources):
        return around
    everything = {name for name in targets.kinds() if settings.prune == "all" and kind_of(name).inside}
    inside = {*wanted} - outside
    live = await fetch(client, inside, everything=everything, admits=targets.admits, progress=progress)
    return replace(live, resources={**around.resources, **live.resources})


async def _useless(
    client: ReadClient, tree: Tree, desired: Mapping[Address, Resource], live: Live, target: Address
) -> Sequence[Problem]:
    """Warn of resources that need others which are neither in the files nor live.

    :param target: the account; where the plan creates it, nothing is live.
    """
    needed = {address: kind_of(address.kind).needs(resource) for address, resource in desired.items()}
    unknown = {need for needs in needed.values() for need in needs if need not in tree.resources} - set(live.resources)
    is_new = target in desired and target not in live.resources
    there = set((await fetch(client, unknown)).resources) if unknown and not is_new else set()
    return [
        Problem("warning", _USELESS % (one, need), desired[one].file, kind_of(one.kind).line(desired[one]))
        for one, needs in needed.items()
        for need in needs
        if need in unknown - there
    ]


def _warnings(outcome: Outcome, live: Live, protected: Sequence[Address]) -> Iterator[Problem]:
    for text in _unseen(outcome.unseen):
        yield Problem("warning", text)
    for kind in live.unlisted:
        yield Problem("warning", f"this server does not list every {kind}: what it does not list is not pruned")
    for address in protected:
        yield Problem("warning", f"{address} is in no file and live; it is protected and stays")


def _missing(live: Live, doomed: Collection[Address]) -> Iterator[Problem]:
    for address in sorted(set(doomed) - set(live.resources)):
        yield Problem("warning", f"{address} is to be deleted and is not there")


def _unseen(unseen: Mapping[Address, Sequence[Path]]) -> Iterator[str]:
    """Say once for each field, not once for each of a thousand resources, what an update would drop."""
    owners: Counter[str] = Counter()
    example: dict[str, Address] = {}
    for address, paths in unseen.items():
        for spelled in sorted({f"`{_POSITION.sub('[]', field_name(path))}` of a {address.kind}" for path in paths}):
            owners[spelled] += 1
            example.setdefault(spelled, address)
    for spelled, count in owners.items():
        which = f"{example[spelled]}" + (f" and {count - 1} more" if count > 1 else "")
        yield f"{spelled} is live in {which}, but in no file and no schema: it is not compared, and an update drops it"
