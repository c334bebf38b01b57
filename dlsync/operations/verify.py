"""The proof that a write took hold: what was written is fetched again and compared with what was meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlsync import messages
from dlsync.client.concurrency import together
from dlsync.diff.compare import compare
from dlsync.errors import DlsyncError
from dlsync.messages import field_name
from dlsync.operations.fetch import Fetcher
from dlsync.resources import kind_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dlsync.client import ReadClient
    from dlsync.model import Address, Change, Difference, Resource
    from dlsync.operations.plan import Prepared
    from dlsync.resources import Kind


def differs(kind: Kind, one: Resource, other: Resource) -> bool:
    """Whether two live versions of a resource mean something else."""
    return bool(compare(kind, one, other).diff)


async def verified(client: ReadClient, changes: Sequence[Change], prepared: Prepared) -> list[Change]:
    """Fetch what was written once more: an answer of 2xx is not yet what the plan said."""
    written = {change.address for change in changes if change.result == "applied"}
    kinds = sorted({address.kind for address in written})
    meant = {address: one for address in written if (one := prepared.meant(address))}
    looks = await together(_look(client, {one for one in written if one.kind == kind}, meant) for kind in kinds)
    found = dict(zip(kinds, looks, strict=True))
    return [
        _held(change, found[change.address.kind], prepared) if change.address in written else change
        for change in changes
    ]


async def _look(
    client: ReadClient, written: set[Address], meant: Mapping[Address, Resource]
) -> Mapping[Address, Resource] | DlsyncError:
    try:
        return (await Fetcher(client, meant).fetch(written)).resources
    except DlsyncError as error:
        return error


def _held(change: Change, found: Mapping[Address, Resource] | DlsyncError, prepared: Prepared) -> Change:
    if isinstance(found, DlsyncError):
        return change.finished("failed", f"it was sent, but whether it took hold is not known: {found.message}")
    live = found.get(change.address)
    desired = None if change.action == "delete" else prepared.meant(change.address)
    if desired is None:
        return change if live is None else change.finished("failed", "the server still has it after the delete")
    if live is None:
        return change.finished("failed", "the server does not have it after the write")
    kind = kind_of(change.address.kind)
    diff = compare(kind, desired, live).diff
    if not diff:
        return change
    # before the values are shortened: half a secret is not recognised as one
    diff = kind.as_written(desired, diff)
    kept = map(_not_kept, prepared.redaction.differences(diff))
    return change.finished("failed", "the server did not keep what was sent: " + "; ".join(kept))


def _not_kept(one: Difference) -> str:
    where, sent, kept = field_name(one.path), messages.brief(one.after), messages.brief(one.before)
    if one.moved:
        return f"`{where}` stands elsewhere"
    if one.op == "add":
        return f"`{where}` is missing (sent {sent})"
    return f"`{where}` is there with {kept}" if one.op == "remove" else f"`{where}` is {kept} (sent {sent})"
