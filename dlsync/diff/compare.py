"""Desired against live: pure, on canonical forms, each difference at the smallest path."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from dlsync.diff.list_match import equal, match, same
from dlsync.model import FieldChange

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dlsync.diff.list_match import Matching
    from dlsync.diff.rules import Rules
    from dlsync.model import ChangedBy, Json, Path, Resource


class Base(Protocol):
    """What both sides of a comparison were when they last agreed, at the place that is being compared."""

    def field(self, name: str) -> Base:
        """Return the base of a field of the mapping here."""

    def shared(self, kind: Rules, path: Path, name: str, theirs: Json) -> Base:
        """Return the base of a field that both sides have."""

    def items(self, kind: Rules, path: Path, ours: list[Json], theirs: list[Json], matching: Matching) -> Items:
        """Return the bases of the items of the list here."""

    def mover(self, ours: Json | Absent, theirs: Json | Absent) -> ChangedBy | None:
        """Return who moved the value here; None where that is not known."""


class Items(NamedTuple):
    """The bases of a list's items.

    :param matching: the pairs of both sides' items, as far as the bases agree with it.
    :param ours: by desired position; ``theirs``: by live position, of those that only the live side has.
    :param order: who moved items that only stand elsewhere.
    """

    matching: Matching
    ours: Mapping[int, Base]
    theirs: Mapping[int, Base]
    order: ChangedBy | None


class Absent:
    """Stands for what is not there."""


ABSENT = Absent()


class _NoBase:
    """Nothing is known of what was before."""

    def field(self, name: str) -> Base:  # noqa: ARG002 - nothing is known of any
        return self

    def shared(self, kind: Rules, path: Path, name: str, theirs: Json) -> Base:  # noqa: ARG002 - see above
        return self

    def items(self, kind: Rules, path: Path, ours: list[Json], theirs: list[Json], matching: Matching) -> Items:  # noqa: ARG002 - see above
        return Items(matching, dict.fromkeys(range(len(ours)), self), dict.fromkeys(range(len(theirs)), self), None)

    def mover(self, ours: Json | Absent, theirs: Json | Absent) -> ChangedBy | None:  # noqa: ARG002 - see above
        return None


NO_BASE: Base = _NoBase()


class Comparison(NamedTuple):
    """How a live resource differs from its file.

    :param diff: what an update would change, in the file's order.
    :param unseen: fields that only the live side has and that no schema knows; they are left out of ``diff``.
    """

    diff: tuple[FieldChange, ...]
    unseen: tuple[Path, ...]


def compare(kind: Rules, desired: Resource, live: Resource, base: Base = NO_BASE) -> Comparison:
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


def differences(kind: Rules, path: Path, ours: Json, theirs: Json, base: Base = NO_BASE) -> Iterator[FieldChange]:
    """Walk two values of canonical forms, both at the path, and give each difference as it is found."""
    return _Differ(kind, []).values(path, ours, theirs, base)


class _Differ:
    """Walks two canonical forms at once."""

    def __init__(self, kind: Rules, unseen: list[Path]) -> None:
        self._kind = kind
        self._unseen = unseen

    def values(self, path: Path, ours: Json, theirs: Json, base: Base) -> Iterator[FieldChange]:
        if isinstance(ours, dict) and isinstance(theirs, dict):
            yield from self.mappings(path, ours, theirs, base)
        elif isinstance(ours, list) and isinstance(theirs, list):
            yield from self.lists(path, ours, theirs, base)
        elif not same(ours, theirs):
            yield FieldChange(path, "replace", before=theirs, after=ours, mover=base.mover(ours, theirs))

    def mappings(
        self, path: Path, ours: Mapping[str, Json], theirs: Mapping[str, Json], base: Base
    ) -> Iterator[FieldChange]:
        for field, value in ours.items():
            if field in theirs:
                there = theirs[field]
                yield from self.values((*path, field), value, there, base.shared(self._kind, path, field, there))
            else:
                yield FieldChange((*path, field), "add", after=value, mover=base.field(field).mover(value, ABSENT))
        for field, value in theirs.items():
            if field not in ours:
                yield from self._only_live(path, field, value, base.field(field))

    def _only_live(self, path: Path, field: str, value: Json, base: Base) -> Iterator[FieldChange]:
        if self._kind.is_server_managed(path, field):
            self._unseen.append((*path, field))
        else:
            yield FieldChange((*path, field), "remove", before=value, mover=base.mover(ABSENT, value))

    def lists(self, path: Path, ours: list[Json], theirs: list[Json], base: Base) -> Iterator[FieldChange]:
        bases = base.items(self._kind, path, ours, theirs, match(ours, theirs, self._kind.list_rule(path)))
        matching = bases.matching
        live_place = dict(matching.pairs)
        for place, item in enumerate(ours):
            here = (*path, place)
            if place in matching.added:
                yield FieldChange(here, "add", after=item, mover=bases.ours[place].mover(item, ABSENT))
            elif place in live_place:
                if place in matching.moved:
                    was: Json = {"index": live_place[place]}
                    yield FieldChange(here, "replace", was, {"index": place}, moved=True, mover=bases.order)
                yield from self.values(here, item, theirs[live_place[place]], bases.ours[place])
        for place in matching.removed:
            mover = bases.theirs[place].mover(ABSENT, theirs[place])
            yield FieldChange((*path, place), "remove", before=theirs[place], mover=mover)
