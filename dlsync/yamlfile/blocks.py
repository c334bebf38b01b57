"""A block collection cut into the pieces of text that a person would move: each child with its comments.

A piece runs from the comment lines directly above its key or dash, in the same column, to the end of its last line and
the comments below that are indented deeper. What lies between two pieces is a gap: blank lines, free-standing comments.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

from dlsync.yamlfile.nodes import PROPERTIES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlsync.yamlfile.nodes import Node
    from dlsync.yamlfile.source import Source

_COLON = re.compile(r"[ \t]*:")
_BETWEEN = re.compile(r"(?:\s|#[^\r\n]*+)*+")
_COMMENT = re.compile(r"( *)#[^\r\n]*(?:\r\n|[\r\n]|\Z)")
_BLANK = re.compile(r"[ \t]*(?:\r\n|[\r\n])")
_DIRECTIVES_END = re.compile(r"(?:---[ \t]*(?:\r\n|[\r\n]))?")


Part: TypeAlias = "tuple[int | None, str]"  # a child's text, and the index of the piece that it was


class Unspliceable(Exception):
    """The text is laid out in a way that cannot be edited piece by piece."""


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


def pieces(node: Node, source: Source, below: int) -> list[Piece]:
    """Return the pieces of a block collection.

    :param below: index behind the line of its label; nothing above belongs to it.
    :raises Unspliceable: where a key is written with ``?``.
    """
    result: list[Piece] = []
    for number, (key, value, start, label) in enumerate(_children(node, source)):
        column = start - source.line_start(start)
        alone = not source.text[source.line_start(start) : start].strip(" ")
        lead = _lead(source, start, column, below) if alone else start
        if not number and lead != start and _at_top(source, lead):
            lead = start
        stop = _stop(source, max(value.end, label), column)
        result.append(Piece(key, value, lead, start, label, stop))
        below = stop
    return result


def assembled(source: Source, old: list[Piece], parts: list[Part], indent: str) -> str:
    """Return the text of a block collection made of other parts, without the indentation of its first line.

    Gaps with comments go before the piece that they were before, or before the next one that stays; blank lines
    separate as they did, and new neighbours as most pieces here are separated.
    """
    gaps = ["", *(source.text[one.stop : source.line_start(two.lead)] for one, two in pairwise(old))]
    usual = Counter(gap for gap in gaps[1:] if not gap.strip()).most_common(1)
    comments = _carried(gaps, {index for index, _ in parts})
    result: list[str] = []
    before: int | None = None
    for index, text in parts:
        blank = usual[0][0] if usual else ""
        if index is not None and (gaps[index].strip() or (before is not None and before == index - 1)):
            blank = gaps[index]
        gap = (comments.pop(index, "") if index is not None else "") + blank
        result.append((gap + indent if result else (gap.lstrip() + indent if gap.strip() else "")) + text)
        before = index
    return "".join([*result, *comments.values()])


def _carried(gaps: list[str], kept: set[int | None]) -> dict[int, str]:
    """Return the comments that stood before pieces which are gone, by the next piece that stays, or behind the last."""
    carried: dict[int, str] = {}
    for index, gap in enumerate(gaps):
        if gap.strip() and index not in kept:
            heir = min((other for other in kept if other is not None and other > index), default=len(gaps))
            carried[heir] = carried.get(heir, "") + gap
    return carried


def _children(node: Node, source: Source) -> Iterator[tuple[Node | None, Node, int, int]]:
    """Yield key, value, start of the key or dash, and the index behind the colon or dash."""
    if node.form == "mapping":
        for key, value in node.entries():
            colon = _COLON.match(source.text, key.end)
            if colon is None or source.text[source.line_start(key.start) : key.start].rstrip(" ").endswith("?"):
                raise Unspliceable
            yield key, value, key.start, colon.end()
        return
    ahead = PROPERTIES.match(source.text, node.start)
    for value in node.children:
        dash = ahead.end() if ahead else node.start
        yield None, value, dash, dash + 1
        ahead = _BETWEEN.match(source.text, source.line_end(max(value.end, dash + 1)))


def _lead(source: Source, start: int, column: int, below: int) -> int:
    top = source.line_start(start)
    while top > below:
        above = source.line_start(top - 1)
        comment = _COMMENT.match(source.text, above)
        if above < below or comment is None or len(comment[1]) != column:
            break
        top = above
    return top + column


def _at_top(source: Source, lead: int) -> bool:
    begin = _DIRECTIVES_END.match(source.text)
    return begin is not None and source.line_start(lead) == begin.end()


def _stop(source: Source, end: int, column: int) -> int:
    stop = ahead = source.line_end(end)
    while ahead < len(source.text):
        comment, blank = _COMMENT.match(source.text, ahead), _BLANK.match(source.text, ahead)
        if comment is not None and len(comment[1]) > column:
            stop = ahead = comment.end()
        elif blank is not None:
            ahead = blank.end()
        else:
            break
    return stop
