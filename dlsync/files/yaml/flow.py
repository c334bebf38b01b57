"""Edit collections in brackets, with the quotes, blanks, line breaks and comments that they have.

A comment behind a child, on its line, belongs to the child; those on lines of their own belong to the child below, or
below the last child, to the collection.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, pairwise
from typing import TYPE_CHECKING, TypeAlias

from dlsync.files.yaml.dump import can_show, double_quoted, scalar, single_quoted, string
from dlsync.files.yaml.pieces import Collection, Unspliceable, continues, has_alias, newline_of, same

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dlsync.files.yaml.read import Node
    from dlsync.files.yaml.source import Source
    from dlsync.model import Json, Path

_COMMENT = re.compile(r"[ \t]*#[^\r\n]*")
_SEPARATORS = {sign: re.compile(sign + r"[ \t]*") for sign in ":,"}
Pairing: TypeAlias = "Callable[[Path, list[Json], list[Json]], Iterable[tuple[int, int]]]"
Part: TypeAlias = "tuple[int | None, str]"  # a child's text, and the index of the child that it was


def quoted(text: str, quote: str, *, flow: bool) -> str:
    """Return a string in the quotes wanted, where they can hold it."""
    if quote == '"':
        return double_quoted(text)
    if quote == "'" and can_show(text):
        return single_quoted(text)
    return string(text, flow=flow)


@dataclass(frozen=True, slots=True)
class _Style:
    """How a collection is written: its quotes, empty for those that are needed, and its colon and comma with blanks."""

    quote: str
    colon: str
    comma: str

    def value(self, value: Json) -> str:
        if isinstance(value, dict) and value:
            return "{" + self.comma.join(self.entry(key, inner) for key, inner in value.items()) + "}"
        if isinstance(value, list) and value:
            return "[" + self.comma.join(map(self.value, value)) + "]"
        return quoted(value, self.quote, flow=True) if isinstance(value, str) else scalar(value)

    def entry(self, key: str, value: Json) -> str:
        return self.value(key) + self.colon + self.value(value)


@dataclass(frozen=True)
class FlowEditor:
    """Edits the collections in brackets of one text.

    :param pair: see :func:`~dlsync.files.yaml.edit.rewrite`.
    :param expand: whether to write out what aliases stand for.
    """

    source: Source
    root: Node
    pair: Pairing
    expand: bool

    @cached_property
    def newline(self) -> str:
        """Return how most lines of the text end."""
        return newline_of(self.source)

    def matched(self, path: Path, node: Node, new: list[Json]) -> list[int | None]:
        """Return for each item that the list becomes the index of the child that it was, or None."""
        found: list[int | None] = [None] * len(new)
        for before, after in self.pair(path, [child.value for child in node.children], new):
            found[after] = before
        return found

    def is_unchanged(self, node: Node, new: Json) -> bool:
        """Return whether the text of the node can stay."""
        return same(node.value, new) and not (self.expand and has_alias(node))

    def flow_edited(self, node: Node, new: Collection, path: Path) -> str:
        """Return the text of a collection in brackets that does not become empty."""
        style = self._style(node)
        parts: list[Part] = []
        if isinstance(new, list):
            for index, value in zip(self.matched(path, node, new), new, strict=True):
                if index is None:
                    parts.append((None, style.value(value)))
                else:
                    parts.append((index, self._flow_value(node.children[index], value, (*path, index))))
        else:
            names = [key.value for key, _ in node.entries()]
            for index, (key, child) in enumerate(node.entries()):
                if key.value in new:
                    inner = self._flow_value(child, new[key.value], (*path, key.value))
                    parts.append((index, self._label(key, child, inner, style.colon) + inner))
            parts += [(None, style.entry(name, value)) for name, value in new.items() if name not in names]
        return self._joined(node, parts)

    def free_comments(self, node: Node) -> list[str]:
        """Return the comments in brackets that belong to none of the children."""
        if not node.flow:
            return []
        text, spans = self.source.text, self._spans(node)
        if not spans:
            return [line.strip(" \t\r,[]{}") for line in text[node.content : node.end].split("\n") if "#" in line]
        first = _tail(text[node.content : spans[0][0]]).strip()
        return [*([first] if first else []), *_leads(text[spans[-1][1] : node.end])]

    @cached_property
    def _is_json(self) -> bool:
        keys = [key for node in self.root.walk() if node.form == "mapping" for key, _ in node.entries()]
        return self.root.flow and bool(keys) and all(key.style == '"' for key in keys)

    def _style(self, node: Node) -> _Style:
        """Return how a node is written; its quotes are those of all keys of a mapping, or of all scalars of a list."""
        shown = node.children[::2] if node.form == "mapping" else node.children or [node]
        styles = {child.style for child in shown if child.form == "scalar"}
        quote = '"' if self._is_json else styles.pop() if len(styles) == 1 else ""
        return _Style(quote, self._separator(":", node), self._separator(",", node))

    def _separator(self, sign: str, node: Node) -> str:
        """Return a colon or comma with its blanks as in the node, else as in the first brackets of the text."""
        for flow in chain([node], (other for other in self.root.walk() if other.flow)):
            gaps = [(one[1], two[0]) for one, two in pairwise(self._spans(flow))]
            if sign == ":":
                entries = flow.entries() if flow.form == "mapping" else ()
                gaps = [(key.end, value.start) for key, value in entries if value.start < value.end]
            for start, stop in gaps:
                if found := _SEPARATORS[sign].fullmatch(self.source.text, start, stop):
                    return found[0]
        return f"{sign} "

    def _label(self, key: Node, value: Node, inner: str, colon: str) -> str:
        label = self.source.text[self._key_start(key) : max(key.end, value.start)]
        if inner and value.start <= key.end:
            return label + colon
        return label + " " if inner and label.endswith(":") and value.start == value.end else label

    def _flow_value(self, node: Node, new: Json, path: Path) -> str:
        if self.is_unchanged(node, new):
            return self.source.text[node.start : node.end]
        is_bracketed = self.source.text[node.content : node.content + 1] in {"[", "{"}
        if is_bracketed and continues(new, node):
            return self.flow_edited(node, new, path)
        if self.free_comments(node):
            raise Unspliceable
        return self._style(node).value(new)

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
        text = self.source.text
        edges = [node.content, *chain.from_iterable(self._spans(node)), node.end]
        gaps = [text[start:stop] for start, stop in zip(edges[::2], edges[1::2], strict=True)]
        broken = next((gap.rsplit("\n", 1)[1] for gap in gaps[:-1] if "\n" in gap), None)
        indent = " " * (self.source.column(node.content) + 2) if broken is None else broken
        margin = self.newline + indent
        blank = self._separator(",", node)[1:]
        result = [text[node.start : node.content]]
        before: int | None = -1
        tail = ""
        for index, part in parts:
            if index is not None and before is not None and before == index - 1:
                result.append(gaps[index])
            else:
                is_first = len(result) == 1
                leads = _leads(gaps[index]) if index is not None else []
                is_broken = leads or tail or "\n" in gaps[0]
                result.append(text[node.content] + _tail(gaps[0]) if is_first else "," + tail)
                result.append(
                    "".join(margin + lead for lead in [*leads, ""]) if is_broken else "" if is_first else blank
                )
            result.append(part)
            tail = _tail(gaps[index + 1]) if index is not None else ""
            before = index
        closing = gaps[-1]
        if before != len(gaps) - 2:
            first, line_feed, rest = closing.partition("\n")
            comma = "," if "," in _COMMENT.sub("", closing) else ""
            closing = first
            if line_feed or tail:
                closing = comma + tail + (self.newline + rest if line_feed else margin + first.lstrip(" ,"))
        return "".join(result) + closing


def _tail(gap: str) -> str:
    """Return the comment on the first line between two children, with the white space before it."""
    found = _COMMENT.search(gap.split("\n", 1)[0])
    return found[0] if found else ""


def _leads(gap: str) -> list[str]:
    """Return the comments on the lines below the first between two children."""
    return [found[0].strip() for line in gap.split("\n")[1:] if (found := _COMMENT.search(line))]
