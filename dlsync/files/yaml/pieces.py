"""The pieces of a block collection: the text of each child, with its comments.

A piece runs from the comment lines directly above its key or dash, in the same column, to the end of its last line and
the comments below that are indented deeper. What lies between two pieces is a gap: blank lines and free-standing
comments, which belong to the collection.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, TypeGuard

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlsync.files.yaml.read import Node
    from dlsync.files.yaml.source import Source
    from dlsync.model import Json

_COLON = re.compile(r"(?:\s|#[^\r\n]*+)*+:")
_BETWEEN = re.compile(r"(?:\s|#[^\r\n]*+)*+")
_COMMENT_LINE = re.compile(r"( *)#[^\r\n]*(?:\r\n|[\r\n]|\Z)")
_BLANK_LINE = re.compile(r"[ \t]*(?:\r\n|[\r\n])")
_DIRECTIVES_END = re.compile(r"(?:---[ \t]*(?:\r\n|[\r\n]))?")


Collection: TypeAlias = "dict[str, Json] | list[Json]"


class Unspliceable(Exception):
    """The text is laid out in a way that cannot be edited piece by piece."""


def same(one: Json, other: Json) -> bool:
    """Return whether two values are one in JSON: ``1``, ``1.0`` and ``true`` differ, the order of keys is nothing."""
    return one is other or (type(one) is type(other) and identity(one) == identity(other))


def identity(value: Json) -> str:
    """Return a text that is equal for values that are the same."""
    return json.dumps(value, sort_keys=True)


def has_alias(node: Node) -> bool:
    """Return whether an alias is in a node."""
    return any(other.form == "alias" for other in node.walk())


def newline_of(source: Source) -> str:
    """Return how most lines of the text end."""
    return "\r\n" if 2 * source.text.count("\r\n") > source.text.count("\n") else "\n"


def continues(new: Json, node: Node) -> TypeGuard[Collection]:
    """Return whether the node is a collection that becomes another one of its sort, both not empty."""
    if not new or not node.children:
        return False
    return (node.form == "mapping" and isinstance(new, dict)) or (node.form == "list" and isinstance(new, list))


@dataclass(frozen=True, slots=True)
class Piece:
    """One child of a block collection. All are indexes into the text.

    :param key: None for a list's item.
    :param lead: where it begins, behind the indentation of its first line: at a comment above, or at ``start``.
    :param start: of the key or the dash; ``label``: behind the colon or the dash.
    :param stop: behind its last line and the deeper comments below.
    """

    key: Node | None
    value: Node
    lead: int
    start: int
    label: int
    stop: int


def pieces(source: Source, node: Node, below: int) -> list[Piece]:
    """Return the pieces of a block collection.

    :param below: index behind the line of its label; nothing above belongs to it.
    """
    result: list[Piece] = []
    for number, (key, value, start, label) in enumerate(_children(source, node)):
        column = source.column(start)
        alone = not source.text[start - column : start].strip(" ")
        lead = _lead(source, start, column, below) if alone else start
        begin = _DIRECTIVES_END.match(source.text)
        if not number and begin and source.line_start(lead) == begin.end():  # comments at the top are the file's
            lead = start
        below = _stop(source, max(value.end, label), column)
        result.append(Piece(key, value, lead, start, label, below))
    return result


def _children(source: Source, node: Node) -> Iterator[tuple[Node | None, Node, int, int]]:
    """Yield key, value, start of the key or dash, and the index behind the colon or dash."""
    text = source.text
    dash = node.content
    for value in node.children if node.form == "list" else ():
        yield None, value, dash, dash + 1
        ahead = _BETWEEN.match(text, source.line_end(max(value.end, dash + 1)))
        dash = ahead.end() if ahead else dash
    for key, value in node.entries() if node.form == "mapping" else ():
        before = text[source.line_start(key.start) : key.start].rstrip(" \t")
        is_explicit = before.endswith("?")
        colon = _COLON.match(text, key.end)
        start = source.line_start(key.start) + len(before) - 1 if is_explicit else key.start
        yield key, value, start, colon.end() if colon and colon.end() <= max(value.start, key.end + 1) else key.end


def _lead(source: Source, start: int, column: int, below: int) -> int:
    """Return where the comment lines directly above a key or dash, in its column, begin."""
    top = start - column
    while top > below:
        above = source.line_start(top - 1)
        comment = _COMMENT_LINE.match(source.text, above)
        if above < below or comment is None or len(comment[1]) != column:
            break
        top = above
    return top + column


def _stop(source: Source, end: int, column: int) -> int:
    """Return where the last line, and the comments below that are indented deeper, end."""
    stop = ahead = source.line_end(end)
    while found := _COMMENT_LINE.match(source.text, ahead) or _BLANK_LINE.match(source.text, ahead):
        ahead = found.end()
        if found.re is _COMMENT_LINE:
            if len(found[1]) <= column:
                break
            stop = ahead
    return stop
