"""Where each part of a document stands in its text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlsync.yamlfile.construct import construct
from dlsync.yamlfile.nodes import Node, compose
from dlsync.yamlfile.source import InvalidYaml, decode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dlsync.model import Path


def positions(content: bytes) -> Mapping[Path, tuple[int, int]]:
    """Return line and column, from 1, for every path: of the key for a mapping's value, of the item for a list's.

    A text that cannot be parsed has none. What an alias stands for has the places of its anchor; ``()`` is the root.
    """
    try:
        source = decode(content)
        root = compose(source)
        construct(root, source)
    except InvalidYaml:
        return {}
    return {} if root is None else {path: source.place(index) for path, index in _walk(root, (), root.start)}


def nearest(places: Mapping[Path, tuple[int, int]], path: Path) -> tuple[int, int] | tuple[None, None]:
    """Return line and column of a path, or where it has none, of the closest thing that encloses it.

    :param places: as :func:`positions` gave them.
    """
    for length in range(len(path), -1, -1):
        if place := places.get(path[:length]):
            return place
    return None, None


def _walk(node: Node, path: Path, index: int) -> Iterator[tuple[Path, int]]:
    yield path, index
    node = node.target or node
    if node.form == "sequence":
        for number, child in enumerate(node.children):
            yield from _walk(child, (*path, number), child.start)
    elif node.form == "mapping":
        for key, value in node.entries():
            yield from _walk(value, (*path, (key.target or key).value), key.start)
