"""What writes resources to a server: apply, and its way back."""

from __future__ import annotations

import asyncio
from asyncio import CancelledError
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dlsync.errors import DlsyncError, Refused
from dlsync.files.git import head_commit
from dlsync.model import Problem
from dlsync.operations import annotate, apply_changes, guards, plan_file
from dlsync.operations.cache import remembered
from dlsync.operations.duplicates import with_ids
from dlsync.operations.fetch import Fetcher
from dlsync.operations.plan import PlanOptions, prepared
from dlsync.operations.reconcile import UNDECIDED, ConflictPolicy
from dlsync.operations.rollback import chosen, prepare, unwritten
from dlsync.operations.rollback import way_back as rollback_way_back
from dlsync.operations.session import locked, silent, unheard, who_runs_us, writer
from dlsync.operations.update_inventory import advanced, announced, observed
from dlsync.resources import environments
from dlsync.state import journal, store
from dlsync.state.inventory import LOCK_TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping
    from pathlib import Path

    from dlsync.client import Client
    from dlsync.files.settings import Settings
    from dlsync.model import Address, Plan, ResourceChange
    from dlsync.operations.plan import PlanContext
    from dlsync.operations.plan_file import SavedPlan
    from dlsync.resources.tree import Tree
    from dlsync.state.inventory import Inventory
    from dlsync.state.journal import Journal, Run
    from dlsync.state.lock import Lock

_UNRECORDED = "what was applied could not be recorded in the inventory; the same command again does that"
_UNNOTED = "how the changes went could not be kept, so `dlsync history` has them as unknown"


@dataclass(frozen=True)
class ApplyOptions:
    """How an apply talks to whoever runs it, and where it keeps its journal.

    :param approve: is shown a plan with changes, before the account is locked; nothing is written unless it returns
        True. None: that was agreed beforehand.
    :param show: is shown the plan that is then carried out, where nobody is asked; and one that is refused.
    :param warn: is told what went wrong besides the plan: an annotation that could not be posted.
    :param told: is called with what whoever runs it should know at once: whom it waits for, which run it reverts.
    :param begins: is called before the first change is sent, with a function that returns the plan with the results
        that are known by then: a change without one was not sent.
    :param journals: the folder of journals; by default the tree's own.
    :param lock_timeout: seconds to wait for another apply.
    :param progress: called for each resource that was looked at and each change that was tried.
    :param sleep: waits for so many seconds before a write is looked for again.
    """

    approve: Callable[[Plan], bool] | None = None
    show: Callable[[Plan], None] = unheard
    warn: Callable[[Problem], None] = unheard
    told: Callable[[str], None] = unheard
    begins: Callable[[Callable[[], Plan]], None] = unheard
    journals: Path | None = None
    lock_timeout: float = LOCK_TIMEOUT
    progress: Callable[[], None] = silent
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep


UNATTENDED = ApplyOptions()


async def apply(
    directory: Path,
    settings: Settings,
    *,
    wishes: PlanOptions | None = None,
    promised: SavedPlan | None = None,
    how: ApplyOptions = UNATTENDED,
) -> Plan | None:
    """Plan, ask, and make it so.

    :param wishes: what the plan is to be about; everything, where that is not said.
    :param promised: a saved plan; anything but exactly that is refused.
    :returns: the plan with its results, or None where it was not approved.
    :raises Refused: a guard holds the plan back, it is not the one promised, or another apply goes on.
    """
    tree = environments.read(directory, settings).raise_for_errors()
    wanted = wishes or (promised.wishes if promised else PlanOptions())

    async def made(client: Client) -> PlanContext:
        known = remembered(settings.target)
        fetcher = Fetcher(client, tree.resources, cache=known, progress=how.progress)
        work = await prepared(fetcher, tree, settings, wanted)
        if not promised:
            return work
        work = _kept_to(promised, work, directory, how)
        return replace(work, plan=guards.judged(work.plan, tree, settings))

    saved = promised.id if promised else ""
    return await _Application(settings, tree, how, "apply", made, saved=saved).go()


def _kept_to(promised: SavedPlan, work: PlanContext, directory: Path, how: ApplyOptions) -> PlanContext:
    try:
        return plan_file.kept_to(promised, work)
    except plan_file.StalePlan as error:
        runs = journal.runs(how.journals or journal.own(directory))
        if applied := next((one.run for one in runs if one.run.saved_plan == promised.id and one.has_effect), None):
            problem = f"the saved plan has been applied already, by run {applied.id} ({applied.started})"
            raise Refused(problem, hint="For what has changed since, make a new plan.") from error
        raise


