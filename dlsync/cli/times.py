"""Durations and times as options take them."""

from __future__ import annotations

import re
from datetime import datetime

from typer import BadParameter

_DURATION = re.compile(r"(\d{1,9})([smhdw]?)", re.ASCII)
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_UNIX = re.compile(r"\d{1,12}", re.ASCII)


def duration(text: str) -> int:
    """Return the seconds that ``90``, ``15m``, ``1h`` or ``7d`` are.

    :raises BadParameter: it is no such text, or zero.
    """
    found = _DURATION.fullmatch(text)
    if not found or not int(found[1]):
        raise BadParameter(f"{text!r} is no duration such as 90 (seconds), 15m, 1h or 7d.")
    return int(found[1]) * _SECONDS[found[2]]


def moment(text: str) -> int:
    """Return the unix seconds of a time: those themselves, or ISO 8601, which without a zone is this machine's.

    :raises BadParameter: it is no such text.
    """
    if _UNIX.fullmatch(text):
        return int(text)
    try:
        return int(datetime.fromisoformat(text).timestamp())
    except (ValueError, OverflowError, OSError):
        raise BadParameter(f"{text!r} is no time such as 1467802066 or 2016-07-06T10:47:46Z.") from None
