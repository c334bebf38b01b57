"""Render problems of files as ``file:line:column: severity: message``, and the doctor's checks."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from typing import Any

from dlsync.messages import counted, visible
from dlsync.model import Json, Problem
from dlsync.operations.doctor import Diagnosis, Status
from dlsync.render import table
from dlsync.render.table import Style, painter

_STATUS_STYLES: dict[Status, Style] = {"ok": "green", "problem": "red", "unknown": "yellow"}
_STATUS_WIDTH = max(map(len, _STATUS_STYLES))


def render(problems: Sequence[Problem], *, resources: int, color: bool) -> str:
    """Return a line for each problem, sorted by file and place, and the numbers of problems and resources."""
    paint = painter(color=color)
    counts = _counts(problems)
    found = f"{counted(counts['error'], 'error')}, {counted(counts['warning'], 'warning')}"
    total = f"{counted(resources, 'resource')}: {found}."
    return "\n".join([*lines(_sorted(problems), paint), paint(total, "bold")]) + "\n"


def lines(problems: Iterable[Problem], paint: Callable[[str, Style], str]) -> list[str]:
    """Return a line for each problem, safe to print."""
    shown = []
    for problem in problems:
        place = "".join(f"{visible(str(part))}:" for part in (problem.file, problem.line, problem.column) if part)
        severity = paint(problem.severity, "red" if problem.severity == "error" else "yellow")
        shown.append(f"{place}{' ' if place else ''}{severity}: {visible(problem.message)}")
    return shown


def as_document(problems: Sequence[Problem], *, resources: int) -> dict[str, Any]:
    """Return the problems as JSON."""
    summary = {"resources": resources, **_counts(problems)}
    return {"format_version": 1, "summary": summary, "problems": [one.as_document() for one in _sorted(problems)]}


def failure(error: str, problems: Iterable[Problem]) -> dict[str, Json]:
    """Return the error of a failed command as JSON."""
    return {"error": error, "problems": [one.as_document() for one in _sorted(problems)]}


def _sorted(problems: Iterable[Problem]) -> list[Problem]:
    return sorted(problems, key=lambda problem: (problem.file, problem.line or 0, problem.column or 0))


def _counts(problems: Iterable[Problem]) -> dict[str, int]:
    severities = [problem.severity for problem in problems]
    return {"error": severities.count("error"), "warning": severities.count("warning")}


def render_diagnosis(diagnosis: Diagnosis, *, color: bool) -> str:
    """Return the settings as a table, a line for each check, and the number of problems."""
    paint = painter(color=color)
    rows = [[one.name, one.value, one.source or "not set"] for one in diagnosis.settings]
    lines = []
    for check in diagnosis.checks:
        status = paint(check.status, _STATUS_STYLES[check.status]) + " " * (_STATUS_WIDTH - len(check.status))
        advice = f". {check.advice}" if check.advice else ""
        lines.append(f"{status}  {visible(f'{check.name}: {check.message}{advice}')}\n")
    problems = sum(check.status == "problem" for check in diagnosis.checks)
    end = paint(counted(problems, "problem") if problems else "All is well", "bold")
    return "\n".join([table.render(["SETTING", "VALUE", "FROM"], rows), "".join(lines), f"{end}.\n"])


def diagnosis_document(diagnosis: Diagnosis) -> dict[str, Any]:
    """Return the diagnosis as ``doctor --format json`` prints it."""
    from dlsync.operations.plan_document import exact  # takes 150 ms, which a list of problems need not wait for

    settings = [asdict(one) | {"value": exact(one.value), "source": one.source or None} for one in diagnosis.settings]
    checks = [asdict(one) | {"advice": one.advice or None} for one in diagnosis.checks]
    return {"format_version": 1, "well": diagnosis.is_well, "settings": settings, "checks": checks}
