"""The text of a node changed so that it means another value, with all that did not change kept as it is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, TypeGuard

from dlsync.yamlfile import flows
from dlsync.yamlfile.blocks import assembled, pieces
from dlsync.yamlfile.construct import construct
from dlsync.yamlfile.dumper import entry, indented, item, lines
from dlsync.yamlfile.matching import match, same
from dlsync.yamlfile.scalars import literal, scalar

if TYPE_CHECKING:
    from dlsync.model import Json
    from dlsync.yamlfile.blocks import Part, Piece
    from dlsync.yamlfile.layout import Layout
    from dlsync.yamlfile.nodes import Node
    from dlsync.yamlfile.source import Source

_TRAILING = re.compile(r"[ \t]+#[^\r\n]*")
_BLOCK_HEADER = re.compile(r"[|>][-+0-9]*([ \t]+#[^\r\n]*)?(?:\r?\n)*( *)")
Collection: TypeAlias = "dict[str, Json] | list[Json]"
_BLOCK_STYLES = {"|", ">"}


@dataclass(frozen=True, slots=True)
class Splicer:
    """Edits one text.

    :param depth: how many levels are edited piece by piece; what differs below is replaced as a whole.
    :param expand: whether to write out what aliases stand for.
    """

    source: Source
    layout: Layout
    depth: int
    expand: bool

    def root(self, node: Node, new: Collection) -> str:
        """Return the whole text with its root, a collection that does not become empty, changed.

        :raises Unspliceable: where the layout does not allow it.
        """
        if node.flow:
            return self.source.text[: node.start] + self._flow(node, new) + self.source.text[node.end :]
        start, stop, text = self._block(node, new, 0, 0)
        return self.source.text[:start] + text + self.source.text[stop:]

    def _value(self, node: Node) -> Json:
        return construct(node, self.source)

    def _block(self, node: Node, new: Collection, below: int, level: int) -> tuple[int, int, str]:
        """Return begin and end of a block collection with its comments, and the text to put there."""
        old = pieces(node, self.source, below)
        column = old[0].start - self.source.line_start(old[0].start)
        parts = self._items(old, new, level) if isinstance(new, list) else self._entries(old, new, level)
        return old[0].lead, old[-1].stop, assembled(self.source, old, parts, " " * column)

    def _entries(self, old: list[Piece], new: dict[str, Json], level: int) -> list[Part]:
        names = [str(self._value(piece.key)) for piece in old if piece.key]
        kept: list[Part] = [
            (index, self._piece(old[index], new[name], level)) for index, name in enumerate(names) if name in new
        ]
        return kept + [
            (None, self._fresh(entry(name, value, self.layout), old[0]))
            for name, value in new.items()
            if name not in names
        ]

    def _items(self, old: list[Piece], new: list[Json], level: int) -> list[Part]:
        found = match([self._value(piece.value) for piece in old], new)
        return [
            (None, self._fresh(item(value, self.layout), old[0]))
            if index is None
            else (index, self._piece(old[index], value, level))
            for index, value in zip(found, new, strict=True)
        ]

    def _fresh(self, block: list[str], sibling: Piece) -> str:
        column = sibling.start - self.source.line_start(sibling.start)
        return "\n".join([block[0], *indented(block[1:], column)]) + "\n"

    def _piece(self, piece: Piece, new: Json, level: int) -> str:
        """Return a piece's text with its value changed."""
        node, text = piece.value, self.source.text
        if same(self._value(node), new) and not (self.expand and _has_alias(node)):
            return text[piece.lead : piece.stop]
        if level >= self.depth or not continues(new, node):
            return self._replaced(piece, new)
        if node.flow:
            return text[piece.lead : node.start] + self._flow(node, new) + text[node.end : piece.stop]
        start, stop, inner = self._block(node, new, self.source.line_end(piece.label), level + 1)
        return text[piece.lead : start] + inner + text[stop : piece.stop]

    def _replaced(self, piece: Piece, new: Json) -> str:
        """Return a piece with another value behind its colon or dash; a comment on that line stays there."""
        text, node = self.source.text, piece.value
        comment, rest = self._comments(piece)
        space = text[piece.label : node.start]
        space = space if space and not space.strip(" ") else " "
        column = piece.start - self.source.line_start(piece.start)
        if isinstance(new, dict | list) and new:
            body = self._collection(piece, new, column)
        else:
            first, *more = self._scalar(node, new, column)
            body = [space + first, *more]
        body[0] += comment
        return text[piece.lead : piece.label] + "\n".join(body) + "\n" + (rest if len(body) == 1 else "")

    def _collection(self, piece: Piece, new: Json, column: int) -> list[str]:
        """Return the lines of a collection: what goes behind the colon or dash, and those below."""
        block = lines(new, self.layout)
        if piece.key is None:
            return [f" {block[0]}", *indented(block[1:], column + 2)]
        return ["", *indented(block, column + (self.layout.offset if isinstance(new, list) else self.layout.step))]

    def _comments(self, piece: Piece) -> tuple[str, str]:
        """Return the comment on the line of the value, or of the label of a block, and the comment lines below."""
        text, node = self.source.text, piece.value
        if node.style in _BLOCK_STYLES:
            header = _BLOCK_HEADER.search(text, node.start)
            return (header[1] or "" if header else ""), text[self.source.line_end(node.end) : piece.stop]
        if node.form in {"sequence", "mapping"} and not node.flow:
            label = text[piece.label : self.source.line_end(piece.label)]
            header = _TRAILING.match(label)
            return (header[0] if header else ""), ""
        trailing = _TRAILING.match(text, node.end)
        return (trailing[0] if trailing else ""), text[self.source.line_end(node.end) : piece.stop]

    def _scalar(self, node: Node, new: Json, column: int) -> list[str]:
        """Return the lines of a scalar, or an empty collection, in the style of the one that was there."""
        if not isinstance(new, str):
            return [scalar(new)]
        if node.style != '"' and (block := literal(new)):
            header = _BLOCK_HEADER.search(self.source.text, node.start) if node.style in _BLOCK_STYLES else None
            return [block[0], *indented(block[1:], len(header[2]) if header else column + self.layout.step)]
        return [flows.quoted(new, node.style, flow=False)]

    def _flow(self, node: Node, new: Collection) -> str:
        """Return the text of a collection in brackets."""
        parts = self._flow_items(node, new) if isinstance(new, list) else self._flow_entries(node, new)
        return flows.joined(node, self.source, parts)

    def _flow_entries(self, node: Node, new: dict[str, Json]) -> list[Part]:
        quote = flows.quote_of(node)
        names: list[str] = []
        parts: list[Part] = []
        for index, (key, value) in enumerate(node.entries()):
            names.append(str(self._value(key)))
            if names[-1] in new:
                between = self.source.text[key.start : value.start]
                between += ": " if value.start == key.end else " " if between.endswith(":") else ""
                parts.append((index, between + self._flow_value(value, new[names[-1]])))
        added = {name: value for name, value in new.items() if name not in names}
        return parts + [(None, flows.pair(name, value, quote)) for name, value in added.items()]

    def _flow_items(self, node: Node, new: list[Json]) -> list[Part]:
        quote = flows.quote_of(node)
        found = match([self._value(child) for child in node.children], new)
        return [
            (index, flows.written(value, quote) if index is None else self._flow_value(node.children[index], value))
            for index, value in zip(found, new, strict=True)
        ]

    def _flow_value(self, node: Node, new: Json) -> str:
        if same(self._value(node), new) and not (self.expand and _has_alias(node)):
            return self.source.text[node.start : node.end]
        if node.flow and continues(new, node):
            return self._flow(node, new)
        return flows.written(new, node.style)


def continues(new: Json, node: Node) -> TypeGuard[Collection]:
    """Return whether the node is a collection that becomes another one of its sort, both not empty."""
    if not new or not node.children:
        return False
    return (node.form == "mapping" and isinstance(new, dict)) or (node.form == "sequence" and isinstance(new, list))


def _has_alias(node: Node) -> bool:
    return node.form == "alias" or any(map(_has_alias, node.children))
