"""What the plugins of the demo measure: the metrics that a bookshop's dashboards draw and its rules watch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING
from zlib import crc32

from dlsync.server.demo.curves import DAY, Level, Load, Nightly, OneOf, Ramp, Rest, State

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dlsync.server.demo.curves import Curve

OK = State(Level(0))


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


def state(of: Curve, like: str, warning: float, critical: float) -> Measure:
    """Return the exit code of a plugin that judges another of its metrics."""
    return Measure(State(of, warning, critical), data_type="nagios", like=like)


_FINE = Measure(OK, data_type="nagios")
_USED = OneOf(
    (
        Ramp(38, 96, 9 * DAY, spread=0.01),
        Ramp(41, 55, 30 * DAY, spread=0.005),
        Ramp(52, 63, 45 * DAY, spread=0.005),
    )
)
_STOREFRONT = Load(0.18, 0.45, hurt=6.5, spread=0.25, digits=3)
_CONNECTIONS = Load(24, 110, hurt=70, digits=0, most=200)
_DAYS_LEFT = Ramp(90, 30, 60 * DAY, apart=False, digits=0)
_BACKUP_AGE = Ramp(0, 24, DAY, apart=False, digits=1)
_ORDERS = Load(2, 60, hurt=1_400, spread=0.5, digits=0)
_SINCE_BATCH = Load(8, 25, hurt=420, spread=0.4, digits=0)

PLUGINS: Mapping[str, Mapping[str, Measure]] = {
    "base": {
        "cpu": Measure(Load(5, 58, hurt=30, spread=0.3, most=100), "%"),
        "memory": Measure(Load(44, 63, hurt=6, spread=0.04, most=100), "%"),
        "swap": Measure(Load(1, 4, spread=0.3, most=100), "%"),
        "load_fractional": Measure(Load(0.08, 0.7, hurt=0.9, spread=0.3, digits=2)),
        "net_download": Measure(Load(40, 2_600, spread=0.35), "kB/s"),
        "net_upload": Measure(Load(90, 7_800, hurt=-1_500, spread=0.35), "kB/s"),
        "status": _FINE,
    },
    "ntp": {"offset_ms": Measure(Level(1.4, spread=0.9, digits=2), "ms"), "status": _FINE},
    "disk_space": {
        "used_pct": Measure(_USED, "%"),
        "inodes_pct": Measure(Level(17, spread=0.03, digits=1), "%"),
        "free_gb": Measure(Rest(_USED, 200), "GB", like="used_pct"),
        "status": state(_USED, "used_pct", 80, 95),
    },
    "nginx": {
        "requests": Measure(Load(3, 240, hurt=-60, spread=0.2), "req/s"),
        "request_time": Measure(Load(35, 120, hurt=3_800, spread=0.3), "ms"),
        "connections": Measure(Load(12, 380, hurt=600, digits=0)),
        "5xx": Measure(Load(0, 0.6, hurt=25, spread=1), "req/s"),
        "status": _FINE,
    },
    "http_check": {
        "storefront_time": Measure(_STOREFRONT, "s"),
        "storefront_code": Measure(Level(200)),
        "storefront_size": Measure(Level(48_230, spread=0.02), "B"),
        "checkout_time": Measure(Load(0.3, 0.8, hurt=4.2, spread=0.25, digits=3), "s"),
        "checkout_code": Measure(Level(200)),
        "status": state(_STOREFRONT, "storefront_time", 3, 6),
    },
    "tls_expiry": {
        "days_left": Measure(_DAYS_LEFT, "d"),
        "checked": Measure(Level(3)),
        "status": _FINE,  # renewed at 30 days, long before the plugin would warn
    },
    "postgres": {
        "connections": Measure(_CONNECTIONS),
        "connections_pct": Measure(Load(12, 55, hurt=35, most=100), "%", like="connections"),  # of 200
        "longest_query": Measure(Nightly(Load(0.5, 6, hurt=90, spread=0.5, digits=0), hour=2, length=20 * 60), "s"),
        "size_mb": Measure(Ramp(18_400, 21_900, 90 * DAY, apart=False, digits=0), "MB"),
        "replica_lag": Measure(Load(0, 2, hurt=180, spread=0.8, digits=0), "s"),
        "status": state(_CONNECTIONS, "connections", 160, 190),
    },
    "cache": {
        "memory_mb": Measure(Ramp(3_100, 7_700, 3 * DAY, spread=0.01), "MB"),
        "clients": Measure(Load(20, 140, digits=0)),
        "hit_ratio": Measure(Load(97, 93, hurt=-38, spread=0.02, most=100), "%"),
        "evicted_keys": Measure(Load(0, 9, spread=1, digits=0)),
        "uptime": Measure(Ramp(0, 30 * DAY, 30 * DAY, digits=0), "s"),
        "status": _FINE,
    },
    "order_queue": {
        "orders": Measure(_ORDERS),
        "mails": Measure(Load(1, 35, hurt=200, spread=0.6, digits=0)),
        "invoices": Measure(Load(0, 12, hurt=40, spread=0.6, digits=0)),
        "total": Measure(Load(3, 107, hurt=1_640, spread=0.5, digits=0), like="orders"),
        "status": state(_ORDERS, "orders", 500, 2_000),
    },
    "payments_worker": {
        "settled": Measure(Load(1, 48, hurt=-30, spread=0.3, digits=0)),
        "pending": Measure(Load(0, 9, hurt=160, spread=0.7, digits=0)),
        "failed": Measure(Load(0, 0.8, hurt=14, spread=1, digits=0)),
        "heartbeat_age": Measure(_SINCE_BATCH, "s"),
        "status": state(_SINCE_BATCH, "heartbeat_age", 120, 300),
    },
    "backup_age": {
        "age_hours": Measure(_BACKUP_AGE, "h"),
        "size_mb": Measure(Ramp(9_100, 10_800, 90 * DAY, apart=False, digits=0), "MB"),
        "kept": Measure(Level(14)),
        "status": _FINE,
    },
}


def reading(agent: str, plugin: str, measure: str) -> Callable[[int], float]:
    """Return what an agent's plugin measured as a function of unix seconds: the same whenever and however asked."""
    found = PLUGINS[plugin][measure]
    return partial(found.curve.at, crc32(f"{agent}/{plugin}.{found.like or measure}".encode()))
