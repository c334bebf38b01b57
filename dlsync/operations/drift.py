"""Show what was changed on the server since it was applied, field by field, and accept it into the files."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from dlsync.diff.compare import compare
from dlsync.diff.three_way import has_moved, merge_sides, three_way_diff
from dlsync.errors import SettingsError
from dlsync.files import git, writer
from dlsync.files.settings import Settings
from dlsync.messages import visible
from dlsync.model import Address, Code, Entry, FieldChange, ItemChange, Problem, Resource, ResourceChange, Target
from dlsync.operations import plan_warnings
from dlsync.operations.export import Export, edit_files, outward
from dlsync.operations.fetch import Fetcher
from dlsync.operations.plan import build_plan, item_changes, lock_warnings, open_planning
from dlsync.operations.plan_context import PlanContext
from dlsync.operations.reporter import SILENT, Reporter
from dlsync.resources import kind_of
from dlsync.resources.selector import EVERYTHING, Targets
from dlsync.resources.tree import Tree

_NO_RECORD = (
    "`inventory: none` in dlsync.yaml: without a record of what was applied, dlsync cannot tell what changed since"
)
_UNCOMMITTED = (
    "not written: %s has changes that are not committed, and what is live would replace them; commit or discard "
    "them, then accept again"
)
_UNREADABLE = "%s cannot be read, so what was changed in it is not known: %s"


@dataclass(frozen=True)
class Drift:
    """What was changed on the server; falsy if nothing was.

    :param changes: each change from what was applied (``before``) to what is live (``after``). What was applied is
        known only if the files still have it.
    :param unchanged: how many managed resources are as they were applied.
    """

    target: Target
    changes: tuple[ResourceChange, ...]
    unchanged: int
    warnings: tuple[Problem, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.changes)


async def drift(
    directory: Path, settings: Settings, *, targets: Targets = EVERYTHING, reporter: Reporter = SILENT
) -> Drift:
    """Return what was changed on the server since it was applied.

    :raises SettingsError: the settings have ``inventory: none``.
    :raises InvalidTree: the files have errors.
    :raises ApiError: the live state could not be fetched.
    """
    _require_record(settings)
    async with open_planning(directory, settings, reporter, reads_only=True) as (fetcher, tree):
        context = await _compared(fetcher, tree, settings, targets)
        targets.require_match({*tree.resources, *context.live, *context.inventory})
        context, news = _under_new_names(context)
        olds = {new: old for old, new in news.items()}
        found = tuple(
            replace(one, address=olds[one.address], renamed=one.address.name) if one.address in olds else one
            for one in _drifted(context)
        )
        # what is deleted on both sides is no drift: the next apply forgets it
        managed = sum(targets.admits(address) for address in context.inventory if address not in context.missing_live)
        warnings = [*plan_warnings.unread(context.inventory)]
        unreadable = [(address, live.unreadable) for address, live in context.live.items() if live.unreadable]
        warnings += [
            Problem(Code.UNREADABLE_ANSWER, context.redaction.message(_UNREADABLE % one)) for one in unreadable
        ]
        warnings += await lock_warnings(fetcher)
        return Drift(settings.target, found, managed - len(found), tuple(warnings))


async def accept(
    directory: Path, settings: Settings, targets: Targets, *, check: bool = False, reporter: Reporter = SILENT
) -> Export:
    """Write what was changed on the server into the files.

    :param targets: without patterns, everything that drifted.
    :param check: write nothing, only return what would be written.
    :raises SettingsError: a target matches no resource, or what drifted is not recorded.
    """
    async with open_planning(directory, settings, reporter, reads_only=True) as (fetcher, tree):
        made = await accept_edits(fetcher, tree, settings, targets)
    if not check:
        writer.write(directory, made.files)
    return made


async def accept_edits(fetcher: Fetcher, tree: Tree, settings: Settings, targets: Targets) -> Export:
    """Work out the files that have what was changed on the server; parameters and errors as of :func:`accept`."""
    if not targets:
        _require_record(settings)
    context = await _compared(fetcher, tree, settings, targets)
    if targets:
        inside = {one for one in tree.resources if targets.admits(one) and kind_of(one.kind).account_scoped}
        wanted = inside | targets.named()
        if wanted - (tree.resources.keys() & context.live.keys()):  # one may be the new name of another
            context = await _compared(fetcher, tree, settings, EVERYTHING)
    targets.require_match({*tree.resources, *context.live})
    context, news = _under_new_names(context)
    wanted = {news.get(one, one) for one in wanted} if targets else {one.address for one in _drifted(context)}
    unsaved = _unsaved(context, tree.root, wanted)
    wanted -= unsaved.keys()
    live = {address: _accepted(context, one) for address, one in context.live.items() if address in wanted}
    return edit_files(
        settings.target,
        tree,
        context.inventory,
        live,
        wanted - context.live.keys(),
        left_out={address: _UNCOMMITTED % visible(file) for address, file in unsaved.items()},
        accepts_for=settings.environment,
        is_careful=True,
    )


def _unsaved(context: PlanContext, root: Path, wanted: Iterable[Address]) -> dict[Address, str]:
    """Return the resources whose accept would overwrite an uncommitted edit, each with the file of that edit."""
    replaced = [one for one in wanted if _is_replaced(context, one)]
    changed = git.uncommitted(root) if replaced else set[str]()
    files = {one: changed.intersection(kind_of(one.kind).files(context.desired[one])) for one in replaced}
    return {address: min(some) for address, some in files.items() if some}


def _is_replaced(context: PlanContext, address: Address) -> bool:
    """Tell whether an accept overwrites a change of the files, or removes a file."""
    desired, live, entry = context.desired.get(address), context.live.get(address), context.inventory.entry(address)
    if desired is None or live is None:
        return desired is not None
    if live.unreadable:  # it is not written
        return False
    if entry is None:
        return bool(compare(kind_of(address.kind), desired, live).diff)
    diff = three_way_diff(kind_of(address.kind), desired, live, entry, context.inventory.salt)
    return any(one.mover == "conflict" for one in diff)


def _under_new_names(context: PlanContext) -> tuple[PlanContext, dict[Address, Address]]:
    """Return the plan with renamed resources live and recorded under their new names, and the new names by the old."""
    changes = [one for one in context.plan.changes if one.action == "delete" and one.renamed]
    news = {one.address: Address(one.address.kind, one.renamed) for one in changes}
    live = {news.get(one, one): resource for one, resource in context.live.items()}
    packed = {news.get(one, one): entry for one, entry in context.inventory.packed.items()}
    context = replace(
        context,
        live={address: replace(one, address=address) for address, one in live.items()},
        inventory=replace(context.inventory, packed=packed),
    )
    return context, news


def _accepted(context: PlanContext, live: Resource) -> Resource:
    """Return the live resource, with the fields that only the files changed as the files have them."""
    desired, entry = context.desired.get(live.address), context.inventory.entry(live.address)
    if desired is None or entry is None or live.unreadable:
        return live
    kind, salt = kind_of(live.kind), context.inventory.salt
    theirs = tuple(one for one in three_way_diff(kind, desired, live, entry, salt) if one.mover != "repo")
    return kind.merge_live(desired, live, merge_sides(kind, desired, live, theirs)) if theirs else desired


def _require_record(settings: Settings) -> None:
    if settings.inventory == "none":
        raise SettingsError(_NO_RECORD, hint="Set `inventory: account`, or a file's path.")


async def _compared(fetcher: Fetcher, tree: Tree, settings: Settings, targets: Targets) -> PlanContext:
    return await build_plan(fetcher, tree, settings, targets=targets, prune="managed", protect=())


def _drifted(context: PlanContext) -> tuple[ResourceChange, ...]:
    """Return what was changed on the server, in the order of an apply."""
    entries = ((address, entry) for address in context.inventory if (entry := context.inventory.entry(address)))
    found = [change for address, entry in entries if (change := _drift(context, address, entry))]
    return tuple(sorted(found, key=lambda change: (kind_of(change.address.kind).order, change.address.name)))


def _drift(context: PlanContext, address: Address, entry: Entry) -> ResourceChange | None:
    live, desired, kind = context.live.get(address), context.desired.get(address), kind_of(address.kind)
    file = desired.file if desired else ""
    if live is None:
        return ResourceChange(address, "delete", "drift", file) if desired else None
    if live.unreadable:
        return ResourceChange(address, "update", "drift", file)
    if desired is None:
        moved = has_moved(kind, live, entry, context.inventory.salt)
        return ResourceChange(address, "update", "drift") if moved else None
    if not (diff := tuple(_moved(context, entry, desired, live))):
        return None
    file, placed = kind.located(desired, diff)
    line = min((one.line for one in placed if one.line), default=None)
    outside = tuple(map(outward, placed))
    items = partial(_items, context, entry, desired, live)
    return ResourceChange(address, "update", "drift", file, line, outside, items=items)


def _items(context: PlanContext, entry: Entry, desired: Resource, live: Resource) -> tuple[ItemChange, ...]:
    """Return the items of lists as they were applied and as they are live; none if the files changed too."""
    kind = kind_of(live.kind)
    movers = {one.mover for one in three_way_diff(kind, desired, live, entry, context.inventory.salt)}
    if not movers.isdisjoint({"repo", "conflict"}):
        return ()
    items = item_changes(kind, live, desired, context.redaction)
    return tuple(replace(one, before=one.after, after=one.before) for one in items)


def _moved(context: PlanContext, entry: Entry, desired: Resource, live: Resource) -> list[FieldChange]:
    kind = kind_of(live.kind)
    if kind.identical(desired, live):
        return []
    duplicates = context.reconciliation.duplicates.get(live.address, ())
    diff = three_way_diff(kind, desired, live, entry, context.inventory.salt)
    # redact all before choosing: what the files changed tells which of the others are likely secret
    shown = [*context.redaction.differences(duplicates), *context.redaction.differences(diff)]
    return [one for one in shown if one.mover != "repo"]
