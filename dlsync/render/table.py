"""Render records as a plain table: aligned, a line for each record, no wider than the terminal."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TextIO

from dlsync.messages import in_full, visible
from dlsync.model import Json

Style = Literal["red", "green", "yellow", "cyan", "bold", "dim"]
_CODES: dict[Style, int] = {"red": 31, "green": 32, "yellow": 33, "cyan": 36, "bold": 1, "dim": 2}


def wants_color(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether to colour output: the stream is a terminal with colours, and NO_COLOR is not set."""
    return stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def painter(*, color: bool) -> Callable[[str, Style], str]:
    """Return a function that puts a text in a style, or without ``color``, returns it unchanged."""
    return (lambda text, style: f"\x1b[{_CODES[style]}m{text}\x1b[0m") if color else (lambda text, _: text)


_GAP = "  "
_NARROWEST = 8  # cells: a column that is cut keeps this much
_NEVER_CUT = ("ID", "RUN")  # users copy these into other commands


def render(headers: Sequence[str], rows: Sequence[Sequence[Json]], *, width: int | None = None) -> str:
    """Return a line of headers and a line for each row.

    :param rows: the values; texts stay unchanged, lists of texts get commas, other values become JSON.
    :param width: in cells; columns are cut, the widest first, except those of ids. None for no limit.
    """
    from rich.cells import cell_len, set_cell_size  # takes 10 ms, which --help need not wait for

    table = [list(headers), *([cell(value) for value in row] for row in rows)]
    widths = [max(map(cell_len, column)) for column in zip(*table, strict=True)]
    if width is not None:
        columns = [at for at, header in enumerate(headers) if header not in _NEVER_CUT]
        _narrow(widths, width - len(_GAP) * (len(widths) - 1), columns)
    lines = []
    for row in table:
        cut = [
            text if cell_len(text) <= room else set_cell_size(text, room - 3) + "..."
            for text, room in zip(row, widths, strict=True)
        ]
        lines.append(_GAP.join(map(set_cell_size, cut, widths)).rstrip() + "\n")
    return "".join(lines)


def cell(value: Json) -> str:
    """Return a value for a table, safe to print; empty for null."""
    if value is None:
        return ""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return visible(", ".join(map(str, value)))
    return in_full(value)


def _narrow(widths: list[int], room: int, columns: Sequence[int]) -> None:
    """Narrow the widest of the columns until all columns fit."""
    while sum(widths) > room and widths[widest := max(columns, key=lambda at: widths[at])] > _NARROWEST:
        widths[widest] -= 1
