"""The only module that imports ruamel.yaml: 90 ms, so it is imported where a file needs it, which few do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.scanner import Scanner, ScannerError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MarkedYAMLError", "events"]


class _TabScanner(Scanner):
    """Takes a tab for white space wherever it does not indent (YAML 1.2, 6.2), and has a message for every escape."""

    def scan_to_next_token(self) -> None:
        super().scan_to_next_token()
        while self.reader.peek() == "\t" and (self.flow_level or not self._indents()):
            self.reader.forward()
            super().scan_to_next_token()

    def scan_flow_scalar_non_spaces(self, double: Any, start_mark: Any) -> Any:
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
    yaml.Scanner = _TabScanner
    yield from yaml.parse(text)
