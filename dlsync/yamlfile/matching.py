"""Which item of a list became which of its other version, so that an item's own text goes with it."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from dlsync.model import Json

_NAMING = ("title", "name", "metric")


def same(one: Json, other: Json) -> bool:
    """Return whether two values are one in JSON: ``1``, ``1.0`` and ``true`` differ, the order of keys is nothing."""
    return one is other or (type(one) is type(other) and _identity(one) == _identity(other))


def match(old: list[Json], new: list[Json]) -> list[int | None]:
    """Return for each new item the index of the old one that it was: an equal, a namesake, its neighbour; or None."""
    found: list[int | None] = [None] * len(new)
    for key in (_identity, _namesake):
        _pair(old, new, found, key)
    taken = set(found)
    for index in range(min(len(old), len(new))):
        if found[index] is None and index not in taken and type(old[index]) is type(new[index]):
            found[index] = index
    return found


def _pair(old: list[Json], new: list[Json], found: list[int | None], key: Callable[[Json], Hashable]) -> None:
    taken = set(found)
    free: dict[Hashable, list[int]] = defaultdict(list)
    for index, value in enumerate(old):
        if index not in taken and key(value) is not None:
            free[key(value)].append(index)
    for index, value in enumerate(new):
        candidates = free.get(key(value))
        if found[index] is None and candidates:
            best = index if index in candidates else candidates[0]
            found[index] = best
            candidates.remove(best)


def _identity(value: Json) -> Hashable:
    return json.dumps(value, sort_keys=True)


def _namesake(value: Json) -> Hashable:
    if isinstance(value, dict):
        return next(((key, value[key]) for key in _NAMING if isinstance(value.get(key), str)), None)
    return None
