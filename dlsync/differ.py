"""Desired against live: pure, on canonical forms, each difference at the smallest path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from dlsync.matching import match, same
from dlsync.model import Address, Change, Difference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from dlsync.kinds.base import Kind
    from dlsync.model import Json, Path, Resource


@dataclass(frozen=True)
class Outcome:
    """What it takes to make live what the files say.

    :param changes: creates and updates in the order of an apply, then deletes in the opposite order.
    :param unchanged: how many resources are live as the files say.
    :param unseen: by resource, the fields that only the live side has, that no schema knows and an update would drop.
    """

    changes: tuple[Change, ...]
    unchanged: int
    unseen: Mapping[Address, Sequence[Path]]


def diff(
    kind_of: Callable[[str], Kind],
    desired: Mapping[Address, Resource],
    live: Mapping[Address, Resource],
    prunes: Callable[[Address], bool],
) -> Outcome:
    """Compare all that the files say with all that is live.

    :param kind_of: from a kind's name to the kind.
    :param prunes: whether a live resource that the files do not have is to be deleted.
    """
    unseen: dict[Address, Sequence[Path]] = {}
    changes: list[Change] = []
    for address, resource in desired.items():
        kind = kind_of(address.kind)
        if address not in live:
            changes.append(_create(kind, resource))
            continue
        comparison = compare(kind, resource, live[address])
        if fields := kind.endangered(comparison.unseen):
            unseen[address] = fields
        if comparison.diff:
            changes.append(_update(kind, resource, comparison.diff))
    unchanged = len(desired) - len(changes)
    changes += [_delete(address) for address in live if address not in desired and prunes(address)]
    changes.sort(key=lambda change: _turn(kind_of, change))
    return Outcome(tuple(changes), unchanged, unseen)


def _turn(kind_of: Callable[[str], Kind], change: Change) -> tuple[bool, int, str]:
    order = kind_of(change.address.kind).order
    deletes = change.action == "delete"
    return deletes, -order if deletes else order, change.address.name


def _create(kind: Kind, desired: Resource) -> Change:
    whole = differences(kind, (), kind.canonical(desired.document), {})
    # the whole file is new: finding each field's line takes 11 ms a file, and tells nobody anything
    return Change(desired.address, "create", "new", desired.file, kind.line(desired), tuple(whole))


def _update(kind: Kind, desired: Resource, diff: tuple[Difference, ...]) -> Change:
    file, diff = kind.located(desired, diff)
    lines = [one.line for one in diff if one.line]
    return Change(desired.address, "update", "repo", file, min(lines, default=None), diff)


def _delete(address: Address) -> Change:
    return Change(address, "delete", "repo")


class Comparison(NamedTuple):
    """How a live resource differs from its file.

    :param diff: what an update would change, in the file's order.
    :param unseen: fields that only the live side has and that no schema knows; they are left out of ``diff``.
    """

    diff: tuple[Difference, ...]
    unseen: tuple[Path, ...]


def compare(kind: Kind, desired: Resource, live: Resource) -> Comparison:
    """Return what differs in meaning between a resource in the files and the same one on the server."""
    if kind.identical(desired, live):
        return Comparison((), ())
    unseen: list[Path] = []
    ours, theirs = kind.canonical(desired.document), kind.canonical(live.document)
    diff = tuple(_Differ(kind, unseen).mappings((), ours, theirs))
    return Comparison(diff, tuple(unseen))


def differences(kind: Kind, path: Path, ours: Json, theirs: Json) -> Iterator[Difference]:
    """Walk two values of canonical forms, both at the path, and give each difference as it is found."""
    return _Differ(kind, []).values(path, ours, theirs)


class _Differ:
    """Walks two canonical forms at once."""

    def __init__(self, kind: Kind, unseen: list[Path]) -> None:
        self._kind = kind
        self._unseen = unseen

    def values(self, path: Path, ours: Json, theirs: Json) -> Iterator[Difference]:
        if isinstance(ours, dict) and isinstance(theirs, dict):
            yield from self.mappings(path, ours, theirs)
        elif isinstance(ours, list) and isinstance(theirs, list):
            yield from self.lists(path, ours, theirs)
        elif not same(ours, theirs):
            yield Difference(path, "replace", before=theirs, after=ours)

    def mappings(self, path: Path, ours: Mapping[str, Json], theirs: Mapping[str, Json]) -> Iterator[Difference]:
        for field, value in ours.items():
            if field in theirs:
                yield from self.values((*path, field), value, theirs[field])
            else:
                yield Difference((*path, field), "add", after=value)
        for field, value in theirs.items():
            if field not in ours:
                yield from self._only_live(path, field, value)

    def _only_live(self, path: Path, field: str, value: Json) -> Iterator[Difference]:
        if self._kind.disregards(path, field):
            self._unseen.append((*path, field))
        else:
            yield Difference((*path, field), "remove", before=value)

    def lists(self, path: Path, ours: list[Json], theirs: list[Json]) -> Iterator[Difference]:
        matching = match(ours, theirs, self._kind.list_rule(path))
        live_place = dict(matching.pairs)
        for place, item in enumerate(ours):
            here = (*path, place)
            if place in matching.added:
                yield Difference(here, "add", after=item)
            elif place in live_place:
                if place in matching.moved:
                    yield Difference(here, "replace", {"index": live_place[place]}, {"index": place}, moved=True)
                yield from self.values(here, item, theirs[live_place[place]])
        for place in matching.removed:
            yield Difference((*path, place), "remove", before=theirs[place])
