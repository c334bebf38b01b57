"""The meaning of one YAML document: fast where the text is plain, strict and with a message where it is not.

yaml_rs reads a 4 KB dashboard in 0.07 ms, ruamel in 9 ms, and they agree on plain text only. So text with anything at
which they were seen to differ (a differential test holds the list together) goes to the strict reader, which decides.
"""

from __future__ import annotations

import re
from math import isfinite
from typing import TYPE_CHECKING, Any

import yaml_rs

from dlsync.yamlfile.construct import construct
from dlsync.yamlfile.nodes import MAX_DEPTH, compose
from dlsync.yamlfile.source import decode

if TYPE_CHECKING:
    from dlsync.model import Json

_PRINTABLE = bytes([0x0A, *range(0x20, 0x7F), *range(0x80, 0x100)])
_PRELUDE = re.compile(r"(?: *(?:#[^\n]*)?\n)*(?:--- *(?=\n))?")
# literal beginnings, which make a search fast, and nothing that would go back over the text again and again
_UNLIKE = tuple(
    re.compile(pattern)
    for pattern in (
        r"\n(?:---|\.\.\.|%)",  # a further document, a directive
        r"!(?<![^\s\[{,:?-].)",  # a tag
        r"&(?<![^\s\[{,:?-].)\S",  # an anchor
        r"\*(?<![^\s\[{,:?-].)\S",  # an alias
        r"0[bBXO](?<![\w.]0.)",  # 0b1 and 0X1 are strings
        r"0x[0-9a-fA-F]*_",
        r"\?[,\[\]{}]",  # {?} is an empty key
        r"\":\S",  # ["a":1] is a mapping to YAML, and an error to ruamel
        r"':\S",
        r":[,\[\]{}]",  # {a:} is a key to ruamel, with the colon
        r"-0[a-zA-Z]",  # so is -0x1
        r"\+0[a-zA-Z]",
        r"\n {100}",  # so deep that yaml_rs might run out of stack, which ends the process
        r"- (?: *[-?:] ){30}",
        r"\? (?: *[-?:] ){30}",
        r"\\u[dD][89a-fA-F]",  # half of a surrogate pair
    )
)
_DIGITS_UNDERSCORE = re.compile(r"_(?:[\d.]|(?<=[\d.]_))")
_NUMBER = "+-.0123456789_ABCDEFXabcdefox"
_NUMBER_BEGIN = "+-._0123456789"
_LONGEST_NUMBER = 100
_BLOCK_SCALARS = tuple(map(re.compile, (r"\|(?<![^\s\[{,:-].)", r">(?<![^\s\[{,:-].)")))
_FLOWS = tuple(map(re.compile, (r"\[(?<![^\s\[{,:-].)(?! *\])", r"\{(?<![^\s\[{,:-].)(?! *\})")))
_COLON_FIRST = re.compile(r":(?<=[\s\[{,]:)\S")  # in a flow, the begin of a value to ruamel
_FOLDED = re.compile(r"""[^\s,\[\]{}:"'] *\n\s*[^\s\]},]""")
_UNLIKE_WIDE = re.compile("[\x80-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_INT_BITS = 64
_STRINGS = frozenset({str})
_UNBOUNDED = frozenset({str, bool, type(None)})


class _Deferred(Exception):
    """The text is none that both readers are known to take for the same."""


def parse(content: bytes, file: str = "") -> Json:
    """Return what a YAML 1.2 document means; None for one that is empty.

    :param file: for messages; relative to the tree.
    :raises InvalidYaml: where it is not one well-formed document that JSON can hold: see ``decode``, ``compose`` and
        ``construct``. ``<<`` is a key like any other: YAML 1.2 has no merging.
    """
    try:
        return _fast(content)
    except _Deferred:
        source = decode(content, file)
        return construct(compose(source), source)


def _fast(content: bytes) -> Json:
    if b"\r" in content:
        content = content.replace(b"\r\n", b"\n")
    if content.translate(None, _PRINTABLE):
        raise _Deferred
    try:
        text = content.decode()
        _check_plain(text)
        value = yaml_rs.loads(text, parse_datetime=False)
    except (ValueError, TypeError):  # no UTF-8; no YAML; keys that Python cannot hash
        raise _Deferred from None
    return _checked(value)


def _check_plain(text: str) -> None:
    """Defer a text in which anything was found at which the readers differ, or might."""
    prelude = _PRELUDE.match(text)
    start = prelude.end() if prelude else 0
    if text.startswith(("%", "---", "..."), start) or any(pattern.search(text, start) for pattern in _UNLIKE):
        raise _Deferred
    if any(_is_in_number(text, found.start()) for found in _DIGITS_UNDERSCORE.finditer(text)):
        raise _Deferred
    if not text.isascii() and _UNLIKE_WIDE.search(text):
        raise _Deferred
    _check_mixture(text)


def _is_in_number(text: str, underscore: int) -> bool:
    """Return whether the underscore is in a text that begins as a number does: ``1_000`` is a string to YAML 1.2."""
    window = text[max(0, underscore - _LONGEST_NUMBER) : underscore]
    before = window.rstrip(_NUMBER)
    return not before[-1:].isalnum() and window[len(before) : len(before) + 1] in _NUMBER_BEGIN


def _check_mixture(text: str) -> None:
    """Defer what only flow makes doubtful, and a block scalar that the end of the file cuts off."""
    block = _has_any(_BLOCK_SCALARS, text)
    if _has_any(_FLOWS, text) and _is_doubtful_flow(text, block=block):
        raise _Deferred
    if block and (not text.endswith("\n") or _has_any(_BLOCK_SCALARS, text[text.rstrip().rfind("\n") + 1 :])):
        raise _Deferred


def _is_doubtful_flow(text: str, *, block: bool) -> bool:
    """Return whether brackets may hold a block scalar, a scalar over two lines, or a text that begins with a colon."""
    lines = text.split("\n")
    if any(line.count("{") != line.count("}") or line.count("[") != line.count("]") for line in lines):
        doubtful = block or _FOLDED.search(text) is not None
    else:
        doubtful = block and any(_has_any(_BLOCK_SCALARS, line) for line in lines if _has_any(_FLOWS, line))
    return doubtful or _COLON_FIRST.search(text) is not None


def _has_any(patterns: tuple[re.Pattern[str], ...], text: str) -> bool:
    return any(pattern.search(text) for pattern in patterns)


def _checked(value: Any) -> Json:
    """Return the value if JSON can hold it; level by level, so that no depth can hurt."""
    level = [value]
    for room in range(MAX_DEPTH, -1, -1):
        inner: list[Any] = []
        for node in level:
            kind = type(node)
            if kind in _UNBOUNDED:
                continue
            if kind is dict and room and _STRINGS.issuperset(map(type, node)):
                inner += node.values()
            elif kind is list and room:
                inner += node
            elif not _is_ordinary(node):
                raise _Deferred
        level = inner
    return value  # type: ignore[no-any-return] # every part of it was checked


def _is_ordinary(number: object) -> bool:
    """Return whether it is a number that no limit of the strict reader concerns."""
    if type(number) is int:
        return number.bit_length() <= _INT_BITS
    return isinstance(number, float) and isfinite(number)
