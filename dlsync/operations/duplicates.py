"""Resources that the server has more than once: of which a plan removes duplicates, and of which it warns. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlsync.model import Problem
from dlsync.resources import kind_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from dlsync.model import Address, Difference, Resource
    from dlsync.resources.context import Listing
    from dlsync.resources.selector import Targets
    from dlsync.state.inventory import Inventory


def pruned(
    desired: Mapping[Address, Resource], live: Mapping[Address, Resource], inventory: Inventory, prune: str
) -> dict[Address, tuple[Difference, ...]]:
    """Return the duplicates of desired resources that ``prune`` removes, as removals."""
    candidates = (
        one for one in desired if one in live and (prune == "all" or (prune == "managed" and one in inventory))
    )
    found = {one: kind_of(one.kind).duplicates(desired[one], live[one]) for one in candidates}
    return {address: diff for address, diff in found.items() if diff}


def duplicate_warnings(
    listings: Iterable[Listing], targets: Targets, changing: Collection[Address], prune: str
) -> Iterator[Problem]:
    """Warn of the duplicates that stay, of resources in the files or not.

    :param changing: the resources that the plan deletes, or whose duplicates it removes.
    """
    why = f"`prune: {prune}` removes none" + (" of what is not managed" if prune == "managed" else "")
    for resource in (one for listing in listings for one in listing.resources):
        count = len(kind_of(resource.kind).duplicates(resource, resource))
        if count and resource.address not in changing and targets.admits(resource.address):
            what = f"the server has {count} duplicate{'' if count == 1 else 's'} of {resource.address}"
            yield Problem("warning", f"{what}: {why}")
