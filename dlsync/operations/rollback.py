"""Plan the rollback of a run, with the resources of its journal in place of files."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path
from shlex import quote
from typing import cast

from dlsync.errors import DlsyncError, Refused
from dlsync.files.settings import Settings
from dlsync.messages import visible
from dlsync.model import Address, Code, Json, Plan, Problem, Resource, ResourceChange, Target
from dlsync.operations import hidden_secrets
from dlsync.operations.fetch import Fetcher
from dlsync.operations.plan import build_plan
from dlsync.operations.plan_context import PlanContext
from dlsync.operations.reconcile import (
    BOTH_MOVED,
    GONE_AND_MOVED,
    MOVED_AND_GONE,
    NOT_MANAGED,
    RENAMED_AND_MOVED,
    ConflictPolicy,
)
from dlsync.operations.reporter import SILENT, Reporter
from dlsync.operations.session import read_inventory
from dlsync.operations.update_inventory import resolved
from dlsync.resources import kind_of
from dlsync.resources.selector import Exactly
from dlsync.resources.tree import Tree
from dlsync.state import journal
from dlsync.state.inventory import Inventory
from dlsync.state.journal import RunLog, UndoRecord
from dlsync.state.sealed_values import Source, unsealed

_OUTSIDE = "%s stays as the run left it: no journal holds the content of an account"
_UNMANAGED = "%s stays as it is: it is live and no longer managed; to revert it too, run `dlsync adopt %s` first"
_UNKEPT = "%s: %s cannot be restored: the value before the run was likely a secret, so no journal has it"
_DUPLICATES = "%s had duplicates, which the run removed: they add nothing, and a rollback does not make them again"

_CHANGED = "it was changed since the run; `--on-conflict repo` reverts it all the same"
_REASONS = tuple(  # those that speak of files
    one.partition("%")[0] for one in (BOTH_MOVED, GONE_AND_MOVED, MOVED_AND_GONE, NOT_MANAGED, RENAMED_AND_MOVED)
)
_NOT_WRITTEN = (
    "the run did not write it, as far as its journal says, so it was changed since; "
    "`--on-conflict repo` reverts it all the same"
)

_OTHER_ACCOUNT = "Give the account of that run, such as by --environment."
_FROM_FILES = "Revert the files in git instead, and apply them."
_NO_EFFECT = "skipping run %s, which changed nothing"
_INTERRUPTED = "the last run %s was interrupted before it changed anything, so it leaves nothing to revert"
_CONTINUES = "the run %s before it was interrupted, and stays; revert it next with `dlsync rollback %s`"
_PART = "the run %s before it reverted another part of run %s, and stays; undo it next with `dlsync rollback %s`"
_REVERTED = (
    "reverting run %s (%s, %s), the last that changed %s; "
    "a run that had no changes, or was stopped during its plan, left nothing to revert"
)


@dataclass(frozen=True)
class RollbackPlan:
    """What a rollback restores.

    :param tree: the resources as they were before the run, in place of files.
    :param records: what the journal stores of the resources inside the account that the run changed.
    :param unwritten: the resources that the run did not write, or that a later run wrote.
    """

    tree: Tree
    applied: Inventory
    records: tuple[UndoRecord, ...]
    run: str
    unwritten: frozenset[Address]


def choose_run(folder: Path, target: Target, run: str, reporter: Reporter = SILENT) -> RunLog:
    """Return the run to revert.

    :param run: its id; empty for the last run that changed the account. If that is a rollback that is incomplete,
        the run that it was reverting.
    :param reporter: gets the run that is reverted by default, and those that are skipped.
    :raises DlsyncError: there is no such run.
    :raises Refused: it changed another account; or the last run was interrupted before it changed anything.
    """
    if run:
        log = journal.find_run(folder, run)
        if log.target != target:
            raise Refused(f"the run {run} was for {log.target}, not for {target}", hint=_OTHER_ACCOUNT)
        return log
    logs = [one for one in journal.history(folder) if one.target == target]
    skipped = list(takewhile(lambda one: not one.has_effect, logs))
    if len(skipped) == len(logs):
        raise DlsyncError(f"no run in {folder} has changed {target}", hint="Name the folder with --journal DIR.")
    log = logs[len(skipped)]
    latest = next(one for one in logs if one.has_effect or not one.ended)
    if latest.run.takes_back and not latest.is_complete:  # the same command again does the rest
        log = journal.find_run(folder, latest.run.takes_back)
    elif latest is not log and latest is logs[0]:
        hint = f"To revert the run before it, name that: `dlsync rollback {log.run.id}`."
        raise Refused(_INTERRUPTED % latest.run.id, hint=hint)
    for one in skipped:
        reporter.notify(_NO_EFFECT % one.run.id)
    reporter.notify(_REVERTED % (log.run.id, log.run.command, log.run.started, target))
    earlier = next((one for one in logs if one.has_effect and one.run.id < log.run.id), None)
    if earlier and log.run.takes_back and log.run.takes_back == earlier.run.takes_back:
        reporter.notify(_PART % (earlier.run.id, log.run.takes_back, earlier.run.id))
    elif earlier and not earlier.ended and not earlier.run.takes_back:
        reporter.notify(_CONTINUES % (earlier.run.id, earlier.run.id))
    return log


def read_rollback(folder: Path, log: RunLog, root: Path, settings: Settings) -> RollbackPlan:
    """Return the state before each change that a run may have made.

    :raises DlsyncError: a resource cannot be restored; says what is missing. A secret is taken from the environment
        only if a file of the tree mentions it.
    """
    changed = [one for one in log.undo.values() if log.results.get(one.address) != "skipped"]
    inside = [one for one in changed if kind_of(one.address.kind).account_scoped]
    salt = bytes.fromhex(log.run.salt)
    source = Source(settings.environ, hidden_secrets.mentioned(root), salt)
    before = [_before(one, one.before, source) for one in inside if one.before is not None]
    warnings = [Problem(Code.NOT_RESTORABLE, _OUTSIDE % one.address) for one in changed if one not in inside]
    for one in inside:
        if one.unkept:
            fields = ", ".join(f"`{visible(name)}`" for name in one.unkept)
            warnings.append(Problem(Code.NOT_RESTORABLE, _UNKEPT % (one.address, fields)))
    return RollbackPlan(
        Tree(
            root,
            {one.address: one for one in before},
            tuple(warnings),
            mentioned=hidden_secrets.values_of_mentioned(root, settings.environ),
        ),
        Inventory(salt, {one.address: one.applied for one in inside if one.applied}),
        tuple(inside),
        log.run.id,
        _unwritten(folder, log),
    )


def _before(record: UndoRecord, before: Mapping[str, Json], source: Source) -> Resource:
    secrets: dict[str, str] = {}
    try:
        saved = cast("dict[str, Json]", unsealed(dict(before), source, secrets))
        resource = replace(kind_of(record.address.kind).from_journal(record.address.name, saved), secrets=secrets)
        hidden_secrets.require_values(resource)
    except DlsyncError as error:
        raise DlsyncError(f"{record.address}: {error.message}", hint=error.hint or _FROM_FILES) from error
    return resource


def _unwritten(folder: Path, log: RunLog) -> frozenset[Address]:
    """Return the resources in the plan of a run that it did not write, or that a later run may have written."""
    later = [one for one in journal.history(folder) if one.run.id > log.run.id and one.target == log.target]
    rewritten = {address for one in later if one.run.takes_back != log.run.id for address in one.sent}
    unsure = {one for one in log.undo if log.results.get(one) != "applied"}
    return frozenset(one for one in unsure if one not in log.sent or one in rewritten)


async def plan_rollback(
    fetcher: Fetcher, rollback: RollbackPlan, settings: Settings, decisions: ConflictPolicy
) -> PlanContext:
    """Plan a rollback; what was changed since the run is held as a conflict.

    What is live and not managed any more stays as it is: it was released or created by hand since.
    """
    inventory = await read_inventory(fetcher.client, settings, rollback.tree.root)
    is_known = inventory.exists and not inventory.broken
    unmanaged = [one for one in rollback.records if is_known and one.address not in inventory.known]
    left = (await fetcher.fetch([one.address for one in unmanaged if not one.released])).resources
    rollback = _without(rollback, left)
    released = {one.address for one in rollback.records if not one.managed}
    released |= {one.address for one in unmanaged if one.action != "delete"}
    context = await build_plan(
        fetcher,
        rollback.tree,
        settings,
        targets=Exactly(frozenset(one.address for one in rollback.records)),
        decisions=decisions,
        prune="managed",
        recorded=rollback.applied.with_ids(inventory.ids),
    )
    plan = replace(
        _with_reasons(context.plan, rollback, decisions),
        reverts=rollback.run,
        unrestored=tuple(one.address for one in rollback.records if one.unkept),
    )
    duplicates = [one.address for one in context.desired.values() if _lost_duplicates(context, one)]
    # entries of before the run, so that manual edits that the run kept are drift again
    records = rollback.records if rollback.applied.salt == inventory.salt else ()
    entries = {one.address: one.entry for one in records if one.entry}
    return replace(
        context,
        plan=plan.with_warnings(Problem(Code.NOT_RESTORABLE, _DUPLICATES % address) for address in duplicates),
        inventory=resolved(inventory, context.live, context.missing_live, context.desired),
        compared_with=rollback.applied,
        restored={one: entry for one, entry in entries.items() if one not in context.reconciliation.kept},
        released=frozenset(released),
    )


def _without(rollback: RollbackPlan, left: Collection[Address]) -> RollbackPlan:
    """Return the rollback without some resources, and with a warning of each."""
    resources = {address: resource for address, resource in rollback.tree.resources.items() if address not in left}
    warnings = [Problem(Code.NOT_MANAGED, _UNMANAGED % (address, quote(str(address)))) for address in sorted(left)]
    tree = replace(rollback.tree, resources=resources, problems=(*rollback.tree.problems, *warnings))
    return replace(rollback, tree=tree, records=tuple(one for one in rollback.records if one.address not in left))


def _with_reasons(plan: Plan, rollback: RollbackPlan, decisions: ConflictPolicy) -> Plan:
    """Return the plan with what the run did not write held, and with reasons that speak of the run."""
    side = decisions.on_conflict
    return plan.with_changes(
        replace(one, held=_NOT_WRITTEN if is_unwritten else _CHANGED if is_changed else one.held)
        if side is None
        else one
        for one in plan.changes
        if not ((is_unwritten := one.address in rollback.unwritten) and side == "live")
        # if the run restores nothing, everything that an update would revert was changed since
        and not ((is_changed := _is_changed(one)) and not one.held and side == "live")
    )


def _is_changed(change: ResourceChange) -> bool:
    return change.held.startswith(_REASONS) or (change.action == "update" and change.cause == "drift")


def _lost_duplicates(context: PlanContext, before: Resource) -> bool:
    kind, live = kind_of(before.kind), context.live.get(before.address)
    return len(kind.duplicates(before, before)) > (len(kind.duplicates(live, live)) if live else 0)
