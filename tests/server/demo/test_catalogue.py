from __future__ import annotations

import fnmatch
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from dlsync.server.demo.catalogue import DAY, PLUGINS, reading
from dlsync.server.demo.hosts import HOSTS

if TYPE_CHECKING:
    from collections.abc import Iterator

AGENTS = st.sampled_from([host.id for host in HOSTS])
TIMES = st.integers(0, 10**10)
EXAMPLE = Path(__file__).parents[3] / "example-repo"
MONDAY = 1_772_409_600  # 2026-03-02, 0:00
ALL = [(plugin, measure) for plugin, measures in PLUGINS.items() for measure in measures]


def day_of(plugin: str, measure: str, host: str, days: int = 1) -> list[float]:
    (agent,) = [one.id for one in HOSTS if one.name == host]
    read = reading(agent, plugin, measure)
    return [read(MONDAY + second) for second in range(0, days * DAY, 60)]


@given(st.sampled_from(ALL), AGENTS, TIMES)
def test_a_reading_is_a_non_negative_json_number_and_the_same_each_time(
    metric: tuple[str, str], agent: str, time: int
) -> None:
    value = reading(agent, *metric)(time)
    assert json.loads(json.dumps(value, allow_nan=False)) == value >= 0
    assert reading(agent, *metric)(time) == value


@given(st.sampled_from(ALL), AGENTS, TIMES)
def test_percentages_are_at_most_100_and_exit_codes_at_most_2(metric: tuple[str, str], agent: str, time: int) -> None:
    plugin, measure = metric
    value = reading(agent, plugin, measure)(time)
    assert PLUGINS[plugin][measure].uom != "%" or value <= 100
    assert PLUGINS[plugin][measure].data_type != "nagios" or value in {0, 1, 2}


def test_every_plugin_has_a_status_metric_for_its_exit_code() -> None:
    assert {plugin for plugin in PLUGINS if PLUGINS[plugin]["status"].data_type == "nagios"} == set(PLUGINS)


def test_metrics_use_the_usual_units_of_monitoring() -> None:
    units = {measure.uom for measures in PLUGINS.values() for measure in measures.values()}
    assert {"%", "ms", "s", "GB", "MB"} < units


def test_hosts_of_one_role_have_similar_but_different_curves() -> None:
    one, other = day_of("base", "cpu", "web-1"), day_of("base", "cpu", "web-2")
    assert sum(a == b for a, b in zip(one, other, strict=True)) < len(one) / 4
    assert abs(sum(one) - sum(other)) < 0.1 * sum(one)


def test_the_shop_is_slow_once_a_day_and_its_exit_code_says_so() -> None:
    times = day_of("http_check", "storefront_time", "web-1", 7)
    codes = day_of("http_check", "status", "web-1", 7)
    assert codes == [(time >= 3) + (time >= 6) for time in times]
    slow = [minute // (24 * 60) for minute, time in enumerate(times) if time > 3]
    assert set(slow) == set(range(7))
    assert len(slow) < 7 * 60


def test_some_disk_fills_up_while_most_disks_have_room() -> None:
    fullest = {
        host.name: max(day_of("disk_space", "used_pct", host.name, 10)) for host in HOSTS if not host.silent_minutes
    }
    assert any(used > 90 for used in fullest.values())
    assert sum(used < 80 for used in fullest.values()) > len(fullest) / 2


def test_free_and_used_disk_space_add_up() -> None:
    used, free = day_of("disk_space", "used_pct", "db-1"), day_of("disk_space", "free_gb", "db-1")
    assert all(abs(200 * (1 - u / 100) - f) < 0.2 for u, f in pairs(used, free))


def test_the_share_of_connections_is_relative_to_200() -> None:
    count, share = day_of("postgres", "connections", "db-1"), day_of("postgres", "connections_pct", "db-1")
    assert all(abs(c / 2 - s) < 0.5 for c, s in pairs(count, share))


def test_the_orders_in_the_queue_never_exceed_its_total() -> None:
    orders, total = day_of("order_queue", "orders", "queue-1"), day_of("order_queue", "total", "queue-1")
    assert all(o <= t for o, t in pairs(orders, total))


def pairs(one: list[float], other: list[float]) -> Iterator[tuple[float, float]]:
    return zip(one, other, strict=True)


def test_the_demo_measures_every_metric_that_the_example_repository_uses() -> None:
    files = [*(EXAMPLE / "dashboards").rglob("*.yaml"), *(EXAMPLE / "rules").rglob("*.yaml")]
    asked = {metric for file in files for metric in re.findall(r"""metric: ["']?([\w.*]+)""", file.read_text("utf-8"))}
    known = {"agent.status"} | {f"{plugin}.{measure}" for plugin, measure in ALL}
    assert {metric for metric in asked if not fnmatch.filter(known, metric)} == set()
    assert len(asked) > 30
