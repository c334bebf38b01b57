"""What the nodes of a text mean: YAML 1.2's core schema, narrowed to what JSON can hold."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from dlsync.model import Json
    from dlsync.yamlfile.nodes import Node
    from dlsync.yamlfile.source import Source

# https://yaml.org/spec/1.2.2/#103-core-schema
_NULL = re.compile(r"null|Null|NULL|~|")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_SURROGATE = re.compile("[\ud800-\udfff]")
_BASES = {"0o": 8, "0x": 16}
_CALLED = {"sequence": "list", "mapping": "mapping"}
_DIGITS = 4_300  # which is what Python converts, too
_EXCERPT = 40
_CORE = "tag:yaml.org,2002:"


def construct(root: Node | None, source: Source) -> Json:
    """Return the value of a document; None where there is none.

    :raises InvalidYaml: for a tag outside the core schema, a key twice or one that is no string, and a number that
        JSON cannot hold.
    """
    return None if root is None else _value(root, source)


def _value(node: Node, source: Source) -> Json:
    if node.target is not None:
        return _value(node.target, source)
    if node.form == "sequence":
        _check_tag(node, "seq", source)
        return [_value(child, source) for child in node.children]
    if node.form == "mapping":
        _check_tag(node, "map", source)
        return _mapping(node, source)
    return _scalar(node, source)


def _check_tag(node: Node, expected: str, source: Source) -> None:
    if node.tag not in {"", _CORE + expected}:
        raise source.fault(node.start, f"found the tag {_shown(node.tag)} on a {_CALLED[node.form]}; expected no tag")


def _shown(tag: str) -> str:
    return tag.replace(_CORE, "!!", 1)


def _mapping(node: Node, source: Source) -> Json:
    result: dict[str, Json] = {}
    lines: dict[str, int] = {}
    for key_node, value_node in node.entries():
        key = _key(key_node, source)
        line, _ = source.place(key_node.start)
        if key in result:
            raise source.fault(
                key_node.start, f"the key {key!r} is on line {lines[key]} already; line {line} repeats it"
            )
        lines[key] = line
        result[key] = _value(value_node, source)
    return result


def _key(node: Node, source: Source) -> str:
    key = _value(node, source)
    if isinstance(key, str):
        return key
    if isinstance(key, list | dict):
        raise source.fault(
            node.start, f"found a {'list' if isinstance(key, list) else 'mapping'} as a key; expected a string"
        )
    found = source.text[node.start : node.end] or "nothing"
    raise source.fault(node.start, f"found {found} as a key; expected a string: put it in quotes")


def _scalar(node: Node, source: Source) -> Json:
    untagged = _text if node.style else plain_value
    read = _BY_TAG.get(node.tag.removeprefix(_CORE), _foreign) if node.tag else untagged
    try:
        return read(node.value)
    except ValueError as error:
        raise source.fault(node.start, f"found {_excerpt(node)}; {error}") from None


def _excerpt(node: Node) -> str:
    shown = node.value if len(node.value) <= _EXCERPT else f"{node.value[:_EXCERPT]}…"
    return f"{_shown(node.tag)} {shown}".strip()


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
    return _text(text)


def _text(text: str) -> str:
    try:
        # JSON writes what lies beyond U+FFFF as two escapes; YAML reads each by itself
        return text.encode("utf-16", "surrogatepass").decode("utf-16") if _SURROGATE.search(text) else text
    except UnicodeDecodeError:
        raise ValueError("half of a surrogate pair is no character") from None


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


_BY_TAG: dict[str, Callable[[str], Json]] = {"str": _text, "int": _int, "float": _float, "bool": _bool, "null": _null}
