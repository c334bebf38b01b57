"""The time span of a series: which points a client asks for by ``resolution``, ``period`` and ``period[end]``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlsync.server.operation import fault

if TYPE_CHECKING:
    from starlette.datastructures import QueryParams

PERIOD = 3_600  # s: the documentation names no default; the last hour is its example
RESOLUTION = 60  # s: twice the interval of a plugin that says nothing of it
USUAL_POINTS = 1_000  # where no resolution is asked for, it is as coarse as this many points need
MOST_POINTS = 10_000  # a series
MOST_ANSWERED = 200_000  # an answer, which is held in memory
DIGITS = 12  # of a time; seconds have ten until the year 2286


def times_of(query: QueryParams, now: int, series: int) -> range:
    """Return the times of the points asked for, in unix seconds: multiples of the resolution, the last at the end.

    :param now: the end of a span that names none.
    :param series: how many series the answer holds; together they have at most :data:`MOST_ANSWERED` points.
    :raises HTTPException: 422, for no positive whole number, forms of the period that are mixed, or too many points.
    """
    if "period" in query and ("period[duration]" in query or "period[end]" in query):
        raise fault(422, "period: cannot be mixed with period[duration] and period[end]; send the one or the others")
    duration = "period[duration]" if "period[duration]" in query else "period"
    period = seconds(query, duration, PERIOD)
    resolution = seconds(query, "resolution", max(RESOLUTION, -(-period // USUAL_POINTS)))
    count = -(-period // resolution)
    most = max(1, min(MOST_POINTS, MOST_ANSWERED // max(1, series)))
    if count > most:
        raise fault(
            422,
            f"resolution: {resolution} s over {period} s makes {count} points a series, and this answer has room for"
            f" {most}; ask for a resolution of {-(-period // most)} s or more",
        )
    last = seconds(query, "period[end]", now) // resolution * resolution
    return range(last - (count - 1) * resolution, last + 1, resolution)


def seconds(query: QueryParams, name: str, default: int) -> int:
    """Return a query parameter that is a whole number of seconds, 1 or more."""
    value = one(query, name)
    if value is None:
        return default
    if not (value.isascii() and value.isdigit() and len(value) <= DIGITS and int(value)):
        raise fault(422, f"{name}: expected a whole number of seconds, 1 or more, not {{}}", value)
    return int(value)


def one(query: QueryParams, name: str) -> str | None:
    """Return the value of a query parameter, or None; the documentation's Python example sends one twice, alike."""
    values = set(query.getlist(name))
    if len(values) > 1:
        raise fault(422, f"{name}: expected once, not with {len(values)} values")
    return values.pop() if values else None
