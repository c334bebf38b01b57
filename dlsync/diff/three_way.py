"""Who moved which field: desired and live against what was recorded when they last agreed. Pure, on digested forms."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

from dlsync.diff.compare import Base, compare, differences
from dlsync.diff.digests import digested
from dlsync.diff.list_match import match

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlsync.diff.rules import Rules
    from dlsync.model import Entry, FieldChange, Json, Path, Resource


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
    diff = compare(kind, desired, live, Base(dict(entry.applied), dict(entry.seen), salt)).diff
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
    base = Base(dict(before.seen), dict(before.seen), salt=None)
    theirs = digested(salt, kind.canonical(live.document))
    return all(one.mover == "repo" for one in differences(kind, (), dict(after.seen), theirs, base))


def _moved(kind: Rules, then: Json, now: Json) -> bool:
    """Whether a digested form is another than it was; fields that a server adds to what it has are no change."""
    return any(differences(kind, (), then, now))


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
