"""A plan, or how applying it went, for a person at a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlsync.messages import field_name, visible
from dlsync.operations.plan_document import account, counts, is_applied
from dlsync.render import problems
from dlsync.render.fields import counted, fields, side
from dlsync.render.table import painter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from dlsync.model import Plan, ResourceChange, Result
    from dlsync.render.fields import Field
    from dlsync.render.table import Style

    Paint = Callable[[str, Style], str]


REFUSED = "An apply refuses this plan"
STAYS = "(stays as it was changed on the server)"


def renamed(change: ResourceChange) -> str:
    """Return what stands before the name of the other resource of a rename."""
    return "renamed from" if change.action == "create" else "renamed to"


def sentence(plan: Plan) -> str:
    """Return the line that ends a plan or an apply."""
    if plan:
        return f"{'Applied' if is_applied(plan) else 'Plan'}: {counts(plan)}."
    if plan.unrestored:
        return f"Nothing to restore but fields that no journal has, in {counted(len(plan.unrestored), 'resource')}."
    verb = "matches" if plan.unchanged == 1 else "match"
    adopted = f", {len(plan.adopted):,} of them not managed before" if plan.adopted else ""
    desired = f"what was there before run {plan.reverts}" if plan.reverts else "the files"
    said = f"{counted(plan.unchanged, 'resource')} on {account(plan)} {verb} {desired}{adopted}"
    if not plan.kept:
        return f"No changes. {said}."
    keep = "keeps" if len(plan.kept) == 1 else "keep"
    matching = f"{plan.unchanged - len(plan.kept):,} of {said}"
    return f"No changes to apply. {matching}; {len(plan.kept):,} {keep} changes made on the server."


_SIGNS = {"create": "+", "update": "~", "delete": "-"}
_STYLES: dict[str, Style] = {"+": "green", "~": "yellow", "-": "red", "@": "cyan"}
_RESULTS: dict[Result, Style] = {"applied": "green", "failed": "red", "skipped": "yellow"}
_CAUSES = {"drift": " (changed on the server)", "conflict": " (conflict: changed in the files and on the server)"}
_CAUSES_OF_ROLLBACKS = {"drift": _CAUSES["drift"], "conflict": " (conflict: changed since the run)"}
_MOVERS = {
    "repo": "in the files",
    "drift": "on the server",
    "conflict": "on both sides",
    "kept": "on the server, before",
}


def render(plan: Plan, *, color: bool) -> str:
    """Return the plan as lines: warnings, one for each resource with its fields below it, and the counts.

    Once applied, a resource's line ends with how it went, and its fields, shown before, are left out.
    """
    paint = painter(color=color)
    causes = _CAUSES_OF_ROLLBACKS if plan.reverts else _CAUSES
    lines = list(changes(plan.changes, paint, in_full=not is_applied(plan), causes=causes))
    refused = [paint(f"{REFUSED}: {visible(reason)}", "red") for reason in plan.refused]
    blocks = [problems.lines(plan.warnings, paint), lines, [paint(sentence(plan), "bold"), *refused]]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def changes(
    changes: Iterable[ResourceChange], paint: Paint, *, in_full: bool, causes: Mapping[str, str] = _CAUSES
) -> Iterator[str]:
    """Yield a line for each change, and where they are shown in full, those of its fields."""
    for change in changes:
        yield _headline(change, paint, causes.get(change.cause, ""))
        if in_full:
            yield from _details(change, paint)


def _details(change: ResourceChange, paint: Paint) -> Iterator[str]:
    if change.held:
        yield f"    {paint(f'held: {visible(change.held)}', 'yellow')}"
    # who moved what is worth a word only where not all of it has one cause
    movers = {one.mover for one in change.diff}
    for field, one in zip(fields(change), change.diff, strict=True):
        said = f"  ({_MOVERS[one.mover]})" if one.mover and len(movers) > 1 else ""
        yield from _field(field, paint, paint(said, "dim") if said else "")
    for one in change.kept:
        now = "" if one.before is None else f": {side(one, one.before)}"
        yield f"    {paint('=', 'dim')} {field_name(one.path)}{now}  {paint(STAYS, 'dim')}"


def _headline(change: ResourceChange, paint: Paint, cause: str) -> str:
    sign = _SIGNS[change.action]
    place = ":".join(visible(str(part)) for part in (change.file, change.line) if part)
    parts = [
        paint(f"{sign} {visible(str(change.address))}", _STYLES[sign]),
        f"{change.action}{cause}{_renamed(change)}",
        *([paint(place, "dim")] if place else []),
        *_outcome(change, paint),
    ]
    return "  ".join(parts)


def _renamed(change: ResourceChange) -> str:
    return f" ({renamed(change)} {visible(change.renamed)})" if change.renamed else ""


def _outcome(change: ResourceChange, paint: Paint) -> Iterator[str]:
    if change.result:
        error = f": {visible(change.error)}" if change.error else ""
        yield paint(f"{change.outcome}{error}", _RESULTS[change.result])


def _field(field: Field, paint: Paint, who: str) -> Iterator[str]:
    said = field.note or " -> ".join(side for side in (field.before, field.after) if side is not None)
    line = paint(f"   (line {field.line})", "dim") if field.line else ""
    yield f"    {paint(field.sign, _STYLES[field.sign])} {field.name}:{' ' if said else ''}{said}{line}{who}"
    for hunk in field.hunks:
        style = _STYLES.get(hunk[:1])
        yield f"        {paint(hunk, style) if style else hunk}"
    yield from (f"        {paint(line, 'dim')}" if line else "" for line in field.outline)
