"""Metrics and their series, of one agent or of all that carry a tag."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from dlsync.server import agents, measurements, span, tags
from dlsync.server.operation import ACCOUNT, Call, Operation, answer, fault

if TYPE_CHECKING:
    from starlette.responses import Response

    from dlsync.server.agents import Agent
    from dlsync.server.measurements import Metric

ALL = f"{ACCOUNT}/metrics"


def list_all(call: Call) -> Response:
    """GET ``metrics?source=<agent id>`` or ``metrics?tag=<tag>``: by name, each once."""
    metrics = {name: metric for agent in asked(call) for name, metric in measurements.metrics_of(agent).items()}
    collectors = _collectors(call)
    return answer([_view(call, metrics[name], collectors) for name in sorted(metrics)])


def series(call: Call) -> Response:
    """GET ``metrics/<metric>/series?source=<agent id>`` or ``?tag=<tag>``: one series for each agent that has it."""
    found = [(agent, measurements.metrics_of(agent).get(call.name)) for agent in asked(call)]
    measured = [(agent, metric) for agent, metric in found if metric]
    if not measured:
        raise fault(404, "no agent asked for has a metric called {}", call.name)
    now = int(call.settings.now().timestamp())
    times, collectors = span.times_of(call.query, now, len(measured)), _collectors(call)
    return answer(
        [
            {
                "origin": [agent["name"]],
                "id": identifier(call.account, agent["id"], metric.name),
                "uom": metric.uom,
                "metric": _view(call, metric, collectors),
                "source": {"id": agent["id"], "name": agent["name"]},
                "points": measurements.points(agent, metric, times, now),
            }
            for agent, metric in measured
        ]
    )


def asked(call: Call) -> list[Agent]:
    """Return the agents that ``source`` or ``tag`` names.

    :raises HTTPException: 422 unless one of the two is given; 404 for an agent or a tag that is unknown.
    """
    source, tag = span.one(call.query, "source"), span.one(call.query, "tag")
    if source is not None and tag is None:
        return [agents.one(call, source)]
    if tag is None or source is not None:
        raise fault(422, "expected one of source=<agent id> and tag=<tag>, and only one")
    if tag not in tags.known(call):
        raise tags.missing(tag)
    return agents.tagged(call, tag)


def identifier(*parts: str) -> str:
    """Return an id as the documentation shows them, always the same for the same thing, which is stored nowhere."""
    return blake2b("\0".join(parts).encode(), digest_size=12).hexdigest()


def _collectors(call: Call) -> dict[str, str]:
    """Return the ids of the account's plugins by name."""
    return {row["name"]: row["id"] for row in call.rows("SELECT name, id FROM plugins WHERE account = ?")}


def _view(call: Call, metric: Metric, collectors: dict[str, str]) -> dict[str, object]:
    return {
        "id": identifier(call.account, metric.name),
        "name": metric.name,
        "data_type": metric.data_type,
        "collector_id": collectors.get(metric.collector) or identifier(call.account, "collector", metric.collector),
        "collector_type": "plugin" if metric.collector else "agent",
    }


OPERATIONS = (
    Operation("GET", ALL, list_all),
    Operation("GET", f"{ALL}/{{name}}/series", series),
)
