"""Where the parts of a text stand: its nodes with their first and last characters, and its comments."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

import yaml

from dlsync.files.yaml.errors import InvalidYaml, decode
from dlsync.files.yaml.parse import plain_value, read

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dlsync.files.yaml.errors import Source
    from dlsync.files.yaml.parse import Event
    from dlsync.model import Json, Path

_PROPERTIES = re.compile(r"(?:[&!]\S*+(?:\s|#[^\r\n]*+)++)*+")
_COMMENT = re.compile(r"(?:(?<=\s)|^)#[^\r\n]*", re.MULTILINE)
_HEADER_COMMENT = re.compile(r"[|>][-+0-9]*[ \t]+(#[^\r\n]*)")
_FORMS: Mapping[type, Literal["scalar", "list", "mapping", "alias"]] = {
    yaml.ScalarEvent: "scalar",
    yaml.SequenceStartEvent: "list",
    yaml.MappingStartEvent: "mapping",
    yaml.AliasEvent: "alias",
}
_COLON = re.compile(r"(?:\s|#[^\r\n]*+)*+:")
_SCALAR = {yaml.ScalarEvent}
_BREAKS = " \t\r\n"
# what YAML 1.1 may read in another way: a cheap test ahead of the loader's own
_MAYBE_OTHERWISE = re.compile(r"[-+.0-9].*|yes|no|on|off|=|<<", re.IGNORECASE)


@dataclass(slots=True, eq=False)
class Node:
    """A node of the text.

    :param start: index of its first character, that of its anchor or tag where it has one.
    :param end: index behind its last character; of a block collection, behind its last child.
    :param content: index of its first character behind its anchor and tag.
    :param style: of a scalar: plain (empty), ``'``, ``"``, ``|`` or ``>``.
    :param children: of a mapping: key, value, key, value.
    :param target: what an alias stands for.
    """

    form: Literal["scalar", "list", "mapping", "alias"]
    start: int
    end: int
    content: int
    style: str = ""
    flow: bool = False
    value: Json = None
    children: list[Node] = field(default_factory=list)
    target: Node | None = None

    def entries(self) -> Iterator[tuple[Node, Node]]:
        """Yield the mapping's keys with their values."""
        pairs = iter(self.children)
        return zip(pairs, pairs, strict=True)

    @property
    def is_block_scalar(self) -> bool:
        """Return whether it is a literal or folded block."""
        return self.style in {"|", ">"}

    def walk(self) -> Iterator[Node]:
        """Yield the node and all below it, in the order of the text."""
        yield self
        for child in self.children:
            yield from child.walk()


def compose(source: Source) -> Node | None:
    """Return the root of the one document that the text holds, or None where it holds none.

    :raises InvalidYaml: see :func:`~dlsync.files.yaml.parse.parse`.
    """
    value, events = read(source)
    root: Node | None = None
    enclosing: list[Node] = []
    anchors: dict[str, Node] = {}
    for event in events:
        if type(event) in _FORMS:
            node = _node(event, source, anchors)
            if enclosing:
                _add(enclosing[-1], node, source.text)
            else:
                root = node
            if node.form in {"list", "mapping"}:
                enclosing.append(node)
        elif enclosing and type(event) in {yaml.SequenceEndEvent, yaml.MappingEndEvent}:
            node = enclosing.pop()
            node.end = event.end_mark.index if node.flow else max(node.end, *(child.end for child in node.children))
    if root is not None:
        _set_values(root, value)
    return root


def _node(event: Event, source: Source, anchors: dict[str, Node]) -> Node:
    start, end = event.start_mark.index, event.end_mark.index
    node = Node(_FORMS[type(event)], start, end, start)
    if node.form == "alias":
        node.target = anchors[event.anchor]
        return node
    if event.anchor:
        anchors[event.anchor] = node
    if event.anchor or event.tag:
        found = _PROPERTIES.match(source.text, start)
        node.content = min(found.end(), end) if found and node.form == "scalar" else found.end() if found else start
    if node.form != "scalar":
        node.flow = bool(event.flow_style)
        return node
    node.style = event.style or ""
    if node.is_block_scalar:
        node.end = _last_line(source.text, node)
    return node


