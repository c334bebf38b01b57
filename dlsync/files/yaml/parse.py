"""What a YAML text means: YAML 1.2's core schema, narrowed to what JSON can hold.

libyaml reads the syntax; this module gives its events their meaning, and refuses what dlsync does not take.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import filterfalse, islice
from typing import TYPE_CHECKING, Any, TypeAlias

import ryaml
import yaml
from yaml import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from dlsync.files.yaml.errors import decode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dlsync.files.yaml.errors import InvalidYaml, Source
    from dlsync.model import Json

MAX_DEPTH = 100
MAX_ALIASED = 10_000
# https://yaml.org/spec/1.2.2/#103-core-schema
_NULL = re.compile(r"null|Null|NULL|~|")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_BASES = {"0o": 8, "0x": 16}
_DIGITS = 4_300  # Python converts no more
_EXCERPT = 40
_CORE = "tag:yaml.org,2002:"
_YAML_VERSIONS = (None, (1, 2))
# libyaml keeps to YAML 1.1 here: it refuses some of these characters, and takes others for line breaks or for nothing
_FOREIGN_CHARACTER = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_SURROGATE_ESCAPE = re.compile(r"(?<!\\)((?:\\\\)*+)\\(?=u[dD][89a-fA-F])")  # JSON's way past U+FFFF
_SURROGATE = re.compile("[\ud800-\udfff]")
_FLOW_QUESTION = re.compile(r"\?(?<=[\[{,\s]\?)(?=[^\s,\[\]{}])")  # a plain text in brackets may begin so (7.3.3)
_MASKED_SIGNS = ("\x7f", "?", "\\ud", "\\uD")
_PRIVATE_USE = range(0xF0000, 0xFFFFE)
# where ryaml differs: numbers, directives, foreign characters; tags and anchors, which it does not check
_EXTRAORDINARY_SIGNS = ("\n%", "\x7f")
_NUMBER_SIGNS = ("0b", "-0", "+0")
_EXTRAORDINARY_NUMBER = re.compile(
    r"(?<!\w)(?:0b|[-+]0)"
)  # not in `queue-01`: no scalar begins behind a letter or digit
_TAG_OR_ANCHOR = re.compile(r"[!&](?<![^\s\[{,:?-].)\S?")
_NUMBER_STARTS = frozenset("-+.0123456789")
_STRINGS = frozenset({str})
_NUMBERS = frozenset({int, float})
_LARGE = 10**18  # ryaml makes a float of a very long integer
_NO_KEY: Any = object()
Event: TypeAlias = Any


def parse(content: bytes, file: str = "") -> Json:
    """Return what a YAML 1.2 document means; None for one that is empty.

    :param file: for messages; relative to the directory.
    :raises InvalidYaml: where it is not one well-formed document that JSON can hold. ``<<`` is a key like any other:
        YAML 1.2 has no merging.
    """
    source = decode(content, file)
    try:
        return _quickly_read(source.text)
    except (ValueError, TypeError):  # it is no such text, or not YAML, or has a key that Python cannot hash
        return read(source)[0]


def _quickly_read(text: str) -> Json:
    """Return the value of an ordinary text, by libyaml in Rust, which takes a third of the time.

    :raises ValueError: for what it takes in another way than :func:`read`, refuses, or does not check.
    """
    if _is_extraordinary(text):
        raise ValueError
    value = ryaml.loads(text)  # type: ignore[attr-defined] # its stub lacks the export
    level = [value]
    for room in range(MAX_DEPTH, -1, -1):
        inner: list[Any] = []
        for node in level:
            kind = type(node)
            if kind is str:
                if node[:1] in _NUMBER_STARTS and type(plain_value(node)) is not str:  # `012`, with or without quotes
                    raise ValueError
            elif kind is dict and room and _STRINGS.issuperset(map(type, node)):
                inner += node.values()
                inner += [key for key in node if key[:1] in _NUMBER_STARTS]
            elif kind is list and room:
                inner += node
            elif not (node is None or kind is bool or (kind in _NUMBERS and abs(node) < _LARGE)):
                raise ValueError
        level = inner
    return value  # type: ignore[no-any-return] # every part of it was checked


def _is_extraordinary(text: str) -> bool:
    """Whether a text may hold what ryaml takes in another way than :func:`read`, or does not check."""
    return bool(
        text.startswith("%")
        or any(sign in text for sign in _EXTRAORDINARY_SIGNS)
        # the signs first: most texts have none of them
        or (("!" in text or "&" in text) and _TAG_OR_ANCHOR.search(text))
        or (any(sign in text for sign in _NUMBER_SIGNS) and _EXTRAORDINARY_NUMBER.search(text))
        or ("?" in text and _FLOW_QUESTION.search(text))
        or (not text.isascii() and _FOREIGN_CHARACTER.search(text))
    )


def read(source: Source) -> tuple[Json, list[Event]]:
    """Return the value of a text, and the events that it was read from.

    :raises InvalidYaml: see :func:`parse`.
    """
    return _Reader(source).read()


@dataclass(slots=True)
class _Open:
    """Holds the collection around the one that is being read, and how the inner one began."""

    container: dict[str, Json] | list[Json] | None
    key: str
    keys: dict[str, Event]
    start: Event


@dataclass(slots=True)
class _Reader:
    """Builds the value of one text without recursion, so that no depth of nesting exhausts the stack."""

    source: Source
    events: list[Event] = field(default_factory=list)
    enclosing: list[_Open] = field(default_factory=list)
    anchors: dict[str, Json] = field(default_factory=dict)
    aliased: int = 0
    masks: _Masks | None = None

    def read(self) -> tuple[Json, list[Event]]:
        container: dict[str, Json] | list[Json] | None = None
        key: str = _NO_KEY
        keys: dict[str, Event] = {}
        root: Json = None
        for event in self._parsed():
            start, kind = event, type(event)
            if kind is ScalarEvent:
                value = self._scalar(event)
            elif kind is MappingStartEvent or kind is SequenceStartEvent:
                self._check_start(event)
                self.enclosing.append(_Open(container, key, keys, event))
                container, key, keys = ({} if kind is MappingStartEvent else []), _NO_KEY, {}
                continue
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                value = container
                outer = self.enclosing.pop()
                container, key, keys, start = outer.container, outer.key, outer.keys, outer.start
                if start.anchor:
                    self.anchors[start.anchor] = value
            elif kind is AliasEvent:
                value = self._alias(event)
            else:
                self._check_document(event)
                continue
            if key is not _NO_KEY:
                container[key], key = value, _NO_KEY  # type: ignore[index,call-overload] # mappings have keys
            elif type(container) is list:
                container.append(value)
            elif container is None:
                root = value
            else:
                key = self._key(value, start, keys)
        return root, self.events

    def _parsed(self) -> Iterator[Event]:
        text = self.source.text
        if not text.isascii() or any(sign in text for sign in _MASKED_SIGNS):
            self.masks = _Masks.of(text)
            text = self.masks.masked(text)
        loader = yaml.CBaseLoader(text)
        keep = self.events.append
        try:
            for event in iter(loader.get_event, None):
                keep(event)
                yield event
        except yaml.MarkedYAMLError as error:
            flows = (outer.start.start_mark.index for outer in reversed(self.enclosing) if outer.start.flow_style)
            raise self.source.syntax_fault(error, next(flows, None)) from None
        finally:
            loader.dispose()

    def _fault(self, event: Event, message: str) -> InvalidYaml:
        return self.source.fault(event.start_mark.index, message)

    def _check_document(self, event: Event) -> None:
        if type(event) is not DocumentStartEvent:
            return
        if sum(type(other) is DocumentStartEvent for other in self.events) > 1:
            raise self._fault(event, "a second document begins here; expected one in a file")
        if event.version not in _YAML_VERSIONS or event.tags:
            raise self.source.fault(0, "found a directive; expected YAML 1.2 without %TAG")

    def _check_start(self, event: Event) -> None:
        self._check_depth(event, 1)
        name, form = ("map", "mapping") if type(event) is MappingStartEvent else ("seq", "list")
        if event.tag not in {None, _CORE + name}:
            raise self._fault(event, f"found the tag {event.tag.replace(_CORE, '!!', 1)} on a {form}; expected no tag")

    def _check_depth(self, event: Event, height: int) -> None:
        if len(self.enclosing) + height > MAX_DEPTH:
            raise self._fault(event, f"nested more than {MAX_DEPTH} levels deep")

    def _scalar(self, event: Event) -> Json:
        text = event.value
        try:
            if self.masks:
                text = self.masks.unmasked(text, event.style)
            if event.tag is None:
                value = plain_value(text) if event.implicit[0] else text
            else:
                value = _BY_TAG.get(event.tag.removeprefix(_CORE), _foreign)(text)
        except ValueError as error:
            written = self.source.text[event.start_mark.index : event.end_mark.index]
            excerpt = written if len(written) <= _EXCERPT else f"{written[:_EXCERPT]}…"
            raise self._fault(event, f"found {excerpt}; {error}") from None
        if event.anchor:
            self.anchors[event.anchor] = value
        return value

    def _alias(self, event: Event) -> Json:
        name = event.anchor
        if any(outer.start.anchor == name for outer in self.enclosing):
            raise self._fault(event, f"the alias *{name} stands for a collection that contains it")
        if name not in self.anchors:
            raise self._fault(event, f"the alias *{name} is not defined above")
        self._check_depth(event, _height(self.anchors[name]))
        return self._copied(self.anchors[name], event)

    def _copied(self, value: Json, event: Event) -> Json:
        self.aliased += 1
        if self.aliased > MAX_ALIASED:
            raise self._fault(event, f"the aliases expand to more than {MAX_ALIASED:,} values")
        if isinstance(value, dict):
            return {key: self._copied(inner, event) for key, inner in value.items()}
        return [self._copied(inner, event) for inner in value] if isinstance(value, list) else value

    def _key(self, key: Json, event: Event, keys: dict[str, Event]) -> str:
        if not isinstance(key, str):
            if isinstance(key, list | dict):
                found = "a list" if isinstance(key, list) else "a mapping"
                raise self._fault(event, f"found {found} as a key; expected a string")
            found = self.source.text[event.start_mark.index : event.end_mark.index] or "nothing"
            raise self._fault(event, f"found {found} as a key; expected a string: put it in quotes")
        if key in keys:
            first, line = (self.source.place(one.start_mark.index)[0] for one in (keys[key], event))
            raise self._fault(event, f"the key {key!r} is on line {first} already; line {line} repeats it")
        keys[key] = event
        return key


def _height(value: Json) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(_height, inner), default=0)


@dataclass(frozen=True, slots=True)
class _Masks:
    """Stand-ins for what libyaml does not read as YAML 1.2 does: characters for private use that the text has not.

    :param characters: by the code of the character; ``names``: the reverse.
    :param escape: for the backslash of half a surrogate pair; ``question``: for a question mark in brackets.
    """

    characters: dict[int, str]
    names: dict[int, str]
    escape: str
    question: str

    @classmethod
    def of(cls, text: str) -> _Masks:
        used = set(text) if not text.isascii() else frozenset()
        found = sorted(set(_FOREIGN_CHARACTER.findall(text)))
        free = list(islice(filterfalse(used.__contains__, map(chr, _PRIVATE_USE)), len(found) + 2))
        characters = {ord(character): mask for character, mask in zip(found, free, strict=False)}
        names = {ord(mask): chr(code) for code, mask in characters.items()}
        return cls(characters, {**names, ord(free[-1]): "?"}, free[-2], free[-1])

    def masked(self, text: str) -> str:
        """Return the text with stand-ins, each character where it was."""
        text = _FLOW_QUESTION.sub(self.question, _SURROGATE_ESCAPE.sub(rf"\1{self.escape}", text))
        return text.translate(self.characters) if self.characters else text

    def unmasked(self, text: str, style: str | None) -> str:
        """Return the value of a scalar without stand-ins.

        :raises ValueError: for half of a surrogate pair.
        """
        if text.isascii():
            return text
        if self.escape in text:
            text = self._with_pairs(text) if style == '"' else text.replace(self.escape, "\\")
        return text.translate(self.names)

    def _with_pairs(self, text: str) -> str:
        halves = re.sub(f"{self.escape}u([0-9a-fA-F]{{4}})", lambda found: chr(int(found[1], 16)), text)
        try:
            return halves.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            raise ValueError("half of a surrogate pair is no character") from None


@lru_cache(maxsize=16_384)  # documents repeat their words
def plain_value(text: str) -> Json:
    """Return what a plain scalar means in the core schema.

    :raises ValueError: for infinity, not-a-number, and numbers that only look finite.
    """
    if _NULL.fullmatch(text):
        return None
    if _BOOL.fullmatch(text):
        return _bool(text)
    if _INT.fullmatch(text):
        return _int(text)
    if _FLOAT.fullmatch(text) or _NOT_FINITE.fullmatch(text):
        return _float(text)
    return text


def _int(text: str) -> int:
    if not _INT.fullmatch(text) or len(text) > _DIGITS:
        raise ValueError(f"expected an integer of at most {_DIGITS:,} digits")
    return int(text, _BASES.get(text[:2], 10))


def _float(text: str) -> float:
    number = float(text) if _FLOAT.fullmatch(text) else math.inf
    if not math.isfinite(number):
        raise ValueError("expected a finite number")
    return number


def _bool(text: str) -> bool:
    if not _BOOL.fullmatch(text):
        raise ValueError("expected true or false")
    return text.lower() == "true"


def _null(text: str) -> None:
    if not _NULL.fullmatch(text):
        raise ValueError("expected null")


def _foreign(_: str) -> Json:
    raise ValueError("this tag is unknown; expected no tag, or one of YAML's core schema such as !!str")


_BY_TAG: dict[str, Callable[[str], Json]] = {
    "!": str,
    "str": str,
    "null": _null,
    "bool": _bool,
    "int": _int,
    "float": _float,
}
