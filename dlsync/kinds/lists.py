"""How the lists in a document are matched with those of its other version: the words in which a kind says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlsync.kinds.scene import ListRule
from dlsync.matching import token

if TYPE_CHECKING:
    from collections.abc import Callable

    from dlsync.model import Json, Path

ITEM = 0
UNKNOWN_LIST = ListRule()
A_SET = ListRule(ordered=False)


def anywhere(path: Path) -> Path:
    """Return the path with :data:`ITEM` for list positions, as the tables of a kind are keyed."""
    return tuple(ITEM if isinstance(part, int) else part for part in path)


def identity(*names: str) -> Callable[[Json], object]:
    """Return a key for :class:`ListRule`: the values of these fields, or None where an item has none of them."""

    def key(item: Json) -> object:
        if not isinstance(item, dict) or not any(name in item for name in names):
            return None
        return tuple(token(item.get(name)) for name in names)

    return key
