"""A plan in one sentence, before it is applied and after."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlsync.escape import visible
from dlsync.render.fields import counted

if TYPE_CHECKING:
    from dlsync.model import Action, Change, Plan, Result

STAYS = "(stays as it was changed on the server)"


def is_applied(plan: Plan) -> bool:
    """Whether the changes carry how applying them went."""
    return any(change.result for change in plan.changes)


def renamed(change: Change) -> str:
    """Return what stands before the name of the other resource of a rename."""
    return "renamed from" if change.action == "create" else "renamed to"


def account(plan: Plan) -> str:
    """Return the organisation and account that the plan is for, visible."""
    return visible(f"{plan.target.org}/{plan.target.account}")


def counts(plan: Plan) -> str:
    """Return ``1 to create, 2 to update, ...``, or once applied ``1 created, 2 updated, ...``."""
    return _done(plan) if is_applied(plan) else _to_do(plan)


def sentence(plan: Plan) -> str:
    """Return the line that ends a plan or an apply."""
    if plan:
        return f"{'Applied' if is_applied(plan) else 'Plan'}: {counts(plan)}."
    verb = "is" if plan.unchanged == 1 else "are"
    adopted = f", {len(plan.adopted):,} of them not managed before" if plan.adopted else ""
    kept = f", but for what stays as it was changed on the server in {len(plan.kept):,} of them" if plan.kept else ""
    said = f"{counted(plan.unchanged, 'resource')} on {account(plan)} {verb} as the files say"
    return f"Nothing to do: {said}{adopted}{kept}."


def _to_do(plan: Plan) -> str:
    parts = [f"{plan.count(action):,} to {action}" for action in _ACTIONS]
    held = [f"{plan.conflicts:,} held"] if plan.conflicts else []
    adopted = f" ({len(plan.adopted):,} to adopt)" if plan.adopted else ""
    return ", ".join([*parts, f"{plan.unchanged:,} unchanged{adopted}", *held])


def _done(plan: Plan) -> str:
    parts = [f"{_ended(plan, 'applied', action):,} {action}d" for action in _ACTIONS]
    skipped = _ended(plan, "skipped")
    return ", ".join([*parts, f"{_ended(plan, 'failed'):,} failed", *([f"{skipped:,} skipped"] if skipped else [])])


def _ended(plan: Plan, result: Result, action: Action | None = None) -> int:
    return sum(change.result == result and action in {None, change.action} for change in plan.changes)


_ACTIONS: tuple[Action, ...] = ("create", "update", "delete")
