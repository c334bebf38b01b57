"""YAML text before its structure: how bytes become characters, and where in the file a character stands."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property

from dlsync.errors import DlsyncError
from dlsync.messages import visible
from dlsync.model import Problem

BOM = "\ufeff"
_NOT_UTF8 = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
_LINE_BREAK = re.compile(r"\r\n?|\n")
# YAML 1.2 has quoted text hold whatever JSON's may (5.1, nb-json), so that JSON stays YAML: all but these
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")


class InvalidYaml(DlsyncError):
    """A text that is not one YAML document which JSON can hold.

    :param problem: what is wrong, with file, line and column from 1.
    """

    def __init__(self, problem: Problem, *, hint: str = "") -> None:
        super().__init__(str(problem), hint=hint)
        self.problem = problem


@dataclass(frozen=True)
class Source:
    """The characters of a file, without its byte order mark.

    :param file: for messages; relative to the tree.
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
        """Return the index just behind the line of the character at the index, its line break included."""
        line = bisect_right(self._line_starts, index)
        return self._line_starts[line] if line < len(self._line_starts) else len(self.text)

    def fault(self, index: int, message: str) -> InvalidYaml:
        """Return the error that something is wrong at the index; control characters of the message are escaped."""
        line, column = self.place(index)
        return InvalidYaml(Problem("error", visible(message), self.file, line, column))


def decode(content: bytes, file: str = "") -> Source:
    """Return the characters of a YAML file: UTF-8, with or without a byte order mark.

    :raises InvalidYaml: for another encoding, and for control characters that YAML forbids.
    """
    if content.startswith(_NOT_UTF8):
        raise InvalidYaml(Problem("error", "the file is UTF-16 or UTF-32; save it as UTF-8", file, 1, 1))
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise _undecodable(content, error, file) from None
    source = Source(text.removeprefix(BOM), file, text.startswith(BOM))
    if found := _UNPRINTABLE.search(source.text):
        what = f"found the control character U+{ord(found[0]):04X}, which YAML does not allow; remove it or escape it"
        raise source.fault(found.start(), what)
    return source


def _undecodable(content: bytes, error: UnicodeDecodeError, file: str) -> InvalidYaml:
    before = Source(content[: error.start].decode(), file)
    found = content[error.start]
    return before.fault(
        len(before.text), f"byte {error.start} (0x{found:02X}) is not valid UTF-8; save the file as UTF-8"
    )
