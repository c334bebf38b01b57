"""Who moved which field: desired and live against what was recorded when they last agreed. Pure, on digested forms."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

from dlsync.diff.compare import ABSENT, Absent, Base, Items, compare, differences
from dlsync.diff.digests import digested
from dlsync.diff.list_match import match, same

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlsync.diff.list_match import Matching
    from dlsync.diff.rules import Rules
    from dlsync.model import ChangedBy, Entry, FieldChange, Json, Path, Resource

_MOVERS: dict[tuple[bool, bool], ChangedBy] = {
    (True, True): "conflict",
    (True, False): "repo",
    (False, True): "drift",
    (False, False): "kept",
}


class ThreeWayDiff(NamedTuple):
    """How a resource has moved since it was applied.

    :param diff: desired against live, each difference with who moved it.
    :param repo: whether the files have moved.
    """

    diff: tuple[FieldChange, ...]
    repo: bool


def movement(kind: Rules, desired: Resource, live: Resource, entry: Entry, salt: bytes) -> ThreeWayDiff:
    """Compare a resource in the files with the same one on the server, and both with what was applied.

    :param salt: of the entry's digests.
    """
    diff = compare(kind, desired, live, _Recorded(dict(entry.applied), dict(entry.seen), salt)).diff
    return ThreeWayDiff(diff, repo=bool(diff) and moved_in_files(kind, desired, entry, salt))


def moved_in_files(kind: Rules, desired: Resource, entry: Entry, salt: bytes) -> bool:
    """Whether the files say something else of a resource than was applied; as for :func:`has_moved`."""
    ours = digested(salt, kind.canonical(desired.document))
    return _moved(kind, ours, dict(entry.applied)) or _moved(kind, dict(entry.applied), ours)


def has_moved(kind: Rules, live: Resource, entry: Entry, salt: bytes) -> bool:
    """Whether a live resource is another than it was after the apply.

    :param salt: of the entry's digests.
    """
    return _moved(kind, dict(entry.seen), digested(salt, kind.canonical(live.document)))


def is_partly_applied(kind: Rules, live: Resource, before: Entry, after: Entry, salt: bytes) -> bool:
    """Whether each value of a live resource is that of one of two entries; as for :func:`has_moved`."""
    base = _Recorded(dict(before.seen), dict(before.seen), salt=None)
    theirs = digested(salt, kind.canonical(live.document))
    return all(one.mover == "repo" for one in differences(kind, (), dict(after.seen), theirs, base))


def _moved(kind: Rules, then: Json, now: Json) -> bool:
    """Whether a digested form is another than it was; fields that a server adds to what it has are no change."""
    return any(differences(kind, (), then, now))


class _Recorded(NamedTuple):
    """What was applied and what was live then, at one place, both digested with the salt.

    :param salt: None where the two sides that are compared are digested already.
    """

    applied: Json | Absent
    seen: Json | Absent
    salt: bytes | None

    def digested(self, value: Json) -> Json:
        return value if self.salt is None else digested(self.salt, value)

    def field(self, name: str) -> _Recorded:
        return self._replace(applied=_at(self.applied, name), seen=_at(self.seen, name))

    def shared(self, kind: Rules, path: Path, name: str, theirs: Json) -> Base:
        base = self.field(name)
        if base.seen is ABSENT and kind.is_server_managed(path, name):
            # what a server adds by itself was not in what was applied, and has not moved for that
            return base._replace(seen=self.digested(theirs))
        return base

    def mover(self, ours: Json | Absent, theirs: Json | Absent) -> ChangedBy:
        ours, theirs = (one if isinstance(one, Absent) else self.digested(one) for one in (ours, theirs))
        if not _differs(ours, theirs):  # the values do; digests differ with them, but for one in 2**32
            return "conflict"
        return _MOVERS[_differs(ours, self.applied), _differs(theirs, self.seen)]

    def items(self, kind: Rules, path: Path, ours: list[Json], theirs: list[Json], matching: Matching) -> Items:
        rule = kind.list_rule(path)
        applied, seen = _list(self.applied), _list(self.seen)
        ours, theirs = ([self.digested(item) for item in items] for items in (ours, theirs))
        mine, live, both = match(ours, applied, rule), match(theirs, seen, rule), match(applied, seen, rule)
        of_ours, of_theirs, seen_of = dict(mine.pairs), dict(live.pairs), dict(both.pairs)
        applied_of = {seen_place: place for place, seen_place in both.pairs}
        # what is alike is the same only where it was one item then: not what each side has added
        matching = matching.apart(
            [
                place
                for place, live_place in matching.pairs
                if place in matching.alike
                and (place not in of_ours or seen_of.get(of_ours[place]) != of_theirs.get(live_place, ABSENT))
            ]
        )
        live_place = dict(matching.pairs)

        def base(applied_place: int | None, seen_place: int | None) -> _Recorded:
            if applied_place is None and seen_place is not None:
                applied_place = applied_of.get(seen_place)
            if seen_place is None and applied_place is not None:
                seen_place = seen_of.get(applied_place)
            return _Recorded(_value(applied, applied_place), _value(seen, seen_place), self.salt)

        paired = {live for _, live in matching.pairs}
        return Items(
            matching,
            {place: base(of_ours.get(place), of_theirs.get(live_place.get(place, -1))) for place in range(len(ours))},
            {place: base(None, of_theirs.get(place)) for place in range(len(theirs)) if place not in paired},
            _MOVERS[bool(mine.moved), bool(live.moved)],
        )


def _at(value: Json | Absent, name: str) -> Json | Absent:
    return value.get(name, ABSENT) if isinstance(value, dict) else ABSENT


def _list(value: Json | Absent) -> list[Json]:
    return value if isinstance(value, list) else []


def _value(values: list[Json], place: int | None) -> Json | Absent:
    return ABSENT if place is None else values[place]


def _differs(one: Json | Absent, other: Json | Absent) -> bool:
    if isinstance(one, Absent) or isinstance(other, Absent):
        return one is not other
    return not same(one, other)


def blended(kind: Rules, desired: Resource, live: Resource, kept: tuple[FieldChange, ...]) -> Mapping[str, Json]:
    """Return the canonical form of the desired side, but for what stays as it is live.

    :param kept: those of the differences of the two that the live side wins.
    """
    places = frozenset((one.path, one.op, one.moved) for one in kept)
    ours, theirs = kind.canonical(desired.document), kind.canonical(live.document)
    return cast("dict[str, Json]", _Blender(kind, places).values((), ours, theirs))


class _Blender:
    """Walks two canonical forms as the differ does, and takes each place from the side that wins it."""

    def __init__(self, kind: Rules, kept: frozenset[tuple[Path, str, bool]]) -> None:
        self._kind = kind
        self._kept = kept

    def values(self, path: Path, ours: Json, theirs: Json) -> Json:
        if isinstance(ours, dict) and isinstance(theirs, dict):
            return self._mapping(path, ours, theirs)
        if isinstance(ours, list) and isinstance(theirs, list):
            return self._list(path, ours, theirs)
        return theirs if (path, "replace", False) in self._kept else ours

    def _mapping(self, path: Path, ours: dict[str, Json], theirs: dict[str, Json]) -> dict[str, Json]:
        merged: dict[str, Json] = {}
        for field, value in ours.items():
            here = (*path, field)
            if field in theirs:
                merged[field] = self.values(here, value, theirs[field])
            elif (here, "add", False) not in self._kept:
                merged[field] = value
        return merged | {
            field: value for field, value in theirs.items() if ((*path, field), "remove", False) in self._kept
        }

    def _list(self, path: Path, ours: list[Json], theirs: list[Json]) -> list[Json]:
        matching = match(ours, theirs, self._kind.list_rule(path))
        matching = matching.apart([place for place, live in matching.pairs if self._are_apart(path, place, live)])
        live_of = dict(matching.pairs)
        merged: list[_Item] = []
        for place, item in enumerate(ours):
            if place in live_of:
                live = live_of[place]
                merged.append(_Item(live, self.values((*path, place), item, theirs[live])))
            elif place in matching.added and ((*path, place), "add", False) not in self._kept:
                merged.append(_Item(None, item))
        if any(((*path, place), "replace", True) in self._kept for place in matching.moved):
            merged = _in_live_order(merged)
        for live in matching.removed:
            if ((*path, live), "remove", False) in self._kept:
                merged.insert(_behind(merged, live), _Item(live, theirs[live]))
        return [item.value for item in merged]

    def _are_apart(self, path: Path, place: int, live: int) -> bool:
        """Whether two items that match are not the same, as who moved them shows."""
        return ((*path, place), "add", False) in self._kept or ((*path, live), "remove", False) in self._kept


class _Item(NamedTuple):
    """An item of a blended list, and where the live side has it; None where it has not."""

    live: int | None
    value: Json


def _in_live_order(items: list[_Item]) -> list[_Item]:
    paired = iter(sorted((item for item in items if item.live is not None), key=lambda item: item.live or 0))
    return [item if item.live is None else next(paired) for item in items]


def _behind(items: list[_Item], live: int) -> int:
    """Return the place after the item that comes before a live place; the first where there is none."""
    before = {item.live: place for place, item in enumerate(items) if item.live is not None and item.live < live}
    return before[max(before)] + 1 if before else 0
