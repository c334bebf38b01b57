"""What the plugins of the demo measure: the metrics that a bookshop's dashboards draw and its rules watch, by UTC."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from math import cos, inf, pi
from zlib import crc32

HOUR = 3_600
DAY = 24 * HOUR
DEAD_OF_NIGHT = 4 * HOUR  # a shop's day ends here: both rhythms are at their lowest
THURSDAY = 3  # 1970-01-01, counted from Monday
WEEKDAYS = (0.86, 0.84, 0.88, 0.92, 1.0, 0.78, 0.95)  # Monday first; people buy books on Fridays and Sundays
SWELL = 900  # s: how slowly the slower half of the noise moves
_MASK = 0xFFFFFFFF
_HALF = 0x80000000

Curve = Callable[[int, int], float]  # of a seed, which stands for a host and a metric, and a time in unix seconds


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


@lru_cache(maxsize=2**14)  # all hosts ask for the same times
def rhythm(time: int) -> float:
    """Return how busy the shop is, 0 to 1: quiet at night, a hump at noon, a higher one at eight in the evening."""
    day, second = divmod(time - DEAD_OF_NIGHT, DAY)
    hour = second / HOUR
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


def load(
    quiet: float, busy: float, hurt: float = 0.0, *, spread: float = 0.12, digits: int = 1, most: float = inf
) -> Curve:
    """Return a curve that follows the day and the week, never below 0.

    :param hurt: what an incident at its worst adds.
    :param spread: of the noise, as a share of the value.
    :param digits: after the point; 0 for whole numbers.
    """

    def value(seed: int, time: int) -> float:
        level = quiet + (busy - quiet) * rhythm(time)
        noisy = level * (1 + spread * wobble(seed, time)) + hurt * trouble(time)
        return tidy(min(most, max(0.0, noisy)), digits)

    return value


def ramp(start: float, end: float, span: int, *, apart: bool = True, spread: float = 0.0, digits: int = 1) -> Curve:
    """Return a curve that goes evenly from one value to another, then starts over.

    :param span: from one start to the next, in s.
    :param apart: whether each host starts over at its own time; if not, all do as a day begins.
    """

    def value(seed: int, time: int) -> float:
        done = (time + (seed % span if apart else 0)) % span / span
        return tidy((start + (end - start) * done) * (1 + spread * wobble(seed, time)), digits)

    return value


def nightly(otherwise: Curve, hour: int, length: int) -> Curve:
    """Return a curve of the seconds that a job has been running, which starts at an hour of each night."""

    def value(seed: int, time: int) -> float:
        since = time % DAY - hour * HOUR
        return since if 0 <= since < length else otherwise(seed, time)

    return value


def level(value: float, spread: float = 0.0, digits: int = 0) -> Curve:
    """Return a curve that stays, but for the noise."""
    return lambda seed, time: tidy(value * (1 + spread * wobble(seed, time)), digits)


def one_of(*curves: Curve) -> Curve:
    """Return a curve for a host and another one for the next."""
    return lambda seed, time: curves[seed % len(curves)](seed, time)


def rest(used: Curve, whole: float) -> Curve:
    """Return what a percentage leaves of a whole."""
    return lambda seed, time: tidy(whole * (1 - used(seed, time) / 100), 1)


def state(of: Curve, warning: float = inf, critical: float = inf) -> Curve:
    """Return the Nagios exit code of a value that rises."""
    return lambda seed, time: (of(seed, time) >= warning) + (of(seed, time) >= critical)


def tidy(value: float, digits: int) -> float:
    """Return the value as a plugin prints it: a whole number without a point."""
    return round(value, digits) if digits else round(value)


@dataclass(frozen=True, slots=True)
class Measure:
    """One number that a plugin reports.

    :param uom: its unit of measure, empty for a count.
    :param like: the metric whose noise it shares, so that a state agrees with the value it speaks of.
    """

    curve: Curve
    uom: str = ""
    data_type: str = "number"
    like: str = ""


def judged(of: Curve, like: str, warning: float, critical: float) -> Measure:
    """Return the exit code of a plugin that judges another of its metrics."""
    return Measure(state(of, warning, critical), data_type="nagios", like=like)


_FINE = Measure(state(level(0)), data_type="nagios")
_USED = one_of(
    ramp(38, 96, 9 * DAY, spread=0.01),
    ramp(41, 55, 30 * DAY, spread=0.005),
    ramp(52, 63, 45 * DAY, spread=0.005),
)
_STOREFRONT = load(0.18, 0.45, hurt=6.5, spread=0.25, digits=3)
_CONNECTIONS = load(24, 110, hurt=70, digits=0, most=200)
_DAYS_LEFT = ramp(90, 30, 60 * DAY, apart=False, digits=0)
_BACKUP_AGE = ramp(0, 24, DAY, apart=False, digits=1)
_ORDERS = load(2, 60, hurt=1_400, spread=0.5, digits=0)
_SINCE_BATCH = load(8, 25, hurt=420, spread=0.4, digits=0)

PLUGINS: Mapping[str, Mapping[str, Measure]] = {
    "base": {
        "cpu": Measure(load(5, 58, hurt=30, spread=0.3, most=100), "%"),
        "memory": Measure(load(44, 63, hurt=6, spread=0.04, most=100), "%"),
        "swap": Measure(load(1, 4, spread=0.3, most=100), "%"),
        "load_fractional": Measure(load(0.08, 0.7, hurt=0.9, spread=0.3, digits=2)),
        "net_download": Measure(load(40, 2_600, spread=0.35), "kB/s"),
        "net_upload": Measure(load(90, 7_800, hurt=-1_500, spread=0.35), "kB/s"),
        "status": _FINE,
    },
    "ntp": {"offset_ms": Measure(level(1.4, spread=0.9, digits=2), "ms"), "status": _FINE},
    "disk_space": {
        "used_pct": Measure(_USED, "%"),
        "inodes_pct": Measure(level(17, spread=0.03, digits=1), "%"),
        "free_gb": Measure(rest(_USED, 200), "GB", like="used_pct"),
        "status": judged(_USED, "used_pct", 80, 95),
    },
    "nginx": {
        "requests": Measure(load(3, 240, hurt=-60, spread=0.2), "req/s"),
        "request_time": Measure(load(35, 120, hurt=3_800, spread=0.3), "ms"),
        "connections": Measure(load(12, 380, hurt=600, digits=0)),
        "5xx": Measure(load(0, 0.6, hurt=25, spread=1), "req/s"),
        "status": _FINE,
    },
    "http_check": {
        "storefront_time": Measure(_STOREFRONT, "s"),
        "storefront_code": Measure(level(200)),
        "storefront_size": Measure(level(48_230, spread=0.02), "B"),
        "checkout_time": Measure(load(0.3, 0.8, hurt=4.2, spread=0.25, digits=3), "s"),
        "checkout_code": Measure(level(200)),
        "status": judged(_STOREFRONT, "storefront_time", 3, 6),
    },
    "tls_expiry": {
        "days_left": Measure(_DAYS_LEFT, "d"),
        "checked": Measure(level(3)),
        "status": _FINE,  # renewed at 30 days, long before the plugin would warn
    },
    "postgres": {
        "connections": Measure(_CONNECTIONS),
        "connections_pct": Measure(load(12, 55, hurt=35, most=100), "%", like="connections"),  # of 200
        "longest_query": Measure(nightly(load(0.5, 6, hurt=90, spread=0.5, digits=0), hour=2, length=20 * 60), "s"),
        "size_mb": Measure(ramp(18_400, 21_900, 90 * DAY, apart=False, digits=0), "MB"),
        "replica_lag": Measure(load(0, 2, hurt=180, spread=0.8, digits=0), "s"),
        "status": judged(_CONNECTIONS, "connections", 160, 190),
    },
    "cache": {
        "memory_mb": Measure(ramp(3_100, 7_700, 3 * DAY, spread=0.01), "MB"),
        "clients": Measure(load(20, 140, digits=0)),
        "hit_ratio": Measure(load(97, 93, hurt=-38, spread=0.02, most=100), "%"),
        "evicted_keys": Measure(load(0, 9, spread=1, digits=0)),
        "uptime": Measure(ramp(0, 30 * DAY, 30 * DAY, digits=0), "s"),
        "status": _FINE,
    },
    "order_queue": {
        "orders": Measure(_ORDERS),
        "mails": Measure(load(1, 35, hurt=200, spread=0.6, digits=0)),
        "invoices": Measure(load(0, 12, hurt=40, spread=0.6, digits=0)),
        "total": Measure(load(3, 107, hurt=1_640, spread=0.5, digits=0), like="orders"),
        "status": judged(_ORDERS, "orders", 500, 2_000),
    },
    "payments_worker": {
        "settled": Measure(load(1, 48, hurt=-30, spread=0.3, digits=0)),
        "pending": Measure(load(0, 9, hurt=160, spread=0.7, digits=0)),
        "failed": Measure(load(0, 0.8, hurt=14, spread=1, digits=0)),
        "heartbeat_age": Measure(_SINCE_BATCH, "s"),
        "status": judged(_SINCE_BATCH, "heartbeat_age", 120, 300),
    },
    "backup_age": {
        "age_hours": Measure(_BACKUP_AGE, "h"),
        "size_mb": Measure(ramp(9_100, 10_800, 90 * DAY, apart=False, digits=0), "MB"),
        "kept": Measure(level(14)),
        "status": _FINE,
    },
}


def reading(agent: str, plugin: str, measure: str) -> Callable[[int], float]:
    """Return what an agent's plugin measured as a function of unix seconds: the same whenever and however asked."""
    found = PLUGINS[plugin][measure]
    return partial(found.curve, crc32(f"{agent}/{plugin}.{found.like or measure}".encode()))
