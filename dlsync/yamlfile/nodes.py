"""The nodes of a YAML text with the places where they stand, composed from ruamel.yaml's events.

Our own composer and not ruamel's: that one calls itself, so it is bounded by Python's stack, and it forgets where an
alias stood. Everything that is syntax is ruamel's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from dlsync.yamlfile.syntax import explain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlsync.yamlfile.source import Source

MAX_DEPTH = 100
MAX_ALIASED = 10_000
_EXOTIC = re.compile("[\x85\u2028\u2029\ufeff]")
_INDICATOR = re.compile(r"(?:\s|#[^\r\n]*+)*+([-:])")
PROPERTIES = re.compile(r"(?:[&!]\S*+(?:\s|#[^\r\n]*+)++)*+")
_STAND_INS = range(0xF0000, 0xFFFFE)


@dataclass(slots=True, eq=False)
class Node:
    """A node of the text. A mapping's ``children`` are key, value, key, value.

    :param start: index of its first character: that of its anchor or tag where it has one.
    :param end: index behind its last character; of a block collection, behind its last child.
    :param style: of a scalar: plain (empty), ``'``, ``"``, ``|`` or ``>``.
    :param size: how many nodes it stands for with its aliases expanded; ``height``: how many levels of collections.
    """

    form: Literal["scalar", "sequence", "mapping", "alias"]
    start: int
    end: int
    value: str = ""
    style: str = ""
    flow: bool = False
    tag: str = ""
    anchor: str = ""
    children: list[Node] = field(default_factory=list)
    target: Node | None = None
    size: int = 1
    height: int = 0

    def entries(self) -> Iterator[tuple[Node, Node]]:
        """Yield the mapping's keys with their values."""
        pairs = iter(self.children)
        return zip(pairs, pairs, strict=True)


def compose(source: Source) -> Node | None:
    """Return the root of the one document that the text holds, or None where it holds none.

    :raises InvalidYaml: where the text is not well-formed, holds two documents, nests more than 100 levels or
        expands its aliases to more than 10,000 nodes.
    """
    from dlsync.yamlfile.events import MarkedYAMLError, events

    shielded, names = _shield(source.text)
    composer = _Composer(source, names)
    try:
        for event in events(shielded):
            composer.take(event)
    except MarkedYAMLError as error:
        raise explain(error, source, composer.unclosed()) from None
    return composer.root


def _shield(text: str) -> tuple[str, dict[int, str]]:
    """Hide what ruamel takes for line breaks (YAML 1.1) or for no column at all behind characters that it does not."""
    exotic = sorted(set(_EXOTIC.findall(text)))
    free = (chr(code) for code in _STAND_INS if chr(code) not in text)
    stand_ins = dict(zip(exotic, free, strict=False))
    return text.translate(str.maketrans(stand_ins)), {ord(mask): char for char, mask in stand_ins.items()}


class _Composer:
    """Builds the tree as the events come in, with a stack of its own."""

    def __init__(self, source: Source, names: dict[int, str]) -> None:
        self.root: Node | None = None
        self._source = source
        self._names = names
        self._open: list[Node] = []
        self._anchors: dict[str, Node] = {}
        self._aliased = 0

    def take(self, event: Any) -> None:
        """Add what the event says; those of the stream itself, and of a document's end, say nothing."""
        match type(event).__name__:
            case "DocumentStartEvent":
                self._document(event)
            case "ScalarEvent":
                self._scalar(event)
            case "AliasEvent":
                self._alias(event)
            case "SequenceStartEvent":
                self._enter(self._node("sequence", event))
            case "MappingStartEvent":
                self._enter(self._node("mapping", event))
            case "SequenceEndEvent" | "MappingEndEvent":
                self._leave(event)

    def unclosed(self) -> int | None:
        """Return where the innermost ``[`` or ``{`` that is still open stands."""
        flow = [node.start for node in self._open if self._source.text[node.start] in "[{"]
        return flow[-1] if flow else None

    def _document(self, event: Any) -> None:
        if self.root is not None:
            raise self._source.fault(event.start_mark.index, "a second document begins here; expected one in a file")
        if event.version not in {None, (1, 2)} or event.tags:
            raise self._source.fault(0, "found a directive; expected YAML 1.2 without %TAG")

    def _scalar(self, event: Any) -> None:
        node = self._node("scalar", event)
        node.value = event.value.translate(self._names)
        node.style = event.style or ""
        if node.style in {"|", ">"}:
            node.end = self._last_line(node)
        if not node.style and node.value.endswith(":") and self._source.text[node.end : node.end + 1] in {*",[]{}"}:
            raise self._source.fault(
                node.end - 1, "expected a space after ':'"
            )  # ruamel takes it for a part of the text
        self._add(node)

    def _last_line(self, node: Node) -> int:
        """Return the end of a block scalar's last line; ruamel's is the begin of what follows."""
        written = self._source.text[node.start : node.end]
        if "+" in written.split("\n", 1)[0].split("#")[0]:  # the blank lines are a part of it
            return node.start + len(written.removesuffix("\n").removesuffix("\r"))
        return node.start + len(written.rstrip())

    def _alias(self, event: Any) -> None:
        node = Node("alias", event.start_mark.index, event.end_mark.index, value=event.anchor)
        node.target = self._anchors.get(event.anchor)
        if node.target is None or node.target in self._open:
            known = "is not defined above" if node.target is None else "stands for a collection that contains it"
            raise self._source.fault(node.start, f"the alias *{event.anchor} {known}")
        node.size, node.height = node.target.size, node.target.height
        self._aliased += node.size
        if self._aliased > MAX_ALIASED:
            raise self._source.fault(node.start, f"the aliases expand to more than {MAX_ALIASED:,} values")
        self._add(node)

    def _node(self, form: Literal["scalar", "sequence", "mapping"], event: Any) -> Node:
        tag = "" if event.ctag is None else str(event.ctag)
        node = Node(form, event.start_mark.index, event.end_mark.index, tag=tag, anchor=event.anchor or "")
        if node.anchor:
            self._anchors[node.anchor] = node
        return node

    def _enter(self, node: Node) -> None:
        self._open.append(node)
        self._check_depth(node)

    def _leave(self, event: Any) -> None:
        node = self._open.pop()
        node.flow = self._source.text[event.start_mark.index : event.end_mark.index] in {"]", "}"}
        node.end = event.end_mark.index if node.flow else max(node.end, *(child.end for child in node.children))
        node.size += sum(child.size for child in node.children)
        node.height = 1 + max((child.height for child in node.children), default=0)
        self._add(node)

    def _add(self, node: Node) -> None:
        self._check_depth(node)
        if self._open:
            if node.start == node.end:
                node.start = node.end = _place_of_nothing(self._open[-1], node.end, self._source.text)
            self._open[-1].children.append(node)
        else:
            self.root = node

    def _check_depth(self, node: Node) -> None:
        if len(self._open) + node.height > MAX_DEPTH:
            raise self._source.fault(node.start, f"nested more than {MAX_DEPTH} levels deep")


def _place_of_nothing(parent: Node, place: int, text: str) -> int:
    """Return where a value that is not written stands: behind its colon or dash; ruamel's place is the next token's."""
    if not parent.children:
        ahead = PROPERTIES.match(text, parent.start)
        behind = ahead.end() if ahead else parent.start
    else:
        behind = parent.children[-1].end
    found = _INDICATOR.match(text, behind)
    return found.end() if found and found.end() <= place else min(behind, place)
