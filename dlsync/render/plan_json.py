"""A plan, or how applying it went, as the JSON that scripts rely on (schemas/plan.schema.json)."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

from dlsync.messages import json_text
from dlsync.render.plan_text import is_applied

if TYPE_CHECKING:
    from dlsync.model import Change, Difference, Json, Plan

FORMAT_VERSION = 1
# a double holds no larger whole number, and Python prints none of more than 4,300 digits
_MAX_BITS = 1024
_RENAMED = {"create": "renamed_from", "delete": "renamed_to"}


def as_document(plan: Plan) -> dict[str, Any]:
    """Return the plan as ``plan --format json`` has it; what is unknown is null.

    Once applied, each change also has ``result`` and ``error``.
    """
    applied = is_applied(plan)
    return {
        "format_version": FORMAT_VERSION,
        "url": plan.target.url,
        "org": plan.target.org,
        "account": plan.target.account,
        "commit": plan.commit or None,
        "summary": plan.summary,
        "adopted": [str(address) for address in plan.adopted],
        "refused": [*plan.refused],
        "changes": [change_document(change) | (_outcome(change) if applied else {}) for change in plan.changes],
    }


def render(plan: Plan) -> str:
    """Return :func:`as_document` as text: ASCII, so that there is nothing in it that a terminal acts on."""
    return json_text(as_document(plan))


def change_document(change: Change) -> dict[str, Any]:
    """Return one change as JSON has it."""
    return {
        "kind": change.address.kind,
        "name": change.address.name,
        "action": change.action,
        "cause": change.cause,
        "file": change.file or None,
        "line": change.line,
        "diff": [difference_document(one) for one in change.diff],
        **({"held": change.held} if change.held else {}),
        **({"kept": [difference_document(one) for one in change.kept]} if change.kept else {}),
        **({_RENAMED[change.action]: change.renamed} if change.renamed and change.action in _RENAMED else {}),
    }


def _outcome(change: Change) -> dict[str, Any]:
    return {"result": change.result or "skipped", "error": change.error or None}


def difference_document(difference: Difference) -> dict[str, Any]:
    """Return one field that differs as JSON has it."""
    return {
        "path": list(difference.path),
        "op": difference.op,
        "before": exact(difference.before),
        "after": exact(difference.after),
        "line": difference.line,
        **({"moved": True} if difference.moved else {}),
        **({"mover": difference.mover} if difference.mover else {}),
        **({"masked": difference.masked} if difference.masked else {}),
    }


def exact(value: Json) -> Json:
    """Return the value with what JSON cannot hold, or its readers cannot, as text: ``.inf``, ``.nan``, huge numbers."""
    if isinstance(value, dict):
        return {key: exact(item) for key, item in value.items()}
    if isinstance(value, list):
        return [exact(item) for item in value]
    if isinstance(value, float) and not isfinite(value):
        return str(value)
    if isinstance(value, int) and value.bit_length() > _MAX_BITS:
        return hex(value)
    return value
