"""A plan as a comment on a pull request: GitHub Flavored Markdown that names and values cannot break out of."""

import re
from collections.abc import Iterable, Iterator, Sequence

from dlsync.messages import shortened, visible
from dlsync.model import Plan, Problem
from dlsync.operations.plan_document import account, counts, is_applied
from dlsync.render.description import REFUSED, Description, describe
from dlsync.render.fields import Field, counted

LIMIT = 65_000  # GitHub takes 65,536 characters in a comment
_ROOM_FOR_FOOTER = 200
_MAX_CELL = 120
_MAX_WARNING = 300
_MAX_REASON = 2_000  # longer than any but a name without bounds can make one
_MAX_WARNINGS = 10
_MAX_NAMED_FIELDS = 3
_MAX_SCALAR = 300
_TABLE_HEAD = "| action | resource | file | fields |\n| --- | --- | --- | --- |\n"
# what Markdown, HTML or GitHub's links, mentions and formulas could begin or end with
_SPECIAL = re.compile(r":(?![0-9 ])|(?<=[wW])\.|[!#$&*<>@\[\\\]^_`{|}~]")


def render(plan: Plan, limit: int = LIMIT) -> str:
    """Return a summary line, a table of the changes and a folded diff of each, in at most ``limit`` characters.

    What does not fit is left out, diffs first, then rows, and a sentence says how much.
    """
    head = _head(plan)
    if not plan:
        return head
    room = limit - _ROOM_FOR_FOOTER - len(head) - len(_TABLE_HEAD)
    changes = list(describe(plan.changes, reverts=bool(plan.reverts), longest=_MAX_SCALAR))
    rows, room = _fitting(map(_row, changes), room)
    foldable = [change for change in changes if change.fields]
    diffs, _ = _fitting(map(_folded, foldable), room if len(rows) == len(changes) else 0)
    omitted = ((len(changes) - len(rows), "resource"), (len(foldable) - len(diffs), "diff"))
    said = " and ".join(counted(count, noun) for count, noun in omitted if count)
    footer = f"\nLeft out here, to stay within a comment's length: {said}. `dlsync plan` shows all.\n" if said else ""
    return f"{head}\n{_TABLE_HEAD}{''.join(rows)}{''.join(diffs)}{footer}"


def render_failure(error: str, problems: Sequence[Problem], limit: int = LIMIT) -> str:
    """Return why there is no plan: the error, and below it the problems of the files, the errors first."""
    worst_first = sorted(problems, key=lambda one: one.severity)
    reason = "<br>".join(code(line, min(limit // 8, _MAX_REASON)) for line in error.splitlines()[:_MAX_WARNINGS])
    head = f"**dlsync plan failed**: {reason}\n"
    return head + "".join(_fitting([_warnings(worst_first, "problem")], limit - len(head))[0])


def code(text: str, longest: int = _MAX_CELL) -> str:
    """Return a text as HTML code that Markdown does nothing to, whatever is in it.

    Entities rather than backticks: within a code span of a table, parsers disagree on what ends a cell.
    """
    return f"<code>{_SPECIAL.sub(_entity, shortened(visible(text), longest))}</code>"


def _entity(special: re.Match[str]) -> str:
    # GitHub looks for mail addresses after it has resolved entities; a tag in the middle keeps it from finding one
    return "&#64;<wbr>" if special[0] == "@" else f"&#{ord(special[0])};"


def _head(plan: Plan) -> str:
    command = "apply" if is_applied(plan) else "plan"
    said = counts(plan) if plan else f"no changes, {plan.unchanged:,} unchanged"
    refused = "".join(f"\n**{REFUSED}**: {code(reason, _MAX_REASON)}\n" for reason in plan.refused)
    return f"**dlsync {command}** for {code(account(plan))}: {said}.\n{refused}{_warnings(plan.warnings)}"


def _warnings(warnings: Sequence[Problem], noun: str = "warning") -> str:
    lines = [f"- {one.severity}: {code(str(one), _MAX_WARNING)}\n" for one in warnings[:_MAX_WARNINGS]]
    if more := len(warnings) - len(lines):
        lines.append(f"- and {counted(more, f'more {noun}')}\n")
    return "\n" + "".join(lines) if lines else ""


def _row(change: Description) -> str:
    action = f"{change.action}{f' ({change.cause})' if change.cause else ''}"
    if change.renamed:
        action += f", {change.renamed[0]} {code(change.renamed[1])}"
    if change.result:
        action += f": {change.outcome}"
    elif change.held:
        action += f", held: {code(change.held, _MAX_REASON)}"
    if change.error:
        action += f", {code(change.error, _MAX_REASON)}"
    named = counted(len(change.fields), "field") if change.fields else ""
    if change.action == "update":
        named = ", ".join(code(field.name) for field in change.fields[:_MAX_NAMED_FIELDS])
        more = len(change.fields) - _MAX_NAMED_FIELDS
        named += f" and {more:,} more" if more > 0 else ""
    return f"| {action} | {code(change.address)} | {code(change.place) if change.place else ''} | {named} |\n"


def _folded(change: Description) -> str:
    differ = [line for field in change.fields for line in _lines(field)]
    stay = [f"! {field.name}:{f' {field.before}' if field.before else ''} ({field.note})" for field in change.kept]
    body = "\n".join([*differ, *stay])
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", body)), default=0))
    summary = f"<summary>{change.action} {code(change.address)}</summary>"
    return f"\n<details>\n{summary}\n\n{fence}diff\n{body}\n{fence}\n\n</details>\n"


def _lines(field: Field) -> Iterator[str]:
    """The lines as GitHub colours them in a diff: ``!`` for what is neither added nor removed."""
    if field.note or field.hunks:
        yield f"! {field.name}:{f' {field.note}' if field.note else ''}"
        yield from field.hunks
    if field.before is not None:
        yield f"- {field.name}: {field.before}"
    if field.after is not None:
        yield f"+ {field.name}: {field.after}"
    yield from (f"{field.sign}     {line}".rstrip() for line in field.outline)


def _fitting(parts: Iterable[str], room: int) -> tuple[list[str], int]:
    """Return the parts that fit into so many characters together, in their order, and how many are left."""
    kept = []
    for part in parts:
        if len(part) <= room:
            kept.append(part)
            room -= len(part)
    return kept, room
