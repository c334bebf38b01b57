"""Compare the canonical forms of desired and live, and both with what was last applied. Pure."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from dlsync.diff.digests import digested
from dlsync.diff.list_match import ListMatching, Matching, equal, match, same
from dlsync.diff.rules import Rules
from dlsync.model import ChangedBy, FieldChange, Json, Path, Resource

# who changed a value, by whether it changed in the files, and on the server
_CHANGED_BY: dict[tuple[bool, bool], ChangedBy] = {
    (True, True): "conflict",
    (True, False): "repo",
    (False, True): "drift",
    (False, False): "kept",
}


class Absent:
    """Stands for a missing value."""


ABSENT = Absent()


class BaseValue(NamedTuple):
    """The value at one path that was last applied, and the one that was live then, both digested with the salt.

    :param salt: None if the two sides to compare are digested already.
    """

    applied: Json | Absent
    seen: Json | Absent
    salt: bytes | None

    def field(self, name: str) -> "BaseValue":
        """Return the base of a field, if this is a mapping."""
        applied, seen = (
            side.get(name, ABSENT) if isinstance(side, dict) else ABSENT for side in (self.applied, self.seen)
        )
        return BaseValue(applied, seen, self.salt)

    def digested(self, value: Json) -> Json:
        """Return a value of either side in the form of the base."""
        return value if self.salt is None else digested(self.salt, value)

    def items(self, rule: ListMatching, desired: list[Json], live: list[Json], matching: Matching) -> "_Items":
        """Return the bases of the items, if this is a list."""
        applied, seen = (side if isinstance(side, list) else [] for side in (self.applied, self.seen))
        desired, live = ([self.digested(item) for item in items] for items in (desired, live))
        in_files, on_server, both = match(desired, applied, rule), match(live, seen, rule), match(applied, seen, rule)
        applied_of_desired: dict[int | None, int] = dict(in_files.pairs)
        seen_of_live: dict[int | None, int] = dict(on_server.pairs)
        seen_of_applied: dict[int | None, int] = dict(both.pairs)
        applied_of_seen: dict[int | None, int] = {seen_place: place for place, seen_place in both.pairs}
        # two similar items are the same only if they were one item then; otherwise each side has added one
        matching = matching.unpair(
            [
                place
                for place, live_place in matching.pairs
                if place in matching.alike
                and seen_of_applied.get(applied_of_desired.get(place)) != seen_of_live.get(live_place, ABSENT)
            ]
        )

        def base(desired_place: int | None, live_place: int | None) -> BaseValue:
            applied_place, seen_place = applied_of_desired.get(desired_place), seen_of_live.get(live_place)
            applied_place = applied_of_seen.get(seen_place) if applied_place is None else applied_place
            seen_place = seen_of_applied.get(applied_place) if seen_place is None else seen_place
            return BaseValue(
                ABSENT if applied_place is None else applied[applied_place],
                ABSENT if seen_place is None else seen[seen_place],
                self.salt,
            )

        live_places = dict(matching.pairs)
        return _Items(
            matching,
            {place: base(place, live_places.get(place)) for place in range(len(desired))},
            {place: base(None, place) for place in matching.removed},
            _CHANGED_BY[bool(in_files.moved), bool(on_server.moved)],
        )


class _Items(NamedTuple):
    """The bases of a list's items: by desired positions, and by live positions without a pair.

    :param order: who changed the order.
    """

    matching: Matching
    desired: Mapping[int, BaseValue]
    live: Mapping[int, BaseValue]
    order: ChangedBy | None = None


class Comparison(NamedTuple):
    """How a live resource differs from its file.

    :param diff: the changes that an update would make, in the file's order.
    :param unknown_fields: fields that only the live side has and that no schema knows; ``diff`` omits them.
    """

    diff: tuple[FieldChange, ...] = ()
    unknown_fields: tuple[Path, ...] = ()


def compare(kind: Rules, desired: Resource, live: Resource, base: BaseValue | None = None) -> Comparison:
    """Compare a resource in the files with the same resource on the server.

    :param base: of the whole document at the last apply.
    """
    if kind.identical(desired, live):
        return Comparison()
    file, server = dict(desired.document), dict(live.document)
    if equal(file, server):
        return Comparison()
    file, server = kind.canonical(file), kind.canonical(server)
    if equal(file, server):
        return Comparison()
    differ = _Differ(kind)
    return Comparison(tuple(differ.values((), file, server, base)), tuple(differ.unknown_fields))


def differences(
    kind: Rules, path: Path, desired: Json, live: Json, base: BaseValue | None = None
) -> Iterator[FieldChange]:
    """Yield each difference between two canonical values at a path."""
    return _Differ(kind).values(path, desired, live, base)


class _Differ:
    """Walk two canonical forms together."""

    def __init__(self, kind: Rules) -> None:
        self._kind = kind
        self.unknown_fields: list[Path] = []

    def values(self, path: Path, desired: Json, live: Json, base: BaseValue | None) -> Iterator[FieldChange]:
        if isinstance(desired, dict) and isinstance(live, dict):
            yield from self._mappings(path, desired, live, base)
        elif isinstance(desired, list) and isinstance(live, list):
            yield from self._lists(path, desired, live, base)
        elif not same(desired, live):
            yield FieldChange(path, "replace", before=live, after=desired, mover=_mover(base, desired, live))

    def _mappings(
        self, path: Path, desired: Mapping[str, Json], live: Mapping[str, Json], base: BaseValue | None
    ) -> Iterator[FieldChange]:
        for field, value in desired.items():
            here, below = (*path, field), base and base.field(field)
            if field not in live:
                yield FieldChange(here, "add", after=value, mover=_mover(below, value))
                continue
            if below and below.seen is ABSENT and self._kind.is_server_managed(path, field):
                # a field that the server adds by itself was not applied, and is no change
                below = below._replace(seen=below.digested(live[field]))
            yield from self.values(here, value, live[field], below)
        for field in (name for name in live if name not in desired):
            if self._kind.is_server_managed(path, field):
                self.unknown_fields.append((*path, field))
            else:
                mover = _mover(base and base.field(field), live=live[field])
                yield FieldChange((*path, field), "remove", before=live[field], mover=mover)

    def _lists(
        self, path: Path, desired: list[Json], live: list[Json], base: BaseValue | None
    ) -> Iterator[FieldChange]:
        rule = self._kind.list_rule(path)
        matching = match(desired, live, rule)
        bases = base.items(rule, desired, live, matching) if base else _Items(matching, {}, {})
        live_places = dict(bases.matching.pairs)
        for place, item in enumerate(desired):
            here, was = (*path, place), bases.desired.get(place)
            if place in bases.matching.added:
                yield FieldChange(here, "add", after=item, mover=_mover(was, item))
            elif place in live_places:
                if place in bases.matching.moved:
                    before: Json = {"index": live_places[place]}
                    yield FieldChange(here, "replace", before, {"index": place}, moved=True, mover=bases.order)
                yield from self.values(here, item, live[live_places[place]], was)
        for place in bases.matching.removed:
            mover = _mover(bases.live.get(place), live=live[place])
            yield FieldChange((*path, place), "remove", before=live[place], mover=mover)


def _mover(base: BaseValue | None, desired: Json | Absent = ABSENT, live: Json | Absent = ABSENT) -> ChangedBy | None:
    """Return who changed the value of a base."""
    if base is None:
        return None
    desired, live = (side if isinstance(side, Absent) else base.digested(side) for side in (desired, live))
    if not _differs(desired, live):  # the values differ, but one pair of digests in 2**32 is equal
        return "conflict"
    return _CHANGED_BY[_differs(desired, base.applied), _differs(live, base.seen)]


def _differs(left: Json | Absent, right: Json | Absent) -> bool:
    if isinstance(left, Absent) or isinstance(right, Absent):
        return left is not right
    return not same(left, right)
