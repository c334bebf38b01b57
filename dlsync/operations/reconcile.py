"""Compare files, server and inventory; return the changes that make the server match the files, with causes. Pure.

A resource that both the files and the server changed is held until the user decides.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from shlex import quote
from types import MappingProxyType
from typing import NamedTuple

from dlsync.diff.compare import compare, differences
from dlsync.diff.digests import digested, holds_unreadable, mapped
from dlsync.diff.list_match import token
from dlsync.diff.three_way import has_moved, merge_sides, moved_in_files, three_way_diff
from dlsync.model import Address, Cause, Entry, FieldChange, Json, Path, Resource, ResourceChange, Side
from dlsync.resources import Kind, kind_of
from dlsync.state.inventory import Inventory, secret_digests

_ALIKE = 0.5  # as git has it for a file that was renamed and edited

Duplicates = Mapping[Address, tuple[FieldChange, ...]]

NOT_MANAGED = "it exists on the server, differs from its file and is not managed: `--adopt` takes it over"
BOTH_MOVED = "changed in the files and on the server: `--on-conflict repo` or `--on-conflict live` says which side wins"
GONE_AND_MOVED = (
    "its file is gone, and it was changed on the server since: `--on-conflict repo` deletes it all the same, "
    "`--on-conflict live` leaves it"
)
RENAMED_AND_MOVED = (
    "renamed in the files, and changed on the server under its old name: `--on-conflict repo` renames it as its file "
    "says, `--on-conflict live` as it is on the server; `dlsync accept %s` writes the change into the file"
)
UNREADABLE = "the live resource cannot be read (%s): `--on-conflict repo` overwrites it"
MASKED = (
    "the server masks a value that was changed there, so it cannot be kept: `--on-conflict repo` overwrites it; "
    "to keep it, put it into the file as ${env:NAME}"
)
MOVED_AND_GONE = (
    "changed in the files, and deleted on the server: `--on-conflict repo` creates it again, `--on-conflict live` "
    "leaves it deleted; `dlsync accept %s` removes its file"
)


class ConflictPolicy(NamedTuple):
    """The user's decisions for a run.

    :param adopt: overwrite live resources that differ from their files and are not managed.
    :param on_conflict: the side that wins if both changed; None holds the resource.
    """

    adopt: bool = False
    on_conflict: Side | None = None


UNDECIDED = ConflictPolicy()
NO_DUPLICATES: Duplicates = MappingProxyType({})


@dataclass
class Reconciliation:
    """What makes the server match the files.

    :param changes: creates and updates in the order of an apply, then deletes in the opposite order.
    :param unchanged: how many resources match their files, or stay by decision.
    :param adopted: the unchanged resources that are not managed yet.
    :param equal: the unchanged resources that match their files, without a field in ``unknown_fields``.
    :param unknown_fields: by resource, the fields that only the server has, that no schema knows and an update drops.
    :param no_default: by resource, the fields that were removed from the files and stay live, as no default is known.
    :param kept: by resource, what differs from the files and stays as it is live.
    :param left: the resources that only one side has, and that stay so by decision.
    :param duplicates: what is removed because the server has it twice.
    :param effective: what is to be live, if that is not what the files alone say.
    """

    changes: list[ResourceChange] = field(default_factory=list)
    unchanged: int = 0
    adopted: list[Address] = field(default_factory=list)
    equal: list[Address] = field(default_factory=list)
    unknown_fields: dict[Address, Sequence[Path]] = field(default_factory=dict)
    no_default: dict[Address, Sequence[Path]] = field(default_factory=dict)
    kept: dict[Address, tuple[FieldChange, ...]] = field(default_factory=dict)
    effective: dict[Address, Resource] = field(default_factory=dict)
    left: list[Address] = field(default_factory=list)
    duplicates: Duplicates = field(default_factory=dict)


def reconcile(
    desired: Mapping[Address, Resource],
    live: Mapping[Address, Resource],
    recorded: Inventory,
    *,
    deletes: Collection[Address] = (),
    decisions: ConflictPolicy = UNDECIDED,
    duplicates: Duplicates = NO_DUPLICATES,
) -> Reconciliation:
    """Compare all resources of the files with all live ones, and both with what was applied last.

    :param deletes: the live resources to delete if the files do not have them.
    :param duplicates: what to remove because the server has it twice.
    """
    work = _Reconciliation(recorded, decisions, duplicates)
    for address, resource in desired.items():
        if address in live:
            work.both(resource, live[address])
        else:
            work.missing(resource)
    for address, resource in live.items():
        if address not in desired and address in deletes:
            work.surplus(resource)
    changes = work.with_renames(desired, live)
    work.outcome.changes = sorted(changes, key=_turn)
    return work.outcome


class _Reconciliation:
    """Collects the changes, one resource after the other."""

    def __init__(self, recorded: Inventory, decisions: ConflictPolicy, duplicates: Duplicates) -> None:
        self._recorded = recorded
        self._decisions = decisions
        self.outcome = Reconciliation(duplicates=duplicates)

    def missing(self, desired: Resource) -> None:
        """Add the change of a resource that only the files have."""
        kind, entry = kind_of(desired.kind), self._recorded.entry(desired.address)
        if entry is None:
            self._add(_create(kind, desired, "new"))
        elif not moved_in_files(kind, desired, entry, self._recorded.salt):
            self._add(_create(kind, desired, "drift"))
        else:
            held = "" if self._decisions.on_conflict == "repo" else MOVED_AND_GONE % quote(str(desired.address))
            self._add(replace(_create(kind, desired, "conflict"), held=held))

    def surplus(self, live: Resource) -> None:
        """Add the change of a live resource whose file was removed."""
        if live.unreadable:
            self._unreadable(ResourceChange(live.address, "delete", "conflict"), live)
        elif moved_since(live, self._recorded):
            held = "" if self._decisions.on_conflict == "repo" else GONE_AND_MOVED
            self._add(ResourceChange(live.address, "delete", "conflict", held=held))
        else:
            self._add(ResourceChange(live.address, "delete", "repo"))

    def both(self, desired: Resource, live: Resource) -> None:
        """Add the change of a resource that both sides have."""
        kind = kind_of(desired.kind)
        if live.unreadable and not kind.identical(desired, live):
            whole = tuple(differences(kind, (), kind.canonical(desired.document), {}))
            self._unreadable(_update(kind, desired, whole, "conflict"), live)
            return
        managed = not (self._recorded.kept and kind.account_scoped) or desired.address in self._recorded
        comparison = compare(kind, desired, live)
        self._note_unknown_fields(kind, desired, comparison.unknown_fields)
        duplicates = self.outcome.duplicates.get(desired.address, ())
        if duplicates and not comparison.diff:
            self._add(_update(kind, desired, duplicates, _cause(duplicates)))
        elif not comparison.diff:  # regardless of the inventory
            self.outcome.unchanged += 1
            is_adopted = not managed and desired.address not in self._recorded.unreadable
            self.outcome.adopted += [desired.address] if is_adopted else []
            self.outcome.equal += [] if desired.address in self.outcome.unknown_fields else [desired.address]
        elif (entry := self._recorded.entry(desired.address)) is None:
            self._unrecorded(kind, desired, (*comparison.diff, *duplicates), managed=managed)
        else:
            self._moved(kind, desired, live, entry)

    def with_renames(
        self, desired: Mapping[Address, Resource], live: Mapping[Address, Resource]
    ) -> list[ResourceChange]:
        """Return the changes, with a create and the delete of what it renames naming each other."""
        changes = {change.address: change for change in self.outcome.changes}
        for old, new in _renames(changes, desired, live, self._recorded).items():
            create, delete = self._renamed(changes[new], changes[old], desired[new], live[old])
            changes[new], changes[old] = replace(create, renamed=old.name), replace(delete, renamed=new.name)
        if self._decisions.on_conflict == "live":
            reasons = {one: {GONE_AND_MOVED, MOVED_AND_GONE % quote(str(one))} for one in changes}
            self.outcome.left = [one for one, change in changes.items() if change.held in reasons[one]]
            self.outcome.unchanged += len(self.outcome.left)
        return [change for change in changes.values() if change.address not in self.outcome.left]

    def _renamed(
        self, create: ResourceChange, delete: ResourceChange, desired: Resource, live: Resource
    ) -> tuple[ResourceChange, ResourceChange]:
        """Resolve a rename whose resource was changed on the server under its old name; others stay unchanged."""
        kind, side = kind_of(live.kind), self._decisions.on_conflict
        entry = self._recorded.entry(live.address)
        if delete.cause != "conflict" or live.unreadable or entry is None:
            return create, delete
        diff = three_way_diff(kind, desired, live, entry, self._recorded.salt)
        by_hand = tuple(one for one in diff if one.mover != "repo")
        if not by_hand:  # the file already has the change of the server
            return create, replace(delete, cause="repo", held="")
        is_masked = side == "live" and any(holds_unreadable(one.before) for one in by_hand)
        kept = by_hand if side == "live" and not is_masked else ()
        update = _update(kind, desired, tuple(one for one in diff if one not in kept), "conflict")
        create = replace(update, action="create", kept=kind.as_written(desired, kept))
        if kept:
            self.outcome.kept[create.address] = kept
            self.outcome.effective[create.address] = kind.merge_live(
                desired, live, merge_sides(kind, desired, live, kept)
            )
        held = MASKED if is_masked else "" if side else RENAMED_AND_MOVED % quote(str(live.address))
        return create, replace(delete, held=held)

    def _unrecorded(self, kind: Kind, desired: Resource, diff: tuple[FieldChange, ...], *, managed: bool) -> None:
        if managed and not self._recorded.kept:
            self._add(_update(kind, desired, diff, "repo"))
        else:
            change = _update(kind, desired, diff, "new")
            self._add(change if self._decisions.adopt else replace(change, held=NOT_MANAGED))

    def _moved(self, kind: Kind, desired: Resource, live: Resource, entry: Entry) -> None:
        side, diff = self._decisions.on_conflict, three_way_diff(kind, desired, live, entry, self._recorded.salt)
        if side is None and any(one.mover == "conflict" for one in diff):
            change = _update(kind, desired, diff, "conflict")
            self._add(replace(change, held=BOTH_MOVED))
            return
        # a manual edit alone is reverted, as the plan shows; together with changes of the files, it is merged
        merges = moved_in_files(kind, desired, entry, self._recorded.salt)
        stays = {"kept", *(["drift"] if merges else []), *(["conflict"] if side == "live" else [])}
        kept = () if side == "repo" else tuple(one for one in diff if one.mover in stays)
        if any(holds_unreadable(one.before) for one in kept):
            self._add(replace(_update(kind, desired, diff, "conflict"), held=MASKED))
            return
        sent = tuple(one for one in diff if one not in kept) + self.outcome.duplicates.get(desired.address, ())
        if kept:
            self.outcome.kept[desired.address] = kept
        if not sent:
            self.outcome.unchanged += 1
            return
        if kept:
            whole = kind.merge_live(desired, live, merge_sides(kind, desired, live, kept))
            self.outcome.effective[desired.address] = whole
        self._add(replace(_update(kind, desired, sent, _cause(sent)), kept=kind.as_written(desired, kept)))

    def _unreadable(self, change: ResourceChange, live: Resource) -> None:
        """Add a change of an unreadable resource; it is unknown what the change would lose."""
        reason = UNREADABLE % live.unreadable
        self._add(change if self._decisions.on_conflict == "repo" else replace(change, diff=(), held=reason))

    def _note_unknown_fields(self, kind: Kind, desired: Resource, unknown_fields: Sequence[Path]) -> None:
        if fields := kind.dropped_by_update(unknown_fields):
            self.outcome.unknown_fields[desired.address] = fields
        elif unknown_fields and (entry := self._recorded.entry(desired.address)):
            removed = [path for path in unknown_fields if path[0] in entry.applied]
            self.outcome.no_default |= {desired.address: removed} if removed else {}

    def _add(self, change: ResourceChange) -> None:
        self.outcome.changes.append(change)


def moved_since(live: Resource, recorded: Inventory) -> bool:
    """Whether a live resource was changed on the server since it was last applied."""
    entry = recorded.entry(live.address)
    return entry is not None and has_moved(kind_of(live.kind), live, entry, recorded.salt)


def _cause(sent: Sequence[FieldChange]) -> Cause:
    movers = {one.mover for one in sent}
    return "conflict" if "conflict" in movers else "repo" if "repo" in movers else "drift"


def _create(kind: Kind, desired: Resource, cause: Cause) -> ResourceChange:
    whole = differences(kind, (), kind.canonical(desired.document), {})
    # the whole file is new, so the line of each field, which takes 11 ms a file, tells nothing
    line = kind.line(desired) if desired.file else None
    return ResourceChange(desired.address, "create", cause, desired.file, line, tuple(whole))


def _update(kind: Kind, desired: Resource, diff: tuple[FieldChange, ...], cause: Cause) -> ResourceChange:
    if not desired.file:  # a resource of a journal has no lines
        return ResourceChange(desired.address, "update", cause, diff=kind.as_written(desired, diff))
    file, diff = kind.located(desired, diff)
    lines = [one.line for one in diff if one.line]
    return ResourceChange(desired.address, "update", cause, file, min(lines, default=None), diff)


def _turn(change: ResourceChange) -> tuple[bool, int, str]:
    order = kind_of(change.address.kind).order
    deletes = change.action == "delete"
    return deletes, -order if deletes else order, change.address.name


def _renames(
    changes: Mapping[Address, ResourceChange],
    desired: Mapping[Address, Resource],
    live: Mapping[Address, Resource],
    recorded: Inventory,
) -> dict[Address, Address]:
    """Return the new address of each delete whose content, live or applied last, another create has.

    What the server deletes together with such a resource is renamed with it.
    """
    movable = [change for change in changes.values() if kind_of(change.address.kind).named_by_file]
    creates = [change.address for change in movable if change.action == "create" and not change.held]
    deletes = [change for change in movable if change.action == "delete"]
    if not (creates and deletes):
        return {}
    keyed = [(content(live[one.address]), one.address) for one in deletes if not live[one.address].unreadable]
    moved = [one.address for one in deletes if one.cause == "conflict"]
    entries = {one: entry for one in moved if (entry := recorded.entry(one))}
    for one, entry in entries.items():
        now = digested(recorded.salt, kind_of(one.kind).canonical(live[one].document))
        keyed += [(_as_applied(one.kind, form, entry.secrets), one) for form in (now, dict(entry.applied))]
    olds: dict[tuple[str, str], list[Address]] = {}
    for key, old in keyed:
        olds.setdefault(key, []).append(old)
    news: dict[Address, Address] = {}
    for new in creates:
        form = kind_of(new.kind).canonical(desired[new].document)
        applied = _as_applied(new.kind, digested(recorded.salt, form), secret_digests(recorded.salt, form))
        found = [*olds.get(content(desired[new]), ()), *olds.get(applied, ())]
        news |= dict.fromkeys([one for one in found if one not in news][:1], new)
    pairs = [(old, new) for one in news.items() for old, new in zip(*map(_deleted_with, one), strict=True)]
    is_new = {one.address for one in changes.values() if one.action == "create" and not one.held}
    return news | {old: new for old, new in pairs if old in changes and old not in desired and new in is_new}


def _deleted_with(address: Address) -> tuple[Address, ...]:
    return kind_of(address.kind).deleted_with(address.name)


def _as_applied(kind: str, applied: Json, secrets: Mapping[str, str]) -> tuple[str, str]:
    """Return a key that two digested forms share if they differ only in the values of secrets."""
    return kind, token(mapped(applied, lambda leaf: secrets.get(str(leaf), leaf)))


def content(resource: Resource) -> tuple[str, str]:
    """Return a key that two resources share if they differ only in their names."""
    kind = kind_of(resource.kind)
    form = kind.canonical(resource.document)
    return resource.kind, token({name: form[name] for name in form if not kind.is_server_managed((), name)})


def heirs(
    changes: Collection[ResourceChange], desired: Mapping[Address, Resource], live: Mapping[Address, Resource]
) -> dict[Address, Address]:
    """Return the other name of each rename, and for each other delete the create with most of its content."""
    found = {one.address: Address(one.address.kind, one.renamed) for one in changes if one.renamed}
    unpaired = [one for one in changes if not one.renamed and kind_of(one.address.kind).named_by_file]
    for old in (live[one.address] for one in unpaired if one.action == "delete"):
        creates = [one.address for one in unpaired if one.action == "create" and one.address.kind == old.kind]
        share, new = max(((_likeness(old, desired[one]), one) for one in creates), default=(0, old.address))
        pairs = zip(*((one, *_deleted_with(one)) for one in (old.address, new)), strict=True)
        found |= dict(pairs) if share > _ALIKE else {}
    return found


def _likeness(one: Resource, other: Resource) -> float:
    parts, others = (re.split(r'(?:\\n"?|, )+', content(each)[1]) for each in (one, other))
    return SequenceMatcher(None, parts, others).quick_ratio()  # the share that both have, in any order
