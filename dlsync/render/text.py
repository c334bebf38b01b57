"""A plan, or how applying it went, for a person at a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlsync.escape import visible
from dlsync.render import problems
from dlsync.render.color import painter
from dlsync.render.fields import fields
from dlsync.render.summary import is_applied, sentence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dlsync.model import Change, Plan, Result
    from dlsync.render.color import Style
    from dlsync.render.fields import Field

    Paint = Callable[[str, Style], str]

_SIGNS = {"create": "+", "update": "~", "delete": "-"}
_STYLES: dict[str, Style] = {"+": "green", "~": "yellow", "-": "red", "@": "cyan"}
_RESULTS: dict[Result, Style] = {"applied": "green", "failed": "red", "skipped": "yellow"}
_CAUSES = {"drift": " (changed on the server)", "conflict": " (conflict: changed in the files and on the server)"}


def render(plan: Plan, *, color: bool) -> str:
    """Return the plan as lines: warnings, one for each resource with its fields below it, and the counts.

    Once applied, a resource's line ends with how it went, and its fields, shown before, are left out.
    """
    paint = painter(color=color)
    blocks = [problems.lines(plan.warnings, paint), list(_changes(plan, paint)), [paint(sentence(plan), "bold")]]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _changes(plan: Plan, paint: Paint) -> Iterator[str]:
    applied = is_applied(plan)
    for change in plan.changes:
        yield _headline(change, paint)
        if not applied:
            for field in fields(change):
                yield from _field(field, paint)


def _headline(change: Change, paint: Paint) -> str:
    sign = _SIGNS[change.action]
    place = ":".join(visible(str(part)) for part in (change.file, change.line) if part)
    parts = [
        paint(f"{sign} {visible(str(change.address))}", _STYLES[sign]),
        f"{change.action}{_CAUSES.get(change.cause, '')}",
        *([paint(place, "dim")] if place else []),
        *_outcome(change, paint),
    ]
    return "  ".join(parts)


def _outcome(change: Change, paint: Paint) -> Iterator[str]:
    if change.result:
        error = f": {visible(change.error)}" if change.error else ""
        yield paint(f"{change.result}{error}", _RESULTS[change.result])


def _field(field: Field, paint: Paint) -> Iterator[str]:
    said = field.note or " -> ".join(side for side in (field.before, field.after) if side is not None)
    line = paint(f"   (line {field.line})", "dim") if field.line else ""
    yield f"    {paint(field.sign, _STYLES[field.sign])} {field.name}:{' ' if said else ''}{said}{line}"
    for hunk in field.hunks:
        style = _STYLES.get(hunk[:1])
        yield f"        {paint(hunk, style) if style else hunk}"
