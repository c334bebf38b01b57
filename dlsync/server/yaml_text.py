"""What a YAML body means: YAML 1.2's core schema, one document, a mapping, bounded; libyaml reads the syntax."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Callable

DEPTH = 100
DOCUMENT_BYTES = 2 * 1024 * 1024
DIGITS = 500  # the time that an integer takes grows with their square
WRITTEN_OUT = 16 * 1024 * 1024
EVENTS = 200_000  # reading them takes half a second, in which no other request is answered
# libyaml keeps to YAML 1.1 here: it refuses some of these characters, and takes others for line breaks or for nothing
_FOREIGN = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
_HALF = re.compile(r"(?<!\\)((?:\\\\)*+)\\(?=u[dD][89a-fA-F])")  # of JSON's surrogate pairs, which libyaml refuses
_QUESTION = re.compile(r"\?(?<=[\[{,\s]\?)(?=[^\s,\[\]{}])")  # not a key's where a text follows at once (7.3.3)
_STAND_INS = range(0xF0000, 0xFFFFE)  # for private use
_ABSENT = object()
_CORE = "tag:yaml.org,2002:"


def _integer(text: str) -> int:
    if len(text) > DIGITS:
        raise ValueError(f"an integer of more than {DIGITS} digits")
    return int(text)


_PLAIN: tuple[tuple[re.Pattern[str], Callable[[str], Any]], ...] = (  # https://yaml.org/spec/1.2.2/#103-core-schema
    (re.compile(r"null|Null|NULL|~|"), lambda _: None),
    (re.compile(r"true|True|TRUE|false|False|FALSE"), lambda text: text.lower() == "true"),
    (re.compile(r"[-+]?[0-9]+"), _integer),
    (re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+"), lambda text: int(text, 0)),
    (re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"), float),
    (re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"), lambda text: float(text.replace(".", "", 1))),
)
_TAGS = {_CORE + "null": (0,), _CORE + "bool": (1,), _CORE + "int": (2, 3), _CORE + "float": (4, 5)}


class InvalidYamlError(ValueError):
    """A body is no document that the server takes; says where and why."""


def parse(body: bytes) -> dict[str, Any]:
    """Return the mapping that a body stands for.

    :param body: UTF-8, with or without a BOM, of at most :data:`DOCUMENT_BYTES`.
    :raises InvalidYamlError: it is not one YAML document with a mapping at the top, or is nested too deeply.
    """
    if len(body) > DOCUMENT_BYTES:
        raise InvalidYamlError(f"a document of {len(body)} bytes, where {DOCUMENT_BYTES} is the most")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidYamlError(f"the body is not UTF-8: {error.reason} at byte {error.start}") from error
    value = _value(text)
    if not isinstance(value, dict):
        raise InvalidYamlError("expected a mapping at the top of the document")
    return value


def _value(text: str) -> object:
    if found := _CONTROL.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise InvalidYamlError(f"the control character U+{ord(found[0]):04X}, on line {line}")
    stand_ins = _StandIns(text)
    builder, line = _Builder(), 1
    try:
        for event in yaml.parse(stand_ins.masked(text), yaml.CBaseLoader):
            line = event.start_mark.line + 1 if event.start_mark else line
            if isinstance(event, yaml.ScalarEvent):
                event.value = stand_ins.unmasked(event.value, quoted=event.style == '"')
            builder.take(event)
    except yaml.MarkedYAMLError as error:  # its own text quotes the source, which may hold a secret
        line = error.problem_mark.line + 1 if error.problem_mark else line
        raise InvalidYamlError(f"{error.problem}, on line {line}") from None
    except ValueError as error:
        raise InvalidYamlError(f"{error}, on line {line}") from None
    return builder.root


class _StandIns:
    """Characters that a text has not, for those in it that libyaml does not read as YAML 1.2 does."""

    def __init__(self, text: str) -> None:
        free = (chr(code) for code in _STAND_INS if chr(code) not in text)
        self._half, self._question = next(free), next(free)
        self._masks = {ord(character): next(free) for character in set(_FOREIGN.findall(text))}
        self._names = {ord(mask): chr(code) for code, mask in self._masks.items()} | {ord(self._question): "?"}

    def masked(self, text: str) -> str:
        """Return the text with stand-ins, each character where it was."""
        return _QUESTION.sub(self._question, _HALF.sub(rf"\1{self._half}", text)).translate(self._masks)

    def unmasked(self, text: str, *, quoted: bool) -> str:
        """Return a scalar without stand-ins."""
        if self._half in text:
            text = _joined(text, self._half) if quoted else text.replace(self._half, "\\")
        return text.translate(self._names)


@dataclass(slots=True)
class _Open:
    """A collection that has begun and not ended. ``size``: bytes when written out. ``depth``: of what is in it."""

    value: list[Any] | dict[str, Any]
    anchor: str | None
    key: Any = _ABSENT
    size: int = 2
    depth: int = 1


@dataclass(slots=True)
class _Builder:
    """Turns events into a value without recursion, so that no depth of nesting can exhaust the stack."""

    root: Any = _ABSENT
    open: list[_Open] = field(default_factory=list)
    anchors: dict[str, tuple[Any, int, int]] = field(default_factory=dict)
    events: int = 0

    def take(self, event: Any) -> None:
        """Take the next event; those of the stream and of a document's end say nothing new."""
        self.events += 1
        if self.events > EVENTS:
            raise ValueError(f"more than {EVENTS} values")
        match type(event).__name__:
            case "DocumentStartEvent" if self.root is not _ABSENT:
                raise ValueError("expected one document, found a second")
            case "ScalarEvent":
                self._add(_scalar(event), len(event.value) + 1, 0, event.anchor)
            case "AliasEvent":
                self._alias(event.anchor)
            case "SequenceStartEvent" | "MappingStartEvent":
                self._begin(event)
            case "SequenceEndEvent" | "MappingEndEvent":
                done = self.open.pop()
                self._add(done.value, done.size, done.depth, done.anchor)

    def _begin(self, event: Any) -> None:
        is_list = type(event).__name__ == "SequenceStartEvent"
        if event.tag not in {None, "!", _CORE + ("seq" if is_list else "map")}:
            raise ValueError(f"the tag {event.tag!r} is not of the core schema")
        self.open.append(_Open([] if is_list else {}, event.anchor))
        self._bound(0, 0)

    def _alias(self, anchor: str) -> None:
        if anchor not in self.anchors:
            raise ValueError(f"the alias *{anchor} stands for nothing that ends before it")
        self._add(*self.anchors[anchor], None)

    def _bound(self, size: int, depth: int) -> None:
        if len(self.open) + depth > DEPTH:
            raise ValueError(f"nested more than {DEPTH} levels deep")
        if sum(item.size for item in self.open) + size > WRITTEN_OUT:
            raise ValueError(f"more than {WRITTEN_OUT} bytes once its aliases are written out")

    def _add(self, value: Any, size: int, depth: int, anchor: str | None) -> None:
        self._bound(size, depth)
        if anchor is not None:
            self.anchors[anchor] = (value, size, depth)
        if not self.open:
            self.root = value
            return
        parent = self.open[-1]
        parent.size += size
        parent.depth = max(parent.depth, depth + 1)
        if isinstance(parent.value, list):
            parent.value.append(value)
        elif parent.key is _ABSENT:
            parent.key = _key(value, parent.value)
        else:
            parent.value[parent.key], parent.key = value, _ABSENT


