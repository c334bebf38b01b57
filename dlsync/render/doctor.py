"""What the doctor found: a line a setting, a line a check, or JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from dlsync.messages import visible
from dlsync.operations.plan_document import exact
from dlsync.render import table
from dlsync.render.fields import counted
from dlsync.render.table import painter

if TYPE_CHECKING:
    from dlsync.operations.doctor import Diagnosis, Status
    from dlsync.render.table import Style

_STYLES: dict[Status, Style] = {"ok": "green", "problem": "red", "unknown": "yellow"}
_WIDTH = max(map(len, _STYLES))


def render(diagnosis: Diagnosis, *, color: bool) -> str:
    """Return the settings as a table, a line for each check, and how many problems there are."""
    paint = painter(color=color)
    rows = [[one.name, one.value, one.source or "not set"] for one in diagnosis.settings]
    lines = []
    for check in diagnosis.checks:
        status = paint(check.status, _STYLES[check.status]) + " " * (_WIDTH - len(check.status))
        advice = f". {check.advice}" if check.advice else ""
        lines.append(f"{status}  {visible(f'{check.name}: {check.message}{advice}')}\n")
    problems = sum(check.status == "problem" for check in diagnosis.checks)
    end = paint(counted(problems, "problem") if problems else "All is well", "bold")
    return "\n".join([table.render(["SETTING", "VALUE", "FROM"], rows), "".join(lines), f"{end}.\n"])


def as_document(diagnosis: Diagnosis) -> dict[str, Any]:
    """Return the diagnosis as ``doctor --format json`` has it."""
    settings = [asdict(one) | {"value": exact(one.value), "source": one.source or None} for one in diagnosis.settings]
    checks = [asdict(one) | {"advice": one.advice or None} for one in diagnosis.checks]
    return {"format_version": 1, "well": diagnosis.is_well, "settings": settings, "checks": checks}
