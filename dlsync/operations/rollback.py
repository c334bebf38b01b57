"""The way back of a run: what its journal kept, as what is wanted now."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import takewhile
from typing import TYPE_CHECKING, cast

from dlsync.errors import DlsyncError, Refused
from dlsync.messages import visible
from dlsync.model import Problem, Target
from dlsync.operations import hidden_secrets
from dlsync.operations.hidden_secrets import mentioned
from dlsync.operations.plan import build_plan
from dlsync.operations.reconcile import BOTH_MOVED, GONE_AND_MOVED, MOVED_AND_GONE, NOT_MANAGED
from dlsync.operations.session import recorded, unheard
from dlsync.operations.update_inventory import resolved
from dlsync.resources import kind_of
from dlsync.resources.selector import Exactly
from dlsync.resources.tree import Tree
from dlsync.state import journal
from dlsync.state.inventory import Inventory
from dlsync.state.sealed_values import Source, unsealed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from pathlib import Path

    from dlsync.files.settings import Settings
    from dlsync.model import Address, Json, Plan, Resource
    from dlsync.operations.fetch import Fetcher
    from dlsync.operations.plan import PlanContext
    from dlsync.operations.reconcile import ConflictPolicy
    from dlsync.state.journal import Record, UndoRecord

_OUTSIDE = "%s stays as the run left it: what is in an account, no journal has"
_UNMANAGED = "%s stays as it is: it is live and no longer managed; to revert it too, run `dlsync adopt %s` first"
_UNKEPT = "%s: %s cannot be restored: the value before the run was likely a secret, so no journal has it"

_DUPLICATES = "%s had duplicates, which the run removed: they add nothing, and a rollback does not make them again"

_CHANGED = "it was changed since the run; `--on-conflict repo` reverts it all the same"
_REASONS = dict.fromkeys((BOTH_MOVED, GONE_AND_MOVED, MOVED_AND_GONE, NOT_MANAGED), _CHANGED)
_NOT_WRITTEN = (
    "the run did not write it, as far as its journal says, so it was changed since; "
    "`--on-conflict repo` reverts it all the same"
)

_NO_EFFECT = "skipping run %s, which changed nothing"
_REVERTED = "reverting run %s (%s, %s), the last that changed %s; runs without changes are skipped"


@dataclass(frozen=True)
class RollbackPlan:
    """What it takes to be where a run began.

    :param tree: the resources as they were before, in place of files.
    :param applied: what the run applied.
    :param records: what the journal keeps of the resources inside the account that the run changed.
    :param run: the run's id.
    :param unwritten: the resources of it that the run did not write, or a later one wrote.
    """

    tree: Tree
    applied: Inventory
    records: tuple[UndoRecord, ...]
    run: str
    unwritten: frozenset[Address] = frozenset()

    @property
    def about(self) -> frozenset[Address]:
        """The resources that the run changed."""
        return frozenset(one.address for one in self.records)

    def without(self, addresses: Collection[Address]) -> RollbackPlan:
        """Return the plan without some resources, with a warning of each."""
        resources = {one: resource for one, resource in self.tree.resources.items() if one not in addresses}
        warnings = [Problem("warning", _UNMANAGED % (one, one)) for one in sorted(addresses)]
        tree = replace(self.tree, resources=resources, problems=(*self.tree.problems, *warnings))
        return replace(self, tree=tree, records=tuple(one for one in self.records if one.address not in addresses))


def chosen(folder: Path, target: Target, name: str, notify: Callable[[str], None] = unheard) -> Record:
    """Return the run to revert.

    :param name: empty for the last one that changed the account; or that this one was taking back when it was cut off.
    :param notify: is called with the run that is reverted by default, and with those that are skipped.
    :raises DlsyncError: there is no such run.
    :raises Refused: it changed another account.
    """
    if not name:
        return _last(folder, target, notify)
    record = journal.required(folder, name)
    if _target(record) != target:
        raise Refused(f"the run {record.run.id} was for {_target(record)}, not for {target}")
    return record


def _last(folder: Path, target: Target, notify: Callable[[str], None]) -> Record:
    records = [one for one in journal.runs(folder) if _target(one) == target]
    skipped = list(takewhile(lambda one: not one.has_effect, records))
    if len(skipped) == len(records):
        raise DlsyncError(f"no run in {folder} has changed {target}", hint="Name the folder with --journal DIR.")
    record = records[len(skipped)]
    if record.run.takes_back and not record.ended:
        record = journal.required(folder, record.run.takes_back)
    for one in skipped:
        notify(_NO_EFFECT % one.run.id)
    notify(_REVERTED % (record.run.id, record.run.command, record.run.started, target))
    return record


def _target(record: Record) -> Target:
    return Target(record.run.url, record.run.org, record.run.account)


def unwritten(folder: Path, record: Record) -> frozenset[Address]:
    """Return the resources that a run was to change, and that it did not write or a later run wrote.

    What a run wrote without a known outcome and a later run wrote again was not written by the first.
    """
    later = [one for one in journal.runs(folder) if one.run.id > record.run.id and _target(one) == _target(record)]
    rewritten = {address for one in later if one.run.takes_back != record.run.id for address in one.sent}
    unsure = {one for one in record.kept if record.results.get(one) != "applied"}
    return frozenset(one for one in unsure if one not in record.sent or one in rewritten)


def way_back(
    record: Record, root: Path, settings: Settings, unwritten: frozenset[Address] = frozenset()
) -> RollbackPlan:
    """Return what was there before each change of a run that may have been made.

    :param root: of the tree that the run was of.
    :param unwritten: see :func:`unwritten`.
    :raises DlsyncError: what was there before cannot be made again; says what is missing. A secret that none of the
        tree's files mentions is not taken from the environment.
    """
    kept = [one for one in record.kept.values() if record.results.get(one.address) != "skipped"]
    inside = [one for one in kept if kind_of(one.address.kind).account_scoped]
    source = Source(settings.environ, mentioned(root), bytes.fromhex(record.run.salt))
    before = [_before(one, source) for one in inside if one.before is not None]
    left = [Problem("warning", _OUTSIDE % one.address) for one in kept if one not in inside]
    left += [Problem("warning", _UNKEPT % (one.address, _named(one.unkept))) for one in inside if one.unkept]
    return RollbackPlan(
        Tree(root, {one.address: one for one in before}, tuple(left)),
        Inventory(bytes.fromhex(record.run.salt), {one.address: one.applied for one in inside if one.applied}),
        tuple(inside),
        record.run.id,
        unwritten,
    )


def _named(fields: Iterable[str]) -> str:
    return ", ".join(f"`{visible(one)}`" for one in fields)


def _before(kept: UndoRecord, source: Source) -> Resource:
    secrets: dict[str, str] = {}
    address = kept.address
    try:
        saved = cast("dict[str, Json]", unsealed(dict(kept.before or {}), source, secrets))
        before = replace(kind_of(address.kind).from_journal(address.name, saved), secrets=secrets)
        hidden_secrets.require_values(before)
    except DlsyncError as error:
        raise DlsyncError(f"{address}: {error.message}", hint=error.hint) from error
    return before


async def prepare(
    fetcher: Fetcher, way_back: RollbackPlan, settings: Settings, decisions: ConflictPolicy
) -> PlanContext:
    """Work out what it takes; what was changed since the run is held, as after any conflict.

    What is live and not managed any more stays as it is: it was released since, or somebody else made it.

    :raises ApiError: live state could not be fetched whole.
    """
    inventory = await recorded(fetcher.client, settings, way_back.tree.root)
    is_known = inventory.exists and not inventory.broken
    unmanaged = [one for one in way_back.records if is_known and one.address not in inventory.known]
    live = (await fetcher.fetch([one.address for one in unmanaged if not one.released])).resources
    way_back = way_back.without(live)
    released = {one.address for one in way_back.records if not one.managed}
    released |= {one.address for one in unmanaged if one.action != "delete"}
    work = await build_plan(
        fetcher,
        way_back.tree,
        replace(settings, prune="managed"),
        targets=Exactly(way_back.about),
        decisions=decisions,
        recorded=way_back.applied.with_ids(inventory.ids),
    )
    inventory = resolved(inventory, work.live, work.gone, work.desired)
    plan = replace(
        _held(work.plan, way_back, decisions),
        reverts=way_back.run,
        unrestored=tuple(one.address for one in way_back.records if one.unkept),
    )
    removed = [
        Problem("warning", _DUPLICATES % one.address) for one in work.desired.values() if _lost_duplicates(work, one)
    ]
    return replace(
        work,
        plan=plan.with_warnings(removed),
        inventory=inventory,
        compared_with=way_back.applied,
        released=frozenset(released),
    )


def _held(plan: Plan, way_back: RollbackPlan, decisions: ConflictPolicy) -> Plan:
    """Return a plan that holds what the run did not write, and says of what it holds why, in terms of the run."""
    side = decisions.on_conflict
    return plan.with_changes(
        replace(one, held=_NOT_WRITTEN if is_unwritten else _REASONS.get(one.held, one.held)) if side is None else one
        for one in plan.changes
        if not ((is_unwritten := one.address in way_back.unwritten) and side == "live")
    )


def _lost_duplicates(work: PlanContext, before: Resource) -> bool:
    kind, live = kind_of(before.kind), work.live.get(before.address)
    return len(kind.duplicates(before, before)) > (len(kind.duplicates(live, live)) if live else 0)


def history(folder: Path) -> list[Record]:
    """Return the runs that a folder of journals has, the latest first.

    :raises DlsyncError: the folder cannot be read.
    """
    return journal.runs(folder)
