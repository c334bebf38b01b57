"""Which item of one list is which item of the other: pure, for the differ.

Lists of widgets, criteria or series have no keys of their own. Items are paired from the strictest likeness to the
loosest, so that a widget that was moved, or changed in one field, is still the same widget.
"""

import json
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from dlsync.model import Json, Path

_encoded = json.JSONEncoder(sort_keys=True).encode  # json.dumps would make an encoder for each value


@dataclass(frozen=True, slots=True)
class ListMatching:
    """How the items of a list are matched with those of its other version.

    :param keys: identities, from the strictest to the loosest; items that none of them matches are added or removed.
    :param alike: likenesses that pair what the identities left, where an item was more likely changed than replaced.
        An item that each side has added is not the same for them.
    :param ordered: whether the order carries a meaning; where it does, an item out of its place is a move.
    :param repeats: whether a second equal item of a list without order carries a meaning.
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
    """Positions in both lists.

    :param pairs: (desired, live), by desired position.
    :param added: desired positions that live has not; ``removed``: live positions that desired has not.
    :param moved: the desired positions of pairs that are out of order; as few as explain the new order.
    :param alike: the desired positions of pairs that only a likeness made.
    """

    pairs: tuple[tuple[int, int], ...]
    added: tuple[int, ...]
    removed: tuple[int, ...]
    moved: frozenset[int]
    alike: frozenset[int] = frozenset()

    def apart(self, places: Collection[int]) -> "Matching":
        """Return this matching without the pairs at these desired positions."""
        if not places:
            return self
        live = [live for place, live in self.pairs if place in places]
        pairs = tuple(pair for pair in self.pairs if pair[0] not in places)
        added, removed = (tuple(sorted(both)) for both in ((*self.added, *places), (*self.removed, *live)))
        return Matching(pairs, added, removed, self.moved.difference(places), self.alike.difference(places))


def anywhere(path: Path) -> Path:
    """Return the path with :data:`ITEM` for list positions, as the tables of a kind are keyed."""
    return tuple(ITEM if isinstance(part, int) else part for part in path)


def identity(*names: str) -> Callable[[Json], object]:
    """Return a key for :class:`ListMatching`: the values of these fields, or None where an item has none of them."""

    def key(item: Json) -> object:
        if not isinstance(item, dict) or not any(name in item for name in names):
            return None
        return tuple(token(item.get(name)) for name in names)

    return key


def but_for(name: str) -> Callable[[Json], object]:
    """Return a likeness for :class:`ListMatching`: all of an item but one field; None where it lacks the field."""

    def key(item: Json) -> object:
        if not isinstance(item, dict) or name not in item:
            return None
        return token({field: value for field, value in item.items() if field != name})

    return key


def token(value: Json) -> str:
    """Return a text that two values share exactly when they mean the same: ``5`` and ``5.0``, but not 1 and true."""
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
    """Whether two values mean the same, whatever the order of their keys."""
    if type(one) is type(other) and isinstance(one, str | bool | int | None):
        return one == other
    return token(one) == token(other)


def equal(one: Json, other: Json) -> bool:
    """Whether two values are one in JSON, but for the order of keys: a quick look that finds most that are the same."""
    return one == other and _encoded(one) == _encoded(other)  # 1 == True


def match(desired: Sequence[Json], live: Sequence[Json], rule: ListMatching) -> Matching:
    """Pair the items of two lists: first equal ones, then those that the rule pairs."""
    ours, theirs = dict(enumerate(desired)), dict(enumerate(live))
    pairs: list[tuple[int, int]] = []
    for key in (token, *rule.keys):
        pairs += _pair(ours, theirs, key, pairs)
    by_identity = len(pairs)
    for key in rule.alike:
        pairs += _pair(ours, theirs, key, pairs)
    alike = frozenset(place for place, _ in pairs[by_identity:])
    if rule.ordered and not rule.keys:
        for place in ours.keys() & theirs.keys():
            del ours[place], theirs[place]
            pairs.append((place, place))
    if not (rule.ordered or rule.repeats):
        _forget_repeats(ours, desired)
        _forget_repeats(theirs, live)
    pairs.sort()
    moved = _out_of_order(pairs) if rule.ordered else frozenset()
    return Matching(tuple(pairs), tuple(ours), tuple(theirs), moved, alike)


def _pair(
    ours: dict[int, Json], theirs: dict[int, Json], key: Callable[[Json], object], anchors: Sequence[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Take the items that share a key out of both sides, and return the places of each two.

    :param anchors: the pairs that were found before, between which an item likely stays.
    """
    candidates: defaultdict[object, list[int]] = defaultdict(list)
    for place, item in theirs.items():
        candidates[key(item)].append(place)
    candidates.pop(None, None)
    choices = [(place, found) for place, item in ours.items() if (found := candidates.get(key(item)))]
    counts = Counter(id(found) for _, found in choices)
    certain = [(place, found[0]) for place, found in choices if len(found) == counts[id(found)] == 1]
    anchors = sorted([*anchors, *certain])
    pairs = []
    # those that have their like in the same place come first, so that no other item takes it
    for place, found in sorted(choices, key=lambda one: (one[0] not in one[1], _between(anchors, *one) is None)):
        if found:
            near = place if place in found else _between(anchors, place, found)
            live_place = found[0] if near is None else near
            found.remove(live_place)
            del ours[place], theirs[live_place]
            pairs.append((place, live_place))
    return pairs


def _between(anchors: Sequence[tuple[int, int]], place: int, found: Sequence[int]) -> int | None:
    """Return the first of some ascending live places that keeps an item between its neighbours."""
    at = bisect_left(anchors, (place, 0))
    index = bisect_left(found, anchors[at - 1][1]) if at else 0
    end = bisect_right(found, anchors[at][1]) if at < len(anchors) else len(found)
    return found[index] if index < end else None


def _forget_repeats(left: dict[int, Json], items: Sequence[Json]) -> None:
    """Drop what equals another item of its own list: in a set, twice is once."""
    seen = {token(item) for place, item in enumerate(items) if place not in left}
    for place, item in tuple(left.items()):
        if (mark := token(item)) in seen:
            del left[place]
        seen.add(mark)


def _out_of_order(pairs: Sequence[tuple[int, int]]) -> frozenset[int]:
    """Return the desired positions outside a longest run of pairs that both lists have in the same order."""
    tails: list[int] = []  # by length of a run, the smallest live position that one can end with; ``ends``: its pair
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
