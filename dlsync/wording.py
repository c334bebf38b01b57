"""Places, values and expectations in words, safe to print: short, and without control or bidirectional characters."""

from __future__ import annotations

import json
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlsync.model import Json, Path

_LONGEST = 60  # characters of a value or a key; what follows rarely helps, and a line has to hold it
_LARGEST = 10**18
_NEAR = 0.65  # difflib's ratio; at its own 0.6 `sources` would be taken for `series`
_TYPES = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "object": "a mapping",
    "string": "text",
}


def printable(raw: str) -> str:
    """Return the text in one line of at most 60 characters, with what a terminal would act on as escapes."""
    short = raw if len(raw) <= _LONGEST else f"{raw[: _LONGEST - 1]}…"
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in short)


def place(path: Path) -> str:
    """Return a path as ``positions[2].color``; empty for the document itself."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{printable(step)}" for step in path)
    return "".join(steps).removeprefix(".")


def value(raw: Json) -> str:
    """Return a value as a message shows it: scalars as in JSON, shortened; of a list or a mapping that it is one."""
    if isinstance(raw, str):
        return f'"{printable(raw)}"'
    if isinstance(raw, dict):
        return "a mapping"
    if isinstance(raw, list):
        return "a list"
    if raw is None:
        return "empty"
    if isinstance(raw, int) and abs(raw) > _LARGEST:  # beyond 4,300 digits, Python refuses to print it
        return "a huge number"
    return json.dumps(raw)


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
