"""Names and values of a file or a server as one line of text that no terminal acts on."""

from __future__ import annotations

import json
import re
from itertools import takewhile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlsync.model import Json, Path

WIDTH = 60
_CONTEXT = 12
_ELLIPSIS = "..."
_PLAIN_KEY = re.compile(r"[\w-]+")


def visible(text: str) -> str:
    r"""Return the text with all that is not printable as an escape: ``\x1b``, ``\u202e``, ``\n``.

    Not printable are, by the Unicode standard's categories, control, format (bidirectional, zero-width), unassigned and
    private characters, lone surrogates, and line and other separators but the space.
    """
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


def shortened(text: str, width: int) -> str:
    """Return the text in at most ``width`` characters; what was cut off is shown as three dots."""
    return text if len(text) <= width else text[: width - len(_ELLIPSIS)] + _ELLIPSIS


def in_full(value: Json) -> str:
    """Return a value as compact JSON, visible."""
    try:
        return visible(json.dumps(value, ensure_ascii=False))
    except ValueError:  # Python prints no integer of more than 4,300 digits
        return "a huge number"


def value(raw: Json, width: int = WIDTH) -> str:
    """Return a value as compact JSON, visible, in at most ``width`` characters."""
    whole = in_full(raw)
    return f'{shortened(whole[:-1], width - 1)}"' if isinstance(raw, str) else shortened(whole, width)


def pair(before: Json, after: Json, width: int = WIDTH) -> tuple[str, str]:
    """Return two values that differ such that the texts differ too, each in at most ``width`` characters."""
    left, right = in_full(before), in_full(after)
    if left != right and shortened(left, width) == shortened(right, width):
        cut = sum(1 for _ in takewhile(lambda both: both[0] == both[1], zip(left, right, strict=False))) - _CONTEXT
        left, right = _ELLIPSIS + left[cut:], _ELLIPSIS + right[cut:]
    return shortened(left, width), shortened(right, width)


def field_name(path: Path) -> str:
    """Return a path as ``positions[2].color``; a key that is no plain word as ``scope["a.b"]``."""
    return "".join(map(_step, path)).removeprefix(".") or "(all)"


def _step(key: str | int) -> str:
    return f".{key}" if isinstance(key, str) and _PLAIN_KEY.fullmatch(key) else f"[{value(key)}]"
