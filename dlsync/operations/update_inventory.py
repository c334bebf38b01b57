"""Update the inventory before an apply, with pending writes, and after it, with confirmed ones. Pure.

What was sent and is not confirmed stays pending, so that the next plan recognises it as a write of dlsync.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from math import isfinite
from types import MappingProxyType
from typing import Any, cast

from dlsync.diff.compare import compare
from dlsync.diff.digests import digested, fingerprint
from dlsync.diff.three_way import has_moved, is_partly_applied, merge_sides
from dlsync.model import Address, Entry, Json, Resource, ResourceChange
from dlsync.operations.plan_context import PlanContext
from dlsync.resources import kind_of
from dlsync.state.inventory import Inventory, Pending, packed, secret_digests, unpacked

_NOTHING: Mapping[Address, Any] = MappingProxyType({})


def resolved(
    inventory: Inventory,
    live: Mapping[Address, Resource],
    absent: Collection[Address],
    desired: Mapping[Address, Resource],
) -> Inventory:
    """Return the inventory with the pending writes that took effect as applied.

    A live value that is neither the one applied last nor the pending one is a manual edit. A pending create is an
    exception: nothing existed before, so the server made the live value of it. A rounded number of the files is the
    server's work, too.

    :param absent: what was fetched and does not exist.
    """
    arrived = {
        address: entry
        for address, write in inventory.pending.items()
        if address in live and (entry := _arrived(inventory, write, live[address], desired.get(address)))
    }
    deleted = {one for one, write in inventory.pending.items() if one in absent and write.action == "delete"}
    rest = {address: text for address, text in inventory.packed.items() if address not in deleted}
    return replace(inventory, packed={**rest, **arrived})


def _arrived(inventory: Inventory, write: Pending, live: Resource, desired: Resource | None) -> str:
    """Return the packed entry after a pending write; empty if the write did not take effect."""
    kind, salt = kind_of(live.kind), inventory.salt
    if write.action == "create" and live.address not in inventory:
        return write.entry
    before, after = inventory.entry(live.address), unpacked(write.entry)
    if before and write.action == "delete" and kind.may_duplicate:  # its parts are deleted one by one
        after = Entry({field: [] if isinstance(value, list) else value for field, value in before.seen.items()})
    elif after is None or not has_moved(kind, live, after, salt):
        return write.entry if after else ""
    if not before or not has_moved(kind, live, before, salt):
        return ""
    sent = _unrounded(desired, live) if desired else live
    if not is_partly_applied(kind, sent, before, after, salt):
        return ""
    return packed(Entry(_digested(kind.canonical(live.document), salt), secrets={**before.secrets, **after.secrets}))


def _unrounded(desired: Resource, live: Resource) -> Resource:
    """Return a live resource with the numbers of the files in place of rounded ones."""
    kind = kind_of(live.kind)
    diff = compare(kind, desired, live).diff
    other = tuple(one for one in diff if not (one.op == "replace" and is_rounding(one.after, one.before)))
    return live if len(other) == len(diff) else replace(live, given=merge_sides(kind, desired, live, other))


def is_rounding(exact: Json, kept: Json) -> bool:
    """Whether a value is a number that was rounded or truncated to fewer decimals."""
    for one in (exact, kept):
        if isinstance(one, bool) or not isinstance(one, int | float) or not isfinite(one):
            return False
    number = Decimal(repr(kept)).normalize()
    decimals = max(0, -int(number.as_tuple().exponent))
    return abs(Decimal(repr(exact)) - number) < Decimal(1).scaleb(-decimals)


def planned_entries(context: PlanContext) -> dict[Address, str]:
    """Return the packed entry of each resource once its create or update is confirmed."""
    changes = [change for change in context.plan.changes if change.action != "delete" and not change.held]
    return {change.address: packed(entry_of(context, change.address)) for change in changes}


def announced(context: PlanContext, entries: Mapping[Address, str]) -> Inventory:
    """Return the inventory before the first write, with all writes as pending."""
    inventory = context.inventory
    if not inventory.kept:
        return inventory
    writes = {
        change.address: Pending(change.action, entries.get(change.address, ""))
        for change in context.plan.changes
        if not change.held
        and kind_of(change.address.kind).account_scoped
        # an interruption must not make it managed
        and (change.address not in context.released or change.address in inventory.known)
    }
    # a write that repeats what was applied last needs no record
    news = {one: write for one, write in writes.items() if write.entry != inventory.packed.get(one)}
    return replace(inventory, pending={**_not_fetched(context), **news})


def _not_fetched(context: PlanContext) -> dict[Address, Pending]:
    return {
        address: write
        for address, write in context.inventory.pending.items()
        if not (address in context.live or address in context.desired or address in context.missing_live)
    }


def observed(context: PlanContext, unconfirmed: Mapping[Address, Resource | None]) -> dict[Address, str]:
    """Return the packed entries of live resources that the server did not keep as they were sent."""
    found: dict[Address, str] = {}
    for address, live in unconfirmed.items():
        before = context.inventory.entry(address)
        has_news = not before or (live and has_moved(kind_of(address.kind), live, before, context.inventory.salt))
        if live and address in context.desired and has_news:
            entry = as_live(context, address, live)
            secrets = {**(before.secrets if before else {}), **entry.secrets}
            found[address] = packed(replace(entry, secrets=secrets))
    return found


def advanced(
    context: PlanContext,
    changes: Iterable[ResourceChange],
    planned: Mapping[Address, str] = _NOTHING,
    unconfirmed: Mapping[Address, Resource | None] = _NOTHING,
) -> Inventory:
    """Return the inventory after the changes."""
    inventory, released = context.inventory, context.released
    if not inventory.kept:
        return inventory
    tried = {change.address: change for change in changes}
    applied = {address for address, change in tried.items() if change.result == "applied"}
    unchanged = (context.live.keys() & context.desired.keys()) - tried.keys() - inventory.unreadable
    entries = {
        address: context.restored.get(address) or planned.get(address) or packed(entry_of(context, address))
        for address in sorted(applied | unchanged)
        if address in context.desired and address not in released and _is_news(context, address)
    }
    entries |= {one: entry for one, entry in observed(context, unconfirmed).items() if one not in released}
    deletes = {address for address, change in tried.items() if change.action == "delete"}
    staying = deletes - applied
    inventory = inventory.with_packed(entries, (deletes | context.missing_live | released) - staying)
    unsure = unconfirmed.keys() - (released - staying)
    pending = {one: write for one, write in announced(context, planned).pending.items() if one in unsure}
    return replace(inventory, pending={**_not_fetched(context), **pending})


def entry_of(context: PlanContext, address: Address) -> Entry:
    """Return the entry of a resource that is live as planned."""
    desired, salt, kind = context.desired[address], context.inventory.salt, kind_of(address.kind)
    canonical, live = kind.canonical(desired.document), None
    if context.compared_with:  # a journal also has what the server added
        canonical = {field: value for field, value in canonical.items() if not kind.is_server_managed((), field)}
    if address in context.reconciliation.kept:  # sent without it, or not sent at all
        effective = context.reconciliation.effective.get(address) or context.live[address]
        live = _digested(kind.canonical(effective.document), salt)
    secrets = secret_digests(salt, canonical) if desired.secrets else {}
    return Entry(_digested(canonical, salt), live, secrets, fingerprint(salt, kind.fingerprint_source(desired)))


def as_live(context: PlanContext, address: Address, live: Resource) -> Entry:
    """Return the entry of a resource that is managed as it is live."""
    desired, salt, kind = context.desired[address], context.inventory.salt, kind_of(address.kind)
    diff = compare(kind, desired, live).diff
    if not diff:
        return entry_of(context, address)
    by_hand = {(one.path, one.op, one.moved) for one in context.reconciliation.kept.get(address, ())}
    taken = tuple(one for one in diff if (one.path, one.op, one.moved) not in by_hand)
    # without unknown fields that only the server has: these are not managed
    canonical = merge_sides(kind, desired, live, taken)
    whole = _digested(kind.canonical(live.document), salt) if by_hand else None
    return Entry(_digested(canonical, salt), whole, secret_digests(salt, canonical))


def _digested(canonical: Mapping[str, Json], salt: bytes) -> dict[str, Json]:
    return cast("dict[str, Json]", digested(salt, dict(canonical)))


def _is_news(context: PlanContext, address: Address) -> bool:
    """Whether the entry of a resource that is live as desired changes; cheap if it does not."""
    kind, inventory = kind_of(address.kind), context.inventory
    now = fingerprint(inventory.salt, kind.fingerprint_source(context.desired[address]))
    return kind.account_scoped and (address in context.reconciliation.kept or now != inventory.fingerprint(address))
