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
_NUMBER_UNDERSCORE = re.compile(r"[-+\d._](?<![\w.+-].)(?:(?<=_)[\d.]|[-+\d._a-fA-FxXo]*_)")  # 1_000 is a string, too
_BLOCK_SCALARS = tuple(map(re.compile, (r"\|(?<![^\s\[{,:-].)", r">(?<![^\s\[{,:-].)")))
_FLOWS = tuple(map(re.compile, (r"\[(?<![^\s\[{,:-].)(?! *\])", r"\{(?<![^\s\[{,:-].)(?! *\})")))
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
    if _DIGITS_UNDERSCORE.search(text) and _NUMBER_UNDERSCORE.search(text):
        raise _Deferred
    if not text.isascii() and _UNLIKE_WIDE.search(text):
        raise _Deferred
    _check_mixture(text)


def _check_mixture(text: str) -> None:
    """Defer flow with block scalars or with a line folded in it, and a block scalar that the end of the file cuts."""
    flow = any(pattern.search(text) for pattern in _FLOWS)
    block = any(pattern.search(text) for pattern in _BLOCK_SCALARS)
    if flow and (block or _folds_in_flow(text)):
        raise _Deferred
    if block:
        last_line = text[text.rstrip().rfind("\n") + 1 :]
        if not text.endswith("\n") or any(pattern.search(last_line) for pattern in _BLOCK_SCALARS):
            raise _Deferred


def _folds_in_flow(text: str) -> bool:
    """Return whether a flow may hold a line break inside of a scalar, which ruamel does not take for a key."""
    across = any(line.count("{") != line.count("}") or line.count("[") != line.count("]") for line in text.split("\n"))
    return across and _FOLDED.search(text) is not None


def _checked(value: Any) -> Json:
    """Return the value if JSON can hold it; level by level, so that no depth can hurt."""
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        inner: list[Any] = []
        for node in level:
            kind = type(node)
            if kind in _UNBOUNDED:
                continue
            if kind is dict and _STRINGS.issuperset(map(type, node)):
                inner += node.values()
            elif kind is list:
                inner += node
            elif not _is_ordinary(node):
                raise _Deferred
        if not inner:
            return value  # type: ignore[no-any-return] # every part of it was checked
        level = inner
    raise _Deferred


def _is_ordinary(number: object) -> bool:
    """Return whether it is a number that no limit of the strict reader concerns."""
    if type(number) is int:
        return number.bit_length() <= _INT_BITS
    return isinstance(number, float) and isfinite(number)
