"""The inventory after an apply: it advances for what was confirmed to be live, and for nothing else. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from dlsync.diff.compare import compare
from dlsync.diff.digests import digested, fingerprint, secret_digests
from dlsync.diff.three_way import blended
from dlsync.files.redaction import Redaction
from dlsync.resources import kind_of
from dlsync.state.inventory import Entry, packed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from dlsync.model import Address, Change, Json, Resource
    from dlsync.operations.plan import Prepared
    from dlsync.state.inventory import Inventory


def advanced(prepared: Prepared, changes: Iterable[Change], released: Collection[Address] = ()) -> Inventory:
    """Return the inventory as it is once the changes were made.

    :param changes: of the plan, with their results.
    :param released: what is not managed any more, whatever became of it.
    """
    if not prepared.inventory.kept:
        return prepared.inventory
    tried = {change.address: change for change in changes}
    applied = {address for address, change in tried.items() if change.result == "applied"}
    unchanged = {one for one in prepared.live if one in prepared.desired and one not in tried}
    entries = {
        address: packed_entry(prepared, address)
        for address in sorted(applied | unchanged)
        if address in prepared.desired and address not in released and _is_news(prepared, address)
    }
    deleted = {address for address in applied if tried[address].action == "delete"}
    return prepared.inventory.with_packed(entries, {*deleted, *prepared.gone, *released})


def packed_entry(prepared: Prepared, address: Address) -> str:
    """Return :func:`entry_of` packed, worked out once for the journal before the write and the record after it."""
    known = prepared.entries
    if address not in known:
        known[address] = packed(entry_of(prepared, address))
    return known[address]


def entry_of(prepared: Prepared, address: Address) -> Entry:
    """Return what is to be recorded of a resource once it is live as the plan means it."""
    desired, salt = prepared.desired[address], prepared.inventory.salt
    kind = kind_of(address.kind)
    redaction = Redaction(desired.secrets)
    live = None
    if address in prepared.kept:  # sent without it, or not sent at all
        live = _digested(prepared.sent.get(address) or prepared.live[address], salt)
    form = prepared.form(address)
    return Entry(
        cast("dict[str, Json]", digested(salt, dict(form))),
        live,
        secret_digests(salt, form, redaction) if desired.secrets else {},
        fingerprint(salt, kind.fingerprinted(desired)),
    )


def as_live(prepared: Prepared, address: Address) -> Entry:
    """Return what is to be recorded of a resource that is taken over as it is live."""
    desired, live, salt = prepared.desired[address], prepared.live[address], prepared.inventory.salt
    kind = kind_of(address.kind)
    diff = compare(kind, desired, live).diff
    if not diff:
        return entry_of(prepared, address)
    # without the fields that only the server has and that nobody knows: those are not the files' business
    canonical = blended(kind, desired, live, diff)
    secrets = secret_digests(salt, canonical, Redaction(desired.secrets))
    return Entry(cast("dict[str, Json]", digested(salt, dict(canonical))), secrets=secrets)


def _digested(resource: Resource, salt: bytes) -> Mapping[str, Json]:
    return cast("dict[str, Json]", digested(salt, kind_of(resource.kind).canonical(resource.document)))


def _is_news(prepared: Prepared, address: Address) -> bool:
    """Whether the record says something else of a resource that is live as it is meant; cheap where it does not."""
    kind, inventory = kind_of(address.kind), prepared.inventory
    if not kind.inside:
        return False
    now = fingerprint(inventory.salt, kind.fingerprinted(prepared.desired[address]))
    return address in prepared.kept or now != inventory.fingerprint(address)
