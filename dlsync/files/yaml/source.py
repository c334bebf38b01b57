"""Decode a YAML file, and report errors with their places in it."""

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property

from yaml import MarkedYAMLError

from dlsync.errors import DlsyncError
from dlsync.messages import visible
from dlsync.model import Code, Problem

BOM = "\ufeff"
_NOT_UTF8 = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
_LINE_BREAK = re.compile(r"\r\n?|\n")
# YAML 1.2 allows the other characters in quoted text, as JSON does (5.1, nb-json)
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
_UNCLOSED = "expected ',' or '{closing}': the '{opening}' opened on line {line} is unclosed"
_CLOSING = {"[": "]", "{": "}"}
_INDENTED = "wrong indentation; indent this as the other keys of the mapping that begins on line {line}"
_NO_ITEM = "expected '- '; indent this as the item above, or less than the list that begins on line {line}"
_MISPLACED_ITEM = "a list item cannot stand here; indent it as the items above, or put a key above it"
_AFTER_VALUE = "text after the end of a value; remove it, or put the whole value in quotes (other quotes than it holds)"
_TAB = "a tab in the indentation; use spaces"
_UNCLOSED_QUOTE = "unclosed quote; add the closing quote"
_NO_COLON = "expected ': ' (a colon and a space) after this key, or '- ' (a dash and a space) before this list item"
_AT_BEGINNING = frozenset({_UNCLOSED_QUOTE, _NO_COLON})  # libyaml reports the end, far below
_EXPLAINED = {  # libyaml's message -> the message of dlsync
    "could not find expected ':'": _NO_COLON,
    "block sequence entries are not allowed in this context": (
        "a list item cannot stand here; put it on a line of its own"
    ),
    "mapping keys are not allowed in this context": "a key cannot stand here; put it on a line of its own",
    "mapping values are not allowed in this context": (
        "unexpected ': '; indent the key as the keys above, write a space after each ':' above, "
        "or put a text that holds ': ' in quotes"
    ),
    "did not find expected ',' or ']'": _UNCLOSED,
    "did not find expected ',' or '}'": _UNCLOSED,
    "did not find expected node content": "expected a value, found {found}; put a text that begins so in quotes",
    "did not find expected key": _INDENTED,
    "did not find expected '-' indicator": _NO_ITEM,
    "did not find expected <document start>": "unexpected text; indent it as the lines above, or remove it",
    "did not find expected alphabetic or numeric character": "a text that begins with '&' or '*' belongs in quotes",
    "did not find expected comment or line break": "expected the end of the line; begin the text on the next one",
    "found unknown escape character": "{escape} is no escape; double the backslash, or use single quotes",
    "found a tab character that violates indentation": _TAB,
    "found a tab character where an indentation space is expected": _TAB,
    "found unknown directive name": "a text that begins with '%' belongs in quotes",
    "found unexpected end of stream": _UNCLOSED_QUOTE,
    "found unexpected document indicator": _UNCLOSED_QUOTE,
    "found unexpected ':'": "expected a space after ':'",
    "did not find expected hexdecimal number": "an escape is incomplete; expected hexadecimal digits",
    "found invalid Unicode character escape code": "an escape stands for no character",
    "found incompatible YAML document": "found a directive for another version; expected YAML 1.2",
}


class InvalidYaml(DlsyncError):
    """Report a text that is not one YAML document that JSON can hold."""

    def __init__(self, problem: Problem, *, hint: str = "") -> None:
        super().__init__(str(problem), hint=hint)
        self.problem = problem


@dataclass(frozen=True)
class Source:
    """Hold the characters of a file, without its byte order mark.

    :param file: for messages; relative to the directory.
    """

    text: str
    file: str = ""
    bom: bool = False

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(match.end() for match in _LINE_BREAK.finditer(self.text))]

    @cached_property
    def newline(self) -> str:
        """Return how most lines end."""
        return "\r\n" if 2 * self.text.count("\r\n") > self.text.count("\n") else "\n"

    def place(self, index: int) -> tuple[int, int]:
        """Return line and column, both from 1, of the character at the index."""
        line = bisect_right(self._line_starts, index)
        return line, index - self._line_starts[line - 1] + 1

    def column(self, index: int) -> int:
        """Return how many characters stand before the index on its line."""
        return self.place(index)[1] - 1

    def line_start(self, index: int) -> int:
        """Return the index at which the line of the character at the index begins."""
        return index - self.column(index)

    def line_end(self, index: int) -> int:
        """Return the end of the line of the character at the index, after its line break."""
        line, _ = self.place(index)
        return self._line_starts[line] if line < len(self._line_starts) else len(self.text)

    def fault(self, index: int, message: str) -> InvalidYaml:
        """Return an error for the index; control characters of the message are escaped."""
        line, column = self.place(index)
        return InvalidYaml(Problem(Code.INVALID_YAML, visible(message), self.file, line, column))

    def syntax_fault(self, error: MarkedYAMLError, unclosed: int | None) -> InvalidYaml:
        """Return libyaml's error in plain words, on one line and without the text.

        :param unclosed: index of the innermost bracket that is open there.
        """
        text, problem = self.text, str(error.problem)
        where, began = (mark.index if mark else 0 for mark in (error.problem_mark, error.context_mark))
        words = _EXPLAINED.get(problem) or f"not YAML: {problem}; if it is a text, put it in quotes"
        if unclosed is not None and not text[where:].strip():
            words, began = _UNCLOSED, unclosed
        elif problem == "found character that cannot start any token":
            words = _TAB if text[where] == "\t" else "a value cannot begin with {start!r}; put it in quotes"
        elif words in {_INDENTED, _NO_ITEM}:
            words = self._misplaced(where, words)
        elif words in _AT_BEGINNING:
            where = began
        details = {
            "line": self.place(began)[0],
            "opening": text[began : began + 1],
            "closing": _CLOSING.get(text[began : began + 1]),
            "found": repr(text[where : where + 1]) if text[where:].strip() else "the end of the file",
            "start": text[where : where + 1],
            "escape": text[where : where + 2],
        }
        return self.fault(where, words.format(**details))

    def _misplaced(self, index: int, words: str) -> str:
        """Return the message for a misplaced part of a block collection, by default ``words``."""
        if self.text[self.line_start(index) : index].strip(" -"):
            return _AFTER_VALUE
        if self.text[index : index + 1] == ":":
            return "found nothing as a key; expected a string: put it in quotes"
        return _MISPLACED_ITEM if self.text[index : index + 1] == "-" else words


def decode(content: bytes, file: str = "") -> Source:
    """Return the characters of a YAML file: UTF-8, with or without a byte order mark.

    :raises InvalidYaml: it has another encoding, or control characters that YAML forbids.
    """
    if content.startswith(_NOT_UTF8):
        raise InvalidYaml(Problem(Code.INVALID_YAML, "the file is UTF-16 or UTF-32; save it as UTF-8", file, 1, 1))
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
