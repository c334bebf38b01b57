"""Parts of the sentences in which kinds outline what is new. Pure."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from dlsync.messages import in_full

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dlsync.model import Json

_FIRST_LINES = 8
_UNITS = ((3600, "h"), (60, "min"))


def first_lines(value: Json) -> Iterator[str]:
    """Yield the first lines of a text of several lines, and how many there are besides."""
    if isinstance(value, str) and "\n" in value:
        lines = value.removesuffix("\n").split("\n")
        yield from islice(lines, _FIRST_LINES)
        if (more := len(lines) - _FIRST_LINES) > 0:
            yield f"... {more:,} more {'line' if more == 1 else 'lines'}"


def plain(value: Json) -> str:
    """Return a text as it is, the items of a list one after the other, and all else as JSON."""
    if isinstance(value, list):
        return ", ".join(map(plain, value))
    return value if isinstance(value, str) else in_full(value)


def duration(seconds: Json) -> str:
    """Return a number of seconds in the largest unit that divides it: ``5 min``."""
    for size, unit in _UNITS:
        if isinstance(seconds, int) and seconds and seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{plain(seconds)} s"


def scope(of: Json) -> str:
    """Return `` on tag web and agents a, b``; empty where no scope is given."""
    if not isinstance(of, dict):
        return ""
    parts = [f"{name}{'s' if isinstance(value, list) else ''} {plain(value)}" for name, value in of.items() if value]
    return f" on {' and '.join(parts)}" if parts else ""


def rest(mapping: Mapping[str, Json], said: frozenset[str]) -> str:
    """Return the fields that a sentence has not said: ``, jitter 3``."""
    return "".join(f", {name} {plain(value)}" for name, value in mapping.items() if name not in said)
