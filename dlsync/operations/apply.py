"""Apply a plan, or roll back a run: plan, ask, lock, journal, write and record."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from dlsync.client import Client
from dlsync.errors import DlsyncError, Refused
from dlsync.files.git import head_commit
from dlsync.files.settings import Settings
from dlsync.model import Code, Plan, Problem
from dlsync.operations import annotate, guards, plan_file
from dlsync.operations.apply_changes import Applier
from dlsync.operations.cache import remembered
from dlsync.operations.duplicates import with_ids
from dlsync.operations.fetch import Fetcher
from dlsync.operations.plan import DEFAULT_OPTIONS, PlanOptions, plan_with_client
from dlsync.operations.plan_context import PlanContext
from dlsync.operations.reconcile import UNDECIDED, ConflictPolicy
from dlsync.operations.reporter import SILENT, Reporter
from dlsync.operations.rollback import choose_run, plan_rollback, read_rollback
from dlsync.operations.run_owner import run_owner
from dlsync.operations.session import locked, writer
from dlsync.operations.update_inventory import advanced, observed
from dlsync.resources import environments
from dlsync.resources.tree import Tree
from dlsync.state import inventory_store, journal
from dlsync.state.inventory import LOCK_TIMEOUT, Inventory
from dlsync.state.lock import Lock

_UNRECORDED = "the inventory could not record what was applied; run the same command again"
_NOT_JOURNALED = "the journal could not record how the changes ended, so `dlsync history` shows them as unknown"


@dataclass(frozen=True)
class ApplyOptions:
    """Where an apply stores its journal, and how long it waits for the lock.

    :param journals: the folder of journals; None for the folder in the tree.
    :param lock_timeout: seconds to wait for another apply.
    """

    journals: Path | None = None
    lock_timeout: float = LOCK_TIMEOUT


DEFAULT = ApplyOptions()


async def apply(
    directory: Path,
    settings: Settings,
    *,
    plan_options: PlanOptions | None = None,
    saved_plan: plan_file.SavedPlan | None = None,
    options: ApplyOptions = DEFAULT,
    reporter: Reporter = SILENT,
) -> Plan | None:
    """Plan, ask and apply.

    :param plan_options: the scope of the plan; everything by default.
    :param saved_plan: apply exactly these changes, or refuse. A saved plan without changes applies nothing.
    :param reporter: approves the plan, and gets warnings and progress.
    :returns: the plan with its results; None if it was not approved.
    :raises Refused: a guard refuses the plan, the saved plan is stale, or another apply holds the lock.
    """
    tree = environments.read(directory, settings).raise_for_errors()
    plan_options = plan_options or (saved_plan.options if saved_plan else DEFAULT_OPTIONS)

    async def make_plan(client: Client) -> PlanContext:
        fetcher = Fetcher(client, tree.resources, cache=remembered(settings.target), reporter=reporter)
        context = await plan_with_client(fetcher, tree, settings, plan_options, options.journals)
        if not saved_plan:
            return context
        context = _narrowed_to(saved_plan, context, options.journals or journal.default_folder(directory))
        # the guards count the saved changes, not everything that differs by now
        return guards.judged(context, tree, settings)

    saved_id = saved_plan.id if saved_plan else ""
    try:
        return await _Application(settings, tree, options, reporter, "apply", make_plan, saved_plan=saved_id).run()
    except plan_file.StalePlan as error:
        if error.plan is None:
            raise
        # the inventory stays too: the reviewer did not see the files that changed since
        reporter.notify(f"{error.message}; it has no changes, so there is nothing to apply")
        return error.plan


def _narrowed_to(saved_plan: plan_file.SavedPlan, context: PlanContext, journals: Path) -> PlanContext:
    try:
        return plan_file.narrowed_to(saved_plan, context)
    except plan_file.StalePlan as error:
        logs = [one for one in journal.history(journals) if one.run.saved_plan == saved_plan.id and one.has_effect]
        if not logs:
            raise
        run = logs[0].run
        problem = f"the saved plan has been applied already, by run {run.id} ({run.started})"
        raise Refused(problem, hint="For what has changed since, make a new plan.") from error


async def rollback(
    directory: Path,
    settings: Settings,
    *,
    run: str = "",
    decisions: ConflictPolicy = UNDECIDED,
    options: ApplyOptions = DEFAULT,
    reporter: Reporter = SILENT,
) -> Plan | None:
    """Plan the rollback of a run, ask and apply it.

    :param run: its id; by default the last run that changed this account.
    :param decisions: how to resolve what was changed since the run.
    :returns: as :func:`apply`.
    :raises DlsyncError: there is no such run, or the environment lacks a secret that the journal refers to.
    :raises Refused: as :func:`apply`.
    """
    folder = options.journals or journal.default_folder(directory)
    log = choose_run(folder, settings.target, run, reporter)
    before = read_rollback(folder, log, directory, settings)

    async def make_plan(client: Client) -> PlanContext:
        return await plan_rollback(Fetcher(client, reporter=reporter), before, settings, decisions)

    return await _Application(settings, before.tree, options, reporter, "rollback", make_plan, reverts=log.run.id).run()


@dataclass(frozen=True)
class _Application:
    """Carries out one apply or rollback.

    :param reverts: the run that a rollback reverts; empty for an apply.
    :param saved_plan: the id of the saved plan; empty for none.
    """

    settings: Settings
    tree: Tree
    options: ApplyOptions
    reporter: Reporter
    command: str
    make_plan: Callable[[Client], Awaitable[PlanContext]]
    reverts: str = ""
    saved_plan: str = ""

    async def run(self) -> Plan | None:
        async with writer(self.settings) as client:
            approved = None
            if self.reporter.asks:
                context = await self._plan(client)
                if context.plan and not self.reporter.approve(context.plan):
                    return None
                approved = plan_file.promise(context)
            owner = run_owner(self.settings, self.tree.secrets)
            async with locked(client, owner, self.options.lock_timeout, self.reporter) as lock:
                context = await self._plan(client)
                if approved:
                    context = plan_file.narrowed_to(approved, context)
                elif context.plan:
                    # in a thread, so that the lock is renewed even if the reader of stdout pauses
                    await asyncio.to_thread(self.reporter.show, context.plan)
                done = await self._carry_out(client, lock, context)
            for problem in await annotate.annotate(client, done, context.redaction, self.tree, self.settings):
                self.reporter.warn(problem)
            return done

    async def _plan(self, client: Client) -> PlanContext:
        context = await self.make_plan(client)
        if context.plan.refused:
            self.reporter.show(replace(context.plan, refused=()))  # the error has the reasons
            raise Refused("\n".join(f"the plan is refused: {one}" for one in context.plan.refused), plan=context.plan)
        return context

    async def _carry_out(self, client: Client, lock: Lock, context: PlanContext) -> Plan:
        """Journal and write the changes, verify them, and record the confirmed ones in the inventory."""
        journal_of_run = self._new_journal(context)
        client.identify(run=journal_of_run.run.id, commit=journal_of_run.run.commit)
        previous = context.inventory

        async def store_inventory(inventory: Inventory) -> None:
            nonlocal previous
            if (inventory := replace(inventory, exists=previous.exists)) != previous:
                async with lock.held():
                    record = replace(inventory, commit=context.plan.commit)
                    await inventory_store.write(client, self.settings, self.tree.root, record)
                previous = replace(inventory, exists=True)

        applier = Applier(
            context=context,
            client=client,
            journal=journal_of_run,
            permission=lock.held,
            store=store_inventory,
            concurrency=self.settings.concurrency,
            reporter=self.reporter,
        )
        done: Plan | None = None
        journal_of_run.begin()
        self.reporter.begin(lambda: done or _results_so_far(context.plan, journal_of_run))
        try:
            done = await applier.apply()
            with self._reported(Code.NOT_JOURNALED, _NOT_JOURNALED):  # what a rollback needs was journaled before
                journal_of_run.note(done.changes, observed(context, applier.unconfirmed))
            with self._reported(Code.NOT_RECORDED, _UNRECORDED):
                inventory = advanced(context, done.changes, applier.entries, applier.unconfirmed)
                await store_inventory(with_ids(client, inventory))
        except asyncio.CancelledError:
            if done is None:
                with self._reported(Code.NOT_JOURNALED, _NOT_JOURNALED):
                    journal_of_run.note((), ended=False)
            raise
        return done

    @contextmanager
    def _reported(self, code: Code, consequence: str) -> Iterator[None]:
        """Report an error instead of raising it."""
        try:
            yield
        except DlsyncError as error:
            self.reporter.warn(Problem(code, f"{consequence}: {error.message}"))

    def _new_journal(self, context: PlanContext) -> journal.Journal:
        """Return the journal of the run that begins now: it may have waited for the lock while others ran."""
        now, settings = datetime.now(UTC), self.settings
        folder = self.options.journals or journal.default_folder(self.tree.root)
        run = journal.Run(
            id=journal.new_id(now, folder),
            command=self.command,
            started=now.isoformat(timespec="seconds"),
            **asdict(settings.target),
            environment=settings.environment,
            commit=head_commit(self.tree.root),
            by=run_owner(settings, self.tree.secrets),
            salt=context.inventory.salt.hex(),
            takes_back=self.reverts,
            planned=sum(not change.held for change in context.plan.changes),
            saved_plan=self.saved_plan,
        )
        return journal.Journal(folder, run)


def _results_so_far(plan: Plan, journal_of_run: journal.Journal) -> Plan:
    known = {change.address: change for change in journal_of_run.outcomes}
    return plan.with_changes(
        one.finished("failed", uncertain=True)
        if one.address in journal_of_run.in_flight
        else known.get(one.address, one)
        for one in plan.changes
    )
