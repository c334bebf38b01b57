"""Send the changes of a plan to the server, and verify each. Of the commands that plan, only this changes resources."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from itertools import groupby

from dlsync import messages
from dlsync.client import Client, ReadClient
from dlsync.client.concurrency import gather
from dlsync.diff.compare import compare
from dlsync.diff.three_way import merge_sides
from dlsync.errors import (
    AlreadyExists,
    ApiError,
    BadAnswer,
    DlsyncError,
    Forbidden,
    ManualActionRequired,
    Refused,
    Rejected,
    Unauthorised,
)
from dlsync.files.interpolation import referenced
from dlsync.messages import field_name
from dlsync.model import Address, FieldChange, Plan, Resource, ResourceChange, Result
from dlsync.operations import dependents, hidden_secrets
from dlsync.operations.fetch import Fetcher, fetch_by_name
from dlsync.operations.plan_context import PlanContext
from dlsync.operations.plan_warnings import unkept_fields
from dlsync.operations.reporter import Reporter
from dlsync.operations.update_inventory import announced, planned_entries
from dlsync.resources import kind_of
from dlsync.state.inventory import Inventory
from dlsync.state.journal import Journal, UndoRecord
from dlsync.state.sealed_values import Seal

_Found = Mapping[Address, Resource] | DlsyncError

_NOT_SENT = "not sent: the error of another change ended the apply"
_UNANNOUNCED = "nothing was sent, since the inventory could not record it first"
_CREATED_SINCE = "it was created since the plan was made: plan again"
_DELETED_SINCE = "it was deleted on the server since the plan was made"
_CHANGED_SINCE = "it was changed on the server since the plan was made: plan again"
_UNKNOWN = "it was sent, but whether it took effect is unknown"
_PAUSES = (0.25, 0.5, 1.0, 2.0)  # seconds between fetches: read after write takes a replica as long


@dataclass
class Applier:
    """Sends the changes of one plan.

    :param journal: stores what was there before each write.
    :param permission: opens a block for one write; raises Refused if another apply may be writing.
    :param store: stores an inventory; called with all pending writes before the first write inside the account.
    :ivar entries: the packed entry of each resource once its change is confirmed.
    :ivar unconfirmed: what was sent and could not be confirmed, with the live resource if that is known.
    """

    context: PlanContext
    client: Client
    journal: Journal
    permission: Callable[[], AbstractAsyncContextManager[None]]
    store: Callable[[Inventory], Awaitable[None]]
    concurrency: int
    reporter: Reporter
    unconfirmed: dict[Address, Resource | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.entries = planned_entries(self.context)
        self._turns = asyncio.Semaphore(self.concurrency)
        self._ended = ""  # why nothing more is sent
        self._announced = False
        self._failed_writes: list[Address] = []
        self._remaining: set[Address] = set()
        self._manual: set[Address] = set()

    async def apply(self) -> Plan:
        """Send the changes of the plan, and verify them.

        Kinds go one after the other in the order of the plan, the changes of one kind at once. A change that fails does
        not stop the others; a refused key or a lost lock ends the run. What the plan holds is left alone. Creates and
        updates are verified before the first delete, which relies on them.

        :returns: the plan with a result for each change: ``failed`` also if the server did not keep what was sent, or
            if that is unknown; ``skipped`` also if the server has no operation for the change.
        """
        done: list[ResourceChange] = []
        for _, phase in groupby(self.context.plan.changes, key=_is_delete):
            tried: list[ResourceChange] = []
            for _, changes in groupby(phase, key=lambda change: change.address.kind):
                tried += await self._apply_kind([*changes])
            verified = await verify(self.client, tried, self.context, self.unconfirmed)
            self._failed_writes += dependents.unconfirmed(verified, self.context)
            done += verified
        return self.context.plan.with_changes(map(self.context.redaction.change, done))

    async def _apply_kind(self, changes: Sequence[ResourceChange]) -> list[ResourceChange]:
        """Make the changes of one kind: fetch what is live, journal it, then write."""
        if self._ended:
            return [change.finished("skipped", self._ended) for change in changes]
        try:
            there = await self._maybe_live([one for one in changes if not one.held])
            fetched = await fetch_by_name(self.client, there)
            current = self.context.readable(fetched)
            stale = {change.address: reason for change in changes if (reason := self._stale(change, current))}
            unsafe = await self._unsafe(changes)
            sent = [one for one in changes if not (one.held or one.address in stale or one.address in unsafe)]
            self.journal.keep([self._undo_record(change, current.get(change.address)) for change in sent])
            await self._announce(sent)
        except DlsyncError as error:
            return [
                self._not_sent(one, one.held or error.message, "skipped" if one.held else "failed") for one in changes
            ]
        done = await gather(
            self._change(one, stale.get(one.address, ""), unsafe.get(one.address, "")) for one in changes
        )
        remaining = {change.address for change in done if _is_delete(change) and change.result != "applied"}
        self._remaining |= remaining - self._manual
        return done

    async def _maybe_live(self, changes: Sequence[ResourceChange]) -> list[Address]:
        """Return what is live as planned, and what a list has since that a create would overwrite."""
        creates = [one.address for one in changes if one.action == "create"]
        found: list[Address] = []
        if creates and (kind := kind_of(creates[0].kind)).may_duplicate:
            found = creates
        elif creates and kind.create_overwrites:
            names = (await Fetcher(self.client).listing(kind)).names or ()
            found = [one for one in creates if one.name in names]
        return [*(one.address for one in changes if one.action != "create"), *found]

    def _stale(self, change: ResourceChange, current: Mapping[Address, Resource]) -> str:
        """Return why a live resource is not the one that the plan was made from; empty if it is."""
        found = current.get(change.address)
        if change.held:
            return ""
        if change.action == "create":
            return _CREATED_SINCE if found else ""
        if found is None:
            return "" if change.action == "delete" else _DELETED_SINCE
        planned, kind = self.context.live[change.address], kind_of(change.address.kind)
        if planned.unreadable or found.unreadable:
            same = (planned.unreadable, planned.body) == (found.unreadable, found.body)
        else:
            same = kind.identical(planned, found) or not compare(kind, planned, found).diff
        return self._unsaved(found) if same else _CHANGED_SINCE

    def _unsaved(self, found: Resource) -> str:
        """Return why the journal cannot store an unreadable resource; empty if it can."""
        try:
            if found.unreadable:
                kind_of(found.kind).to_journal(found, self._seal(found))
        except DlsyncError as error:
            return error.message
        return ""

    async def _unsafe(self, changes: Sequence[ResourceChange]) -> dict[Address, str]:
        """Return why deletes would lose something, by address."""
        deletes = [change for change in changes if _is_delete(change) and not change.held]
        blocked = dependents.blocked_deletes(deletes, self._failed_writes, self._remaining, self.context)
        going = {change.address for change in deletes} - blocked.keys()
        known = {*self.context.desired, *self.context.inventory.known}
        return blocked | await dependents.aliased(Fetcher(self.client), going, known, {})

    def _undo_record(self, change: ResourceChange, before: Resource | None) -> UndoRecord:
        desired = self.context.desired.get(change.address)
        known = _without_unknown_secrets(change, desired, before) if desired and before else before
        return UndoRecord(
            change.address,
            change.action,
            before=kind_of(change.address.kind).to_journal(known, self._seal(known)) if known else None,
            applied=self.entries.get(change.address, ""),
            entry=self.context.inventory.packed.get(change.address, ""),
            managed=change.address in self.context.inventory,
            released=change.address in self.context.released,
            unkept=unkept_fields(change),
        )

    def _seal(self, live: Resource) -> Seal:
        """Return how to take the secrets out of a live resource, by its file and its entry in the inventory."""
        desired, inventory = self.context.desired.get(live.address), self.context.inventory
        in_file = {str(text): text.spelling for text in referenced(dict(desired.document))} if desired else {}
        recorded = hidden_secrets.known(self.context.compared_with or inventory, [live])
        return Seal(self.context.redaction.with_spellings({**in_file, **recorded[live.address]}), inventory.salt)

    async def _announce(self, changes: Sequence[ResourceChange]) -> None:
        if changes and not self._announced and kind_of(changes[0].address.kind).account_scoped:
            try:
                await self.store(announced(self.context, self.entries))
            except DlsyncError as error:
                self._ended = _NOT_SENT
                raise DlsyncError(f"{error.message}; {_UNANNOUNCED}", hint=error.hint) from error
            self._announced = True

    async def _change(self, change: ResourceChange, stale: str, unsafe: str) -> ResourceChange:
        """Try a change between two lines of the journal; if the journal cannot be written, send nothing more."""
        async with self._turns:  # not only in the client, so that a change that still waits can be skipped
            if self._ended:
                return change.finished("skipped", self._ended)
            if reason := change.held or unsafe:
                live = self.context.live.get(change.address)
                is_unreadable = change.held and live and live.unreadable
                return self._not_sent(change, reason, "failed" if is_unreadable else "skipped")
            if stale:
                return self._not_sent(change, stale)
            try:
                self.journal.sending(change.address)
            except DlsyncError as error:
                self._ended = _NOT_SENT
                return self._not_sent(change, error.message)
            done = await self._send(change)
            try:
                self.journal.finished(done)
            except DlsyncError as error:
                self._ended = error.message  # no change has this error
            return done

    def _not_sent(self, change: ResourceChange, reason: str, result: Result = "failed") -> ResourceChange:
        self.reporter.advance()
        return change.finished(result, reason)

    async def _send(self, change: ResourceChange) -> ResourceChange:
        try:
            # an account that does not exist yet has no lock
            async with self.permission() if kind_of(change.address.kind).account_scoped else nullcontext():
                await self._write(change)
        except (Unauthorised, Refused) as error:
            if not isinstance(error, Forbidden):  # which another resource need not be
                self._ended = _NOT_SENT
            return change.finished("failed", error.message)
        except ManualActionRequired as error:
            if self._goes_with_another(change):  # it is verified after the other delete
                return change.finished("applied")
            self._manual.add(change.address)
            return change.finished("skipped", error.message)
        except AlreadyExists:
            return change.finished("failed", _CREATED_SINCE)
        except DlsyncError as error:
            if await self._may_have_taken_hold(change, error):
                self.unconfirmed[change.address] = None
            uncertain = isinstance(error, BadAnswer) or (isinstance(error, ApiError) and error.may_be_done)
            return change.finished("failed", error.message, uncertain=uncertain)
        finally:
            self.reporter.advance()
        return change.finished("applied")

    async def _write(self, change: ResourceChange) -> None:
        kind, effective = kind_of(change.address.kind), self.context.effective(change.address)
        if change.action == "delete" or effective is None:
            await kind.delete(self.client, change.address.name)
        elif change.action == "create":
            await kind.create(self.client, effective)
        else:
            await kind.update(self.client, effective, change.diff)

    def _goes_with_another(self, change: ResourceChange) -> bool:
        """Whether the server deletes a resource with another one that the plan deletes."""
        deletes = [one.address for one in self.context.plan.changes if _is_delete(one) and not one.held]
        return _is_delete(change) and any(change.address in kind_of(one.kind).deleted_with(one.name) for one in deletes)

    async def _may_have_taken_hold(self, change: ResourceChange, error: DlsyncError) -> bool:
        if change.action != "create" or not isinstance(error, Rejected):
            return True
        try:  # the first of two requests may have made it
            return bool(await fetch_by_name(self.client, [change.address]))
        except DlsyncError:
            return True


def _is_delete(change: ResourceChange) -> bool:
    return change.action == "delete"


def _without_unknown_secrets(change: ResourceChange, desired: Resource, before: Resource) -> Resource:
    """Return the resource with the secrets of its file in place of unknown ones, which no journal stores."""
    hidden = {one.path for one in (*change.diff, *change.kept) if one.op == "replace" and one.masked == "unknown"}
    if not hidden:
        return before
    kind = kind_of(change.address.kind)
    comparison = compare(kind, desired, before)
    stays = tuple(one for one in comparison.diff if kind.written_path(desired, one.path) not in hidden)
    unknown_fields = tuple(FieldChange(path, "remove") for path in comparison.unknown_fields)
    return kind.merge_live(before, before, merge_sides(kind, desired, before, (*stays, *unknown_fields)))


async def verify(
    client: ReadClient,
    changes: Sequence[ResourceChange],
    context: PlanContext,
    unconfirmed: dict[Address, Resource | None],
) -> list[ResourceChange]:
    """Fetch what was written, and compare it with what was sent.

    A server may answer with the old version for some seconds after a write, so what differs is fetched again.

    :param unconfirmed: takes what failed, with the live resource if that is known.
    """
    results: dict[Address, ResourceChange] = {}
    pending = [change for change in changes if change.result == "applied"]
    for seconds in (0.0, *_PAUSES):
        if not pending:
            break
        if seconds:
            await client.sleep(seconds)
        unsettled: list[ResourceChange] = []
        found = await _fetch_written(client, {change.address for change in pending}, context)
        for change in pending:
            resources = found[change.address.kind]
            result = results[change.address] = _verified(change, resources, context)
            unconfirmed.pop(change.address, None)
            if isinstance(resources, DlsyncError):  # the client has already retried
                unconfirmed[change.address] = None
            elif result.result == "failed":
                unconfirmed[change.address] = resources.get(change.address)
                unsettled.append(change)
        pending = unsettled
    return [results.get(change.address, change) for change in changes]


async def _fetch_written(client: ReadClient, written: Collection[Address], context: PlanContext) -> dict[str, _Found]:
    """Return the live resources that were written, by kind, or why they cannot be fetched."""
    effective = {address: resource for address in written if (resource := context.effective(address))}

    async def fetch(kind: str) -> _Found:
        wanted = {one for one in written if one.kind == kind}
        try:
            found = (await Fetcher(client, effective).fetch(wanted)).resources
            # a list may omit what exists
            return {**found, **await fetch_by_name(client, (wanted & effective.keys()) - found.keys())}
        except DlsyncError as error:
            return error

    kinds = sorted({address.kind for address in written})
    return dict(zip(kinds, await gather(map(fetch, kinds)), strict=True))


def _verified(change: ResourceChange, found: _Found, context: PlanContext) -> ResourceChange:
    if isinstance(found, DlsyncError):
        return change.finished("failed", f"{_UNKNOWN}: {found.message}", uncertain=True)
    live = found.get(change.address)
    desired = None if change.action == "delete" else context.effective(change.address)
    if desired is None:
        return change if live is None else change.finished("failed", "the server still has it after the delete")
    if live is None:
        return change.finished("failed", "the server does not have it after the write")
    if live.unreadable and not desired.unreadable:
        return change.finished("failed", f"it was sent, but what the server then has cannot be read: {live.unreadable}")
    kind, removed = kind_of(change.address.kind), {one.path for one in change.diff}
    diff = compare(kind, desired, live).diff
    if diff and desired.secrets:
        diff = compare(kind, desired, hidden_secrets.like(desired, live, context.inventory.salt)).diff
    diff = (*diff, *(one for one in kind.duplicates(desired, live) if one.path in removed))
    if not diff:
        return change
    # before the values are shortened, because half a secret would not be recognised
    differences = context.redaction.differences(kind.as_written(desired, diff))
    return change.finished("failed", "the server did not keep what was sent: " + "; ".join(map(_mismatch, differences)))


def _mismatch(change: FieldChange) -> str:
    field_, sent, live = field_name(change.path), messages.brief(change.after), messages.brief(change.before)
    if change.moved:
        return f"`{field_}` stands elsewhere"
    if change.op == "add":
        return f"`{field_}` is missing (sent {sent})"
    return f"`{field_}` is there with {live}" if change.op == "remove" else f"`{field_}` is {live} (sent {sent})"
