"""Render a plan, the results of an apply, and drift as text for a terminal."""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

from dlsync.messages import counted, visible
from dlsync.model import Plan, Result
from dlsync.operations.drift import Drift
from dlsync.operations.plan_document import FORMAT_VERSION, account, change_document, counts, is_applied
from dlsync.render import problems
from dlsync.render.description import REFUSED, Description, describe
from dlsync.render.fields import Field
from dlsync.render.table import Style, painter

Paint = Callable[[str, Style], str]


_STYLES: dict[str, Style] = {"+": "green", "~": "yellow", "-": "red", "@": "cyan"}
_RESULTS: dict[Result, Style] = {"applied": "green", "failed": "red", "skipped": "yellow"}


def render(plan: Plan, *, color: bool) -> str:
    """Return the warnings, a line for each resource with its fields below it, and the counts.

    After an apply, the line of a resource ends with its result, and its fields are not repeated.
    """
    paint = painter(color=color)
    lines, applied = [], is_applied(plan)
    for change in describe(plan.changes, reverts=bool(plan.reverts)):
        lines.append(_headline(change, paint))
        if not applied:
            lines += _details(change, paint)
    refused = [paint(f"{REFUSED}: {visible(reason)}", "red") for reason in plan.refused]
    blocks = [problems.lines(plan.warnings, paint), lines, [paint(summary(plan), "bold"), *refused]]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def summary(plan: Plan) -> str:
    """Return the last line of a plan or an apply."""
    if plan:
        return f"{'Applied' if is_applied(plan) else 'Plan'}: {counts(plan)}."
    if plan.unrestored:
        return f"Nothing to restore, except fields of {counted(len(plan.unrestored), 'resource')} that no journal has."
    verb = "matches" if plan.unchanged == 1 else "match"
    adopted = f", {len(plan.adopted):,} of them not managed before" if plan.adopted else ""
    desired = f"what was there before run {plan.reverts}" if plan.reverts else "the files"
    matches = f"{counted(plan.unchanged, 'resource')} on {account(plan)} {verb} {desired}{adopted}"
    if not plan.kept:
        return f"No changes. {matches}."
    keep = "keeps" if len(plan.kept) == 1 else "keep"
    matching = f"{plan.unchanged - len(plan.kept):,} of {matches}"
    return f"No changes to apply. {matching}; {len(plan.kept):,} {keep} changes made on the server."


def render_drift(drift: Drift, *, color: bool) -> str:
    """Return the changed resources, each with its fields, and the counts."""
    paint = painter(color=color)
    changes = describe(drift.changes)
    lines = [line for change in changes for line in (_headline(change, paint), *_details(change, paint))]
    gap = [""] if lines else []
    return "\n".join([*lines, *gap, paint(drift_summary(drift), "bold")]) + "\n"


def drift_summary(drift: Drift) -> str:
    """Return the last line of drift."""
    target = visible(f"{drift.target.org}/{drift.target.account}")
    if not drift:
        return f"No drift: {counted(drift.unchanged, 'managed resource')} on {target}, as applied."
    changed = f"{counted(len(drift.changes), 'resource')} on {target} changed since applied"
    return f"Drift: {changed}, {drift.unchanged:,} as applied."


def drift_document(drift: Drift) -> dict[str, Any]:
    """Return drift as ``drift --format json`` prints it: ``before`` is the applied value, ``after`` the live one."""
    return {
        "format_version": FORMAT_VERSION,
        **asdict(drift.target),
        "summary": {"drifted": len(drift.changes), "unchanged": drift.unchanged},
        "warnings": [one.as_document() for one in drift.warnings],
        "changes": [change_document(change) for change in drift.changes],
    }


def _headline(change: Description, paint: Paint) -> str:
    words = " ".join([change.action, *(f"({one})" for one in (change.cause, " ".join(change.renamed)) if one)])
    parts = [paint(f"{change.sign} {change.address}", _STYLES[change.sign]), words]
    if change.place:
        parts.append(paint(change.place, "dim"))
    if change.result:
        error = f": {change.error}" if change.error else ""
        parts.append(paint(f"{change.outcome}{error}", _RESULTS[change.result]))
    return "  ".join(parts)


def _details(change: Description, paint: Paint) -> Iterator[str]:
    if change.held:
        yield f"    {paint(f'held: {change.held}', 'yellow')}"
    for field in change.fields:
        yield from _field(field, paint)
    for field in change.kept:
        live = f": {field.before}" if field.before else ""
        yield f"    {paint('=', 'dim')} {field.name}{live}  {paint(f'({field.note})', 'dim')}"


def _field(field: Field, paint: Paint) -> Iterator[str]:
    values = field.note or " -> ".join(value for value in (field.before, field.after) if value is not None)
    line = paint(f"   (line {field.line})", "dim") if field.line else ""
    mover = paint(f"  ({field.mover})", "dim") if field.mover else ""
    yield f"    {paint(field.sign, _STYLES[field.sign])} {field.name}:{' ' if values else ''}{values}{line}{mover}"
    for hunk in field.hunks:
        style = _STYLES.get(hunk[:1])
        yield f"        {paint(hunk, style) if style else hunk}"
    yield from (f"        {paint(line, 'dim')}" if line else "" for line in field.outline)
