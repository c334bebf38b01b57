"""The proof that a write took hold: what was written is fetched again and compared with what was meant."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from dlsync import messages
from dlsync.client.concurrency import gather
from dlsync.diff.compare import compare
from dlsync.errors import DlsyncError
from dlsync.messages import field_name
from dlsync.operations import hidden_secrets
from dlsync.operations.fetch import Fetcher
from dlsync.resources import kind_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from dlsync.client import ReadClient
    from dlsync.model import Address, FieldChange, Resource, ResourceChange
    from dlsync.operations.plan import PlanContext
    from dlsync.resources import Kind

    _Found = Mapping[Address, Resource] | DlsyncError

_UNKNOWN = "it was sent, but whether it took hold is not known"
_PAUSES = (0.25, 0.5, 1.0, 2.0)  # seconds between looks: read after write takes a replica as long


def differs(kind: Kind, one: Resource, other: Resource) -> bool:
    """Whether two live versions of a resource mean something else."""
    return bool(compare(kind, one, other).diff)


async def verified(
    client: ReadClient,
    changes: Sequence[ResourceChange],
    prepared: PlanContext,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> list[ResourceChange]:
    """Fetch what was written and compare it with what was sent.

    A server may answer reads from before a write for some seconds: what differs is fetched again before it has failed.
    What has failed is noted in ``prepared.unconfirmed``.

    :param sleep: waits for so many seconds before the next look.
    """
    results: dict[Address, ResourceChange] = {}
    pending = [change for change in changes if change.result == "applied"]
    for seconds in (0.0, *_PAUSES):
        if not pending:
            break
        if seconds:
            await sleep(seconds)
        found = await _fetched(client, pending, prepared)
        for one in pending:
            results[one.address] = _held(one, found[one.address.kind], prepared)
            _note(results[one.address], found[one.address.kind], prepared)
        pending = [one for one in pending if _may_settle(results[one.address], found[one.address.kind])]
    return [results[one.address] if one.result == "applied" else one for one in changes]


def _note(result: ResourceChange, found: _Found, prepared: PlanContext) -> None:
    prepared.unconfirmed.pop(result.address, None)
    if result.result == "failed":
        live = None if isinstance(found, DlsyncError) else found.get(result.address)
        prepared.unconfirmed[result.address] = live


def _may_settle(result: ResourceChange, found: _Found) -> bool:
    # the client has already tried again what could not be fetched
    return result.result == "failed" and not isinstance(found, DlsyncError)


async def _fetched(client: ReadClient, changes: Sequence[ResourceChange], prepared: PlanContext) -> dict[str, _Found]:
    written = {change.address for change in changes}
    kinds = sorted({address.kind for address in written})
    meant = {address: one for address in written if (one := prepared.meant(address))}
    looks = await gather(_look(client, {one for one in written if one.kind == kind}, meant) for kind in kinds)
    return dict(zip(kinds, looks, strict=True))


async def _look(client: ReadClient, written: set[Address], meant: Mapping[Address, Resource]) -> _Found:
    try:
        return (await Fetcher(client, meant).fetch(written)).resources
    except DlsyncError as error:
        return error


def _held(change: ResourceChange, found: _Found, prepared: PlanContext) -> ResourceChange:
    if isinstance(found, DlsyncError):
        return change.finished("failed", f"{_UNKNOWN}: {found.message}", uncertain=True)
    live = found.get(change.address)
    desired = None if change.action == "delete" else prepared.meant(change.address)
    if desired is None:
        return change if live is None else change.finished("failed", "the server still has it after the delete")
    if live is None:
        return change.finished("failed", "the server does not have it after the write")
    kind = kind_of(change.address.kind)
    if live.unreadable and not desired.unreadable:
        return change.finished("failed", f"it was sent, but what the server then has cannot be read: {live.unreadable}")
    removed = {one.path for one in change.diff}
    left = tuple(one for one in kind.duplicates(desired, live) if one.path in removed)
    diff = compare(kind, desired, live).diff
    if diff and desired.secrets:
        diff = compare(kind, desired, hidden_secrets.like(desired, live, prepared.inventory.salt)).diff
    diff = (*diff, *left)
    if not diff:
        return change
    # before the values are shortened: half a secret is not recognised as one
    diff = kind.as_written(desired, diff)
    kept = map(_not_kept, prepared.redaction.differences(diff))
    return change.finished("failed", "the server did not keep what was sent: " + "; ".join(kept))


def _not_kept(one: FieldChange) -> str:
    where, sent, kept = field_name(one.path), messages.brief(one.after), messages.brief(one.before)
    if one.moved:
        return f"`{where}` stands elsewhere"
    if one.op == "add":
        return f"`{where}` is missing (sent {sent})"
    return f"`{where}` is there with {kept}" if one.op == "remove" else f"`{where}` is {kept} (sent {sent})"
