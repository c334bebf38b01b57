"""Resources that need others in a plan: none is made without, and none goes with another unseen."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from dlsync.client import ReadClient
from dlsync.model import Address, Problem, Resource, ResourceChange
from dlsync.operations.fetch import Fetcher, Live, fetch_by_name
from dlsync.resources import kind_of

_MISSING = "%s refers to %s, which does not exist: it is not created; add what is missing, or remove this line"
_DELETED = "%s refers to %s, which this plan deletes: the server deletes both; remove this line too"
_KEPT = "%s refers to %s, whose file was removed and which stays: %s; restore the file, or remove this line too"
_STAYS = "the server would delete %s with it, which is protected or in conflict: settle that first, or restore the file"


async def deleted_with(fetcher: Fetcher, live: Live, deletes: Iterable[Address]) -> tuple[Live, set[Address]]:
    """Fetch what the server deletes with other resources; return all that is live, and the addresses of those.

    :raises ApiError: a request failed for good.
    """
    possible = {other for one in deletes for other in kind_of(one.kind).deleted_with(one.name)}
    unknown = possible - live.resources.keys()
    found = (await fetcher.fetch(unknown)).resources if unknown else {}
    live = replace(live, resources={**live.resources, **found})
    return live, possible & live.resources.keys()


async def orphans(
    client: ReadClient | None,
    desired: Mapping[Address, Resource],
    known: Collection[Address],
    deleted: Collection[Address],
) -> dict[Address, Address]:
    """Return the desired resources that need one which will not exist, each with that one.

    :param client: asks for each need by its name, whatever a list says; None where nothing is live.
    :param known: what the files have and what is live.
    :param deleted: what of it the plan deletes.
    :raises ApiError: a request failed for good.
    """
    needed = {address: kind_of(address.kind).needs(resource) for address, resource in desired.items()}
    missing = {need for needs in needed.values() for need in needs if need not in known}
    if client and missing:
        missing -= (await fetch_by_name(client, missing)).keys()
    return {one: need for one, needs in needed.items() for need in needs if need in missing or need in deleted}


def warning(orphan: Resource, need: Address, deletes: Mapping[Address, ResourceChange]) -> Problem:
    """Warn of a resource that needs one which will not exist, or which only stays because its delete is blocked."""
    delete = deletes.get(need)
    if delete and delete.held:
        message = _KEPT % (orphan.address, need, delete.held.partition(":")[0])
    else:
        message = (_DELETED if delete else _MISSING) % (orphan.address, need)
    return Problem("warning", message, orphan.file, kind_of(orphan.kind).line(orphan))


def blocked(changes: Iterable[ResourceChange], live: Collection[Address]) -> list[ResourceChange]:
    """Block each delete with which the server would delete what the plan does not."""
    changes = list(changes)
    staying = {*live} - {one.address for one in changes if one.action == "delete" and not one.held}
    return [_blocked(one, staying) for one in changes]


def _blocked(change: ResourceChange, staying: Collection[Address]) -> ResourceChange:
    if change.action != "delete" or change.held:
        return change
    taken = [one for one in kind_of(change.address.kind).deleted_with(change.address.name) if one in staying]
    return replace(change, held=_STAYS % taken[0]) if taken else change
