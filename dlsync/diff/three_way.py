"""Who moved which field: desired and live against what was recorded when they last agreed. Pure, on digested forms."""

from collections.abc import Mapping
from typing import cast

from dlsync.diff.compare import Base, compare, differences
from dlsync.diff.digests import digested
from dlsync.diff.list_match import match
from dlsync.diff.rules import Rules
from dlsync.model import Entry, FieldChange, Json, Path, Resource


def movement(kind: Rules, desired: Resource, live: Resource, entry: Entry, salt: bytes) -> tuple[FieldChange, ...]:
    """Return how a resource in the files differs from the one on the server, with who moved what since the apply."""
    return compare(kind, desired, live, Base(dict(entry.applied), dict(entry.seen), salt)).diff


def moved_in_files(kind: Rules, desired: Resource, entry: Entry, salt: bytes) -> bool:
    """Whether the files say something else of a resource than was applied; as for :func:`has_moved`."""
    ours, applied = digested(salt, kind.canonical(desired.document)), dict(entry.applied)
    # in both directions: what only the right side has may count as the server's
    return any(differences(kind, (), ours, applied)) or any(differences(kind, (), applied, ours))


def has_moved(kind: Rules, live: Resource, entry: Entry, salt: bytes) -> bool:
    """Whether a live resource is another than after the apply; fields that a server adds are no change."""
    return any(differences(kind, (), dict(entry.seen), digested(salt, kind.canonical(live.document))))


def is_partly_applied(kind: Rules, live: Resource, before: Entry, after: Entry, salt: bytes) -> bool:
    """Whether each value of a live resource is that of one of two entries; as for :func:`has_moved`."""
    base = Base(dict(before.seen), dict(before.seen), salt=None)
    theirs = digested(salt, kind.canonical(live.document))
    return all(change.mover == "repo" for change in differences(kind, (), dict(after.seen), theirs, base))


def blend_sides(kind: Rules, desired: Resource, live: Resource, kept: tuple[FieldChange, ...]) -> Mapping[str, Json]:
    """Return the canonical form of the desired side, but for what stays as it is live.

    :param kept: those of the differences of the two that the live side wins.
    """
    places = frozenset((change.path, change.op, change.moved) for change in kept)
    ours, theirs = kind.canonical(desired.document), kind.canonical(live.document)
    return cast("dict[str, Json]", _Blender(kind, places).value((), ours, theirs))


class _Blender:
    """Walks two canonical forms as the differ does, and takes each place from the side that wins it."""

    def __init__(self, kind: Rules, kept: frozenset[tuple[Path, str, bool]]) -> None:
        self._kind = kind
        self._kept = kept

    def value(self, path: Path, ours: Json, theirs: Json) -> Json:
        if isinstance(ours, dict) and isinstance(theirs, dict):
            return self._mapping(path, ours, theirs)
        if isinstance(ours, list) and isinstance(theirs, list):
            return self._list(path, ours, theirs)
        return theirs if (path, "replace", False) in self._kept else ours

    def _mapping(self, path: Path, ours: dict[str, Json], theirs: dict[str, Json]) -> dict[str, Json]:
        merged: dict[str, Json] = {}
        for field, value in ours.items():
            if field in theirs:
                merged[field] = self.value((*path, field), value, theirs[field])
            elif not self._keeps("add", path, field):
                merged[field] = value
        return merged | {name: value for name, value in theirs.items() if self._keeps("remove", path, name)}

    def _list(self, path: Path, ours: list[Json], theirs: list[Json]) -> list[Json]:
        matching = match(ours, theirs, self._kind.list_rule(path))
        # two items that match are not the same where one of the two differences is kept
        apart = [at for at, live in matching.pairs if self._keeps("add", path, at) or self._keeps("remove", path, live)]
        matching = matching.apart(apart)
        live_of = dict(matching.pairs)
        merged: list[tuple[int | None, Json]] = []  # each with its live place; None where the live side has it not
        for place, item in enumerate(ours):
            if place in live_of:
                live = live_of[place]
                merged.append((live, self.value((*path, place), item, theirs[live])))
            elif place in matching.added and not self._keeps("add", path, place):
                merged.append((None, item))
        if any(((*path, place), "replace", True) in self._kept for place in matching.moved):
            in_live_order = iter(
                sorted((pair for pair in merged if pair[0] is not None), key=lambda pair: pair[0] or 0)
            )
            merged = [pair if pair[0] is None else next(in_live_order) for pair in merged]
        for live in matching.removed:
            if self._keeps("remove", path, live):
                earlier = {at: place for place, (at, _) in enumerate(merged) if at is not None and at < live}
                merged.insert(earlier[max(earlier)] + 1 if earlier else 0, (live, theirs[live]))
        return [item for _, item in merged]

    def _keeps(self, op: str, path: Path, step: str | int) -> bool:
        """Whether the live side wins what only one side has: what it has stays, what it lacks is left out."""
        return ((*path, step), op, False) in self._kept
