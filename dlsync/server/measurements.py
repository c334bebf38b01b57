"""What agents measure.

An agent that only pings measures nothing: it has the one metric ``agent.status``, and since the server keeps of its
heartbeats but the last, that is known from the last one on and not before. An agent of the demo has measured what its
plugins would have, from the day it was created until its last heartbeat: nothing is stored, all is computed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from dlsync.server.agents import SILENCE, is_demo
from dlsync.server.demo.catalogue import PLUGINS, reading

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dlsync.server.agents import Agent


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


def metrics_of(agent: Agent) -> dict[str, Metric]:
    """Return the metrics that an agent has, by name."""
    metrics = [AGENT_STATUS]
    if is_demo(agent):
        metrics += [
            Metric(plugin, measure, found.data_type, found.uom)
            for plugin in agent["running_plugin_names"]
            for measure, found in PLUGINS[plugin].items()
        ]
    return {metric.name: metric for metric in metrics}


def points(agent: Agent, metric: Metric, times: range, now: int) -> list[dict[str, object]]:
    """Return what was measured at those of the times at which anything was: the value then, not a mean until the next.

    :param times: in unix seconds, as are those of the points.
    """
    values = _statuses(agent, times, now) if metric is AGENT_STATUS else _readings(agent, metric, times)
    return [{"uom": metric.uom, "value": value, "time": time} for time, value in values]


def _readings(agent: Agent, metric: Metric, times: range) -> Iterable[tuple[int, float]]:
    read = reading(agent["id"], metric.collector, metric.measure)
    return [(time, read(time)) for time in _between(times, unix(agent["created"]), unix(agent["heartbeat"]))]


def _statuses(agent: Agent, times: range, now: int) -> Iterable[tuple[int, float]]:
    heartbeat = unix(agent["heartbeat"])
    known = unix(agent["created"]) if is_demo(agent) else heartbeat - times.step + 1  # the point that it falls into
    until = heartbeat + int(SILENCE.total_seconds())
    return [(time, int(time <= until)) for time in _between(times, known, now)]


def _between(times: range, first: int, last: int) -> range:
    """Return the part of the times from ``first`` to ``last``, both included."""
    skipped = max(0, -(-(first - times.start) // times.step))
    kept = max(0, (last - times.start) // times.step + 1)
    return times[skipped:kept]


def unix(timestamp: str) -> int:
    """Return a timestamp of the API in unix seconds."""
    return int(datetime.fromisoformat(timestamp).timestamp())
