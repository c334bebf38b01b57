"""Find, remove and warn of resources that the server has more than once, such as two links of a plugin."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from dlsync.client import ReadClient
from dlsync.files.settings import Prune
from dlsync.messages import counted
from dlsync.model import Address, Code, FieldChange, Problem, Resource
from dlsync.resources import all_kinds, kind_of
from dlsync.resources.endpoint import Listing
from dlsync.resources.selector import Targets
from dlsync.state.inventory import Inventory


def pruned(
    client: ReadClient,
    desired: Mapping[Address, Resource],
    live: Mapping[Address, Resource],
    inventory: Inventory,
    prune: Prune,
) -> dict[Address, tuple[FieldChange, ...]]:
    """Return the duplicates of desired resources that ``prune`` removes, as removals.

    Duplicates that existed when dlsync adopted the resource are not drift.
    """
    candidates = (
        one for one in desired if one in live and (prune == "all" or (prune == "managed" and one in inventory))
    )
    found: dict[Address, tuple[FieldChange, ...]] = {}
    for address in candidates:
        kind = kind_of(address.kind)
        if diff := kind.duplicates(desired[address], live[address]):
            ids, recorded = kind.ids(client).get(address.name, ()), inventory.ids.get(address, ())
            has_new = address in inventory and not {*ids} <= {*recorded}
            found[address] = diff if has_new else tuple(replace(one, mover="repo") for one in diff)
    return found


def duplicate_warnings(
    listings: Iterable[Listing],
    targets: Targets,
    changing: Collection[Address],
    adopted: Collection[Address],
    prune: Prune,
) -> Iterator[Problem]:
    """Warn of duplicates that stay, except of resources in ``changing``; an apply adopts those in ``adopted``."""
    why = f"`prune: {prune}` removes none" + (" of what is not managed" if prune == "managed" else "")
    for resource in (one for listing in listings for one in listing.resources):
        count = len(kind_of(resource.kind).duplicates(resource, resource))
        if count and resource.address not in changing and targets.admits(resource.address):
            what = f"the server has {counted(count, 'duplicate')} of {resource.address}"
            later = ", so the apply after this one does" if prune == "managed" and resource.address in adopted else ""
            yield Problem(Code.DUPLICATE_RESOURCE, f"{what}: {why}{later}")


def omitted(client: ReadClient, inventory: Inventory, targets: Targets) -> set[Address]:
    """Return the managed resources that the server's lists omit, and have lists fetch them by their ids from now on."""
    found: set[Address] = set()
    for kind in all_kinds():
        ids = {one.name: some for one, some in inventory.ids.items() if one.kind == kind.name and targets.admits(one)}
        found |= {Address(kind.name, name) for name in kind.track_ids(client, ids)}
    return found


def with_ids(client: ReadClient, inventory: Inventory) -> Inventory:
    """Return the inventory with the ids that the server listed last."""
    listed = ((Address(kind.name, name), ids) for kind in all_kinds() for name, ids in kind.ids(client).items())
    return inventory.with_ids(dict(listed))
