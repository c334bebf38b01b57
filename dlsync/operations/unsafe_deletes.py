"""Deletes that would lose something: a replacement is not confirmed, or a resource that needs the deleted one stays."""

from collections.abc import Collection, Sequence

from dlsync.client import ReadClient
from dlsync.client.concurrency import gather
from dlsync.files.names import folded
from dlsync.model import Address, ResourceChange
from dlsync.operations.plan import PlanContext
from dlsync.resources import kind_of

_NOT_CREATED = "%s may replace it and is not confirmed on the server: fix that, then apply again"
_STILL_NEEDED = "%s needs it and was not deleted: fix that, then apply again"
_SAME_NAME = (
    "its name differs from %s only in case, and the server does not list both: "
    "if the server ignores case, give the file its old name again"
)


def unconfirmed_creates(changes: Sequence[ResourceChange], prepared: PlanContext) -> list[Address]:
    """Return the creates that did not take hold, and those that need one of them.

    :param changes: creates and updates with their results, after they were verified.
    """
    creates = [change for change in changes if change.action == "create"]
    confirmed = [change.address for change in creates if change.result == "applied"]
    failed = [change.address for change in creates if change.result != "applied"]
    return [*failed, *(one for one in confirmed if set(needs(one, prepared)) & set(failed))]


def needs(address: Address, prepared: PlanContext) -> tuple[Address, ...]:
    """Return the resources that one needs, as the files say or else as it is live."""
    resource = prepared.meant(address) or prepared.live[address]
    return kind_of(address.kind).needs(resource)


def blocked_deletes(
    deletes: Sequence[ResourceChange],
    creates: Collection[Address],
    remaining: Collection[Address],
    prepared: PlanContext,
) -> dict[Address, str]:
    """Return why deletes must wait, by address.

    A rename without other changes is recognised by its content. After any other failed create, no resource of its kind
    is deleted, since each may be what it replaces.

    :param creates: those that did not take hold.
    :param remaining: the resources that were to be deleted and are not.
    """
    renames = {Address(one.address.kind, one.renamed) for one in prepared.plan.changes if one.renamed}
    needed = {need: one for one in remaining for need in needs(one, prepared)}
    reasons: dict[Address, str] = {}
    for change in deletes:
        own = Address(change.address.kind, change.renamed)
        replacements = [own] if change.renamed else [one for one in creates if one not in renames]
        failed = [one for one in replacements if one in creates and one.kind == change.address.kind]
        if failed:
            reasons[change.address] = _NOT_CREATED % failed[0]
        elif change.address in needed:
            reasons[change.address] = _STILL_NEEDED % needed[change.address]
    return reasons


async def same_but_for_case(
    client: ReadClient, deletes: Sequence[ResourceChange], desired: Collection[Address]
) -> dict[Address, str]:
    """Return the deletes of what a server that ignores case may have under a desired name.

    :param desired: what the files have.
    :raises ApiError: the server could not be asked which names it has.
    """
    names = {(one.kind, folded(one.name)): one for one in desired}
    pairs = {one.address: names.get((one.address.kind, folded(one.address.name))) for one in deletes}
    found = await gather(_reason(client, one, other) for one, other in pairs.items() if other)
    return {address: reason for address, reason in found if reason}


async def _reason(client: ReadClient, deleted: Address, desired: Address) -> tuple[Address, str]:
    listed = (await kind_of(deleted.kind).list(client)).names or frozenset()
    return deleted, "" if {deleted.name, desired.name} <= listed else _SAME_NAME % desired