def _key(value: Any, mapping: dict[str, Any]) -> str:
    if not isinstance(value, str):
        raise ValueError(f"expected text as a key, found {type(value).__name__}")  # noqa: TRY004 -- the body's fault
    if value in mapping:
        raise ValueError(f"the key {value!r} is there twice")
    return value


def _joined(text: str, escape: str) -> str:
    """Return the text with each pair of surrogates, JSON's way past U+FFFF, as the one character that it stands for."""
    halves = re.sub(f"{escape}u([0-9a-fA-F]{{4}})", lambda found: chr(int(found[1], 16)), text)
    try:
        return halves.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise ValueError("half of a surrogate pair is no character") from None


def _scalar(event: Any) -> Any:
    text = event.value
    plain = event.tag is None and event.implicit[0]
    if event.tag in {"!", _CORE + "str"} or (event.tag is None and not plain):
        return text
    if event.tag not in {None, *_TAGS}:
        raise ValueError(f"the tag {event.tag!r} is not of the core schema")
    for number, (pattern, read) in enumerate(_PLAIN):
        if number in _TAGS.get(event.tag, range(len(_PLAIN))) and pattern.fullmatch(text):
            return read(text)
    if plain:
        return text
    raise ValueError(f"the text is not what its tag {event.tag!r} says")
