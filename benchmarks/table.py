"""The table of results: the measurements of each case, and whether they meet the targets."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.cases import Case
    from benchmarks.processes import Run

HEADS = ("what", "against", "s", "floor s", "ratio", "target", "CPU s", "floor CPU s", "MB", "requests", "verdict")


@dataclass(frozen=True)
class Measured:
    """The measurements of a case.

    :param runs: of dlsync; ``floors`` are the runs of the floor.
    :param requests: the number of requests of a run; ``writes`` the number other than GET.
    """

    case: Case
    runs: Sequence[Run]
    floors: Sequence[Run]
    requests: int = 0
    writes: int = 0

    @property
    def ratio(self) -> float:
        """The ratio of the median times."""
        return median(one.seconds for one in self.runs) / median(one.seconds for one in self.floors)

    @property
    def megabytes(self) -> float:
        """The highest peak of memory."""
        return max(one.megabytes for one in self.runs)

    @property
    def verdict(self) -> str:
        """Whether the targets are met, or else which are missed."""
        allowed = self.case.requests
        missed = [
            *(["time"] if self.ratio > self.case.target else []),
            *(["memory"] if self.case.megabytes is not None and self.megabytes > self.case.megabytes else []),
            *(["requests"] if allowed is not None and (self.requests > allowed or self.writes) else []),
        ]
        verdict = f"missed: {', '.join(missed)}" if missed else "met"
        return f"{verdict} ({self.case.note})" if self.case.note else verdict


def cells(what: str, measured: Measured) -> tuple[str, ...]:
    """Return the cells of a row."""
    case, runs, floors = measured.case, measured.runs, measured.floors
    seconds, cpu = median(one.seconds for one in runs), median(one.cpu for one in runs)
    floor, floor_cpu = median(one.seconds for one in floors), median(one.cpu for one in floors)
    times = (f"{seconds:.2f}", f"{floor:.2f}", f"{measured.ratio:.2f}", f"{case.target:g}", f"{cpu:.2f}")
    asked = f"{measured.requests:,}" if case.server else ""
    return (what, case.against, *times, f"{floor_cpu:.2f}", f"{measured.megabytes:.0f}", asked, measured.verdict)


def left_out(what: str) -> tuple[str, ...]:
    """Return the row of a case that was not measured."""
    return (what, *[""] * (len(HEADS) - 2), "not in the quick run")


def markdown(rows: Sequence[Sequence[str]], heads: Sequence[str] = HEADS) -> str:
    """Return the table as Markdown with aligned columns, readable as text too."""
    table = [heads, *rows]
    widths = [max(len(line[column]) for line in table) for column in range(len(heads))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in table
    ]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:], ""])
