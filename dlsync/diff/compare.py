"""Desired against live, and both against what was recorded when they last agreed: pure, on canonical forms."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from dlsync.diff.digests import digested
from dlsync.diff.list_match import ListMatching, Matching, equal, match, same
from dlsync.diff.rules import Rules
from dlsync.model import ChangedBy, FieldChange, Json, Path, Resource

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

    def field(self, name: str) -> "Base":
        """Return the base of a field of the mapping here."""
        applied, seen = (
            side.get(name, ABSENT) if isinstance(side, dict) else ABSENT for side in (self.applied, self.seen)
        )
        return Base(applied, seen, self.salt)

    def digested(self, value: Json) -> Json:
        """Return a value of either side as the base has it."""
        return value if self.salt is None else digested(self.salt, value)

    def items(self, rule: ListMatching, ours: list[Json], theirs: list[Json], matching: Matching) -> "_Items":
        """Return the bases of the items of the list here."""
        applied, seen = (side if isinstance(side, list) else [] for side in (self.applied, self.seen))
        ours, theirs = ([self.digested(item) for item in items] for items in (ours, theirs))
        mine, live, both = match(ours, applied, rule), match(theirs, seen, rule), match(applied, seen, rule)
        of_ours: dict[int | None, int] = dict(mine.pairs)
        of_theirs: dict[int | None, int] = dict(live.pairs)
        seen_of: dict[int | None, int] = dict(both.pairs)
        applied_of: dict[int | None, int] = {seen_place: place for place, seen_place in both.pairs}
        # what is alike is the same only where it was one item then: not what each side has added
        matching = matching.apart(
            [
                place
                for place, live_place in matching.pairs
                if place in matching.alike
                and (place not in of_ours or seen_of.get(of_ours[place]) != of_theirs.get(live_place, ABSENT))
            ]
        )

        def base(our_place: int | None, their_place: int | None) -> Base:
            applied_place, seen_place = of_ours.get(our_place), of_theirs.get(their_place)
            applied_place = applied_of.get(seen_place) if applied_place is None else applied_place
            seen_place = seen_of.get(applied_place) if seen_place is None else seen_place
            return Base(
                ABSENT if applied_place is None else applied[applied_place],
                ABSENT if seen_place is None else seen[seen_place],
                self.salt,
            )

        live_place = dict(matching.pairs)
        return _Items(
            matching,
            {place: base(place, live_place.get(place)) for place in range(len(ours))},
            {place: base(None, place) for place in matching.removed},
            _MOVERS[bool(mine.moved), bool(live.moved)],
        )


class _Items(NamedTuple):
    """The bases of a list's items: of desired positions, and of live ones that have no pair."""

    matching: Matching
    ours: Mapping[int, Base]
    theirs: Mapping[int, Base]
    order: ChangedBy | None = None  # who moved items that only stand elsewhere


class Comparison(NamedTuple):
    """How a live resource differs from its file.

    :param diff: what an update would change, in the file's order.
    :param unknown_fields: fields that only the live side has and that no schema knows; they are left out of ``diff``.
    """

    diff: tuple[FieldChange, ...] = ()
    unknown_fields: tuple[Path, ...] = ()


def compare(kind: Rules, desired: Resource, live: Resource, base: Base | None = None) -> Comparison:
    """Return what differs in meaning between a resource in the files and the same one on the server.

    :param base: what both were when they last agreed.
    """
    if kind.identical(desired, live):
        return Comparison()
    file, server = dict(desired.document), dict(live.document)
    if equal(file, server):
        return Comparison()
    ours, theirs = kind.canonical(file), kind.canonical(server)
    if equal(ours, theirs):
        return Comparison()
    differ = _Differ(kind)
    return Comparison(tuple(differ.values((), ours, theirs, base)), tuple(differ.unknown_fields))


def differences(kind: Rules, path: Path, ours: Json, theirs: Json, base: Base | None = None) -> Iterator[FieldChange]:
    """Yield each difference of two values of canonical forms, both at the path."""
    return _Differ(kind).values(path, ours, theirs, base)


class _Differ:
    """Walks two canonical forms at once."""

    def __init__(self, kind: Rules) -> None:
        self._kind = kind
        self.unknown_fields: list[Path] = []

    def values(self, path: Path, ours: Json, theirs: Json, base: Base | None) -> Iterator[FieldChange]:
        if isinstance(ours, dict) and isinstance(theirs, dict):
            yield from self._mappings(path, ours, theirs, base)
        elif isinstance(ours, list) and isinstance(theirs, list):
            yield from self._lists(path, ours, theirs, base)
        elif not same(ours, theirs):
            yield FieldChange(path, "replace", before=theirs, after=ours, mover=_mover(base, ours, theirs))

    def _mappings(
        self, path: Path, ours: Mapping[str, Json], theirs: Mapping[str, Json], base: Base | None
    ) -> Iterator[FieldChange]:
        for field, value in ours.items():
            here, below = (*path, field), base and base.field(field)
            if field not in theirs:
                yield FieldChange(here, "add", after=value, mover=_mover(below, value))
                continue
            if below and below.seen is ABSENT and self._kind.is_server_managed(path, field):
                # what a server adds by itself was not in what was applied, and has not moved for that
                below = below._replace(seen=below.digested(theirs[field]))
            yield from self.values(here, value, theirs[field], below)
        for field in (name for name in theirs if name not in ours):
            if self._kind.is_server_managed(path, field):
                self.unknown_fields.append((*path, field))
            else:
                mover = _mover(base and base.field(field), theirs=theirs[field])
                yield FieldChange((*path, field), "remove", before=theirs[field], mover=mover)

    def _lists(self, path: Path, ours: list[Json], theirs: list[Json], base: Base | None) -> Iterator[FieldChange]:
        rule = self._kind.list_rule(path)
        matching = match(ours, theirs, rule)
        bases = base.items(rule, ours, theirs, matching) if base else _Items(matching, {}, {})
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
    """Return who moved the value at the place of the base."""
    if base is None:
        return None
    ours, theirs = (side if isinstance(side, Absent) else base.digested(side) for side in (ours, theirs))
    if not _differs(ours, theirs):  # the values do; digests differ with them, but for one in 2**32
        return "conflict"
    return _MOVERS[_differs(ours, base.applied), _differs(theirs, base.seen)]


def _differs(left: Json | Absent, right: Json | Absent) -> bool:
    if isinstance(left, Absent) or isinstance(right, Absent):
        return left is not right
    return not same(left, right)
