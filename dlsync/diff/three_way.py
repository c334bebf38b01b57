"""Find who changed which field since the last apply, by digested forms. Pure."""

from collections.abc import Mapping
from typing import cast

from dlsync.diff.compare import BaseValue, compare, differences
from dlsync.diff.digests import digested
from dlsync.diff.list_match import match
from dlsync.diff.rules import Rules
from dlsync.model import Entry, FieldChange, Json, Path, Resource


def three_way_diff(
    kind: Rules, desired: Resource, live: Resource, entry: Entry, salt: bytes
) -> tuple[FieldChange, ...]:
    """Return the differences between the files and the server, with who changed each since the apply."""
    return compare(kind, desired, live, BaseValue(dict(entry.applied), dict(entry.seen), salt)).diff


def moved_in_files(kind: Rules, desired: Resource, entry: Entry, salt: bytes) -> bool:
    """Whether a resource in the files differs from what was applied; as for :func:`has_moved`."""
    current, applied = digested(salt, kind.canonical(desired.document)), dict(entry.applied)
    # in both directions, since a field that only the right side has may count as added by the server
    return any(differences(kind, (), current, applied)) or any(differences(kind, (), applied, current))


def has_moved(kind: Rules, live: Resource, entry: Entry, salt: bytes) -> bool:
    """Whether a live resource changed after the apply; fields that a server adds are no change."""
    return any(differences(kind, (), dict(entry.seen), digested(salt, kind.canonical(live.document))))


def is_partly_applied(kind: Rules, live: Resource, before: Entry, after: Entry, salt: bytes) -> bool:
    """Whether each value of a live resource is in one of two entries; as for :func:`has_moved`."""
    base = BaseValue(dict(before.seen), dict(before.seen), salt=None)
    current = digested(salt, kind.canonical(live.document))
    return all(change.mover == "repo" for change in differences(kind, (), dict(after.seen), current, base))


def merge_sides(kind: Rules, desired: Resource, live: Resource, kept: tuple[FieldChange, ...]) -> Mapping[str, Json]:
    """Return the canonical form of the desired side with some live values.

    :param kept: the differences between the two in which the live value stays.
    """
    places = frozenset((change.path, change.op, change.moved) for change in kept)
    merged = _Merger(kind, places).value((), kind.canonical(desired.document), kind.canonical(live.document))
    return cast("dict[str, Json]", merged)


class _Merger:
    """Walk two canonical forms as the differ does, and take each value from one of the sides."""

    def __init__(self, kind: Rules, kept: frozenset[tuple[Path, str, bool]]) -> None:
        self._kind = kind
        self._kept = kept

    def value(self, path: Path, desired: Json, live: Json) -> Json:
        if isinstance(desired, dict) and isinstance(live, dict):
            return self._mapping(path, desired, live)
        if isinstance(desired, list) and isinstance(live, list):
            return self._list(path, desired, live)
        return live if (path, "replace", False) in self._kept else desired

    def _mapping(self, path: Path, desired: dict[str, Json], live: dict[str, Json]) -> dict[str, Json]:
        merged: dict[str, Json] = {}
        for field, value in desired.items():
            if field in live:
                merged[field] = self.value((*path, field), value, live[field])
            elif not self._keeps("add", path, field):
                merged[field] = value
        return merged | {name: value for name, value in live.items() if self._keeps("remove", path, name)}

    def _list(self, path: Path, desired: list[Json], live: list[Json]) -> list[Json]:
        matching = match(desired, live, self._kind.list_rule(path))
        # if a kept difference adds or removes an item, the item has no pair
        kept = [at for at, to in matching.pairs if self._keeps("add", path, at) or self._keeps("remove", path, to)]
        matching = matching.unpair(kept)
        live_places = dict(matching.pairs)
        merged: list[tuple[int | None, Json]] = []  # each with its live position; None if the live side lacks it
        for place, item in enumerate(desired):
            if place in live_places:
                live_place = live_places[place]
                merged.append((live_place, self.value((*path, place), item, live[live_place])))
            elif place in matching.added and not self._keeps("add", path, place):
                merged.append((None, item))
        if any(((*path, place), "replace", True) in self._kept for place in matching.moved):
            in_live_order = iter(
                sorted((pair for pair in merged if pair[0] is not None), key=lambda pair: pair[0] or 0)
            )
            merged = [pair if pair[0] is None else next(in_live_order) for pair in merged]
        for live_place in matching.removed:
            if self._keeps("remove", path, live_place):
                earlier = {at: place for place, (at, _) in enumerate(merged) if at is not None and at < live_place}
                merged.insert(earlier[max(earlier)] + 1 if earlier else 0, (live_place, live[live_place]))
        return [item for _, item in merged]

    def _keeps(self, op: str, path: Path, step: str | int) -> bool:
        """Whether the live side counts for an item or field of only one side: what it lacks is left out."""
        return ((*path, step), op, False) in self._kept
