"""Desired against live, and both against what was recorded when they last agreed: pure, on canonical forms."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dlsync.diff.digests import digested
from dlsync.diff.list_match import equal, match, same
from dlsync.model import FieldChange

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dlsync.diff.list_match import Matching
    from dlsync.diff.rules import Rules
    from dlsync.model import ChangedBy, Json, Path, Resource

# who moved a value, by whether the files and the live side have moved
_MOVERS: dict[tuple[bool, bool], ChangedBy] = {
    (True, True): "conflict",
    (True, False): "repo",
    (False, True): "drift",
    (False, False): "kept",
}


class Absent:
    """Stands for what is not there."""


ABSENT = Absent()


class Base(NamedTuple):
    """What was applied and what was live then, at one place, both digested with the salt.

    :param salt: None where the two sides that are compared are digested already.
    """

    applied: Json | Absent
    seen: Json | Absent
    salt: bytes | None

    def field(self, name: str) -> Base:
        """Return the base of a field of the mapping here."""
        return self._replace(applied=_at(self.applied, name), seen=_at(self.seen, name))

    def shared(self, kind: Rules, path: Path, name: str, theirs: Json) -> Base:
        """Return the base of a field that both sides have."""
        base = self.field(name)
        if base.seen is ABSENT and kind.is_server_managed(path, name):
            # what a server adds by itself was not in what was applied, and has not moved for that
            return base._replace(seen=self._digested(theirs))
        return base

    def mover(self, ours: Json | Absent, theirs: Json | Absent) -> ChangedBy:
        """Return who moved the value here."""
        ours, theirs = (one if isinstance(one, Absent) else self._digested(one) for one in (ours, theirs))
        if not _differs(ours, theirs):  # the values do; digests differ with them, but for one in 2**32
            return "conflict"
        return _MOVERS[_differs(ours, self.applied), _differs(theirs, self.seen)]

    def items(self, kind: Rules, path: Path, ours: list[Json], theirs: list[Json], matching: Matching) -> _Items:
        """Return the bases of the items of the list here."""
        rule = kind.list_rule(path)
        applied, seen = _list(self.applied), _list(self.seen)
        ours, theirs = ([self._digested(item) for item in items] for items in (ours, theirs))
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

        def base(applied_place: int | None, seen_place: int | None) -> Base:
            if applied_place is None and seen_place is not None:
                applied_place = applied_of.get(seen_place)
            if seen_place is None and applied_place is not None:
                seen_place = seen_of.get(applied_place)
            return Base(_value(applied, applied_place), _value(seen, seen_place), self.salt)

        return _Items(
            matching,
            {place: base(of_ours.get(place), of_theirs.get(live_place.get(place, -1))) for place in range(len(ours))},
            {place: base(None, of_theirs.get(place)) for place in matching.removed},
            _MOVERS[bool(mine.moved), bool(live.moved)],
        )

    def _digested(self, value: Json) -> Json:
        return value if self.salt is None else digested(self.salt, value)


class _Items(NamedTuple):
    """The bases of a list's items: of desired positions, and of live ones that have no pair.

    :param order: who moved items that only stand elsewhere.
    """

    matching: Matching
    ours: Mapping[int, Base]
    theirs: Mapping[int, Base]
    order: ChangedBy | None = None


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


class Comparison(NamedTuple):
    """How a live resource differs from its file.

    :param diff: what an update would change, in the file's order.
    :param unseen: fields that only the live side has and that no schema knows; they are left out of ``diff``.
    """

    diff: tuple[FieldChange, ...]
    unseen: tuple[Path, ...]


def compare(kind: Rules, desired: Resource, live: Resource, base: Base | None = None) -> Comparison:
    """Return what differs in meaning between a resource in the files and the same one on the server.

    :param base: what both were when they last agreed.
    """
    if kind.identical(desired, live):
        return Comparison((), ())
    ours, theirs = kind.canonical(desired.document), kind.canonical(live.document)
    if equal(ours, theirs):
        return Comparison((), ())
    unseen: list[Path] = []
    diff = tuple(_Differ(kind, unseen).mappings((), ours, theirs, base))
    return Comparison(diff, tuple(unseen))


def differences(kind: Rules, path: Path, ours: Json, theirs: Json, base: Base | None = None) -> Iterator[FieldChange]:
    """Walk two values of canonical forms, both at the path, and give each difference as it is found."""
    return _Differ(kind, []).values(path, ours, theirs, base)


class _Differ:
    """Walks two canonical forms at once."""

    def __init__(self, kind: Rules, unseen: list[Path]) -> None:
        self._kind = kind
        self._unseen = unseen

    def values(self, path: Path, ours: Json, theirs: Json, base: Base | None) -> Iterator[FieldChange]:
        if isinstance(ours, dict) and isinstance(theirs, dict):
            yield from self.mappings(path, ours, theirs, base)
        elif isinstance(ours, list) and isinstance(theirs, list):
            yield from self.lists(path, ours, theirs, base)
        elif not same(ours, theirs):
            yield FieldChange(path, "replace", before=theirs, after=ours, mover=_mover(base, ours, theirs))

    def mappings(
        self, path: Path, ours: Mapping[str, Json], theirs: Mapping[str, Json], base: Base | None
    ) -> Iterator[FieldChange]:
        for field, value in ours.items():
            if field in theirs:
                there = theirs[field]
                shared = base and base.shared(self._kind, path, field, there)
                yield from self.values((*path, field), value, there, shared)
            else:
                yield FieldChange((*path, field), "add", after=value, mover=_mover(base and base.field(field), value))
        for field, value in theirs.items():
            if field in ours:
                continue
            if self._kind.is_server_managed(path, field):
                self._unseen.append((*path, field))
            else:
                mover = _mover(base and base.field(field), theirs=value)
                yield FieldChange((*path, field), "remove", before=value, mover=mover)

    def lists(self, path: Path, ours: list[Json], theirs: list[Json], base: Base | None) -> Iterator[FieldChange]:
        matching = match(ours, theirs, self._kind.list_rule(path))
        bases = base.items(self._kind, path, ours, theirs, matching) if base else _Items(matching, {}, {})
        live_place = dict(bases.matching.pairs)
        for place, item in enumerate(ours):
            here, was = (*path, place), bases.ours.get(place)
            if place in bases.matching.added:
                yield FieldChange(here, "add", after=item, mover=_mover(was, item))
            elif place in live_place:
                if place in bases.matching.moved:
                    before: Json = {"index": live_place[place]}
                    yield FieldChange(here, "replace", before, {"index": place}, moved=True, mover=bases.order)
                yield from self.values(here, item, theirs[live_place[place]], was)
        for place in bases.matching.removed:
            mover = _mover(bases.theirs.get(place), theirs=theirs[place])
            yield FieldChange((*path, place), "remove", before=theirs[place], mover=mover)


def _mover(base: Base | None, ours: Json | Absent = ABSENT, theirs: Json | Absent = ABSENT) -> ChangedBy | None:
    return base.mover(ours, theirs) if base else None
