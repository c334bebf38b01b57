"""What a YAML body means: YAML 1.2's core schema, one document, a mapping, bounded.

yaml-rs reads a dashboard of 4 KB in 0.2 ms where ruamel.yaml takes 10. But it is lenient (tags, ``1_000``, a second
document), and overflows its stack on deep blocks. So it gets what is plainly tame, and ruamel.yaml's parser the rest.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml_rs

if TYPE_CHECKING:
    from collections.abc import Callable

DEPTH = 100
DOCUMENT_BYTES = 2 * 1024 * 1024
STRICT_BYTES = DOCUMENT_BYTES // 4  # ruamel.yaml reads 0.4 MB a second, and nobody else is answered meanwhile
DIGITS = 500  # the time that an integer takes grows with their square
WRITTEN_OUT = 16 * 1024 * 1024
EVENTS = 50_000  # ruamel.yaml's parser takes 25 µs for each, however few bytes it has
_BREAKS = "\x85\u2028\u2029"  # they end a line in YAML 1.1, which ruamel.yaml's parser keeps to, and none in 1.2
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
_WILD = re.compile(
    r"""[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]  # not printable
      | (?:^|[\s\[{,:])[&*!%?]          # anchors, aliases, tags, directives, explicit keys
      | ^(?:---|\.\.\.)                 # where a document begins or ends
      | ^[ ?:-]{64}                     # deep in blocks
      | (?<![-+.\w])[-+._]*[0-9][\w.]*_  # 1_000, which is no number in the core schema
      | (?<!\w)_+[.0-9]                 # nor is _1
      | (?<![0-9])[0-9]{500}            # an integer beyond DIGITS
      | (?<!\w)[-+]?0[bBX] | [-+]0[xo]  # nor are 0b1, 0X1, -0x1
      | [|>][-+0-9]*[ \t\r]*(?:\#.*)?$               # block scalars, of which yaml-rs takes an empty one for a line
      | \\u[dD]                         # JSON's surrogate pairs
    """,
    re.VERBOSE | re.MULTILINE,
)


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
    value = _fast(text)
    if value is _ABSENT:
        if len(body) > STRICT_BYTES:
            raise InvalidYamlError(
                f"a document of {len(body)} bytes with a mistake, or with anchors, tags or the like, for which"
                f" {STRICT_BYTES} bytes are the most"
            )
        value = _strict(text)
    if not isinstance(value, dict):
        raise InvalidYamlError("expected a mapping at the top of the document")
    return value


def _fast(text: str) -> object:
    """Return the value of a tame text, and _ABSENT for one that the strict reader must judge."""
    if _WILD.search(text):
        return _ABSENT
    try:
        value = yaml_rs.loads(text, parse_datetime=False)
    except ValueError:  # the strict reader says why
        return _ABSENT
    return value if _tame(value, DEPTH) else _ABSENT


def _tame(value: object, depth: int) -> bool:
    if isinstance(value, dict):
        return depth > 0 and all(type(key) is str and _tame(item, depth - 1) for key, item in value.items())
    if isinstance(value, list):
        return depth > 0 and all(_tame(item, depth - 1) for item in value)
    return True


def _strict(text: str) -> object:
    from ruamel.yaml import YAML  # 90 ms that few bodies are worth
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    builder, line, stand_ins = _Builder(), 1, _stand_ins(text)
    meant = {ord(mask): chr(code) for code, mask in stand_ins.items()}
    try:
        for event in YAML(typ="safe", pure=True).parse(text.translate(stand_ins)):
            line = event.start_mark.line + 1
            if isinstance(getattr(event, "value", None), str):
                event.value = event.value.translate(meant)
            builder.take(event)
    except MarkedYAMLError as error:  # its own text quotes the source, which may hold a secret
        raise InvalidYamlError(f"{error.problem}, on line {error.problem_mark.line + 1}") from None
    except YAMLError as error:
        raise InvalidYamlError(" ".join(str(error).split())) from None
    except (ValueError, OverflowError) as error:  # the builder's, and ruamel.yaml's for escapes beyond Unicode
        raise InvalidYamlError(f"{error}, on line {line}") from None
    return builder.root


def _stand_ins(text: str) -> dict[int, str]:
    """Return, by code, characters that the text has not for those in it that would end a line."""
    free = (chr(code) for code in _STAND_INS if chr(code) not in text)
    return dict(zip((ord(character) for character in _BREAKS if character in text), free, strict=False))


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
            raise ValueError(f"more than {EVENTS} values, in a document with anchors, tags or the like")
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


def _joined(text: str) -> str:
    """Return the text with each pair of surrogates, JSON's way past U+FFFF, as the one character that it stands for."""
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise ValueError("half of a surrogate pair is no character") from None


def _scalar(event: Any) -> Any:
    text = _joined(event.value)
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
