"""Values, expectations and near misses in the words of a message, safe to print."""

from __future__ import annotations

from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from dlsync import escape

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlsync.model import Json

_LONGEST = 60  # characters of a word that is compared; a near miss is not longer
_NEAR = 0.65  # difflib's ratio; at its own 0.6 `sources` would be taken for `series`
_TYPES = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "object": "a mapping",
    "string": "text",
}


def value(raw: Json) -> str:
    """Return a value as a message shows it: scalars as in JSON, shortened; of a list or a mapping that it is one."""
    if isinstance(raw, dict):
        return "a mapping"
    if isinstance(raw, list):
        return "a list"
    if raw is None:
        return "empty"
    return escape.value(raw)


def expectation(node: Mapping[str, Any]) -> str:
    """Return what a part of a schema asks for: its ``x-expected``, its values, or its types."""
    if "x-expected" in node:
        return str(node["x-expected"])
    if "enum" in node:
        return f"one of {', '.join(value(choice) for choice in node['enum'])}"
    if "const" in node:
        return value(node["const"])
    types = node["type"] if isinstance(node["type"], list) else [node["type"]]
    return " or ".join(_TYPES[name] for name in types if name != "null")


@lru_cache(maxsize=1024)
def near_miss(word: str, choices: tuple[str, ...]) -> str | None:
    """Return the one of the choices that the word was likely meant to be, if any; capitals make no difference."""
    folded = {choice.casefold(): choice for choice in reversed(choices)}
    close = get_close_matches(word[:_LONGEST].casefold(), folded, n=1, cutoff=_NEAR)
    return folded[close[0]] if close else None
