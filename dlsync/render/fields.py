"""A change's fields in words: what text and Markdown show below a resource."""

from __future__ import annotations

from dataclasses import dataclass, replace
from difflib import unified_diff
from itertools import islice
from typing import TYPE_CHECKING, Literal, cast

from dlsync.files.interpolation import names
from dlsync.files.redaction import HIDDEN
from dlsync.messages import WIDTH, distinct, field_name, in_full, pair, shortened, value, visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlsync.model import FieldChange, Json, ResourceChange


MAX_LINES = 200
MAX_WIDTH = 400
MAX_OUTLINE = 50
# at its worst (150 different lines, over and over) difflib takes 0.9 s for this many lines and 7.3 s for 10,000
MAX_COMPARED = 5_000


def split(text: str) -> list[str]:
    r"""Return the lines, each with its ``\n``; other characters that end lines somewhere are part of theirs."""
    lines = [f"{line}\n" for line in text.split("\n")]
    lines[-1] = lines[-1].removesuffix("\n")
    return lines if lines[-1] else lines[:-1]


def unified(before: str, after: str) -> tuple[str, ...]:
    """Return a unified diff without its file names, visible, in at most 200 lines and a count of what was left out."""
    left, right = split(before), split(after)
    if max(len(left), len(right)) > MAX_COMPARED:
        return (f"@@ too many lines to compare here ({len(left):,} -> {len(right):,}); --format json has them @@",)
    shown = list(_diff_lines(left, right))
    if len(shown) <= MAX_LINES:
        return tuple(shown)
    return *shown[:MAX_LINES], f"... {len(shown) - MAX_LINES} more lines; --format json has them all"


def _diff_lines(left: list[str], right: list[str]) -> Iterator[str]:
    lines = [*islice(unified_diff(left, right, lineterm=""), 2, None)]  # the first two name files
    shown = distinct([visible(line[1:].removesuffix("\n")) for line in lines])
    for line, text in zip(lines, shown, strict=True):
        yield shortened(line[0] + text, MAX_WIDTH)
        if line[0] != "@" and not line.endswith("\n"):
            yield "\\ No newline at end of file"


Sign = Literal["+", "~", "-"]
_DIGITS = 12  # of a digest: as git shows it, and enough to tell two apart


@dataclass(frozen=True, slots=True)
class Field:
    """One field that differs, visible and without line breaks.

    :param before: the live value; None where there is none, or where ``hunks`` or ``note`` say it.
    :param after: the desired value, likewise.
    :param note: what happened, where that is no change of a value.
    :param hunks: a unified diff, where both sides are text of several lines.
    :param line: in the change's file, from 1.
    :param outline: what is added or removed, in sentences.
    """

    sign: Sign
    name: str
    before: str | None = None
    after: str | None = None
    note: str = ""
    hunks: tuple[str, ...] = ()
    line: int | None = None
    outline: tuple[str, ...] = ()


def fields(change: ResourceChange, *, longest: int | None = None) -> list[Field]:
    """Return the fields of a change, in its order.

    :param longest: of a scalar of a new or deleted resource, in characters; None for no limit.
    """
    shown = [
        replace(
            _updated(difference) if change.action == "update" else _whole(difference, longest),
            outline=_outline(difference),
        )
        for difference in change.diff
    ]
    sides = iter(distinct([side for one in shown for side in (one.before, one.after) if side is not None]))
    return [
        replace(one, before=one.before and next(sides), after=one.after and next(sides))  # no side is an empty text
        for one in shown
    ]


def _outline(difference: FieldChange) -> tuple[str, ...]:
    lines = [shortened(visible(line.rstrip()), MAX_WIDTH) for line in difference.outline[:MAX_OUTLINE]]
    more = len(difference.outline) - len(lines)
    return (*lines, f"... {more:,} more; --format json has them all") if more else tuple(lines)


def _whole(difference: FieldChange, longest: int | None) -> Field:
    name = field_name(difference.path)
    removed = difference.op == "remove"
    value = difference.before if removed else difference.after
    # items that are outlined are only counted here
    shown = counted(len(value), "item") if isinstance(value, list) and difference.outline else _summary(value, longest)
    return Field("-", name, before=shown) if removed else Field("+", name, after=shown)


def _updated(difference: FieldChange) -> Field:
    name, before, after, line = field_name(difference.path), difference.before, difference.after, difference.line
    if difference.moved or difference.masked == "changed":
        note = _moved(difference) if difference.moved else _changed(difference)
        return Field("~", name, note=note, line=line)
    if difference.op == "add":
        return Field("+", name, after=side(difference, after), line=line)
    if difference.op == "remove":
        return Field("-", name, before=side(difference, before), line=line)
    if isinstance(before, str) and isinstance(after, str) and "\n" in before + after:
        return Field("~", name, hunks=unified(before, after), line=line)
    if difference.masked or _is_long(before) or _is_long(after):
        return Field("~", name, side(difference, before), side(difference, after), line=line)
    return Field("~", name, *pair(before, after), line=line)


def _moved(difference: FieldChange) -> str:
    was = cast("dict[str, int]", difference.before)["index"]
    return f"moved, was {field_name((*difference.path[:-1], was))}"


def _changed(difference: FieldChange) -> str:
    """Return which secrets have other values now; of several in one text, nobody has looked which."""
    references = dict.fromkeys(names(in_full(difference.after)))
    return f"the value of {' or '.join(f'${{env:{name}}}' for name in references) or 'a secret in it'} changed"


def side(difference: FieldChange, value: Json) -> str:
    """Return one side of a difference."""
    return HIDDEN if difference.masked == "unknown" and value == HIDDEN else _shown(value)


def _is_long(side: Json) -> bool:
    """Whether a value is shown as how much it is: text of several lines, or the digest of what is no text."""
    return (isinstance(side, str) and "\n" in side) or (isinstance(side, dict) and side.keys() == {"sha256"})


def _shown(side: Json, width: int = WIDTH) -> str:
    if isinstance(side, str) and "\n" in side:
        return counted(len(split(side)), "line")
    if isinstance(side, dict) and side.keys() == {"sha256"}:
        return f"sha256:{visible(str(side['sha256'])[:_DIGITS])}..."
    return value(side, width)


def _summary(side: Json, longest: int | None) -> str:
    if _is_long(side):
        return _shown(side)
    whole = in_full(side)
    if isinstance(side, list | dict) and len(whole) > WIDTH:
        return counted(len(side), "item")
    return shortened(whole, longest) if longest else whole


def counted(number: int, noun: str) -> str:
    """Return ``1 line`` or ``2 lines``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
