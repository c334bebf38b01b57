"""Metrics and their series, of one agent or of all that carry a tag."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from dlsync.server import agents, bodies, measurements, tags
from dlsync.server.operation import ACCOUNT, Call, Operation, answer, fault, query_value

if TYPE_CHECKING:
    from starlette.datastructures import QueryParams
    from starlette.responses import Response

    from dlsync.server.agents import Agent
    from dlsync.server.measurements import Metric
    from dlsync.server.operation import Fault

ALL = f"{ACCOUNT}/metrics"
EXPIRED, VALID = "expired", "valid"
PERIOD = 3_600  # s: the documentation names no default; the last hour is its example
RESOLUTION = 60  # s: twice the interval of a plugin that says nothing of it
USUAL_POINTS = 1_000  # where no resolution is asked for, it is as coarse as this many points need
MOST_POINTS = 10_000  # a series
MOST_ANSWERED = 200_000  # an answer, which is held in memory
DIGITS = 12  # of a time; seconds have ten until the year 2286


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
        raise _missing(call)
    now = int(call.settings.now().timestamp())
    aggregated = "resolution" in call.query and not call.settings.documented_only
    times, collectors = times_of(call.query, now, len(measured)), _collectors(call)
    return answer(
        [
            {
                "origin": [agent["name"]],
                "id": identifier(call.account, agent["id"], metric.name),
                "uom": metric.uom,
                "metric": _view(call, metric, collectors),
                "source": {"id": agent["id"], "name": agent["name"]},
                "points": measurements.points(agent, metric, times, now, aggregated=aggregated),
            }
            for agent, metric in measured
        ]
    )


def change_status(call: Call) -> Response:
    """PUT ``metrics/<metric>/series?source=<agent id>``, repeatable, or ``?tag=<tag>``: expires or revives a metric."""
    found = [(agent, measurements.all_metrics(agent).keys() & {call.name}) for agent in _asked_to_change(call)]
    if not any(names for _, names in found):
        raise _missing(call)
    return _change_status(call, found)


def change_status_of_all(call: Call) -> Response:
    """PUT ``metrics/series?source=<agent id>`` or ``?tag=<tag>``: expires or revives all metrics."""
    return _change_status(call, [(agent, set(measurements.all_metrics(agent))) for agent in _asked_to_change(call)])


def _change_status(call: Call, found: list[tuple[Agent, set[str]]]) -> Response:
    """Set the status of metrics of agents, and answer how many paths changed: one for each metric of each agent."""
    status, changed = _status(call), 0
    for agent, names in found:
        before = set(agent["expired"])
        after = before | names if status == EXPIRED else before - names
        agents.set_expired(call, agent["id"], sorted(after))
        changed += len(before ^ after)
    return answer(changed)


def _status(call: Call) -> object:
    fields = bodies.fields(call)
    bodies.refuse_other_fields(fields, "status")
    status = fields.get("status")
    if status not in (EXPIRED, VALID):
        raise fault(422, f"status: expected {EXPIRED} or {VALID}, not {{}}", status)
    return status


def times_of(query: QueryParams, now: int, series: int) -> range:
    """Return the times of the points asked for, in unix seconds: multiples of the resolution, the last at the end.

    :param now: the end of a span that names none.
    :param series: how many series the answer holds; together they have at most :data:`MOST_ANSWERED` points.
    :raises HTTPException: 422, for no positive whole number, forms of the period that are mixed, or too many points.
    """
    if "period" in query and ("period[duration]" in query or "period[end]" in query):
        raise fault(422, "period: cannot be mixed with period[duration] and period[end]; send the one or the others")
    duration = "period[duration]" if "period[duration]" in query else "period"
    period = _seconds(query, duration, PERIOD)
    resolution = _seconds(query, "resolution", max(RESOLUTION, -(-period // USUAL_POINTS)))
    count = -(-period // resolution)
    most = max(1, min(MOST_POINTS, MOST_ANSWERED // max(1, series)))
    if count > most:
        raise fault(
            422,
            f"resolution: {resolution} s over {period} s makes {count} points a series, and this answer has room for"
            f" {most}; ask for a resolution of {-(-period // most)} s or more",
        )
    last = _seconds(query, "period[end]", now) // resolution * resolution
    return range(last - (count - 1) * resolution, last + 1, resolution)


def _seconds(query: QueryParams, name: str, default: int) -> int:
    """Return a query parameter that is a whole number of seconds, 1 or more."""
    value = query_value(query, name)
    if value is None:
        return default
    if not (value.isascii() and value.isdigit() and len(value) <= DIGITS and int(value)):
        raise fault(422, f"{name}: expected a whole number of seconds, 1 or more, not {{}}", value)
    return int(value)


def asked(call: Call) -> list[Agent]:
    """Return the agents that ``source`` or ``tag`` names.

    :raises HTTPException: 422 unless one of the two is given; 404 for an agent or a tag that is unknown.
    """
    source, tag = query_value(call.query, "source"), query_value(call.query, "tag")
    if source is not None and tag is None:
        return [agents.find(call, source)]
    if tag is None or source is not None:
        raise fault(422, "expected one of source=<agent id> and tag=<tag>, and only one")
    if tag not in tags.known(call):
        raise tags.missing(tag)
    return agents.tagged(call, tag)


def _asked_to_change(call: Call) -> list[Agent]:
    """Return the agents of one tag, or of one or several sources; see :func:`asked`."""
    sources = call.query.getlist("source")
    if len(sources) > 1 and "tag" not in call.query:
        return [agents.find(call, source) for source in dict.fromkeys(sources)]
    return asked(call)


def _missing(call: Call) -> Fault:
    return fault(404, "no agent asked for has a metric called {}", call.name)


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
    Operation("PUT", f"{ALL}/{{name}}/series", change_status, documented=False),
    Operation("PUT", f"{ALL}/series", change_status_of_all, documented=False),
)
