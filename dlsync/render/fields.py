"""Describe the fields of a change in words."""

import re
from dataclasses import dataclass, replace
from difflib import unified_diff
from itertools import islice
from typing import Literal, cast

from dlsync import messages
from dlsync.files import schema
from dlsync.files.interpolation import names
from dlsync.files.redaction import HIDDEN
from dlsync.messages import WIDTH, counted, distinct, distinct_pair, field_name, in_full, shortened, visible
from dlsync.model import FieldChange, Json, ResourceChange

MAX_LINES = 200
MAX_WIDTH = 400
MAX_OUTLINE = 50
MAX_COMPARED = 5_000  # lines: at its worst, difflib takes 0.9 s for them and 7.3 s for 10,000
Sign = Literal["+", "~", "-"]
_LOST = "not known"  # the applied value, if the files changed since then
_DIGEST_DIGITS = 12  # as git shows them, enough to tell two digests apart


@dataclass(frozen=True, slots=True)
class Field:
    """A field that differs, safe to print and without line breaks.

    :param before: the live value; None if there is none, or if ``hunks`` or ``note`` replace it.
    :param after: the desired value, likewise.
    :param note: what happened, if it is no change of a value.
    :param hunks: a unified diff, if both sides are text of several lines.
    :param mover: who changed it, if the fields of the change differ in this.
    """

    sign: Sign
    name: str
    before: str | None = None
    after: str | None = None
    note: str = ""
    hunks: tuple[str, ...] = ()
    line: int | None = None
    outline: tuple[str, ...] = ()
    mover: str = ""


def fields(change: ResourceChange, *, longest: int | None = None) -> list[Field]:
    """Return the fields of a change, in its order.

    :param longest: the limit for a scalar of a new or deleted resource, in characters; None for no limit.
    """
    found = []
    for difference in change.diff:
        is_whole = change.action != "update" and not difference.mover  # a rename may show only what differs
        if change.cause == "drift" and difference.mover == "conflict" and difference.op != "add":
            field = _drifted(difference)
        else:
            field = _whole(difference, longest) if is_whole else _updated(difference, change.address.kind)
        outline = [shortened(visible(line.rstrip()), MAX_WIDTH) for line in difference.outline[:MAX_OUTLINE]]
        if more := len(difference.outline) - len(outline):
            outline.append(f"... {more:,} more; --format json has them all")
        found.append(replace(field, outline=tuple(outline)))
    sides = iter(distinct([side for field in found for side in (field.before, field.after) if side is not None]))
    # no side is an empty text
    return [replace(field, before=field.before and next(sides), after=field.after and next(sides)) for field in found]


def _whole(difference: FieldChange, longest: int | None) -> Field:
    name, removed = field_name(difference.path), difference.op == "remove"
    value = difference.before if removed else difference.after
    text = in_full(value)
    if _is_long(value):
        shown = _shown(value)
    elif (isinstance(value, list) and difference.outline) or (isinstance(value, list | dict) and len(text) > WIDTH):
        shown = counted(len(value), "item")
    else:
        shown = shortened(text, longest) if longest else text
    return Field("-", name, before=shown) if removed else Field("+", name, after=shown)


def _drifted(difference: FieldChange) -> Field:
    """Return a field that the server and the files have both changed since it was applied."""
    name, line = field_name(difference.path), difference.line
    if difference.op == "remove":
        return Field("-", name, _LOST, line=line)
    return Field("~", name, _LOST, side(difference, difference.after), line=line)


def _updated(difference: FieldChange, kind: str) -> Field:
    name, before, after, line = field_name(difference.path), difference.before, difference.after, difference.line
    note = ""
    if difference.moved:
        index = cast("dict[str, int]", before)["index"]
        note = f"moved, was {field_name((*difference.path[:-1], index))}"
    elif difference.masked == "changed":  # if a text holds several, it is unknown which
        secrets = " or ".join(f"${{env:{secret}}}" for secret in dict.fromkeys(names(in_full(after))))
        note = f"the value of {secrets or 'a secret in it'} changed"
    if note:
        return Field("~", name, note=note, line=line)
    if difference.op == "add":
        return Field("+", name, after=side(difference, after), line=line)
    if difference.op == "remove":
        default = schema.known_at(kind, difference.path[:-1]).defaults.get(str(difference.path[-1]))
        reset = None if default is None or isinstance(default, list) else f"{_shown(default)} (default)"
        return Field("~" if reset else "-", name, side(difference, before), reset, line=line)
    if isinstance(before, str) and isinstance(after, str) and "\n" in before + after:
        return Field("~", name, hunks=unified(before, after), line=line)
    if difference.masked or _is_long(before) or _is_long(after):
        return Field("~", name, side(difference, before), side(difference, after), line=line)
    return Field("~", name, *distinct_pair(before, after), line=line)


def side(difference: FieldChange, value: Json) -> str:
    """Return one side of a difference."""
    return HIDDEN if difference.masked == "unknown" and value == HIDDEN else _shown(value)


def _is_long(value: Json) -> bool:
    """Whether a value is shown by its size or digest only: text of several lines, or binary content."""
    return (isinstance(value, str) and "\n" in value) or (isinstance(value, dict) and value.keys() == {"sha256"})


def _shown(value: Json) -> str:
    if isinstance(value, str) and "\n" in value:
        return counted(len(split(value)), "line")
    if isinstance(value, dict) and value.keys() == {"sha256"}:
        return f"sha256:{visible(str(value['sha256'])[:_DIGEST_DIGITS])}..."
    return messages.value(value, WIDTH)


def split(text: str) -> list[str]:
    r"""Split a text into lines after each ``\n``, but not after other line breaks of Unicode."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def unified(before: str, after: str) -> tuple[str, ...]:
    """Return a unified diff without file names, safe to print, in at most 200 lines and the number of further lines."""
    left, right = split(before), split(after)
    if max(len(left), len(right)) > MAX_COMPARED:
        return (f"@@ too many lines to compare here ({len(left):,} -> {len(right):,}); --format json has them @@",)
    lines = [*islice(unified_diff(left, right, lineterm=""), 2, None)]  # the first two name files
    texts = distinct([visible(line[1:].removesuffix("\n")) for line in lines])
    shown = []
    for line, text in zip(lines, texts, strict=True):
        shown.append(shortened(line[0] + text, MAX_WIDTH))
        if line[0] != "@" and not line.endswith("\n"):
            shown.append("\\ No newline at end of file")
    if more := len(shown[MAX_LINES:]):
        shown[MAX_LINES:] = [f"... {more} more lines; --format json has them all"]
    return tuple(shown)
