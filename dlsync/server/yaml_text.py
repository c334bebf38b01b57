"""Parse a body as YAML 1.2 with the core schema: one mapping, within limits. libyaml parses the syntax."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import yaml

DEPTH = 100
DIGITS = 500  # parsing an integer takes time that grows with their square
WRITTEN_OUT = 16 * 1024 * 1024
EVENTS = 200_000  # parsing them takes half a second, during which no other request is answered
# libyaml follows YAML 1.1 here: it refuses some of these characters, and ignores others or takes them for line breaks
_FOREIGN = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
_HALF = re.compile(r"(?<!\\)((?:\\\\)*+)\\(?=u[dD][89a-fA-F])")  # of JSON's surrogate pairs, which libyaml refuses
_QUESTION = re.compile(r"\?(?<=[\[{,\s]\?)(?=[^\s,\[\]{}])")  # does not begin a key if text follows directly (7.3.3)
_PRIVATE_USE = range(0xF0000, 0xFFFFE)
_CORE = "tag:yaml.org,2002:"
_PLAIN: tuple[tuple[str, re.Pattern[str], Callable[[str], Any]], ...] = (  # https://yaml.org/spec/1.2.2, 10.3.2
    ("null", re.compile(r"null|Null|NULL|~|"), lambda _: None),
    ("bool", re.compile(r"true|True|TRUE|false|False|FALSE"), lambda text: text.lower() == "true"),
    ("int", re.compile(r"[-+]?[0-9]+"), int),
    ("int", re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+"), lambda text: int(text, 0)),
    ("float", re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"), float),
    ("float", re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"), lambda text: float(text.replace(".", "", 1))),
)


class InvalidYamlError(ValueError):
    """A body is invalid; the message has the reason, and the line if it is known."""


def parse(body: bytes) -> dict[str, Any]:
    """Parse the mapping in a body.

    :param body: UTF-8, with or without a BOM.
    :raises InvalidYamlError: it is not one YAML document with a mapping at the top, or exceeds a limit.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidYamlError(f"the body is not UTF-8: {error.reason} at byte {error.start}") from error
    if found := _CONTROL.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise InvalidYamlError(f"the control character U+{ord(found[0]):04X}, on line {line}")
    reader = _Reader(text)
    try:
        value = reader.document()
    except yaml.MarkedYAMLError as error:  # its text quotes the source, which may hold a secret
        line = error.problem_mark.line + 1 if error.problem_mark else reader.line
        raise InvalidYamlError(f"{error.problem}, on line {line}") from None
    except ValueError as error:
        raise InvalidYamlError(f"{error}, on line {reader.line}") from None
    if not isinstance(value, dict):
        raise InvalidYamlError("expected a mapping at the top of the document")
    return value


def _events(text: str) -> Iterator[yaml.Event]:
    """Parse a text, with private characters in place of those that libyaml does not treat as YAML 1.2 does."""
    free = (chr(code) for code in _PRIVATE_USE if chr(code) not in text)
    half, question = next(free), next(free)
    masks = {ord(character): next(free) for character in set(_FOREIGN.findall(text))}
    names = {ord(mask): chr(code) for code, mask in masks.items()} | {ord(question): "?"}
    masked = _QUESTION.sub(question, _HALF.sub(rf"\1{half}", text)).translate(masks)
    for event in yaml.parse(masked, yaml.CBaseLoader):
        if isinstance(event, yaml.ScalarEvent):
            if half in event.value:
                event.value = _joined(event.value, half) if event.style == '"' else event.value.replace(half, "\\")
            event.value = event.value.translate(names)
        yield event


def _joined(text: str, escape: str) -> str:
    """Replace each escaped surrogate pair, which JSON uses above U+FFFF, by its character."""
    halves = re.sub(f"{escape}u([0-9a-fA-F]{{4}})", lambda found: chr(int(found[1], 16)), text)
    try:
        return halves.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise ValueError("half of a surrogate pair is no character") from None


class _Reader:
    """Build the value of a document, within the limits on events, levels, and bytes with aliases expanded."""

    def __init__(self, text: str) -> None:
        self.line = 1
        self._events = _events(text)
        self._count = self._size = 0
        self._anchors: dict[str, tuple[Any, int, int]] = {}

    def _next(self) -> Any:
        event = next(self._events)
        self.line = event.start_mark.line + 1 if event.start_mark else self.line
        self._count += 1
        if self._count > EVENTS:
            raise ValueError(f"more than {EVENTS} values")
        return event

    def document(self) -> object:
        """Return the value of the only document; None for an empty text."""
        self._next()
        if isinstance(self._next(), yaml.StreamEndEvent):
            return None
        value, _ = self._value(self._next(), 0)
        self._next()
        if not isinstance(self._next(), yaml.StreamEndEvent):
            raise ValueError("expected one document, found a second")  # noqa: TRY004 -- the body's fault
        return value

    def _value(self, event: Any, level: int) -> tuple[Any, int]:
        """Return the value that an event begins, and its number of levels."""
        before = self._size
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                raise ValueError(f"the alias *{event.anchor} stands for nothing that ends before it")
            value, size, height = self._anchors[event.anchor]
            self._grow(size, level + height)
            return value, height
        if isinstance(event, yaml.ScalarEvent):
            self._grow(len(event.value) + 1, level)
            value, height = _scalar(event), 0
        else:
            value, height = self._collection(event, level + 1)
        if event.anchor is not None:
            self._anchors[event.anchor] = value, self._size - before, height
        return value, height

    def _grow(self, size: int, level: int) -> None:
        self._size += size
        if level > DEPTH:
            raise ValueError(f"nested more than {DEPTH} levels deep")
        if self._size > WRITTEN_OUT:
            raise ValueError(f"more than {WRITTEN_OUT} bytes once its aliases are written out")

    def _collection(self, start: Any, level: int) -> tuple[Any, int]:
        self._grow(2, level)
        is_list = isinstance(start, yaml.SequenceStartEvent)
        if start.tag not in {None, "!", _CORE + ("seq" if is_list else "map")}:
            raise ValueError(f"the tag {start.tag!r} is not of the core schema")
        items: list[Any] = []
        mapping: dict[str, Any] = {}
        height = 0
        while not isinstance(event := self._next(), yaml.CollectionEndEvent):
            item, below = self._value(event, level)
            height = max(height, below)
            if is_list:
                items.append(item)
                continue
            if not isinstance(item, str):
                raise ValueError(f"expected text as a key, found {type(item).__name__}")  # noqa: TRY004 -- the body's
            if item in mapping:
                raise ValueError(f"the key {item!r} is there twice")
            mapping[item], below = self._value(self._next(), level)
            height = max(height, below)
        return items if is_list else mapping, height + 1


def _scalar(event: Any) -> Any:
    text, tag = event.value, event.tag
    plain = tag is None and event.implicit[0]
    if tag in {"!", _CORE + "str"} or (tag is None and not plain):
        return text
    if tag is not None and tag not in {_CORE + name for name, _, _ in _PLAIN}:
        raise ValueError(f"the tag {tag!r} is not of the core schema")
    for name, pattern, read in _PLAIN:
        if tag in {None, _CORE + name} and pattern.fullmatch(text):
            if name == "int" and len(text) > DIGITS:
                raise ValueError(f"an integer of more than {DIGITS} digits")
            return read(text)
    if plain:
        return text
    raise ValueError(f"the text is not what its tag {tag!r} says")
