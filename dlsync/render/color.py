"""Colour on a terminal: ECMA-48's SGR codes, in the eight colours that every terminal has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Style = Literal["red", "green", "yellow", "cyan", "bold", "dim"]
_CODES: dict[Style, int] = {"red": 31, "green": 32, "yellow": 33, "cyan": 36, "bold": 1, "dim": 2}


def wants_color(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether to colour what goes to the stream: a terminal that can, and a user who did not say NO_COLOR."""
    return stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def painter(*, color: bool) -> Callable[[str, Style], str]:
    """Return what puts a text in a style, or where ``color`` is false, leaves it as it is."""
    return (lambda text, style: f"\x1b[{_CODES[style]}m{text}\x1b[0m") if color else (lambda text, _: text)
