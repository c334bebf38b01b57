"""How a scalar is written: plain where every reader of YAML 1.1 and 1.2 takes it for the same, else in quotes."""

from __future__ import annotations

import re
from functools import lru_cache
from math import isfinite
from typing import TYPE_CHECKING

from dlsync.model import Problem
from dlsync.yamlfile.source import InvalidYaml

if TYPE_CHECKING:
    from dlsync.model import Json

# what a text cannot show as it is: controls, what reorders or hides text, line breaks of YAML 1.1, non-characters
_INVISIBLE = (
    "\x00-\x1f\x7f-\xa0\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff0-\uffff\U000e0000-\U000e0fff"
)
_ESCAPED = re.compile(f'["\\\\{_INVISIBLE}]')
_UNSHOWN = re.compile(f"[{_INVISIBLE}]")
_PLAIN = re.compile(r"[\w./(^$;+][^\n]*", re.ASCII)
_WIDE_START = re.compile(r"[^\x00-\x7f]")
_BROKEN_PLAIN = re.compile(r": |:$| #| $|:\t|\t")
_FLOW_INDICATOR = re.compile(r"[,\[\]{}]")
# what some reader takes for null, a boolean, a number, a date, a time, a merge or a default
_MEANT = re.compile(
    r"~|null|true|false|yes|no|on|off|y|n|=|<<|[-+]?\.(?:inf|nan)|[-+.\d][\d_.:,a-foxtz +-]*|_[\d_.]*", re.IGNORECASE
)
_WORDS = {None: "null", True: "true", False: "false"}
_SHORT_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0"}


def scalar(value: Json) -> str:
    """Return a scalar, or an empty collection, on one line of block style.

    :raises InvalidYaml: for what YAML, or JSON, has no way to write.
    """
    if isinstance(value, str):
        return string(value)
    if value is None or isinstance(value, bool):
        return _WORDS[value]
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _float(value)
    return "{}" if isinstance(value, dict) else "[]"


def _float(value: float) -> str:
    if not isfinite(value):
        raise InvalidYaml(Problem("error", f"{value} cannot be written; expected a finite number"))
    text = repr(value)
    return text if "." in text else text.replace("e", ".0e")  # YAML 1.1 wants the point


@lru_cache(maxsize=4096)  # documents say the same words over and over
def string(text: str, *, flow: bool = False) -> str:
    """Return a string on one line: plain where that is safe, in single quotes where they suffice, else in double."""
    if is_plain(text, flow=flow):
        return text
    return double_quoted(text) if _UNSHOWN.search(text) else single_quoted(text)


def is_plain(text: str, *, flow: bool = False) -> bool:
    """Return whether the text without quotes is this string to every reader, inside of brackets if ``flow``."""
    if not (_PLAIN.fullmatch(text) or _WIDE_START.match(text)) or _MEANT.fullmatch(text):
        return False
    broken = _BROKEN_PLAIN.search(text) or _UNSHOWN.search(text) or (flow and _FLOW_INDICATOR.search(text))
    return not broken


def can_show(text: str) -> bool:
    """Return whether the text can stand on one line without an escape."""
    return _UNSHOWN.search(text) is None


def single_quoted(text: str) -> str:
    """Return the string in single quotes; every character must be one that can be shown."""
    return "'" + text.replace("'", "''") + "'"


def double_quoted(text: str) -> str:
    """Return the string in double quotes."""
    return f'"{_ESCAPED.sub(_escape, text)}"'


def _escape(found: re.Match[str]) -> str:
    char = found[0]
    if short := _SHORT_ESCAPES.get(char):
        return short
    written = char.encode("unicode_escape").decode()
    return written if written.startswith("\\") else f"\\x{ord(char):02x}"


def literal(text: str) -> list[str] | None:
    """Return the header and the lines, not indented, of a literal block; None where one would not be exact, or plain.

    Left out besides what cannot be shown: a last line feed too much, lines of white space, and an indented first line,
    which YAML can hold but which the next editor would damage.
    """
    lines = text.removesuffix("\n").split("\n")
    if "\n" not in text or not lines[-1] or any(map(_is_fragile, lines)):
        return None
    first = next(filter(None, lines))
    return None if first[0] in " \t" else ["|" if text.endswith("\n") else "|-", *lines]


def _is_fragile(line: str) -> bool:
    return bool(line.isspace() or _UNSHOWN.search(line.replace("\t", "")))