async def rollback(
    directory: Path,
    settings: Settings,
    *,
    run: str = "",
    decisions: ConflictPolicy = UNDECIDED,
    how: ApplyOptions = UNATTENDED,
) -> Plan | None:
    """Plan the way back of a run, ask, and make it so.

    :param run: its name; by default the last one that changed this account.
    :param decisions: what is done with what was changed since.
    :returns: as :func:`apply`.
    :raises DlsyncError: there is no such run, or its journal lacks a secret that the environment does not have.
    :raises Refused: as :func:`apply`.
    """
    folder = how.journals or journal.own(directory)
    record = chosen(folder, settings.target, run, how.told)
    way_back = rollback_way_back(record, directory, settings, unwritten(folder, record))

    async def made(client: Client) -> PlanContext:
        return await prepare(Fetcher(client, progress=how.progress), way_back, settings, decisions)

    return await _Application(settings, way_back.tree, how, "rollback", made, takes_back=record.run.id).go()


def _with_outcomes(plan: Plan, book: Journal) -> Plan:
    known = {change.address: change for change in book.outcomes}
    return plan.with_changes(
        one.finished("failed", uncertain=True) if one.address in book.in_flight else known.get(one.address, one)
        for one in plan.changes
    )


@dataclass(frozen=True)
class _Application:
    """One way from a plan to its results.

    :param made: works the plan out.
    :param takes_back: the run that it is the way back of.
    :param saved: the saved plan that it carries out.
    """

    settings: Settings
    tree: Tree
    how: ApplyOptions
    command: str
    made: Callable[[Client], Awaitable[PlanContext]]
    takes_back: str = ""
    saved: str = ""

    async def go(self) -> Plan | None:
        async with writer(self.settings) as client:
            agreed = None
            if self.how.approve:
                first = await self._planned(client)
                if first.plan and not self.how.approve(first.plan):
                    return None
                agreed = plan_file.promise(first, PlanOptions())
            owner = who_runs_us(self.settings, self.tree.secrets)
            async with locked(client, owner, self.how.lock_timeout, self.how.told) as lock:
                work = await self._planned(client)
                if agreed:
                    work = plan_file.kept_to(agreed, work)
                elif work.plan:
                    self.how.show(work.plan)
                done = await self._carried_out(client, lock, work)
            for problem in await annotate.annotate(client, done, work.redaction, self.tree, self.settings):
                self.how.warn(problem)
            return done

    async def _planned(self, client: Client) -> PlanContext:
        work = await self.made(client)
        if work.plan.refused:
            self.how.show(work.plan)
            raise Refused("\n".join(f"the plan is refused: {one}" for one in work.plan.refused), plan=work.plan)
        return work

    async def _carried_out(self, client: Client, lock: Lock, work: PlanContext) -> Plan:
        folder = self.how.journals or journal.own(self.tree.root)
        book = journal.Journal(folder, self._run(work))
        stored = work.inventory

        async def announce() -> None:
            nonlocal stored
            stored = await self._store(client, lock, stored, announced(work))

        doing = apply_changes.Run(
            client, book, lock, self.settings.concurrency, self.how.progress, self.how.sleep, announce
        )
        done: Plan | None = None
        self.how.begins(lambda: done or _with_outcomes(work.plan, book))
        try:
            done = await apply_changes.apply(doing, work)
            self._note(book, done.changes, observed(work))
            await self._record(client, lock, stored, with_ids(client, advanced(work, done.changes)))
        except CancelledError:
            if done is None:
                self._note(book, (), ended=False)
            raise
        return done

    def _note(
        self,
        book: Journal,
        changes: Iterable[ResourceChange],
        applied: Mapping[Address, str] = journal.NOTHING,
        *,
        ended: bool = True,
    ) -> None:
        try:
            book.note(changes, applied, ended=ended)
        except DlsyncError as error:  # what the way back needs was kept before
            self.how.warn(Problem("warning", f"{_UNNOTED}: {error.message}"))

    async def _store(self, client: Client, lock: Lock, stored: Inventory, record: Inventory) -> Inventory:
        """Write the inventory where it says something else than what is stored, and return what is stored then."""
        record = replace(record, exists=stored.exists)
        if record == stored:
            return stored
        async with lock.held():
            await store.write(client, self.settings, self.tree.root, record)
        return replace(record, exists=True)

    async def _record(self, client: Client, lock: Lock, stored: Inventory, record: Inventory) -> None:
        try:
            await self._store(client, lock, stored, record)
        except DlsyncError as error:
            self.how.warn(Problem("error", f"{_UNRECORDED}: {error.message}"))

    def _run(self, work: PlanContext) -> Run:
        """Return the run that begins: only now, for it may have waited long, and others ran meanwhile."""
        now, settings = datetime.now(UTC), self.settings
        return journal.Run(
            journal.new_id(now),
            self.command,
            now.isoformat(timespec="seconds"),
            settings.url,
            settings.org,
            settings.account,
            settings.environment,
            head_commit(self.tree.root),
            who_runs_us(settings, self.tree.secrets),
            work.inventory.salt.hex(),
            self.takes_back,
            sum(not change.held for change in work.plan.changes),
            self.saved,
        )