def _last_line(text: str, node: Node) -> int:
    """Return the end of a block scalar's last line; libyaml's is the beginning of what follows."""
    written = text[node.content : node.end]
    if "+" in written.split("\n", 1)[0].split("#")[0]:  # the blank lines are a part of it
        return node.content + len(written.removesuffix("\n").removesuffix("\r"))
    return node.content + len(written.rstrip(_BREAKS))


def _add(parent: Node, node: Node, text: str) -> None:
    """Add a child; a value that is not written stands behind its colon, where libyaml has the place of what follows."""
    if node.form == "scalar" and node.start == node.end and parent.form == "mapping" and len(parent.children) % 2:
        behind = parent.children[-1].end
        colon = _COLON.match(text, behind, node.start)
        node.start = node.end = node.content = colon.end() if colon else behind
    parent.children.append(node)


def _set_values(node: Node, value: Json) -> None:
    node.value = value
    if isinstance(value, dict) and node.children:
        for (key_node, value_node), (key, inner) in zip(node.entries(), value.items(), strict=True):
            key_node.value = key
            _set_values(value_node, inner)
    elif isinstance(value, list) and node.children:
        for child, inner in zip(node.children, value, strict=True):
            _set_values(child, inner)


def comments(root: Node | None, source: Source, start: int = 0, stop: int | None = None) -> list[str]:
    """Return the comments between two indexes, each without the white space around it."""
    stop = len(source.text) if stop is None else stop
    found: list[str] = []
    for node in root.walk() if root else ():
        if node.form not in {"scalar", "alias"} or node.start < start or node.end > stop:
            continue
        found += _COMMENT.findall(source.text, start, node.start)
        header = _HEADER_COMMENT.match(source.text, node.content) if node.is_block_scalar else None
        found += [header[1]] if header else []
        start = node.end
    return [comment.rstrip() for comment in [*found, *_COMMENT.findall(source.text, start, stop)]]


def positions(content: bytes) -> Mapping[Path, tuple[int, int]]:
    """Return line and column, from 1, for every path: of the key for a mapping's value, of the item for a list's.

    A text that cannot be parsed has none. What an alias stands for has the places of its anchor; ``()`` is the root.
    """
    try:
        source = decode(content)
        root = compose(source)
    except InvalidYaml:
        return {}
    return {} if root is None else {path: source.place(index) for path, index in _places(root, (), root.start)}


def _places(node: Node, path: Path, index: int) -> Iterator[tuple[Path, int]]:
    yield path, index
    node = node.target or node
    if node.form == "list":
        for number, child in enumerate(node.children):
            yield from _places(child, (*path, number), child.start)
    elif node.form == "mapping":
        for key, value in node.entries():
            yield from _places(value, (*path, str(key.value)), key.start)


def nearest(places: Mapping[Path, tuple[int, int]], path: Path) -> tuple[int, int] | tuple[None, None]:
    """Return line and column of a path, or where it has none, of the closest thing that encloses it.

    :param places: as :func:`positions` returns them.
    """
    for length in range(len(path), -1, -1):
        if place := places.get(path[:length]):
            return place
    return None, None


class AmbiguousScalar(NamedTuple):
    """A scalar without quotes that readers of YAML 1.1 take for another value.

    :param line: from 1; ``column``: from 1.
    :param text: as it is written.
    """

    line: int
    column: int
    text: str


def ambiguous_scalars(content: bytes) -> list[AmbiguousScalar]:
    """Return the scalars without quotes that YAML 1.1 reads as another value: ``on``, ``12:30``, ``0777``, dates.

    A text that cannot be parsed has none. Keys count like values.
    """
    try:
        source = decode(content)
        events = read(source)[1]
    except InvalidYaml:
        return []
    found: list[AmbiguousScalar] = []
    for event in events:
        if type(event) in _SCALAR and event.tag is None and event.implicit[0] and _is_ambiguous(event.value):
            place = source.place(event.end_mark.index - len(event.value))
            found.append(AmbiguousScalar(*place, event.value))
    return found


def _is_ambiguous(text: str) -> bool:
    if not _MAYBE_OTHERWISE.fullmatch(text):
        return False
    try:
        other = yaml.load(text, yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError):  # `<<` alone, a date that is none
        return True
    value = plain_value(text)
    return type(other) is not type(value) or other != value
