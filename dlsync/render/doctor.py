"""What the doctor found: a line a setting, a line a check, or JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from dlsync.messages import json_text, visible
from dlsync.operations.plan_document import exact
from dlsync.render import table
from dlsync.render.fields import counted
from dlsync.render.table import painter

if TYPE_CHECKING:
    from dlsync.operations.doctor import Check, Diagnosis, Status
    from dlsync.render.table import Style

_STYLES: dict[Status, Style] = {"ok": "green", "problem": "red", "unknown": "yellow"}
_WIDTH = len("unknown")


def render(diagnosis: Diagnosis, *, color: bool) -> str:
    """Return the settings as a table, a line for each check, and how many problems there are."""
    paint = painter(color=color)
    rows = [[one.name, one.value, one.source or "not set"] for one in diagnosis.settings]
    lines = [
        f"{paint(check.status, _STYLES[check.status])}{' ' * (_WIDTH - len(check.status))}  {_said(check)}\n"
        for check in diagnosis.checks
    ]
    found = sum(check.status == "problem" for check in diagnosis.checks)
    end = paint(counted(found, "problem") if found else "All is well", "bold")
    return "\n".join([table.render(["SETTING", "VALUE", "FROM"], rows), "".join(lines), f"{end}.\n"])


def _said(check: Check) -> str:
    return visible(f"{check.name}: {check.message}{'. ' if check.advice else ''}{check.advice}")


def as_document(diagnosis: Diagnosis) -> dict[str, Any]:
    """Return the diagnosis as ``doctor --format json`` has it."""
    return {
        "format_version": 1,
        "well": diagnosis.is_well,
        "settings": [
            asdict(one) | {"value": exact(one.value), "source": one.source or None} for one in diagnosis.settings
        ],
        "checks": [asdict(one) | {"advice": one.advice or None} for one in diagnosis.checks],
    }


def render_json(diagnosis: Diagnosis) -> str:
    """Return :func:`as_document` as ASCII text."""
    return json_text(as_document(diagnosis))
