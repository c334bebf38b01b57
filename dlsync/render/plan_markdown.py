"""Render a plan as a comment on a pull request, in GitHub Flavored Markdown with escaped names and values."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from dlsync.messages import counted, shortened, visible
from dlsync.model import Plan, Problem
from dlsync.operations.plan_document import account, counts, is_applied
from dlsync.render.description import NOT_URGENT, REFUSED, Description, describe
from dlsync.render.fields import Field

LIMIT = 63_000  # GitHub accepts 65,536 characters in a comment; the rest is for a link, which may be signed
_ROOM_FOR_FOOTER = 250
_MAX_CELL = 120
_MAX_CELL_IN_SHORT = 30
_MAX_WARNING = 300
_MAX_REASON = 2_000  # longer than any reason without a huge name
_MAX_REASON_IN_SHORT = 100
_MAX_WARNINGS = 10
_MAX_NAMED_FIELDS = 3
_MAX_SCALAR = 300
_TABLE_HEAD = "\n| action | resource | file | fields |\n| --- | --- | --- | --- |\n"
# characters that may begin or end Markdown, HTML, or GitHub's links, mentions and formulas
_SPECIAL = re.compile(r":(?![0-9 ])|(?<=[wW])\.|[!#$&*<>@\[\\\]^_`{|}~]")

_SLOTS = ("head", "refused", "warnings", "urgent", "other", "diffs")

Forms = tuple[str, ...]
_Shown = list[defaultdict[str, list[str]]]  # the blocks of each section that are shown, by slot


@dataclass(frozen=True, slots=True)
class Section:
    """One account in a comment; each part has several forms, from the longest to the shortest.

    :param head: the summary, or the error if there is no plan.
    :param refused: why an apply refuses the plan; empty if it does not.
    :param changes: deletes, conflicts and held changes first.
    """

    head: Forms
    refused: Forms = ()
    warnings: Forms = ()
    changes: tuple[Description, ...] = ()

    def headed(self, name: str) -> "Section":
        """Return the section below a heading."""
        longest = (_MAX_CELL, _MAX_CELL_IN_SHORT)
        heads = zip(longest, self.head, strict=True)
        return replace(self, head=tuple(f"### {code(name, width)}\n\n{head}" for width, head in heads))


def render(plan: Plan, *, limit: int = LIMIT, marker: str = "") -> str:
    """Return a summary line, a table of the changes and a folded diff of each; see :func:`assemble`."""
    return assemble([section_of(plan)], limit=limit, start=marker)


def render_failure(error: str, problems: Sequence[Problem], *, limit: int = LIMIT, marker: str = "") -> str:
    """Return a comment without a plan: the error, and below it the problems of the files, errors first."""
    return assemble([section_of_failure(error, problems)], limit=limit, start=marker)


def section_of(plan: Plan) -> Section:
    """Return the section of a plan."""
    command = "apply" if is_applied(plan) else "plan"
    said = counts(plan) if plan else f"no changes, {plan.unchanged:,} unchanged"
    widths = (_MAX_CELL, _MAX_CELL_IN_SHORT)
    head = tuple(f"**dlsync {command}** for {code(account(plan), width)}: {said}.\n" for width in widths)
    refused = tuple(
        "".join(f"\n**{REFUSED}**: {code(reason, width)}\n" for reason in plan.refused)
        for width in (_MAX_REASON, _MAX_REASON_IN_SHORT)
    )
    brief = f"\n**{REFUSED}**: {counted(len(plan.refused), 'reason')}.\n"
    changes = describe(plan.changes, reverts=bool(plan.reverts), longest=_MAX_SCALAR, in_sentences=True)
    return Section(
        head,
        (*refused, brief) if plan.refused else (),
        _warnings(plan.warnings, "warning"),
        tuple(sorted(changes, key=lambda one: one.rank)),
    )


def section_of_failure(error: str, problems: Sequence[Problem]) -> Section:
    """Return the section of an error in place of a plan."""
    lines = error.splitlines()[:_MAX_WARNINGS]
    reason = "<br>".join(code(line, _MAX_REASON) for line in lines)
    brief = code(lines[0], _MAX_REASON_IN_SHORT) if lines else ""
    head = tuple(f"**dlsync plan failed**: {text}\n" for text in (reason, brief))
    return Section(head, (), _warnings(sorted(problems, key=lambda one: one.severity), "problem"))


def assemble(sections: Sequence[Section], *, limit: int, start: str = "", end: str = "") -> str:
    """Return the sections as one comment, with a sentence about the blocks that are left out.

    The most important blocks come first: summaries, reasons why an apply refuses, deletes with conflicts and held
    changes, warnings, other changes, and diffs, the smallest first. If a block does not fit even in its shortest form,
    all less important blocks are left out too.

    :param limit: characters, at least 2,000.
    """
    room = limit - len(start) - len(end) - _ROOM_FOR_FOOTER
    shown: _Shown = [defaultdict(list) for _ in sections]
    for slot, blocks in _stages(sections):
        texts = _fitting([forms for _, forms in blocks], room)
        room -= sum(map(len, texts))
        for (number, _), text in zip(blocks, texts, strict=False):
            shown[number][slot].append(text)
        if len(texts) < len(blocks):
            room = 0
    for number, diff in _diffs(sections):
        if len(diff) <= room:
            room -= len(diff)
            shown[number]["diffs"].append(diff)
    parts = [text for slots in shown for slot in _SLOTS for text in slots[slot]]
    return "".join([start, *parts, _footer(sections, shown), end])


def _stages(sections: Sequence[Section]) -> Iterator[tuple[str, list[tuple[int, Forms]]]]:
    """Yield each slot with its blocks and the numbers of their sections, the most important slot first."""
    numbered = list(enumerate(sections))
    yield "head", [(number, tuple("\n" * (number > 0) + form for form in one.head)) for number, one in numbered]
    yield "refused", [(number, one.refused) for number, one in numbered if one.refused]
    yield "urgent", [(number, forms) for number, one in numbered for forms in _rows(one, urgent=True)]
    yield "warnings", [(number, one.warnings) for number, one in numbered if one.warnings]
    yield "other", [(number, forms) for number, one in numbered for forms in _rows(one, urgent=False)]


def _fitting(blocks: Sequence[Forms], room: int) -> list[str]:
    """Return all blocks in the longest form that fits, or else the first blocks in their shortest form."""
    for texts in zip(*blocks, strict=True):
        if sum(map(len, texts)) <= room:
            return list(texts)
    found = []
    for *_, text in blocks:
        if len(text) > room:
            break
        room -= len(text)
        found.append(text)
    return found


def _footer(sections: Sequence[Section], shown: _Shown) -> str:
    count = {slot: sum(len(slots[slot]) for slots in shown) for slot in _SLOTS}
    changes = list(chain.from_iterable(section.changes for section in sections))
    omitted = (
        (len(sections) - count["head"], "environment"),
        (len(changes) - count["urgent"] - count["other"], "resource"),
        (sum(bool(change.fields) for change in changes) - count["diffs"], "diff"),
    )
    said = " and ".join(counted(number, noun) for number, noun in omitted if number)
    return f"\nLeft out here, to stay within a comment's length: {said}. `dlsync plan` shows all.\n" if said else ""


def code(text: str, longest: int = _MAX_CELL) -> str:
    """Return a text as HTML code, without backticks: in a table, parsers disagree where these end."""
    return f"<code>{_SPECIAL.sub(_entity, shortened(visible(text), longest))}</code>"


def _entity(special: re.Match[str]) -> str:
    # GitHub looks for e-mail addresses after it has resolved entities; a tag inside an address hides it
    return "&#64;<wbr>" if special[0] == "@" else f"&#{ord(special[0])};"


def _warnings(warnings: Sequence[Problem], noun: str) -> Forms:
    if not warnings:
        return ()
    lines = [f"- {one.severity}: {code(str(one), _MAX_WARNING)}\n" for one in warnings[:_MAX_WARNINGS]]
    if more := len(warnings) - len(lines):
        lines.append(f"- and {counted(more, f'more {noun}')}\n")
    return "\n" + "".join(lines), f"\n- {counted(len(warnings), noun)}, which `dlsync plan` shows\n"


def _rows(section: Section, *, urgent: bool) -> Iterator[Forms]:
    for number, change in enumerate(section.changes):
        if (change.rank < NOT_URGENT) == urgent:
            head = "" if number else _TABLE_HEAD
            yield head + _row(change), f"{head}| {_action(change)} | {code(change.address)} |  |  |\n"


def _action(change: Description) -> str:
    action = f"{change.action}{f' ({change.cause})' if change.cause else ''}"
    return f"{action}{f': {change.outcome}' if change.result else ', held' if change.held else ''}"


def _row(change: Description) -> str:
    action = _action(change)
    if change.held and not change.result:
        action += f": {code(change.held, _MAX_REASON)}"
    if change.renamed:
        action += f", {change.renamed[0]} {code(change.renamed[1])}"
    if change.error:
        action += f", {code(change.error, _MAX_REASON)}"
    named = counted(len(change.fields), "field") if change.fields else ""
    if change.action == "update":
        named = ", ".join(code(field.name) for field in change.fields[:_MAX_NAMED_FIELDS])
        more = len(change.fields) - _MAX_NAMED_FIELDS
        named += f" and {more:,} more" if more > 0 else ""
    return f"| {action} | {code(change.address)} | {code(change.place) if change.place else ''} | {named} |\n"


def _diffs(sections: Sequence[Section]) -> list[tuple[int, str]]:
    """Return the diffs with the numbers of their sections: urgent changes first, then the smallest diffs first."""
    found = [
        (change.rank, number, _folded(change))
        for number, section in enumerate(sections)
        for change in section.changes
        if change.fields
    ]
    found.sort(key=lambda one: (one[0], len(one[2])))
    return [(number, diff) for _, number, diff in found]


def _folded(change: Description) -> str:
    differ = [line for field in change.fields for line in _lines(field)]
    stay = [f"! {field.name}:{f' {field.before}' if field.before else ''} ({field.note})" for field in change.kept]
    said = [line for before, after in change.sentences for line in (f"- {before}", f"+ {after}")]
    body = "\n".join([*said, *differ, *stay])
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", body)), default=0))
    summary = f"<summary>{change.action} {code(change.address)}</summary>"
    return f"\n<details>\n{summary}\n\n{fence}diff\n{body}\n{fence}\n\n</details>\n"


def _lines(field: Field) -> Iterator[str]:
    """Yield the lines of a diff as GitHub colours them: ``!`` begins a line that is neither added nor removed."""
    if field.note or field.hunks:
        yield f"! {field.name}:{f' {field.note}' if field.note else ''}"
        yield from field.hunks
    if field.before is not None:
        yield f"- {field.name}: {field.before}"
    if field.after is not None:
        yield f"+ {field.name}: {field.after}"
    yield from (f"{field.sign}     {line}".rstrip() for line in field.outline)
