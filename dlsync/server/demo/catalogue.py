"""Compute the measurements of the demo's plugins, those of a bookshop whose days follow UTC."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from math import cos, inf, pi
from pathlib import Path
from typing import Any
from zlib import crc32

import yaml

HOUR = 3_600
DAY = 24 * HOUR
DEAD_OF_NIGHT = 4 * HOUR  # the shop's day ends here, when it is quietest
THURSDAY = 3  # 1970-01-01, counted from Monday
WEEKDAYS = (0.86, 0.84, 0.88, 0.92, 1.0, 0.78, 0.95)  # Monday first; people buy books on Fridays and Sundays
SWELL = 900  # s: the period of the slow part of the noise
_MASK = 0xFFFFFFFF
_HALF = 0x80000000

Curve = Callable[[int, int], float]  # of a seed, for a host and a metric, and of unix seconds


def noise(seed: int, cell: int) -> float:
    """Return a pseudorandom number in [-1, 1) by the finalizer of MurmurHash3, ten times as fast as a digest."""
    value = (cell * 0x9E3779B1 ^ seed) & _MASK
    value = (value ^ value >> 16) * 0x85EBCA6B & _MASK
    value = (value ^ value >> 13) * 0xC2B2AE35 & _MASK
    return (value ^ value >> 16) / _HALF - 1


def share(seed: int, cell: int) -> float:
    """Return a pseudorandom number in [0, 1)."""
    return (noise(seed, cell) + 1) / 2


def wobble(seed: int, time: int) -> float:
    """Return the average of fast noise, new each second, and slow noise, over some minutes, in [-1, 1]."""
    cell, within = divmod(time, SWELL)
    before, after = noise(seed, cell), noise(seed, cell + 1)
    return (before + (after - before) * within / SWELL + noise(~seed, time)) / 2


@lru_cache(maxsize=2**14)  # all hosts use the same times
def rhythm(time: int) -> float:
    """Return how busy the shop is, 0 to 1: quiet at night, with a peak at noon and a higher one at 20:00."""
    day, second = divmod(time - DEAD_OF_NIGHT, DAY)
    hour = second / HOUR
    return WEEKDAYS[(day + THURSDAY) % 7] * (0.6 * _hump(hour - 8, 8) + 0.9 * _hump(hour - 16, 5))


def _hump(hours: float, half: float) -> float:
    """Return the height of a hump: 1 at its top, and 0 from half its width on."""
    return cos(pi * hours / half / 2) if abs(hours) < half else 0.0


@lru_cache(maxsize=2**14)
def trouble(time: int) -> float:
    """Return how bad the incident is, 0 to 1: there is one a day, between 7:00 and 21:00, for 20 to 50 minutes."""
    day, second = divmod(time, DAY)
    start = int((7 + 13 * share(11, day)) * HOUR)
    length = int(1_200 + 1_800 * share(12, day))
    if not start <= second < start + length:
        return 0.0
    rise, fall = (second - start) / 120, (start + length - second) / 300
    return min(1.0, rise, fall) * (0.75 + 0.25 * share(13, day))


def load(
    quiet: float, busy: float, hurt: float = 0.0, *, spread: float = 0.12, digits: int = 1, most: float = inf
) -> Curve:
    """Return a curve that follows the day and the week, never below 0.

    :param hurt: the addition by the worst incident.
    :param spread: of the noise, as a share of the value.
    :param digits: after the point; 0 for whole numbers.
    """

    def value(seed: int, time: int) -> float:
        level = quiet + (busy - quiet) * rhythm(time)
        noisy = level * (1 + spread * wobble(seed, time)) + hurt * trouble(time)
        return tidy(min(most, max(0.0, noisy)), digits)

    return value


def ramp(start: float, end: float, days: int, *, apart: bool = True, spread: float = 0.0, digits: int = 1) -> Curve:
    """Return a curve that goes linearly from one value to another, then starts over.

    :param days: from one start to the next.
    :param apart: whether each host starts over at a time of its own; otherwise, all start over at midnight.
    """
    span = days * DAY

    def value(seed: int, time: int) -> float:
        done = (time + (seed % span if apart else 0)) % span / span
        return tidy((start + (end - start) * done) * (1 + spread * wobble(seed, time)), digits)

    return value


def nightly(hour: int, length: int, **otherwise: Any) -> Curve:
    """Return a curve with the seconds of a job, which starts at an hour of each night; else that of :func:`load`."""
    day = load(**otherwise)

    def value(seed: int, time: int) -> float:
        since = time % DAY - hour * HOUR
        return since if 0 <= since < length else day(seed, time)

    return value


def level(value: float, spread: float = 0.0, digits: int = 0) -> Curve:
    """Return a constant curve with noise."""
    return lambda seed, time: tidy(value * (1 + spread * wobble(seed, time)), digits)


def one_of(ramps: list[dict[str, Any]]) -> Curve:
    """Return a curve that is one of several, by host."""
    curves = [ramp(**arguments) for arguments in ramps]
    return lambda seed, time: curves[seed % len(curves)](seed, time)


def rest(of: Curve, whole: float) -> Curve:
    """Return the rest of a whole after a percentage."""
    return lambda seed, time: tidy(whole * (1 - of(seed, time) / 100), 1)


def state(of: Curve, warning: float = inf, critical: float = inf) -> Curve:
    """Return the Nagios exit code for a value."""
    return lambda seed, time: (of(seed, time) >= warning) + (of(seed, time) >= critical)


def tidy(value: float, digits: int) -> float:
    """Return the value as a plugin prints it: a whole number without a point."""
    return round(value, digits) if digits else round(value)


@dataclass(frozen=True, slots=True)
class Measure:
    """A number that a plugin reports.

    :param uom: its unit of measure, empty for a count.
    :param like: the metric whose noise it shares, so that a state agrees with the value.
    """

    curve: Curve
    uom: str
    data_type: str
    like: str


def _measures() -> dict[str, dict[str, Measure]]:
    text = Path(__file__).with_name("measures.yaml").read_text("utf-8")
    plugins: dict[str, dict[str, Measure]] = {}
    for plugin, measures in yaml.load(text, yaml.CSafeLoader).items():
        plugins[plugin] = {}
        for name, arguments in measures.items():
            curve, uom, like = arguments.pop("curve"), arguments.pop("uom", ""), arguments.pop("like", "")
            if curve in {"rest", "state"}:
                arguments["of"] = plugins[plugin][like].curve
            data_type = "nagios" if curve == "state" else "number"
            plugins[plugin][name] = Measure(CURVES[curve](**arguments), uom, data_type, like)
    return plugins


CURVES: dict[str, Callable[..., Curve]] = {
    curve.__name__: curve for curve in (load, ramp, nightly, level, one_of, rest, state)
}
PLUGINS = _measures()


def reading(agent: str, plugin: str, measure: str) -> Callable[[int], float]:
    """Return the measurements of an agent's plugin as a function of unix seconds, the same for each request."""
    found = PLUGINS[plugin][measure]
    return partial(found.curve, crc32(f"{agent}/{plugin}.{found.like or measure}".encode()))
