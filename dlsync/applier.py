"""The applier: the plan to the server, step by step, and the proof that it took hold. Nothing else writes."""

from __future__ import annotations

from asyncio import Semaphore
from itertools import groupby
from typing import TYPE_CHECKING

from dlsync import wording
from dlsync.differ import compare
from dlsync.errors import ByHand, DlsyncError, Unauthorised
from dlsync.escape import field_name
from dlsync.fetcher import fetch, together
from dlsync.kinds import kind_of
from dlsync.redaction import Redaction

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dlsync.client import Client
    from dlsync.model import Address, Change, Difference, Plan, Resource


async def apply(
    client: Client,
    plan: Plan,
    desired: Mapping[Address, Resource],
    *,
    concurrency: int = 16,
    progress: Callable[[], None] = lambda: None,
) -> Plan:
    """Carry a plan out and fetch what it touched again.

    Kinds go one after the other in the order of the plan, the changes of one kind at once. A change that fails leaves
    the others going on; a key that is refused ends the run.

    :param desired: what the files say, by address, as the plan was made from it.
    :param concurrency: changes under way at once.
    :param progress: called for each change that was tried.
    :returns: the plan with a result for each change: ``failed`` also where the server did not keep what was sent, or
        where that could not be found out; ``skipped`` also where it has no operation for the change, with what to do.
    """
    run = _Run(client, desired, concurrency, progress)
    done: list[Change] = []
    for _, step in groupby(plan.changes, key=lambda change: (change.action == "delete", change.address.kind)):
        done += await together([run.change(change) for change in step])
    redaction = Redaction({value: name for one in desired.values() for value, name in one.secrets.items()})
    return plan.with_changes(map(redaction.change, await _verified(client, done, desired)))


class _Run:
    """One apply: what all of its changes share."""

    def __init__(
        self, client: Client, desired: Mapping[Address, Resource], concurrency: int, progress: Callable[[], None]
    ) -> None:
        self._client = client
        self._desired = desired
        self._turns = Semaphore(concurrency)
        self._progress = progress
        self._locked_out = ""

    async def change(self, change: Change) -> Change:
        async with self._turns:  # and not only in the client: a change that waits is one that can still be skipped
            if self._locked_out:
                return change.finished("skipped", self._locked_out)
            return await self._try(change)

    async def _try(self, change: Change) -> Change:
        try:
            await self._write(change)
        except Unauthorised as error:
            self._locked_out = error.message
            return change.finished("failed", error.message)
        except ByHand as error:
            return change.finished("skipped", error.message)
        except DlsyncError as error:
            return change.finished("failed", error.message)
        finally:
            self._progress()
        return change.finished("applied")

    async def _write(self, change: Change) -> None:
        kind = kind_of(change.address.kind)
        if change.action == "delete":
            await kind.delete(self._client, change.address.name)
        elif change.action == "create":
            await kind.create(self._client, self._desired[change.address])
        else:
            await kind.update(self._client, self._desired[change.address], change.diff)


async def _verified(client: Client, changes: list[Change], desired: Mapping[Address, Resource]) -> list[Change]:
    """Fetch what was written once more: an answer of 2xx is not yet what the plan said."""
    written = {change.address for change in changes if change.result == "applied"}
    kinds = sorted({address.kind for address in written})
    looks = await together(_look(client, {one for one in written if one.kind == kind}) for kind in kinds)
    found = dict(zip(kinds, looks, strict=True))
    return [
        _held(change, found[change.address.kind], desired.get(change.address)) if change.address in written else change
        for change in changes
    ]


async def _look(client: Client, written: set[Address]) -> Mapping[Address, Resource] | DlsyncError:
    try:
        return (await fetch(client, written)).resources
    except DlsyncError as error:
        return error


def _held(change: Change, found: Mapping[Address, Resource] | DlsyncError, desired: Resource | None) -> Change:
    if isinstance(found, DlsyncError):
        return change.finished("failed", f"it was sent, but whether it took hold is not known: {found.message}")
    live = found.get(change.address)
    if desired is None:
        return change if live is None else change.finished("failed", "the server still has it after the delete")
    if live is None:
        return change.finished("failed", "the server does not have it after the write")
    diff = compare(kind_of(change.address.kind), desired, live).diff
    if not diff:
        return change
    # before the values are shortened: half a secret is not recognised as one
    kept = map(_not_kept, map(Redaction(desired.secrets).difference, diff))
    return change.finished("failed", "the server did not keep what was sent: " + "; ".join(kept))


def _not_kept(one: Difference) -> str:
    where, sent, kept = field_name(one.path), wording.value(one.after), wording.value(one.before)
    if one.moved:
        return f"`{where}` stands elsewhere"
    if one.op == "add":
        return f"`{where}` is missing (sent {sent})"
    return f"`{where}` is there with {kept}" if one.op == "remove" else f"`{where}` is {kept} (sent {sent})"
