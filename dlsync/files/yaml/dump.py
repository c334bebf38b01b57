"""Write a document as YAML in the house style; other writers take a hundred times as long."""

import re
from functools import lru_cache
from math import isfinite
from typing import NamedTuple

from dlsync.files.yaml.read import MAX_DEPTH
from dlsync.files.yaml.source import InvalidYaml
from dlsync.model import Code, Json, Problem

_SIMPLE_KEY = 1000  # YAML allows 1,024 characters before the colon
# characters that reorder or hide text, line breaks of YAML 1.1, non-characters
_HIDING = "\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff0-\uffff\U000e0000-\U000e0fff"
# characters that one line must escape; a block may hold the joiners of emoji and scripts, and no-break spaces
_INVISIBLE = rf"\x00-\x1f\x7f-\xa0\u200c\u200d{_HIDING}"
_UNSHOWN_IN_BLOCK = re.compile(rf"[\x00-\x08\x0b-\x1f\x7f-\x9f{_HIDING}]")
_ESCAPED = re.compile(f'["\\\\{_INVISIBLE}]')
_UNSHOWN = re.compile(f"[{_INVISIBLE}]")
_PLAIN = re.compile(r"[\w./(^$;+][^\n]*|[^\x00-\x7f].*", re.ASCII)
_BROKEN_PLAIN = re.compile(r"^\.\.\.|: |:$| #| $|:\t|\t")
_FLOW_INDICATOR = re.compile(r"[,\[\]{}]")
_WORDS = {None: "null", True: "true", False: "false"}
# texts that some reader takes for null, a boolean, a number, a date, a time, a merge or a default
_AMBIGUOUS = re.compile(
    r"~|null|true|false|yes|no|on|off|y|n|=|<<|[-+]?\.(?:inf|nan)|[-+.\d][\d_.:,a-foxtz +-]*|_[\d_.]*", re.IGNORECASE
)
_SHORT_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0"}


class Layout(NamedTuple):
    """The indentation of block style, in columns.

    :param step: of a mapping under its key; ``offset``: of the dashes of a list under its key.
    """

    step: int = 2
    offset: int = 2


HOUSE = Layout()


def dump(document: Json) -> bytes:
    """Return the document as a YAML file: block style, two columns a level, keys in their order, no folded text.

    :raises InvalidYaml: the document holds infinity, half a surrogate pair, or more than 100 levels.
    """
    try:
        return ("\n".join(lines(document)) + "\n").encode()
    except UnicodeEncodeError:
        raise InvalidYaml(
            Problem(Code.INVALID_YAML, "a string holds half of a surrogate pair, which is no character")
        ) from None


def lines(value: Json, layout: Layout = HOUSE) -> list[str]:
    """Return the lines of a value in block style, the first at column 0, without line breaks."""
    result: list[str] = []
    _write(value, result, ("", ""), layout, MAX_DEPTH)
    return result


def indented(block: list[str], columns: int) -> list[str]:
    """Return the lines indented; empty lines stay empty."""
    return [" " * columns + line if line else line for line in block]


def _write(value: Json, result: list[str], margins: tuple[str, str], layout: Layout, levels: int) -> None:
    """Add the lines of a value.

    :param margins: the beginning of the first line, and of the lines below.
    """
    head, margin = margins
    if isinstance(value, str) and "\n" in value and (block := literal(value)):
        result += [head + block[0], *(line and margin + " " * layout.step + line for line in block[1:])]
    elif not isinstance(value, (dict, list)) or not value:
        result.append(head + scalar(value))
    elif not levels:
        raise InvalidYaml(Problem(Code.INVALID_YAML, f"nested more than {MAX_DEPTH} levels deep"))
    elif isinstance(value, list):
        for inner in value:
            below = margin + "  " if inner and isinstance(inner, dict | list) else margin
            _write(inner, result, (f"{head}- ", below), layout, levels - 1)
            head = margin
    else:
        for key, inner in value.items():
            label = string(key)
            if len(label) >= _SIMPLE_KEY:
                result.append(f"{head}? {label}")
                head, label = margin, ""
            if inner and isinstance(inner, (dict, list)):
                result.append(f"{head}{label}:")
                below = margin + " " * (layout.offset if isinstance(inner, list) else layout.step)
                _write(inner, result, (below, below), layout, levels - 1)
            else:
                _write(inner, result, (f"{head}{label}: ", margin), layout, levels)
            head = margin


def scalar(value: Json) -> str:
    """Return a scalar, or an empty collection, on one line of block style.

    :raises InvalidYaml: it is an infinite number, or not a number.
    """
    if isinstance(value, str):
        return string(value)
    if value is None or isinstance(value, bool):
        return _WORDS[value]
    if isinstance(value, (dict, list)):
        return "{}" if isinstance(value, dict) else "[]"
    if isinstance(value, float) and not isfinite(value):
        raise InvalidYaml(Problem(Code.INVALID_YAML, f"{value} cannot be written; expected a finite number"))
    text = repr(value)
    return text if "." in text else text.replace("e", ".0e")  # YAML 1.1 requires the point


@lru_cache(maxsize=4096)  # documents repeat their words
def string(text: str, quote: str = "", *, flow: bool = False) -> str:
    """Return a string on one line: plain if every reader takes it for this string, else in quotes.

    :param quote: the preferred quotes.
    :param flow: whether it is inside brackets.
    """
    if quote == '"' or _UNSHOWN.search(text):
        return f'"{_ESCAPED.sub(_escape, text)}"'
    is_broken = _AMBIGUOUS.fullmatch(text) or _BROKEN_PLAIN.search(text) or (flow and _FLOW_INDICATOR.search(text))
    is_plain = quote != "'" and _PLAIN.fullmatch(text) and not is_broken
    return text if is_plain else "'" + text.replace("'", "''") + "'"


def _escape(found: re.Match[str]) -> str:
    return _SHORT_ESCAPES.get(found[0]) or found[0].encode("unicode_escape").decode()


def literal(text: str, step: int = 2, *, was_block: bool = False) -> list[str] | None:
    """Return the header and the unindented lines of a literal block; None if a block would be inexact or fragile.

    :param step: the indentation that the lines get, in columns.
    :param was_block: whether a block held the text before; then it may have blank lines at its end, lines of white
        space and an indented first line, which other editors tend to damage.
    """
    body = text.rstrip("\n")
    ending = text[len(body) :]
    lines = body.split("\n")
    if "\n" not in text or not body or _UNSHOWN_IN_BLOCK.search(text):
        return None
    indented = next(filter(None, lines))[0] in " \t"
    if not was_block and (len(ending) > 1 or indented or any(map(str.isspace, lines))):
        return None
    chomping = "-" if not ending else "+" if len(ending) > 1 else ""
    return [f"|{step if indented else ''}{chomping}", *lines, *[""] * (len(ending) - 1)]
