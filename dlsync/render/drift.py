"""Drift, for a person at a terminal and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlsync.messages import json_text, visible
from dlsync.operations.plan_document import FORMAT_VERSION, change_document
from dlsync.render.fields import counted
from dlsync.render.plan_text import changes
from dlsync.render.table import painter

if TYPE_CHECKING:
    from dlsync.operations.drift import Drift


def render(drift: Drift, *, color: bool) -> str:
    """Return what was changed, one resource after the other with its fields, and the counts."""
    paint = painter(color=color)
    lines = list(changes(drift.changes, paint, in_full=True))
    account = visible(f"{drift.target.org}/{drift.target.account}")
    if not drift:
        said = f"No drift: {counted(drift.unchanged, 'managed resource')} on {account}, as applied."
    else:
        count = counted(len(drift.changes), "resource")
        said = f"Drift: {count} on {account} changed since applied, {drift.unchanged:,} as applied."
    return "\n".join([*lines, *([""] if lines else []), paint(said, "bold")]) + "\n"


def as_document(drift: Drift) -> dict[str, Any]:
    """Return the drift as ``drift --format json`` has it: ``before`` is what was applied, ``after`` what is live."""
    return {
        "format_version": FORMAT_VERSION,
        "url": drift.target.url,
        "org": drift.target.org,
        "account": drift.target.account,
        "summary": {"drifted": len(drift.changes), "unchanged": drift.unchanged},
        "changes": [change_document(change) for change in drift.changes],
    }


def render_json(drift: Drift) -> str:
    """Return :func:`as_document` as ASCII text."""
    return json_text(as_document(drift))
