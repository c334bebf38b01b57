"""Pair the items of two versions of a list. Pure.

Items of lists such as widgets, criteria or series have no keys of their own. They are paired by rules, from the
strictest to the loosest, so that a widget that was moved, or changed in one field, stays the same widget.
"""

import json
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from dlsync.model import Json, Path

_encoded = json.JSONEncoder(sort_keys=True).encode  # json.dumps creates an encoder for each value


@dataclass(frozen=True, slots=True)
class ListMatching:
    """The rules that pair the items of a list with those of its other version.

    :param keys: identities, from the strictest to the loosest; without ``alike``, all other items are added or removed.
    :param alike: looser rules for the items without a pair, which were more likely changed than replaced. They do not
        pair two items if each side has added one.
    :param ordered: whether the order matters; if it does, an item that changed its place is a move.
    :param repeats: whether repeated equal items of an unordered list matter.
    """

    keys: tuple[Callable[[Json], object], ...] = ()
    alike: tuple[Callable[[Json], object], ...] = ()
    ordered: bool = True
    repeats: bool = False


ITEM = 0
UNKNOWN_LIST = ListMatching()
A_SET = ListMatching(ordered=False)


@dataclass(frozen=True, slots=True)
class Matching:
    """Positions of paired and other items in both lists.

    :param pairs: (desired, live), by desired position.
    :param added: desired positions without a live item; ``removed``: live positions without a desired item.
    :param moved: the desired positions of pairs that are out of order: as few as explain the new order.
    :param alike: the desired positions of pairs that only an ``alike`` rule found.
    """

    pairs: tuple[tuple[int, int], ...]
    added: tuple[int, ...]
    removed: tuple[int, ...]
    moved: frozenset[int]
    alike: frozenset[int] = frozenset()

    def unpair(self, places: Collection[int]) -> "Matching":
        """Return the matching without the pairs at these desired positions."""
        if not places:
            return self
        live = [live for place, live in self.pairs if place in places]
        pairs = tuple(pair for pair in self.pairs if pair[0] not in places)
        added, removed = (tuple(sorted(both)) for both in ((*self.added, *places), (*self.removed, *live)))
        return Matching(pairs, added, removed, self.moved.difference(places), self.alike.difference(places))


def anywhere(path: Path) -> Path:
    """Return the path with :data:`ITEM` for list positions, as in the tables of a kind."""
    return tuple(ITEM if isinstance(part, int) else part for part in path)


def identity(*names: str) -> Callable[[Json], object]:
    """Return a key for :class:`ListMatching`: the values of these fields, or None for an item without them."""

    def key(item: Json) -> object:
        if not isinstance(item, dict) or not any(name in item for name in names):
            return None
        return tuple(token(item.get(name)) for name in names)

    return key


def all_but(name: str) -> Callable[[Json], object]:
    """Return a key for :class:`ListMatching`: all fields but one, or None for an item without that field."""

    def key(item: Json) -> object:
        if not isinstance(item, dict) or name not in item:
            return None
        return token({field: value for field, value in item.items() if field != name})

    return key


def token(value: Json) -> str:
    """Return a text that is equal for values of the same meaning: for ``5`` and ``5.0``, but not for 1 and true."""
    return _encoded(_plain(value))


def _plain(value: Json) -> Json:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def same(one: Json, other: Json) -> bool:
    """Whether two values have the same meaning; the order of keys does not matter."""
    if type(one) is type(other) and isinstance(one, str | bool | int | None):
        return one == other
    return token(one) == token(other)


def equal(one: Json, other: Json) -> bool:
    """Whether two values are the same JSON, in any order of keys; a fast test before :func:`same`."""
    return one == other and _encoded(one) == _encoded(other)  # 1 == True


def match(desired: Sequence[Json], live: Sequence[Json], rule: ListMatching) -> Matching:
    """Pair the items of two lists: first equal items, then those that the rule pairs."""
    added, removed = dict(enumerate(desired)), dict(enumerate(live))
    pairs: list[tuple[int, int]] = []
    for key in (token, *rule.keys):
        pairs += _pair(added, removed, key, pairs)
    by_identity = len(pairs)
    for key in rule.alike:
        pairs += _pair(added, removed, key, pairs)
    alike = frozenset(place for place, _ in pairs[by_identity:])
    if rule.ordered and not rule.keys:
        for place in added.keys() & removed.keys():
            del added[place], removed[place]
            pairs.append((place, place))
    if not (rule.ordered or rule.repeats):
        _forget_repeats(added, desired)
        _forget_repeats(removed, live)
    pairs.sort()
    moved = _out_of_order(pairs) if rule.ordered else frozenset()
    return Matching(tuple(pairs), tuple(added), tuple(removed), moved, alike)


def _pair(
    added: dict[int, Json], removed: dict[int, Json], key: Callable[[Json], object], anchors: Sequence[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Remove items that share a key from both sides, and return their places as pairs.

    :param anchors: the pairs found before; an item likely stays between the same two anchors.
    """
    candidates: defaultdict[object, list[int]] = defaultdict(list)
    for place, item in removed.items():
        candidates[key(item)].append(place)
    candidates.pop(None, None)
    choices = [(place, found) for place, item in added.items() if (found := candidates.get(key(item)))]
    counts = Counter(id(found) for _, found in choices)
    certain = [(place, found[0]) for place, found in choices if len(found) == counts[id(found)] == 1]
    anchors = sorted([*anchors, *certain])
    pairs = []
    # items with a candidate in the same place come first, so that no other item takes it
    for place, found in sorted(choices, key=lambda one: (one[0] not in one[1], _between(anchors, *one) is None)):
        if found:
            near = place if place in found else _between(anchors, place, found)
            live_place = found[0] if near is None else near
            found.remove(live_place)
            del added[place], removed[live_place]
            pairs.append((place, live_place))
    return pairs


def _between(anchors: Sequence[tuple[int, int]], place: int, found: Sequence[int]) -> int | None:
    """Return the first of the ascending live places that keeps an item between its neighbours."""
    at = bisect_left(anchors, (place, 0))
    index = bisect_left(found, anchors[at - 1][1]) if at else 0
    end = bisect_right(found, anchors[at][1]) if at < len(anchors) else len(found)
    return found[index] if index < end else None


def _forget_repeats(left: dict[int, Json], items: Sequence[Json]) -> None:
    """Drop items that equal another item of their own list, which means nothing in a set."""
    seen = {token(item) for place, item in enumerate(items) if place not in left}
    for place, item in tuple(left.items()):
        if (mark := token(item)) in seen:
            del left[place]
        seen.add(mark)


def _out_of_order(pairs: Sequence[tuple[int, int]]) -> frozenset[int]:
    """Return the desired positions outside a longest run of pairs that both lists have in the same order."""
    # by the length of a run: the smallest live position at its end; ``ends``: the pair with this position
    tails: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for index, (_, live) in enumerate(pairs):
        place = bisect_left(tails, live)
        before.append(ends[place - 1] if place else -1)
        tails[place : place + 1] = [live]
        ends[place : place + 1] = [index]
    in_order = set()
    index = ends[-1] if ends else -1
    while index >= 0:
        in_order.add(index)
        index = before[index]
    return frozenset(desired for index, (desired, _) in enumerate(pairs) if index not in in_order)
