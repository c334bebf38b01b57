"""What is wrong in the files: ``file:line:column: severity: message``, or JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlsync.messages import visible
from dlsync.render.fields import counted
from dlsync.render.table import painter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from dlsync.model import Json, Problem
    from dlsync.render.table import Style


def render(problems: Sequence[Problem], *, resources: int, color: bool) -> str:
    """Return the problems line by line, by file and place, and at the end their counts.

    :param resources: how many were checked.
    """
    paint = painter(color=color)
    counts = _counts(problems)
    found = f"{counted(counts['error'], 'error')}, {counted(counts['warning'], 'warning')}"
    total = f"{counted(resources, 'resource')}: {found}."
    return "\n".join([*lines(_sorted(problems), paint), paint(total, "bold")]) + "\n"


def lines(problems: Iterable[Problem], paint: Callable[[str, Style], str]) -> list[str]:
    """Return a line for each problem, visible."""
    return [_line(problem, paint) for problem in problems]


def _line(problem: Problem, paint: Callable[[str, Style], str]) -> str:
    place = "".join(f"{visible(str(part))}:" for part in (problem.file, problem.line, problem.column) if part)
    severity = paint(problem.severity, "red" if problem.severity == "error" else "yellow")
    return f"{place}{' ' if place else ''}{severity}: {visible(problem.message)}"


def as_document(problems: Sequence[Problem], *, resources: int) -> dict[str, Any]:
    """Return the problems as JSON has them; file, line and column are null where unknown."""
    summary = {"resources": resources, **_counts(problems)}
    return {"format_version": 1, "summary": summary, "problems": list(map(entry, _sorted(problems)))}


def failure(error: str, problems: Iterable[Problem]) -> dict[str, Json]:
    """Return why a command failed as JSON has it."""
    return {"error": error, "problems": list(map(entry, _sorted(problems)))}


def entry(problem: Problem) -> dict[str, Json]:
    """Return a problem as JSON has it."""
    return {
        "severity": problem.severity,
        "file": problem.file or None,
        "line": problem.line,
        "column": problem.column,
        "message": problem.message,
    }


def _sorted(problems: Iterable[Problem]) -> list[Problem]:
    return sorted(problems, key=lambda problem: (problem.file, problem.line or 0, problem.column or 0))


def _counts(problems: Iterable[Problem]) -> dict[str, int]:
    severities = [problem.severity for problem in problems]
    return {"error": severities.count("error"), "warning": severities.count("warning")}
