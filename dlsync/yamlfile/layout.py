"""How far a file indents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlsync.yamlfile.nodes import Node
    from dlsync.yamlfile.source import Source


@dataclass(frozen=True, slots=True)
class Layout:
    """Columns that block style indents by.

    :param step: a mapping under its key; ``offset``: the dashes of a list under theirs.
    """

    step: int = 2
    offset: int = 2


HOUSE = Layout()


def layout_of(root: Node, source: Source) -> Layout:
    """Return the layout of a text: as its first nested mapping and its first list have it, else the house's."""
    found = dict(reversed([*_indents(root, source)]))
    return Layout(found.get("mapping", HOUSE.step), found.get("sequence", HOUSE.offset))


def _indents(node: Node, source: Source) -> Iterator[tuple[str, int]]:
    for key, value in node.entries() if node.form == "mapping" else ():
        columns = source.place(value.start)[1] - source.place(key.start)[1]
        if _is_block(value) and source.line_start(value.start) != source.line_start(key.start) and columns >= 0:
            yield value.form, columns
    for child in node.children:
        yield from _indents(child, source)


def _is_block(node: Node) -> bool:
    return node.form in {"mapping", "sequence"} and not node.flow and not node.anchor and not node.tag
