"""Resources that the server has, or might have, more than once: what is removed, warned of, and asked for by its id."""

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

    Those that were there when dlsync adopted the resource were not made on the server since.
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
    """Warn of duplicates that stay, but for resources in ``changing``; those in ``adopted`` an apply adopts."""
    why = f"`prune: {prune}` removes none" + (" of what is not managed" if prune == "managed" else "")
    for resource in (one for listing in listings for one in listing.resources):
        count = len(kind_of(resource.kind).duplicates(resource, resource))
        if count and resource.address not in changing and targets.admits(resource.address):
            what = f"the server has {counted(count, 'duplicate')} of {resource.address}"
            later = ", so the apply after this one does" if prune == "managed" and resource.address in adopted else ""
            yield Problem(Code.DUPLICATE_RESOURCE, f"{what}: {why}{later}")


def omitted(client: ReadClient, inventory: Inventory, targets: Targets) -> set[Address]:
    """Return the managed resources that the server's lists omit, and have them asked for by their ids from now on."""
    found: set[Address] = set()
    for kind in all_kinds():
        ids = {one.name: some for one, some in inventory.ids.items() if one.kind == kind.name and targets.admits(one)}
        found |= {Address(kind.name, name) for name in kind.track_ids(client, ids)}
    return found


def with_ids(client: ReadClient, inventory: Inventory) -> Inventory:
    """Return the inventory with the ids of what the server listed last."""
    listed = ((Address(kind.name, name), ids) for kind in all_kinds() for name, ids in kind.ids(client).items())
    return inventory.with_ids(dict(listed))
