"""The planner: what the files say and what is live, to the plan."""

from __future__ import annotations

import re
from collections import Counter
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from dlsync import guards
from dlsync.differ import diff
from dlsync.escape import field_name
from dlsync.fetcher import fetch
from dlsync.git import head_commit
from dlsync.kinds import kind_of
from dlsync.model import Address, Plan, Problem
from dlsync.redaction import Redaction
from dlsync.targets import Targets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from dlsync.client import ReadClient
    from dlsync.differ import Outcome
    from dlsync.fetcher import Live
    from dlsync.model import Path
    from dlsync.settings import Settings
    from dlsync.state_reader import Tree

_EVERYTHING = Targets()
_POSITION = re.compile(r"\[\d+\]")


async def plan(
    client: ReadClient,
    tree: Tree,
    settings: Settings,
    *,
    targets: Targets = _EVERYTHING,
    progress: Callable[[], None] = lambda: None,
) -> Plan:
    """Work out what it takes to make the account what the files say.

    :param tree: one that is usable.
    :param targets: plan for these resources only.
    :param progress: called for each resource that was looked at.
    :raises ApiError: live state could not be fetched whole.
    :raises Refused: the files hold nothing, and the plan would delete.
    """
    desired = {address: resource for address, resource in tree.resources.items() if targets.admits(address)}
    prunes = settings.prune == "all"
    live = await fetch(
        client, desired, everything=targets.kinds() if prunes else (), admits=targets.admits, progress=progress
    )
    protected = [
        address
        for address in live.resources
        if address not in desired and any(fnmatchcase(str(address), glob) for glob in settings.protect)
    ]
    outcome = diff(kind_of, desired, live.resources, lambda address: prunes and address not in protected)
    redaction = Redaction(tree.secrets)
    result = Plan(
        settings.target,
        tuple(map(redaction.change, outcome.changes)),
        outcome.unchanged,
        head_commit(tree.root),
        (*tree.warnings, *_warnings(outcome, live, protected)),
    )
    guards.refuse_an_empty_tree(result, tree.resources)
    return result


def _warnings(outcome: Outcome, live: Live, protected: Sequence[Address]) -> Iterator[Problem]:
    for text in _unseen(outcome.unseen):
        yield Problem("warning", text)
    for kind in live.unlisted:
        yield Problem("warning", f"this server does not list every {kind}: what it does not list is not pruned")
    for address in protected:
        yield Problem("warning", f"{address} is in no file and live; it is protected and stays")


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
