"""What is wrong in the files: ``file:line:column: severity: message``, or JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlsync.messages import json_text, visible
from dlsync.render.fields import counted
from dlsync.render.table import painter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from dlsync.model import Json, Problem
    from dlsync.render.table import Style


def render(problems: Sequence[Problem], *, resources: int, color: bool) -> str:
    """Return the problems line by line, by file and place, and at the end their counts.

    :param resources: how many were looked at.
    """
    paint = painter(color=color)
    counts = _summary(problems)
    found = f"{counted(counts['error'], 'error')}, {counted(counts['warning'], 'warning')}"
    total = f"{counted(resources, 'resource')}: {found}."
    return "\n".join([*lines(_sorted(problems), paint), paint(total, "bold")]) + "\n"


def lines(problems: Iterable[Problem], paint: Callable[[str, Style], str]) -> list[str]:
    """Return a line for each problem, in the order given, visible."""
    return [_line(problem, paint) for problem in problems]


def as_document(problems: Sequence[Problem], *, resources: int) -> dict[str, Any]:
    """Return the problems as JSON has them; file, line and column are null where unknown."""
    return {
        "format_version": 1,
        "summary": {"resources": resources, **_summary(problems)},
        "problems": list(map(entry, _sorted(problems))),
    }


def failure(error: str, problems: Iterable[Problem]) -> dict[str, Json]:
    """Return why a command failed as JSON has it; the problems as :func:`as_document` has them."""
    return {"error": error, "problems": list(map(entry, _sorted(problems)))}


def render_failure(error: str, problems: Iterable[Problem]) -> str:
    """Return the document of a command that failed, as ASCII text."""
    return json_text({"format_version": 1, **failure(error, problems)})


def entry(problem: Problem) -> dict[str, Json]:
    """Return a problem as JSON has it."""
    return {
        "severity": problem.severity,
        "file": problem.file or None,
        "line": problem.line,
        "column": problem.column,
        "message": problem.message,
    }


def render_json(problems: Sequence[Problem], *, resources: int) -> str:
    """Return :func:`as_document` as ASCII text."""
    return json_text(as_document(problems, resources=resources))


def _line(problem: Problem, paint: Callable[[str, Style], str]) -> str:
    place = ":".join(visible(str(part)) for part in (problem.file, problem.line, problem.column) if part)
    severity = paint(problem.severity, "red" if problem.severity == "error" else "yellow")
    return f"{place}{': ' if place else ''}{severity}: {visible(problem.message)}"


def _sorted(problems: Iterable[Problem]) -> list[Problem]:
    return sorted(problems, key=lambda problem: (problem.file, problem.line or 0, problem.column or 0))


def _summary(problems: Iterable[Problem]) -> dict[str, int]:
    severities = [problem.severity for problem in problems]
    return {"error": severities.count("error"), "warning": severities.count("warning")}
