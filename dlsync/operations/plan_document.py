"""Encode a plan as the JSON that scripts rely on (schemas/plan.schema.json), and its counts in words."""

from dataclasses import asdict
from math import isfinite
from typing import Any

from dlsync.diff.digests import mapped
from dlsync.messages import visible
from dlsync.model import Action, FieldChange, Json, Plan, ResourceChange

FORMAT_VERSION = 1
# a double holds no larger whole number, and Python prints none of more than 4,300 digits
_MAX_BITS = 1024
_ACTIONS: tuple[Action, ...] = ("create", "update", "delete")


def as_document(plan: Plan) -> dict[str, Any]:
    """Return the plan as ``plan --format json`` prints it; an unknown value is null.

    After an apply, each change also has ``result`` and ``error``.
    """
    applied = is_applied(plan)
    return {
        "format_version": FORMAT_VERSION,
        **asdict(plan.target),
        "commit": plan.commit or None,
        "summary": plan.summary,
        "adopted": [str(address) for address in plan.adopted],
        "refused": [*plan.refused],
        "warnings": [one.as_document() for one in plan.warnings],
        "changes": [
            change_document(change)
            | ({"result": change.result or "skipped", "error": change.error or None} if applied else {})
            for change in plan.changes
        ],
    }


def change_document(change: ResourceChange) -> dict[str, Any]:
    """Return one change as JSON."""
    return {
        "kind": change.address.kind,
        "name": change.address.name,
        "action": change.action,
        "cause": change.cause,
        "file": change.file or None,
        "line": change.line,
        "diff": [_difference_document(one) for one in change.diff],
        **({"held": change.held} if change.held else {}),
        **({"kept": [_difference_document(one) for one in change.kept]} if change.kept else {}),
        **({"renamed_from" if change.action == "create" else "renamed_to": change.renamed} if change.renamed else {}),
    }


def _difference_document(difference: FieldChange) -> dict[str, Any]:
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
    """Return a value with texts in place of what JSON or its readers cannot hold: ``.inf``, ``.nan``, huge numbers."""
    return mapped(value, _exact)


def _exact(leaf: Json) -> Json:
    if isinstance(leaf, float) and not isfinite(leaf):
        return str(leaf)
    return hex(leaf) if isinstance(leaf, int) and leaf.bit_length() > _MAX_BITS else leaf


def is_applied(plan: Plan) -> bool:
    """Whether the changes have results."""
    return any(change.result for change in plan.changes)


def account(plan: Plan) -> str:
    """Return the organisation and account that the plan is for, visible."""
    return visible(f"{plan.target.org}/{plan.target.account}")


def counts(plan: Plan) -> str:
    """Return ``1 to create, 2 to update, ...``, or once applied ``1 created, 2 updated, ...``."""
    if is_applied(plan):
        parts = [f"{_ended(plan, 'applied', action):,} {action}d" for action in _ACTIONS]
        rest = [f"{count:,} {outcome}" for outcome in ("unknown", "skipped") if (count := _ended(plan, outcome))]
        return ", ".join([*parts, f"{_ended(plan, 'failed'):,} failed", *rest])
    parts = [f"{plan.count(action):,} to {action}" for action in _ACTIONS]
    adopted = f" ({len(plan.adopted):,} to adopt)" if plan.adopted else ""
    held = [f"{plan.conflicts:,} held"] if plan.conflicts else []
    return ", ".join([*parts, f"{plan.unchanged:,} unchanged{adopted}", *held])


def _ended(plan: Plan, outcome: str, action: Action | None = None) -> int:
    return sum(change.outcome == outcome and action in {None, change.action} for change in plan.changes)
