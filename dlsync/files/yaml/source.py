"""The characters of a YAML file, and errors with the place in it."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from dlsync.errors import DlsyncError
from dlsync.messages import visible
from dlsync.model import Problem

if TYPE_CHECKING:
    from yaml import MarkedYAMLError

BOM = "\ufeff"
_NOT_UTF8 = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
_LINE_BREAK = re.compile(r"\r\n?|\n")
# YAML 1.2 lets quoted text hold what JSON's may (5.1, nb-json): all but these
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
_UNCLOSED = "unclosed {opening} opened on line {line}; expected ',' or the closing bracket"
_INDENTED = "this is indented unlike the other parts of the {kind} that begins on line {line}"
_EXPLAINED = {  # libyaml's message -> the message of dlsync
    "could not find expected ':'": "expected ': ' after the key, or '- ' before the item, that begins on line {line}",
    "block sequence entries are not allowed in this context": (
        "a list item cannot stand here; put it on a line of its own"
    ),
    "mapping keys are not allowed in this context": "a key cannot stand here; put it on a line of its own",
    "mapping values are not allowed in this context": (
        "a second ': ' cannot stand here; indent the key as its siblings, or put a text that holds ': ' in quotes"
    ),
    "did not find expected ',' or ']'": _UNCLOSED,
    "did not find expected ',' or '}'": _UNCLOSED,
    "did not find expected node content": "expected a value, found {found}",
    "did not find expected key": _INDENTED,
    "did not find expected '-' indicator": _INDENTED,
    "did not find expected <document start>": (
        "unexpected text: indented unlike the lines above, or after a value's end"
    ),
    "found unknown escape character": "{escape} is no escape; double the backslash, or use single quotes",
    "found unexpected end of stream": "unclosed quote opened on line {line}",
    "found unexpected document indicator": "unclosed quote opened on line {line}",
    "found unexpected ':'": "expected a space after ':'",
    "did not find expected hexdecimal number": "an escape is incomplete; expected hexadecimal digits",
    "found invalid Unicode character escape code": "an escape stands for no character",
    "found incompatible YAML document": "found a directive for another version; expected YAML 1.2",
}


class InvalidYaml(DlsyncError):
    """Says that a text is not one YAML document which JSON can hold.

    :param problem: what is wrong, with file, line and column from 1.
    """

    def __init__(self, problem: Problem, *, hint: str = "") -> None:
        super().__init__(str(problem), hint=hint)
        self.problem = problem


@dataclass(frozen=True)
class Source:
    """Holds the characters of a file, without its byte order mark.

    :param file: for messages; relative to the directory.
    """

    text: str
    file: str = ""
    bom: bool = False

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(match.end() for match in _LINE_BREAK.finditer(self.text))]

    def place(self, index: int) -> tuple[int, int]:
        """Return line and column, both from 1, of the character at the index."""
        line = bisect_right(self._line_starts, index)
        return line, index - self._line_starts[line - 1] + 1

    def line_start(self, index: int) -> int:
        """Return the index at which the line of the character at the index begins."""
        return self._line_starts[bisect_right(self._line_starts, index) - 1]

    def line_end(self, index: int) -> int:
        """Return the index behind the line of the character at the index, its line break included."""
        line = bisect_right(self._line_starts, index)
        return self._line_starts[line] if line < len(self._line_starts) else len(self.text)

    def column(self, index: int) -> int:
        """Return how many characters stand before the index on its line."""
        return index - self.line_start(index)

    def fault(self, index: int, message: str) -> InvalidYaml:
        """Return the error that something is wrong at the index; control characters of the message are escaped."""
        line, column = self.place(index)
        return InvalidYaml(Problem("error", visible(message), self.file, line, column))

    def syntax_fault(self, error: MarkedYAMLError, unclosed: int | None) -> InvalidYaml:
        """Return libyaml's error in plain words, on one line and without the text.

        :param unclosed: index of the innermost bracket that is open there.
        """
        text, problem = self.text, str(error.problem)
        where, began = (mark.index if mark else 0 for mark in (error.problem_mark, error.context_mark))
        words = _EXPLAINED.get(problem) or (f"{error.context}: {problem}" if error.context else problem)
        if unclosed is not None and not text[where:].strip():
            words, began = _UNCLOSED, unclosed
        elif problem == "found character that cannot start any token":
            tab = text[where] == "\t"
            words = (
                "a tab cannot indent; use spaces" if tab else "a value cannot begin with {start!r}; put it in quotes"
            )
        elif words == _INDENTED and text[where : where + 1] == ":":
            words = "found nothing as a key; expected a string: put it in quotes"
        details = {
            "line": self.place(began)[0],
            "opening": text[began : began + 1],
            "kind": "mapping" if "mapping" in str(error.context) else "list",
            "found": text[where : where + 1].strip() or "the end of the file",
            "start": text[where : where + 1],
            "escape": text[where : where + 2],
        }
        return self.fault(where, words.format(**details))


def decode(content: bytes, file: str = "") -> Source:
    """Return the characters of a YAML file: UTF-8, with or without a byte order mark.

    :raises InvalidYaml: for another encoding, and for control characters that YAML forbids.
    """
    if content.startswith(_NOT_UTF8):
        raise InvalidYaml(Problem("error", "the file is UTF-16 or UTF-32; save it as UTF-8", file, 1, 1))
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        message = f"byte {error.start} (0x{content[error.start]:02X}) is not valid UTF-8; save the file as UTF-8"
        before = content[: error.start].decode()
        raise Source(before, file).fault(len(before), message) from None
    source = Source(text.removeprefix(BOM), file, text.startswith(BOM))
    if found := _UNPRINTABLE.search(source.text):
        what = f"found the control character U+{ord(found[0]):04X}, which YAML does not allow; remove it or escape it"
        raise source.fault(found.start(), what)
    return source
