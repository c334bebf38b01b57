"""What agents measure.

An agent that only pings measures nothing: it has the one metric ``agent.status``, and since the server keeps of its
heartbeats but the last, that is known from the last one on and not before. An agent of the demo has measured what its
plugins would have, from the day it was created until its last heartbeat: nothing is stored, all is computed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from dlsync.server.agents import DEREGISTERED, SILENCE, is_demo
from dlsync.server.demo.catalogue import PLUGINS, reading

if TYPE_CHECKING:
    from collections.abc import Callable

    from dlsync.server.agents import Agent

    Value = Callable[[int], float]  # of a time
    Average = Callable[[float, int, int], float]  # of the value at a time, that time, and the end, not included


@dataclass(frozen=True, slots=True)
class Metric:
    """What is measured.

    :param collector: the plugin that measures it; empty where it is the agent itself.
    :param data_type: ``number``, ``nagios`` (an exit code) or ``boolean`` (0 or 1).
    """

    collector: str
    measure: str
    data_type: str
    uom: str = ""

    @property
    def name(self) -> str:
        """How the API calls it."""
        return f"{self.collector or 'agent'}.{self.measure}"


AGENT_STATUS = Metric("", "status", "boolean")
INTERVAL = 30  # s, between two measurements of a plugin
SAMPLES = 3  # most measurements that an average is of: a reading is computed, not looked up


def metrics_of(agent: Agent) -> dict[str, Metric]:
    """Return the metrics that an agent has, by name, without expired ones."""
    return {name: metric for name, metric in all_metrics(agent).items() if name not in agent["expired"]}


def all_metrics(agent: Agent) -> dict[str, Metric]:
    """Return the metrics that an agent has, by name, expired ones included."""
    metrics = [AGENT_STATUS]
    if is_demo(agent):
        metrics += [
            Metric(plugin, measure, found.data_type, found.uom)
            for plugin in agent["running_plugin_names"]
            for measure, found in PLUGINS.get(plugin, {}).items()
        ]
    return {metric.name: metric for metric in metrics}


def points(
    agent: Agent, metric: Metric, times: range, now: int, *, aggregated: bool = False
) -> list[dict[str, object]]:
    """Return the points at those of the times at which the agent measured: the value then.

    :param times: in unix seconds, as are those of the points.
    :param aggregated: add ``type``, and of the interval until the next time ``avg`` and, for booleans, ``all``.
    """
    first, last = _measured(agent, metric, times, now)
    value, average = _status(agent) if metric is AGENT_STATUS else _reading(agent, metric)
    found = []
    for time in _between(times, first, last):
        current = value(time)
        point: dict[str, object] = {"uom": metric.uom, "value": current, "time": time}
        if aggregated:
            point |= _aggregates(metric, average(current, time, min(time + times.step, last + 1)))
        found.append(point)
    return found


def _aggregates(metric: Metric, average: float) -> dict[str, object]:
    rounded = round(average, 3)
    if metric.data_type == "boolean":
        return {"type": "boolean", "avg": rounded, "all": average == 1}
    return {"type": "number", "avg": rounded}


def _measured(agent: Agent, metric: Metric, times: range, now: int) -> tuple[int, int]:
    """Return the first and the last time at which a metric is known."""
    created, heartbeat = unix(agent["created"]), unix(agent["heartbeat"])
    if metric is not AGENT_STATUS:
        return created, heartbeat
    # an agent that only pings: from the point on that its last heartbeat falls into
    return created if is_demo(agent) else heartbeat - times.step + 1, now


def _reading(agent: Agent, metric: Metric) -> tuple[Value, Average]:
    read = reading(agent["id"], metric.collector, metric.measure)

    def average(current: float, start: int, end: int) -> float:
        samples = range(start, end, max(INTERVAL, -(-(end - start) // SAMPLES)))
        return (current + sum(map(read, samples[1:]))) / len(samples)

    return read, average


def _status(agent: Agent) -> tuple[Value, Average]:
    until = unix(agent["heartbeat"]) + int(SILENCE.total_seconds())
    if agent.get("status") == DEREGISTERED:
        until = unix(agent["modified"]) - 1

    def average(_: float, start: int, end: int) -> float:
        return max(0, min(end, until + 1) - start) / (end - start)

    return lambda time: int(time <= until), average


def _between(times: range, first: int, last: int) -> range:
    """Return the part of the times from ``first`` to ``last``, both included."""
    skipped = max(0, -(-(first - times.start) // times.step))
    kept = max(0, (last - times.start) // times.step + 1)
    return times[skipped:kept]


def unix(timestamp: str) -> int:
    """Return a timestamp of the API in unix seconds."""
    return int(datetime.fromisoformat(timestamp).timestamp())
