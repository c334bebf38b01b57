"""The applier: the plan to the server, step by step, and the proof that it took hold.

Of the commands that plan, only this changes resources."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Protocol

from dlsync.client.concurrency import gather
from dlsync.diff.compare import compare
from dlsync.diff.three_way import blended
from dlsync.errors import (
    AlreadyExists,
    ApiError,
    BadAnswer,
    DlsyncError,
    ManualActionRequired,
    Refused,
    Rejected,
    Unauthorised,
)
from dlsync.files.interpolation import referenced
from dlsync.operations import dependents, hidden_secrets, verify
from dlsync.operations.fetch import fetch_by_name
from dlsync.operations.update_inventory import packed_entry
from dlsync.operations.warnings import unkept_fields
from dlsync.resources import kind_of
from dlsync.state.journal import UndoRecord
from dlsync.state.sealed_values import Seal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence
    from contextlib import AbstractAsyncContextManager

    from dlsync.client import Client
    from dlsync.model import Address, Plan, Resource, ResourceChange, Result
    from dlsync.operations.plan import PlanContext
    from dlsync.state.journal import Journal

_UNANNOUNCED = "nothing is sent that the inventory does not know of"


async def _nothing() -> None:
    """Announce nothing."""


_MADE_SINCE = "it was created since the plan was made: plan again"


class Permission(Protocol):
    """What an apply asks before each write, and before each attempt of one: whether it is still the only one."""

    def held(self) -> AbstractAsyncContextManager[None]:
        """Have what is written in a block written only while it is.

        :raises Refused: it is not, or no longer.
        """


@dataclass(frozen=True)
class Run:
    """What an apply works with.

    :param journal: keeps what was there before each write.
    :param permission: is asked before each write.
    :param concurrency: changes under way at once.
    :param progress: called for each change that was tried.
    :param sleep: waits for so many seconds before a write is looked for again.
    :param announce: records what is going to be sent, before the first write inside the account.
    """

    client: Client
    journal: Journal
    permission: Permission
    concurrency: int = 16
    progress: Callable[[], None] = lambda: None
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    announce: Callable[[], Awaitable[None]] = _nothing


async def apply(run: Run, prepared: PlanContext) -> Plan:
    """Carry a plan out and fetch what it touched again.

    Kinds go one after the other in the order of the plan, the changes of one kind at once. A change that fails leaves
    the others going on; a key that is refused, or a lock that is lost, ends the run. What a plan holds is left alone.

    :returns: the plan with a result for each change: ``failed`` also where the server did not keep what was sent, or
        where that could not be found out; ``skipped`` also where it has no operation for the change, with what to do.
    """
    work = _Work(run, prepared)
    for _, phase in groupby(prepared.plan.changes, key=_is_delete):
        await work.phase(list(phase))
    return prepared.plan.with_changes(map(prepared.redaction.change, work.done))


def _is_delete(change: ResourceChange) -> bool:
    return change.action == "delete"


def _kind_name(change: ResourceChange) -> str:
    return change.address.kind


def _without_unknown_secrets(change: ResourceChange, desired: Resource, before: Resource) -> Resource:
    """Return what was there, with the secrets of the files where somebody had put others: those no journal keeps."""
    hidden = {one.path for one in (*change.diff, *change.kept) if one.op == "replace" and one.masked == "unknown"}
    if not hidden:
        return before
    kind = kind_of(change.address.kind)
    diff = compare(kind, desired, before).diff
    stays = tuple(one for one in diff if kind.written_path(desired, one.path) not in hidden)
    return kind.merge_live(desired, before, blended(kind, desired, before, stays))


class _Work:
    """One apply: what all of its changes share.

    :ivar done: the changes so far, verified.
    """

    def __init__(self, run: Run, prepared: PlanContext) -> None:
        self._run = run
        self._prepared = prepared
        self._turns = asyncio.Semaphore(run.concurrency)
        self._ended = ""
        self._announced = False
        self._unconfirmed: list[Address] = []
        self._remaining: set[Address] = set()
        self._manual: set[Address] = set()
        self.done: list[ResourceChange] = []

    async def phase(self, changes: Sequence[ResourceChange]) -> None:
        """Make all creates and updates, or all deletes, then verify them: deletes rely on what is confirmed."""
        done: list[ResourceChange] = []
        for _, step in groupby(changes, key=_kind_name):
            done += await self._step(list(step))
        verified = await verify.verified(self._run.client, done, self._prepared, self._run.sleep)
        self._unconfirmed += dependents.unconfirmed_creates(verified, self._prepared)
        self.done += verified

    async def _step(self, changes: Sequence[ResourceChange]) -> list[ResourceChange]:
        """Make the changes of one kind: see what is there now, keep it, then write."""
        if self._ended:
            return [change.finished("skipped", self._ended) for change in changes]
        try:
            now = await self._now(changes)
            moved = {change.address: reason for change in changes if (reason := self._moved(change, now))}
            unsafe = await self._unsafe(changes)
            sent = [one for one in changes if not (one.held or one.address in moved or one.address in unsafe)]
            self._keep(sent, now)
            await self._announce(sent)
        except DlsyncError as error:
            return [
                self._left_alone(one, one.held or error.message, "skipped" if one.held else "failed") for one in changes
            ]
        done = await gather(
            self._change(one, moved.get(one.address, ""), unsafe.get(one.address, "")) for one in changes
        )
        left = {change.address for change in done if _is_delete(change) and change.result != "applied"}
        self._remaining |= left - self._manual
        return done

    async def _unsafe(self, changes: Sequence[ResourceChange]) -> dict[Address, str]:
        """Return why deletes would lose something, by address."""
        deletes = [change for change in changes if _is_delete(change) and not change.held]
        blocked = dependents.blocked_deletes(deletes, self._unconfirmed, self._remaining, self._prepared)
        same = await dependents.same_but_for_case(self._run.client, deletes, self._prepared.desired)
        return {**blocked, **same}

    async def _now(self, changes: Iterable[ResourceChange]) -> dict[Address, Resource]:
        asked = [
            change.address
            for change in changes
            if not change.held and (change.action != "create" or kind_of(change.address.kind).may_duplicate)
        ]
        return self._prepared.readable(await fetch_by_name(self._run.client, asked))

    def _moved(self, change: ResourceChange, now: dict[Address, Resource]) -> str:
        """Return why what is there is not what the plan was made from; empty where it is."""
        if change.held:
            return ""
        if change.action == "create":
            return _MADE_SINCE if change.address in now else ""
        planned, found = self._prepared.live[change.address], now.get(change.address)
        if found is None:
            return "" if change.action == "delete" else "it was deleted on the server since the plan was made"
        kind = kind_of(change.address.kind)
        if planned.unreadable or found.unreadable:
            same = (planned.unreadable, planned.body) == (found.unreadable, found.body)
        else:
            same = kind.identical(planned, found) or not verify.differs(kind, planned, found)
        return self._unsaved(found) if same else "it was changed on the server since the plan was made: plan again"

    def _unsaved(self, found: Resource) -> str:
        """Return why the journal cannot keep what cannot be read; empty where it can."""
        try:
            if found.unreadable:
                kind_of(found.kind).to_journal(found, self._seal(found))
        except DlsyncError as error:
            return error.message
        return ""

    async def _announce(self, changes: Sequence[ResourceChange]) -> None:
        if changes and not self._announced and kind_of(changes[0].address.kind).account_scoped:
            try:
                await self._run.announce()
            except DlsyncError as error:
                self._ended = f"{error.message}; {_UNANNOUNCED}"
                raise DlsyncError(self._ended, hint=error.hint) from error
            self._announced = True

    def _keep(self, changes: Iterable[ResourceChange], now: dict[Address, Resource]) -> None:
        self._run.journal.keep([self._kept(change, now.get(change.address)) for change in changes])

    def _kept(self, change: ResourceChange, before: Resource | None) -> UndoRecord:
        desired = self._prepared.desired.get(change.address)
        known = _without_unknown_secrets(change, desired, before) if desired and before else before
        saved = kind_of(change.address.kind).to_journal(known, self._seal(known)) if known else None
        return UndoRecord(
            change.address,
            change.action,
            saved,
            "" if change.action == "delete" else packed_entry(self._prepared, change.address),
            managed=change.address in self._prepared.inventory,
            released=change.address in self._prepared.released,
            unkept=unkept_fields(change),
        )

    def _seal(self, live: Resource) -> Seal:
        """Return what takes the secrets out of a live resource, by its file and by what was recorded of it."""
        desired = self._prepared.desired.get(live.address)
        in_file = {str(text): text.spelling for text in referenced(dict(desired.document))} if desired else {}
        recorded = hidden_secrets.known(self._prepared.compared_with or self._prepared.inventory, [live])
        texts = {**in_file, **recorded[live.address]}
        return Seal(self._prepared.redaction.knowing(texts), self._prepared.inventory.salt)

    async def _change(self, change: ResourceChange, moved: str, unsafe: str) -> ResourceChange:
        async with self._turns:  # and not only in the client: a change that waits is one that can still be skipped
            if self._ended:
                return change.finished("skipped", self._ended)
            if skip := change.held or unsafe:
                done = self._left_alone(change, skip, "failed" if self._is_unreadable(change) else "skipped")
            else:
                done = self._left_alone(change, moved) if moved else await self._journaled(change)
            return done

    async def _journaled(self, change: ResourceChange) -> ResourceChange:
        """Try a change between two lines of the journal; where it cannot be written, nothing more is sent."""
        try:
            self._run.journal.sending(change.address)
        except DlsyncError as error:
            self._ended = error.message
            return self._left_alone(change, error.message)
        done = await self._try(change)
        try:
            self._run.journal.finished(done)
        except DlsyncError as error:
            self._ended = error.message
        return done

    def _is_unreadable(self, change: ResourceChange) -> bool:
        live = self._prepared.live.get(change.address)
        return bool(change.held and live and live.unreadable)

    def _left_alone(self, change: ResourceChange, reason: str, result: Result = "failed") -> ResourceChange:
        self._run.progress()
        return change.finished(result, reason)

    async def _try(self, change: ResourceChange) -> ResourceChange:
        try:
            # no lock is in an account that is only being made
            async with self._run.permission.held() if kind_of(change.address.kind).account_scoped else nullcontext():
                await self._write(change)
        except (Unauthorised, Refused) as error:
            self._ended = error.message
            return change.finished("failed", error.message)
        except ManualActionRequired as error:
            if self._goes_with_another(change):  # which is verified after that is deleted
                return change.finished("applied")
            self._manual.add(change.address)
            return change.finished("skipped", error.message)
        except AlreadyExists:
            return change.finished("failed", _MADE_SINCE)
        except DlsyncError as error:
            if await self._may_have_taken_hold(change, error):
                self._prepared.unconfirmed[change.address] = None
            uncertain = isinstance(error, BadAnswer) or (isinstance(error, ApiError) and error.may_be_done)
            return change.finished("failed", error.message, uncertain=uncertain)
        finally:
            self._run.progress()
        return change.finished("applied")

    def _goes_with_another(self, change: ResourceChange) -> bool:
        """Whether the server deletes a resource with another one that the plan deletes."""
        deletes = [one.address for one in self._prepared.plan.changes if _is_delete(one) and not one.held]
        return _is_delete(change) and any(change.address in kind_of(one.kind).deleted_with(one.name) for one in deletes)

    async def _may_have_taken_hold(self, change: ResourceChange, error: DlsyncError) -> bool:
        if change.action != "create" or not isinstance(error, Rejected):
            return True
        try:  # the first of two requests may have made it
            return bool(await fetch_by_name(self._run.client, [change.address]))
        except DlsyncError:
            return True

    async def _write(self, change: ResourceChange) -> None:
        kind, meant = kind_of(change.address.kind), self._prepared.meant(change.address)
        if change.action == "delete" or meant is None:
            await kind.delete(self._run.client, change.address.name)
        elif change.action == "create":
            await kind.create(self._run.client, meant)
        else:
            await kind.update(self._run.client, meant, change.diff)
