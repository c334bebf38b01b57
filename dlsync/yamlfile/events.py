"""The only module that imports ruamel.yaml: 16 ms, so it is imported where a file needs it, which few do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.reader import Reader
from ruamel.yaml.scanner import Scanner, ScannerError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MarkedYAMLError", "events"]


class _Reader(Reader):
    """ruamel's, without its own list of characters: which may stand in a file is decided where it is decoded."""

    def check_printable(self, data: Any) -> None:
        """Let everything through."""


class _Scanner(Scanner):
    """ruamel's, corrected by YAML 1.2 where it refuses what is allowed or breaks on what is not."""

    def scan_to_next_token(self) -> None:
        """Skip a tab, too, wherever it does not indent (6.2)."""
        super().scan_to_next_token()
        while self.reader.peek() == "\t" and (self.flow_level or not self._indents()):
            self.reader.forward()
            super().scan_to_next_token()

    def check_key(self) -> bool:
        """Let a plain text in a flow begin with a question mark (7.3.3)."""
        return self.reader.peek(1) in (" \t\r\n\0,[]{}" if self.flow_level else " \t\r\n\0")

    def check_plain(self) -> bool:
        """Let a plain text in a flow begin with a question mark (7.3.3)."""
        return bool(super().check_plain() or (self.reader.peek() == "?" and not self.check_key()))

    def scan_block_scalar_indentation(self) -> Any:
        """Let blank lines before the text be indented less than the text (8.1.1.1)."""
        breaks: list[str] = []
        indent = 0
        end = self.reader.get_mark()
        while self.reader.peek() in " \r\n":
            if self.reader.peek() == " ":
                self.reader.forward()
                indent = max(indent, self.reader.column)
            else:
                breaks.append(self.scan_line_break())
                end = self.reader.get_mark()
        return breaks, indent, end

    def scan_flow_scalar_non_spaces(self, double: Any, start_mark: Any) -> Any:
        """Have a message for an escape of what is no character (5.7)."""
        try:
            return super().scan_flow_scalar_non_spaces(double, start_mark)
        except (OverflowError, ValueError):
            problem = "found an escape beyond U+10FFFF, the last character there is"
            raise ScannerError(None, None, problem, self.reader.get_mark()) from None

    def _indents(self) -> bool:
        before = self.reader.buffer[self.reader.pointer - self.reader.column : self.reader.pointer]
        ahead = 1
        while self.reader.peek(ahead) in " \t":
            ahead += 1
        return not before.strip(" \t") and self.reader.peek(ahead) not in "#\r\n\0"


def events(text: str) -> Iterator[Any]:
    """Yield the events of a YAML 1.2 text.

    :raises MarkedYAMLError: where it is not well-formed.
    """
    yaml = YAML(typ="safe", pure=True)
    yaml.Reader = _Reader
    yaml.Scanner = _Scanner
    yield from yaml.parse(text)
