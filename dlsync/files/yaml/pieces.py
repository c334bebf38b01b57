"""Split a block collection into pieces: the text of each child, with its comments.

A piece begins with the comment lines directly above its key or dash, in the same column. It ends after its last line
and the comments below that are indented deeper. The text between two pieces is a gap: blank lines and free-standing
comments, which belong to the collection.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias, TypeGuard

from dlsync.files.yaml.read import COLON, Node
from dlsync.files.yaml.source import Source
from dlsync.model import Json

_BETWEEN = re.compile(r"(?:\s|#[^\r\n]*+)*+")
_COMMENT_LINE = re.compile(r"( *)#[^\r\n]*(?:\r\n|[\r\n]|\Z)")
_BLANK_LINE = re.compile(r"[ \t]*(?:\r\n|[\r\n])")
_DIRECTIVES_END = re.compile(r"(?:---[ \t]*(?:\r\n|[\r\n]))?")

Collection: TypeAlias = dict[str, Json] | list[Json]


class Unspliceable(Exception):
    """Report a text whose layout cannot be edited piece by piece."""


def same(one: Json, other: Json) -> bool:
    """Return whether two values are equal as JSON: ``1``, ``1.0`` and ``true`` differ; the order of keys is ignored."""
    return one is other or (type(one) is type(other) and identity(one) == identity(other))


def identity(value: Json) -> str:
    """Return a text that is equal for values that are the same."""
    return json.dumps(value, sort_keys=True)


def continues(new: Json, node: Node) -> TypeGuard[Collection]:
    """Return whether a node and its new value are collections of the same type, both not empty."""
    return bool(new and node.children) and isinstance(new, dict if node.form == "mapping" else list)


@dataclass(frozen=True, slots=True)
class Piece:
    """A child of a block collection; numbers are indexes into the text.

    :param key: None for a list's item.
    :param lead: the beginning of the piece, after its indentation: the first comment above, or ``start``.
    :param start: the beginning of the key or the dash; ``label``: the end of the colon or the dash.
    :param stop: the end of its last line and of the deeper comments below.
    """

    key: Node | None
    value: Node
    lead: int
    start: int
    label: int
    stop: int


def pieces(source: Source, node: Node, below: int) -> list[Piece]:
    """Return the pieces of a block collection.

    :param below: the end of the line of the collection's label; no piece begins before it.
    """
    result: list[Piece] = []
    begin = _DIRECTIVES_END.match(source.text)
    for key, value, start, label in _children(source, node):
        column = source.column(start)
        alone = not source.text[start - column : start].strip(" ")
        lead = _lead(source, start, column, below) if alone else start
        if not result and begin and source.line_start(lead) == begin.end():  # comments at the top belong to the file
            lead = start
        below = _stop(source, max(value.end, label), column)
        result.append(Piece(key, value, lead, start, label, below))
    return result


def _children(source: Source, node: Node) -> Iterator[tuple[Node | None, Node, int, int]]:
    """Yield each key, its value, the start of the key or dash, and the end of the colon or dash."""
    text = source.text
    dash = node.content
    for value in node.children if node.form == "list" else ():
        yield None, value, dash, dash + 1
        ahead = _BETWEEN.match(text, source.line_end(max(value.end, dash + 1)))
        dash = ahead.end() if ahead else dash
    for key, value in node.entries():
        before = text[source.line_start(key.start) : key.start].rstrip(" \t")
        start = source.line_start(key.start) + len(before) - 1 if before.endswith("?") else key.start
        colon = COLON.match(text, key.end)
        yield key, value, start, colon.end() if colon and colon.end() <= max(value.start, key.end + 1) else key.end


def _lead(source: Source, start: int, column: int, below: int) -> int:
    """Return the beginning of the comment lines directly above a key or dash, in its column."""
    top = start - column
    while top > below:
        above = source.line_start(top - 1)
        comment = _COMMENT_LINE.match(source.text, above)
        if above < below or comment is None or len(comment[1]) != column:
            break
        top = above
    return top + column


def _stop(source: Source, end: int, column: int) -> int:
    """Return the end of the last line, and of the comments below that are indented deeper."""
    stop = ahead = source.line_end(end)
    while found := _COMMENT_LINE.match(source.text, ahead) or _BLANK_LINE.match(source.text, ahead):
        ahead = found.end()
        if found.re is _COMMENT_LINE:
            if len(found[1]) <= column:
                break
            stop = ahead
    return stop
