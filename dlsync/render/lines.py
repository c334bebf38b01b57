"""Two versions of a text, line by line."""

from __future__ import annotations

from difflib import unified_diff
from itertools import islice
from typing import TYPE_CHECKING

from dlsync.escape import shortened, visible

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_LINES = 200
MAX_WIDTH = 400
# at its worst (150 different lines, over and over) difflib takes 0.9 s for this many lines and 7.3 s for 10,000
MAX_COMPARED = 5_000


def split(text: str) -> list[str]:
    r"""Return the lines, each with its ``\n``; other characters that end lines somewhere are part of theirs."""
    lines = [f"{line}\n" for line in text.split("\n")]
    lines[-1] = lines[-1].removesuffix("\n")
    return lines if lines[-1] else lines[:-1]


def unified(before: str, after: str) -> tuple[str, ...]:
    """Return a unified diff without its file names, visible, in at most 200 lines and a count of what was left out."""
    left, right = split(before), split(after)
    if max(len(left), len(right)) > MAX_COMPARED:
        return (f"@@ too many lines to compare here ({len(left):,} -> {len(right):,}); --format json has them @@",)
    shown = list(_shown(left, right))
    if len(shown) <= MAX_LINES:
        return tuple(shown)
    return *shown[:MAX_LINES], f"... {len(shown) - MAX_LINES} more lines; --format json has them all"


def _shown(left: list[str], right: list[str]) -> Iterator[str]:
    for line in islice(unified_diff(left, right, lineterm=""), 2, None):  # the first two name files
        yield shortened(visible(line.removesuffix("\n")), MAX_WIDTH)
        if line[0] != "@" and not line.endswith("\n"):
            yield "\\ No newline at end of file"
