"""Edit collections in brackets; keep their quotes, blanks, line breaks and comments.

A comment after a child, on its line, belongs to the child. A comment on a line of its own belongs to the child below;
after the last child, it belongs to the collection.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import NamedTuple, TypeAlias

from dlsync.files.yaml.dump import scalar, string
from dlsync.files.yaml.pieces import Collection, Unspliceable, continues, same
from dlsync.files.yaml.read import Node
from dlsync.files.yaml.source import Source
from dlsync.model import Json, Path

_COMMENT = re.compile(r"[ \t]*#[^\r\n]*")
_ANCHOR = re.compile(r"&\S+[ \t]+")
_SEPARATORS = {sign: re.compile(sign + r"[ \t]*") for sign in ":,"}
Pairing: TypeAlias = Callable[[Path, list[Json], list[Json]], Iterable[tuple[int, int]]]
Part: TypeAlias = tuple[int | None, str]  # the former index of a child, None for a new child; and its text
Edit: TypeAlias = Callable[[int, Json, Path], str]
Write: TypeAlias = Callable[[Collection], str]


class _Style(NamedTuple):
    """The style of a collection: its quotes (empty: only if needed), and its colon and comma with blanks."""

    quote: str
    colon: str
    comma: str

    def value(self, value: Json) -> str:
        if isinstance(value, dict) and value:
            return "{" + self.comma.join(self.value(key) + self.colon + self.value(value[key]) for key in value) + "}"
        if isinstance(value, list) and value:
            return "[" + self.comma.join(map(self.value, value)) + "]"
        return string(value, self.quote, flow=True) if isinstance(value, str) else scalar(value)


@dataclass(frozen=True)
class FlowEditor:
    """Edit the collections in brackets of one text.

    :param pair: see :func:`~dlsync.files.yaml.edit.rewrite`.
    :param expand: nodes with an anchor whose aliases are replaced by their values.
    """

    source: Source
    root: Node
    pair: Pairing
    expand: frozenset[Node]
    _new: dict[Node, Json] = field(default_factory=dict)

    def is_unchanged(self, node: Node, new: Json) -> bool:
        """Return whether the text of a node can stay; an alias can stay if its anchor gets the same value."""
        self._new[node] = new
        if node.target:
            return node.target not in self.expand and same(self._new.get(node.target, node.target.value), new)
        return same(node.value, new) and all(self.is_unchanged(child, child.value) for child in node.children)

    def anchor(self, node: Node) -> str:
        """Return the anchor of a node, with the blanks behind it."""
        found = _ANCHOR.match(self.source.text, node.start, node.content)
        return found[0] if found else ""

    def parts(self, node: Node, new: Collection, path: Path, edited: Edit, written: Write) -> list[Part]:
        """Return the children of a collection with a new value.

        :param edited: returns the text of an old child, given its index and new value; ``written``: of a new child.
        """
        if isinstance(new, list):
            was = {after: before for before, after in self.pair(path, [child.value for child in node.children], new)}
            items = [(was.get(index), value) for index, value in enumerate(new)]
            return [(at, written([value]) if at is None else edited(at, value, (*path, at))) for at, value in items]
        names = [key.value for key, _ in node.entries()]
        old = [(index, edited(index, new[name], (*path, name))) for index, name in enumerate(names) if name in new]
        return [*old, *((None, written({name: new[name]})) for name in new if name not in names)]

    def flow_edited(self, node: Node, new: Collection, path: Path) -> str:
        """Return the text of a collection in brackets with a new value, which is not empty."""
        style = self._style(node)
        entries = [*node.entries()]

        def edited(index: int, value: Json, below: Path) -> str:
            if not entries:
                return self._flow_value(node.children[index], value, below)
            key, child = entries[index]
            inner = self._flow_value(child, value, below)
            return self._label(key, child, inner, style.colon) + inner

        return self._joined(node, self.parts(node, new, path, edited, lambda fresh: style.value(fresh)[1:-1]))

    def free_comments(self, node: Node) -> list[str]:
        """Return the comments in brackets that belong to none of the children."""
        if not node.flow:
            return []
        gaps = self._gaps(node)
        if len(gaps) == 1:
            return [line.strip(" \t\r,[]{}") for line in gaps[0].split("\n") if "#" in line]
        return [*filter(None, [_tail(gaps[0]).strip()]), *_leads(gaps[-1])]

    @cached_property
    def _is_json(self) -> bool:
        keys = [key for node in self.root.walk() for key, _ in node.entries()]
        return self.root.flow and bool(keys) and all(key.style == '"' for key in keys)

    def _style(self, node: Node) -> _Style:
        """Return the style of a node; its quotes are those of all keys of a mapping, or all scalars of a list."""
        shown = node.children[::2] if node.form == "mapping" else node.children or [node]
        styles = {child.style for child in shown if child.form == "scalar"}
        quote = '"' if self._is_json else styles.pop() if len(styles) == 1 else ""
        return _Style(quote, self._separator(":", node), self._separator(",", node))

    def _separator(self, sign: str, node: Node) -> str:
        """Return a colon or comma with its blanks as in the node, else as in the first brackets of the text."""
        for flow in chain([node], (other for other in self.root.walk() if other.flow)):
            gaps = self._gaps(flow)[1:-1]
            if sign == ":":
                entries = [(key.end, value.start) for key, value in flow.entries() if value.start < value.end]
                gaps = [self.source.text[start:stop] for start, stop in entries]
            for gap in gaps:
                if _SEPARATORS[sign].fullmatch(gap):
                    return gap
        return f"{sign} "

    def _label(self, key: Node, value: Node, inner: str, colon: str) -> str:
        label = self.source.text[key.start : max(key.end, value.start)]
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
        return self.anchor(node) + self._style(node).value(new)

    def _gaps(self, node: Node) -> list[str]:
        """Return the texts before, between and after the children."""
        spans = [(child.start, child.end) for child in node.children if node.form == "list"]
        spans += [(key.start, max(key.end, value.end)) for key, value in node.entries()]
        edges = [node.content, *chain.from_iterable(spans), node.end]
        return [self.source.text[start:stop] for start, stop in zip(edges[::2], edges[1::2], strict=True)]

    def _joined(self, node: Node, parts: list[Part]) -> str:
        """Return the text of a collection with new children, each with its comments."""
        text, gaps = self.source.text, self._gaps(node)
        broken = next((gap.rsplit("\n", 1)[1] for gap in gaps[:-1] if "\n" in gap), None)
        margin = self.source.newline + (" " * (self.source.column(node.content) + 2) if broken is None else broken)
        blank = self._separator(",", node)[1:]
        result = text[node.start : node.content]
        before: int | None = -1
        tail = ""
        for number, (index, part) in enumerate(parts):
            if index is not None and before is not None and before == index - 1:
                result += gaps[index]
            else:
                leads = _leads(gaps[index]) if index is not None else []
                is_broken = leads or tail or "\n" in gaps[0]
                result += "," + tail if number else text[node.content] + _tail(gaps[0])
                result += "".join(margin + lead for lead in [*leads, ""]) if is_broken else blank if number else ""
            result += part
            tail = _tail(gaps[index + 1]) if index is not None else ""
            before = index
        if before == len(gaps) - 2:
            return result + gaps[-1]
        closing, line_feed, rest = gaps[-1].partition("\n")
        if line_feed or tail:
            comma = "," if "," in _COMMENT.sub("", gaps[-1]) else ""
            closing = comma + tail + (self.source.newline + rest if line_feed else margin + closing.lstrip(" ,"))
        return result + closing


def _tail(gap: str) -> str:
    """Return the comment on the first line between two children, with the white space before it."""
    found = _COMMENT.search(gap.split("\n", 1)[0])
    return found[0] if found else ""


def _leads(gap: str) -> list[str]:
    """Return the comments on the lines below the first between two children."""
    return [found[0].strip() for line in gap.split("\n")[1:] if (found := _COMMENT.search(line))]
