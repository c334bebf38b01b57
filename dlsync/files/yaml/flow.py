"""Collections in brackets, edited with the quotes, blanks, line breaks and comments that they have.

A comment behind a child, on its line, belongs to the child; those on lines of their own belong to the child below, or
below the last child, to the collection.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

from dlsync.files.yaml.dump import can_show, double_quoted, scalar, single_quoted, string
from dlsync.files.yaml.pieces import Collection, Unspliceable, continues

if TYPE_CHECKING:
    from collections.abc import Callable

    from dlsync.files.yaml.read import Node
    from dlsync.files.yaml.source import Source
    from dlsync.model import Json, Path

_COMMENT = re.compile(r"[ \t]*#[^\r\n]*")
_COLON = re.compile(r":[ \t]*")
_COMMA = re.compile(r",[ \t]*")
Part: TypeAlias = "tuple[int | None, str]"


def quoted(text: str, quote: str, *, flow: bool) -> str:
    """Return a string in the quotes wanted, where they can hold it."""
    if quote == '"':
        return double_quoted(text)
    if quote == "'" and can_show(text):
        return single_quoted(text)
    return string(text, flow=flow)


@dataclass(frozen=True, slots=True)
class _Spelling:
    """How one collection is written.

    :param quote: what strings are in; where empty, only those that need it are quoted.
    :param colon: with the blank behind it; ``comma``: likewise.
    """

    quote: str
    colon: str
    comma: str

    def value(self, value: Json) -> str:
        """Return a value on one line, inside of brackets."""
        if isinstance(value, dict) and value:
            return "{" + self.comma.join(self.entry(key, inner) for key, inner in value.items()) + "}"
        if isinstance(value, list) and value:
            return "[" + self.comma.join(map(self.value, value)) + "]"
        return quoted(value, self.quote, flow=True) if isinstance(value, str) else scalar(value)

    def entry(self, key: str, value: Json) -> str:
        """Return a key with its value, inside of brackets."""
        return self.value(key) + self.colon + self.value(value)


@dataclass(frozen=True, slots=True)
class _Gap:
    """What stands between two children, or between one and a bracket.

    :param text: all of it; ``tail``: the comment on the first line, with the white space before it.
    :param leads: comments on the lines below.
    """

    text: str

    @property
    def tail(self) -> str:
        found = _COMMENT.search(self.text.split("\n", 1)[0])
        return found[0] if found else ""

    @property
    def leads(self) -> list[str]:
        return [found[0].strip() for line in self.text.split("\n")[1:] if (found := _COMMENT.search(line))]

    @property
    def comma(self) -> str:
        return "," if "," in _COMMENT.sub("", self.text) else ""


@dataclass(frozen=True)
class FlowEditor:
    """Edits collections in brackets.

    :param matched: returns for each new item of a list which child it was; ``is_unchanged``: whether a text can stay.
    """

    source: Source
    root: Node
    newline: str
    matched: Callable[[Path, Node, list[Json]], list[int | None]]
    is_unchanged: Callable[[Node, Json], bool]

    def edited(self, node: Node, new: Collection, path: Path) -> str:
        """Return the text of a collection that does not become empty."""
        parts = self._items(node, new, path) if isinstance(new, list) else self._entries(node, new, path)
        return self._joined(node, parts)

    def free_comments(self, node: Node) -> list[str]:
        """Return the comments in a collection that belong to none of its children."""
        if not node.flow:
            return []
        text, spans = self.source.text, self._spans(node)
        if not spans:
            return [line.strip(" \t\r,[]{}") for line in text[node.content : node.end].split("\n") if "#" in line]
        first = _Gap(text[node.content : spans[0][0]]).tail.strip()
        return [*([first] if first else []), *_Gap(text[spans[-1][1] : node.end]).leads]

    @cached_property
    def _is_json(self) -> bool:
        keys = [key for node in self.root.walk() if node.form == "mapping" for key, _ in node.entries()]
        return self.root.flow and bool(keys) and all(key.style == '"' for key in keys)

    @cached_property
    def _default(self) -> _Spelling:
        flows = [node for node in self.root.walk() if node.flow and node.children]
        colon = next((found for node in flows if (found := self._colon(node))), ": ")
        return _Spelling("", colon, next((found for node in flows if (found := self._comma(node))), ", "))

    def _spelling(self, node: Node, quote: str) -> _Spelling:
        colon, comma = self._colon(node) or self._default.colon, self._comma(node) or self._default.comma
        return _Spelling('"' if self._is_json else quote, colon, comma)

    def _colon(self, node: Node) -> str:
        for key, value in node.entries() if node.form == "mapping" else ():
            if (found := _COLON.fullmatch(self.source.text, key.end, value.start)) and value.start < value.end:
                return found[0]
        return ""

    def _comma(self, node: Node) -> str:
        spans = self._spans(node)
        found = _COMMA.fullmatch(self.source.text, spans[0][1], spans[1][0]) if len(spans) > 1 else None
        return found[0] if found else ""

    def _quote(self, node: Node) -> str:
        """Return the quotes that all keys of a mapping, or all scalars of a list, are in; empty where they differ."""
        shown = node.children[::2] if node.form == "mapping" else node.children
        styles = {child.style for child in shown if child.form == "scalar"}
        return styles.pop() if len(styles) == 1 else ""

    def _entries(self, node: Node, new: dict[str, Json], path: Path) -> list[Part]:
        text, spelling = self.source.text, self._spelling(node, self._quote(node))
        names: list[str] = []
        parts: list[Part] = []
        for index, ((key, value), (start, _)) in enumerate(zip(node.entries(), self._spans(node), strict=True)):
            names.append(str(key.value))
            if names[-1] in new:
                between = text[start : value.start] if value.start > key.end else text[start : key.end]
                inner = self._value(value, new[names[-1]], (*path, names[-1]))
                if inner and not between[key.end - start :]:
                    between += spelling.colon
                elif inner and between.endswith(":") and value.start == value.end:
                    between += " "
                parts.append((index, between + inner))
        added = {name: value for name, value in new.items() if name not in names}
        return parts + [(None, spelling.entry(name, value)) for name, value in added.items()]

    def _items(self, node: Node, new: list[Json], path: Path) -> list[Part]:
        spelling = self._spelling(node, self._quote(node))
        return [
            (
                index,
                spelling.value(value) if index is None else self._value(node.children[index], value, (*path, index)),
            )
            for index, value in zip(self.matched(path, node, new), new, strict=True)
        ]

    def _value(self, node: Node, new: Json, path: Path) -> str:
        if self.is_unchanged(node, new):
            return self.source.text[node.start : node.end]
        is_bracketed = self.source.text[node.content : node.content + 1] in {"[", "{"}
        if is_bracketed and continues(new, node):
            return self.edited(node, new, path)
        if self.free_comments(node):
            raise Unspliceable
        return self._spelling(node, node.style).value(new)

    def _spans(self, node: Node) -> list[tuple[int, int]]:
        """Return where each child begins and ends; a key with a question mark begins there."""
        if node.form == "list":
            return [(child.start, child.end) for child in node.children]
        return [(self._key_start(key), max(key.end, value.end)) for key, value in node.entries()]

    def _key_start(self, key: Node) -> int:
        before = self.source.text[: key.start].rstrip()
        return len(before) - 1 if before.endswith("?") else key.start

    def _joined(self, node: Node, parts: list[Part]) -> str:
        """Return the collection's text with other children, each with its comments."""
        text, spans = self.source.text, self._spans(node)
        edges = [(node.content, spans[0][0]), *((one[1], two[0]) for one, two in pairwise(spans))]
        gaps = [_Gap(text[start:stop]) for start, stop in [*edges, (spans[-1][1], node.end)]]
        comma = self._comma(node) or self._default.comma
        result = [text[node.start : node.content]]
        before: int | None = -1
        tail = ""
        for index, part in parts:
            if index is not None and before is not None and before == index - 1:
                result.append(gaps[index].text)
            else:
                opening = "," if len(result) > 1 else text[node.content] + gaps[0].tail
                blank = comma[1:] if len(result) > 1 else ""
                result.append(opening + tail + self._break(node, gaps, index, blank, is_needed=bool(tail)))
            result.append(part)
            tail = gaps[index + 1].tail if index is not None else ""
            before = index
        return "".join(result) + self._closing(node, gaps, before, tail)

    def _break(self, node: Node, gaps: list[_Gap], index: int | None, blank: str, *, is_needed: bool) -> str:
        """Return what follows a comma or the bracket: a blank, or a line break with the comments of the child."""
        leads = gaps[index].leads if index is not None else []
        if not leads and not is_needed and "\n" not in gaps[0].text:
            return blank
        margin = self.newline + self._indent(node, gaps)
        return "".join(margin + lead for lead in leads) + margin

    def _indent(self, node: Node, gaps: list[_Gap]) -> str:
        broken = next((gap.text for gap in gaps[:-1] if "\n" in gap.text), None)
        return " " * (self.source.column(node.content) + 2) if broken is None else broken.rsplit("\n", 1)[1]

    def _closing(self, node: Node, gaps: list[_Gap], last: int | None, tail: str) -> str:
        """Return what follows the last child: its comment, those of the collection, and the bracket."""
        closing = gaps[-1]
        if last is not None and last == len(gaps) - 2:
            return closing.text
        first, line_feed, rest = closing.text.partition("\n")
        if line_feed:
            return closing.comma + tail + self.newline + rest
        if tail:
            return closing.comma + tail + self.newline + self._indent(node, gaps) + first.lstrip(" ,")
        return first
