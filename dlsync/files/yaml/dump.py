"""A document as YAML text in the house style; other writers take a hundred times as long."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from math import isfinite
from typing import TYPE_CHECKING

from dlsync.files.yaml.read import MAX_DEPTH
from dlsync.files.yaml.source import InvalidYaml
from dlsync.model import Problem

if TYPE_CHECKING:
    from dlsync.model import Json

_COLLECTIONS = (dict, list)
_SIMPLE_KEY = 1000  # YAML allows 1,024 characters before the colon
# what reorders or hides text, line breaks of YAML 1.1, non-characters
_HIDING = "\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff0-\uffff\U000e0000-\U000e0fff"
# what one line cannot show as it is; a block may hold the joiners of emoji and scripts, and spaces that do not break
_INVISIBLE = rf"\x00-\x1f\x7f-\xa0\u200c\u200d{_HIDING}"
_UNSHOWN_IN_BLOCK = re.compile(rf"[\x00-\x08\x0b-\x1f\x7f-\x9f{_HIDING}]")
_ESCAPED = re.compile(f'["\\\\{_INVISIBLE}]')
_UNSHOWN = re.compile(f"[{_INVISIBLE}]")
_PLAIN = re.compile(r"[\w./(^$;+][^\n]*", re.ASCII)
_WIDE_START = re.compile(r"[^\x00-\x7f]")
_BROKEN_PLAIN = re.compile(r"^\.\.\.|: |:$| #| $|:\t|\t")
_FLOW_INDICATOR = re.compile(r"[,\[\]{}]")
# what some reader takes for null, a boolean, a number, a date, a time, a merge or a default
_MEANT = re.compile(
    r"~|null|true|false|yes|no|on|off|y|n|=|<<|[-+]?\.(?:inf|nan)|[-+.\d][\d_.:,a-foxtz +-]*|_[\d_.]*", re.IGNORECASE
)
_WORDS = {None: "null", True: "true", False: "false"}
_SHORT_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0"}


@dataclass(frozen=True, slots=True)
class Layout:
    """Columns that block style indents by.

    :param step: a mapping under its key; ``offset``: the dashes of a list under theirs.
    """

    step: int = 2
    offset: int = 2


HOUSE = Layout()


def dump(document: Json) -> bytes:
    """Return the document as a YAML file: block style, two columns a level, keys in their order, nothing folded.

    :raises InvalidYaml: for what a file cannot hold: infinity, half a surrogate pair, more than 100 levels.
    """
    try:
        return ("\n".join(lines(document)) + "\n").encode()
    except UnicodeEncodeError:
        raise InvalidYaml(Problem("error", "a string holds half of a surrogate pair, which is no character")) from None


def lines(value: Json, layout: Layout = HOUSE) -> list[str]:
    """Return the lines of a value in block style, the first at column 0, without line breaks."""
    written = _Lines(layout)
    written.value("", "", value)
    return written.lines


def entry(key: str, value: Json, layout: Layout = HOUSE) -> list[str]:
    """Return the lines of one key with its value."""
    return lines({key: value}, layout)


def item(value: Json, layout: Layout = HOUSE) -> list[str]:
    """Return the lines of one item of a list."""
    return lines([value], layout)


def indented(block: list[str], columns: int) -> list[str]:
    """Return the lines further to the right; empty ones stay empty."""
    return [" " * columns + line if line else line for line in block]


class _Lines:
    """Lines as they are written, from the first to the last: each once, where it belongs."""

    def __init__(self, layout: Layout) -> None:
        self.lines: list[str] = []
        self._step = layout.step * " "
        self._offset = layout.offset * " "
        self._level = 0

    def value(self, head: str, margin: str, value: Json) -> None:
        """Write a value behind a head that ends where it begins.

        :param head: what its first line begins with; ``margin``: what those below begin with.
        """
        if isinstance(value, str):
            if "\n" in value and (block := literal(value)):
                self.lines.append(head + block[0])
                self.lines += [line and margin + self._step + line for line in block[1:]]
            else:
                self.lines.append(head + string(value))
        elif not isinstance(value, _COLLECTIONS) or not value:
            self.lines.append(head + scalar(value))
        elif isinstance(value, dict):
            self._mapping(head, margin, value)
        else:
            self._list(head, margin, value)

    def _mapping(self, head: str, margin: str, value: dict[str, Json]) -> None:
        self._go_deeper()
        for key, inner in value.items():
            written = string(key)
            if len(written) >= _SIMPLE_KEY:
                self.lines.append(f"{head}? {written}")
                head, written = margin, ""
            if isinstance(inner, _COLLECTIONS) and inner:
                self.lines.append(f"{head}{written}:")
                below = margin + (self._offset if isinstance(inner, list) else self._step)
                self.value(below, below, inner)
            elif isinstance(inner, str) and "\n" in inner:
                self.value(f"{head}{written}: ", margin, inner)
            else:  # most of a document, and so written here
                self.lines.append(f"{head}{written}: {string(inner) if isinstance(inner, str) else scalar(inner)}")
            head = margin
        self._level -= 1

    def _list(self, head: str, margin: str, value: list[Json]) -> None:
        self._go_deeper()
        for inner in value:
            self.value(f"{head}- ", margin + "  " if inner and isinstance(inner, _COLLECTIONS) else margin, inner)
            head = margin
        self._level -= 1

    def _go_deeper(self) -> None:
        self._level += 1
        if self._level > MAX_DEPTH:
            raise InvalidYaml(Problem("error", f"nested more than {MAX_DEPTH} levels deep"))


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


def literal(text: str, step: int = 2, *, was_block: bool = False) -> list[str] | None:
    """Return the header and the lines, not indented, of a literal block; None where one would not be exact, or plain.

    :param step: columns that the lines are to be indented by.
    :param was_block: whether a block held the text before; then it may have blank lines at its end, lines of white
        space and an indented first line, which other editors are apt to damage.
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
