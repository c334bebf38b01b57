"""How a measured value moves: pure functions of a seed and a time in unix seconds, all times being UTC."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import cos, inf, pi
from typing import Protocol

HOUR = 3_600
DAY = 24 * HOUR
DEAD_OF_NIGHT = 4 * HOUR  # a shop's day ends here: both rhythms are at their lowest
THURSDAY = 3  # 1970-01-01, counted from Monday
WEEKDAYS = (0.86, 0.84, 0.88, 0.92, 1.0, 0.78, 0.95)  # Monday first; people buy books on Fridays and Sundays
SWELL = 900  # s: how slowly the slower half of the noise moves
_MASK = 0xFFFFFFFF
_HALF = 0x80000000


def noise(seed: int, cell: int) -> float:
    """Return a number in [-1, 1) that looks random: the finalizer of MurmurHash3, ten times as fast as a digest."""
    value = (cell * 0x9E3779B1 ^ seed) & _MASK
    value = (value ^ value >> 16) * 0x85EBCA6B & _MASK
    value = (value ^ value >> 13) * 0xC2B2AE35 & _MASK
    return (value ^ value >> 16) / _HALF - 1


def share(seed: int, cell: int) -> float:
    """Return a number in [0, 1) that looks random."""
    return (noise(seed, cell) + 1) / 2


def wobble(seed: int, time: int) -> float:
    """Return noise of two kinds in [-1, 1]: one that jumps each second, one that swells over some minutes."""
    cell, within = divmod(time, SWELL)
    before, after = noise(seed, cell), noise(seed, cell + 1)
    return (before + (after - before) * within / SWELL + noise(~seed, time)) / 2


@lru_cache(maxsize=2**14)  # all hosts live in the same hours
def rhythm(time: int) -> float:
    """Return how busy the shop is, 0 to 1: quiet at night, a hump at noon, a higher one at eight in the evening."""
    day, second = divmod(time - DEAD_OF_NIGHT, DAY)
    hour = second / HOUR  # since the dead of night
    return WEEKDAYS[(day + THURSDAY) % 7] * (0.6 * _hump(hour - 8, 8) + 0.9 * _hump(hour - 16, 5))


def _hump(hours: float, half: float) -> float:
    """Return 1 at its top, and 0 from half its width on."""
    return cos(pi * hours / half / 2) if abs(hours) < half else 0.0


@lru_cache(maxsize=2**14)
def trouble(time: int) -> float:
    """Return how bad the day's incident is, 0 to 1: one a day, between 7:00 and 21:00, for 20 to 50 minutes."""
    day, second = divmod(time, DAY)
    start = int((7 + 13 * share(11, day)) * HOUR)
    length = int(1_200 + 1_800 * share(12, day))
    if not start <= second < start + length:
        return 0.0
    rise, fall = (second - start) / 120, (start + length - second) / 300
    return min(1.0, rise, fall) * (0.75 + 0.25 * share(13, day))


class Curve(Protocol):
    """What a value does over time."""

    def at(self, seed: int, time: int) -> float:
        """Return the value at a time in unix seconds, for the host and metric that the seed stands for."""


@dataclass(frozen=True, slots=True)
class Load:
    """Follows the day and the week.

    :param quiet: the value when nobody is there; ``busy`` when everybody is.
    :param hurt: what an incident at its worst adds.
    :param spread: of the noise, as a share of the value.
    :param digits: after the point; 0 for whole numbers.
    """

    quiet: float
    busy: float
    hurt: float = 0.0
    spread: float = 0.12
    digits: int = 1
    most: float = inf

    def at(self, seed: int, time: int) -> float:
        """Return the value, never below 0."""
        level = self.quiet + (self.busy - self.quiet) * rhythm(time)
        value = level * (1 + self.spread * wobble(seed, time)) + self.hurt * trouble(time)
        return tidy(min(self.most, max(0.0, value)), self.digits)


@dataclass(frozen=True, slots=True)
class Ramp:
    """Goes evenly from one value to another, then starts over: a disk that fills up, an age, a count of days left.

    :param span: from one start to the next, in s.
    :param apart: whether each host starts over at its own time; if not, all do as a day begins.
    """

    start: float
    end: float
    span: int
    apart: bool = True
    spread: float = 0.0
    digits: int = 1

    def at(self, seed: int, time: int) -> float:
        """Return the value."""
        shift = seed % self.span if self.apart else 0
        level = self.start + (self.end - self.start) * ((time + shift) % self.span) / self.span
        return tidy(level * (1 + self.spread * wobble(seed, time)), self.digits)


@dataclass(frozen=True, slots=True)
class Nightly:
    """Rises while a job runs each night.

    :param hour: at which the job starts.
    :param length: of the job, in s.
    """

    otherwise: Curve
    hour: int
    length: int

    def at(self, seed: int, time: int) -> float:
        """Return how long the job has been running by then, in s, or what the value is otherwise."""
        since = time % DAY - self.hour * HOUR
        return since if 0 <= since < self.length else self.otherwise.at(seed, time)


@dataclass(frozen=True, slots=True)
class Level:
    """Stays where it is, but for the noise."""

    value: float
    spread: float = 0.0
    digits: int = 0

    def at(self, seed: int, time: int) -> float:
        """Return the value."""
        return tidy(self.value * (1 + self.spread * wobble(seed, time)), self.digits) if self.spread else self.value


@dataclass(frozen=True, slots=True)
class OneOf:
    """A curve for one host, another curve for the next: most disks have room, some fill up."""

    curves: tuple[Curve, ...]

    def at(self, seed: int, time: int) -> float:
        """Return the value."""
        return self.curves[seed % len(self.curves)].at(seed, time)


@dataclass(frozen=True, slots=True)
class Rest:
    """What another value leaves of a whole: the free space of a disk, in GB, from the percentage used."""

    used: Curve
    whole: float

    def at(self, seed: int, time: int) -> float:
        """Return the rest."""
        return tidy(self.whole * (1 - self.used.at(seed, time) / 100), 1)


@dataclass(frozen=True, slots=True)
class State:
    """A Nagios exit code, from another value that rises."""

    of: Curve
    warning: float = inf
    critical: float = inf

    def at(self, seed: int, time: int) -> float:
        """Return 0, 1 or 2."""
        value = self.of.at(seed, time)
        return (value >= self.warning) + (value >= self.critical)


def tidy(value: float, digits: int) -> float:
    """Return the value as a plugin prints it: a whole number without a point."""
    return round(value, digits) if digits else round(value)
