"""What scalars mean: YAML 1.2's core schema, without infinity and not-a-number, which JSON has not."""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dlsync.model import Json

_DIGITS = 4_300  # Python converts no more
# what YAML 1.1 may read in another way: a cheap test ahead of the loader's own
_MAYBE_AMBIGUOUS = re.compile(r"[-+.0-9].*|yes|no|on|off|=|<<", re.IGNORECASE)


def _integer(text: str) -> int:
    if len(text) > _DIGITS:
        raise ValueError
    return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))


def _number(text: str) -> float:
    number = float(text.replace(".inf", "inf") if "n" in text.lower() else text)
    if not math.isfinite(number):
        raise ValueError
    return number


# https://yaml.org/spec/1.2.2/#103-core-schema; by tag: the plain scalars that have it, their value, and its name
_SCALARS: Mapping[str, tuple[re.Pattern[str], Callable[[str], Json], str]] = {
    "null": (re.compile(r"null|Null|NULL|~|"), lambda _: None, "null"),
    "bool": (re.compile(r"true|True|TRUE|false|False|FALSE"), lambda text: text.lower() == "true", "true or false"),
    "int": (
        re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+"),
        _integer,
        f"an integer of at most {_DIGITS:,} digits",
    ),
    "float": (
        re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"),
        _number,
        "a finite number",
    ),
}


@lru_cache(maxsize=16_384)  # documents repeat their words
def plain_value(text: str) -> Json:
    """Return what a plain scalar means in the core schema.

    :raises ValueError: for infinity, not-a-number, and numbers that only look finite.
    """
    for tag, (pattern, _, _) in _SCALARS.items():
        if pattern.fullmatch(text):
            return tagged_value(text, tag)
    return text


def tagged_value(text: str, tag: str) -> Json:
    """Return what a scalar means by its tag, such as ``int``.

    :raises ValueError: the text has no such meaning, or the tag is unknown.
    """
    if tag in {"!", "str"}:
        return text
    if tag not in _SCALARS:
        raise ValueError("this tag is unknown; expected no tag, or one of YAML's core schema such as !!str")
    pattern, convert, expected = _SCALARS[tag]
    try:
        if pattern.fullmatch(text):
            return convert(text)
    except ValueError:
        pass
    raise ValueError(f"expected {expected}")


def is_ambiguous(text: str) -> bool:
    """Return whether YAML 1.1 reads a plain scalar as another value."""
    if not _MAYBE_AMBIGUOUS.fullmatch(text):
        return False
    try:
        other = yaml.load(text, yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError):  # `<<` alone, a date that is none
        return True
    value = plain_value(text)
    return type(other) is not type(value) or other != value
