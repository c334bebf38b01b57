"""Metrics and their series, of an agent or of all agents with a tag.

An agent that only pings has one metric, ``agent.status``, with values from its last heartbeat on. The measurements of
the demo's agents are computed, from the creation of the agent to its last heartbeat.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.datastructures import QueryParams
from starlette.responses import Response

from dlsync.server import agents, bodies, tags
from dlsync.server.agents import Agent
from dlsync.server.demo.catalogue import PLUGINS, reading
from dlsync.server.evaluation import AGENT_STATUS, Values
from dlsync.server.operation import ACCOUNT, Call, Deferred, Refusal, answer, hashed_id, operation, query_value, require
from dlsync.server.prometheus import MOST_ANSWERED

METRICS = f"{ACCOUNT}/metrics"
SERIES = f"{METRICS}/{{name}}/series"
MISSING = "no agent asked for has a metric called {}"
EXPIRED, VALID = "expired", "valid"
PERIOD = 3_600  # s: the documentation has an hour as example, and no default
RESOLUTION = 60  # s: twice the default interval of plugins
USUAL_POINTS = 1_000  # the default resolution gives at most this many points
MOST_POINTS = 10_000  # of a series
DIGITS = 12  # of a time; unix seconds have ten until the year 2286
INTERVAL = 30  # s, between two measurements of a plugin
SAMPLES = 3  # of an average, at most: each is computed


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric, without its agent.

    :param collector: the plugin that measures it; empty for the agent itself.
    :param data_type: ``number``, ``nagios`` (an exit code) or ``boolean`` (0 or 1).
    """

    name: str
    collector: str
    data_type: str
    uom: str = ""


AGENT_METRIC = Metric(AGENT_STATUS, "", "boolean")


@operation("GET", METRICS, measured=True)
async def list_all(call: Call) -> Deferred:
    """GET ``metrics?source=<agent id>`` or ``metrics?tag=<tag>``: sorted, without duplicates."""
    selected = await _agents_of(call)
    own = {name: metric for agent in selected for name, metric in metrics_of(agent).items()}
    view, now = await _viewer(call), int(call.settings.now().timestamp())

    async def respond() -> Response:
        times = range(now - PERIOD, now + 1, PERIOD)
        names = await call.measurements.names(_targets(selected), times) if call.measurements else {}
        metrics = {name: Metric(name, "", "number") for name in names if len(names[name]) == 1}
        metrics |= own | ({AGENT_STATUS: AGENT_METRIC} if AGENT_STATUS in names else {})
        return answer([view(metrics[name]) for name in sorted(metrics)])

    return respond


@operation("GET", SERIES, measured=True)
async def series(call: Call) -> Deferred:
    """GET ``metrics/<metric>/series?source=<agent id>`` or ``?tag=<tag>``: a series for each agent with the metric."""
    selected = await _agents_of(call)
    own = [(agent, metric) for agent in selected if (metric := metrics_of(agent).get(call.name))]
    targets = _targets(agent for agent in selected if call.name not in metrics_of(agent))
    call.require_targets(own)
    require(own or targets, MISSING, call.name)
    now, view = int(call.settings.now().timestamp()), await _viewer(call)
    times = times_of(call.query, now, len(own))
    aggregated = "resolution" in call.query and not call.settings.documented_only

    def shown(agent: Agent, metric: Metric, points: list[dict[str, Any]], *labels: str) -> dict[str, object]:
        return {
            "origin": [agent["name"], *labels],
            "id": hashed_id(call.account, agent["id"], metric.name, *labels),
            "uom": metric.uom,
            "metric": view(metric),
            "source": {"id": agent["id"], "name": agent["name"]},
            "points": points,
        }

    async def respond() -> Response:
        result = [shown(*item, points(*item, times, now, aggregated=aggregated)) for item in own]
        if call.measurements and targets:
            metric = AGENT_METRIC if call.name == AGENT_STATUS else Metric(call.name, "", "number")
            for target, labels, values in await call.measurements.series(targets, call.name, times, average=aggregated):
                measured = _measured_points(values, metric.data_type, aggregated=aggregated)
                result.append(shown(targets[target], metric, measured, *(f"{name}={value}" for name, value in labels)))
        return answer(require(result, MISSING, call.name))

    return respond


def _targets(measured: Iterable[Agent]) -> dict[str, Agent]:
    return {agent["measured_as"]: agent for agent in measured if agent["measured_as"]}


def _measured_points(values: Values, data_type: str, *, aggregated: bool) -> list[dict[str, Any]]:
    """Return the points of a series of the metrics server, in the form of :func:`points`."""
    result = [{"uom": "", "value": value, "time": time} for time, value in sorted(values.items())]
    for point in result if aggregated else ():
        share = {"all": point["value"] == 1} if data_type == "boolean" else {}
        point.update({"type": data_type, "avg": point["value"], **share})
    return result


@operation("PUT", SERIES, documented=False, audited=False)
async def change_status(call: Call) -> Response:
    """PUT ``metrics/<metric>/series?source=<agent id>``, repeatable, or ``?tag=<tag>``: expire or revive a metric."""
    return await _change_status(call)


@operation("PUT", f"{METRICS}/series", documented=False, audited=False)
async def change_status_of_all(call: Call) -> Response:
    """PUT ``metrics/series?source=<agent id>`` or ``?tag=<tag>``: expire or revive all metrics."""
    return await _change_status(call)


async def _change_status(call: Call) -> Response:
    """Set the status of the metric in the path, or of all; answer with the number of changes."""
    metrics = [(agent, set(metrics_of(agent, expired=True))) for agent in await _agents_of(call, several=True)]
    if call.name:
        metrics = [(agent, names & {call.name}) for agent, names in metrics]
        require(any(names for _, names in metrics), MISSING, call.name)
    fields = bodies.fields(call)
    bodies.refuse_other_fields(fields, "status")
    if (status := fields.get("status")) not in {EXPIRED, VALID}:
        raise Refusal(422, f"status: expected {EXPIRED} or {VALID}, not {{}}", status)
    changed = 0
    for agent, names in metrics:
        before = set(agent["expired"])
        after = before | names if status == EXPIRED else before - names
        await call.store.update("agents", {"expired": sorted(after)}, account=call.account, id=agent["id"])
        changed += len(before ^ after)
    return answer(changed)


async def _agents_of(call: Call, *, several: bool = False) -> list[Agent]:
    """Return the agents of ``source`` or ``tag``.

    :param several: whether ``source`` can be repeated.
    :raises Refusal: 422 unless the query has exactly one of the two; 404 for an unknown agent or tag.
    """
    sources, tag = list(dict.fromkeys(call.query.getlist("source"))), query_value(call.query, "tag")
    if tag is not None or not several:
        query_value(call.query, "source")
    if (tag is None) is not bool(sources):
        raise Refusal(422, "expected one of source=<agent id> and tag=<tag>, and only one")
    if tag is None:
        return [await agents.find(call, source) for source in sources]
    await tags.require(call, tag)
    return await agents.tagged(call, tag)


def times_of(query: QueryParams, now: int, series: int) -> range:
    """Return the times of the requested points, in unix seconds: multiples of the resolution up to the end.

    :param now: the default end.
    :param series: the number of series in the response, which has at most :data:`MOST_ANSWERED` points.
    :raises Refusal: 422 for an invalid number, mixed forms of the period, or too many points.
    """
    if "period" in query and ("period[duration]" in query or "period[end]" in query):
        raise Refusal(422, "period: cannot be mixed with period[duration] and period[end]; send the one or the others")
    period = _seconds(query, "period[duration]" if "period[duration]" in query else "period", PERIOD)
    resolution = _seconds(query, "resolution", max(RESOLUTION, -(-period // USUAL_POINTS)))
    count = -(-period // resolution)
    most = max(1, min(MOST_POINTS, MOST_ANSWERED // max(1, series)))
    if count > most:
        raise Refusal(
            422,
            f"resolution: {resolution} s over {period} s makes {count} points a series, and this answer has room for"
            f" {most}; ask for a resolution of {-(-period // most)} s or more",
        )
    last = _seconds(query, "period[end]", now) // resolution * resolution
    return range(last - (count - 1) * resolution, last + 1, resolution)


def _seconds(query: QueryParams, name: str, default: int) -> int:
    """Return a query parameter in seconds; raise 422 unless it is a whole number from 1 on."""
    value = query_value(query, name)
    return default if value is None else bodies.seconds(value, name, DIGITS)


async def _viewer(call: Call) -> Callable[[Metric], dict[str, object]]:
    """Return a function that describes a metric, with the id of its plugin."""
    rows = await call.store.rows("plugins", "name, id", account=call.account)
    collectors = {row["name"]: row["id"] for row in rows}
    return lambda metric: {
        "id": hashed_id(call.account, metric.name),
        "name": metric.name,
        "data_type": metric.data_type,
        "collector_id": collectors.get(metric.collector) or hashed_id(call.account, "collector", metric.collector),
        "collector_type": "plugin" if metric.collector else "agent",
    }


def metrics_of(agent: Agent, *, expired: bool = False) -> dict[str, Metric]:
    """Return the metrics of an agent by name, with or without expired ones."""
    metrics = {AGENT_STATUS: AGENT_METRIC} if "expired" in agent else {}  # without it, the agent never registered
    for plugin in agent["running_plugin_names"] if "demo" in agent else ():
        for measure, reported in PLUGINS.get(plugin, {}).items():
            name = f"{plugin}.{measure}"
            metrics[name] = Metric(name, plugin, reported.data_type, reported.uom)
    return {name: metric for name, metric in metrics.items() if expired or name not in agent["expired"]}


def points(agent: Agent, metric: Metric, times: range, now: int, *, aggregated: bool = False) -> list[dict[str, Any]]:
    """Return a point for each time at which the agent measured.

    :param times: in unix seconds, like the times of the points.
    :param aggregated: add ``type``, and for the interval up to the next time ``avg`` and, for booleans, ``all``.
    """
    first, last = _unix(agent["created"]), _unix(agent["heartbeat"])
    read = None if metric is AGENT_METRIC else reading(agent["id"], *metric.name.split(".", 1))
    until = last + int(agents.SILENCE.total_seconds())
    if agent.get("status") == agents.DEREGISTERED:
        until = _unix(agent["modified"]) - 1
    if read is None:
        # an agent that only pings has points from the interval of its last heartbeat on
        first, last = first if "demo" in agent else last - times.step + 1, now
    result: list[dict[str, Any]] = []
    start = max(0, -(-(first - times.start) // times.step))
    for time in times[start : max(0, (last - times.start) // times.step + 1)]:
        point: dict[str, Any] = {"uom": metric.uom, "value": read(time) if read else int(time <= until), "time": time}
        end = min(time + times.step, last + 1)
        if aggregated and read:
            samples = range(time, end, max(INTERVAL, -(-(end - time) // SAMPLES)))
            point |= {"type": "number", "avg": round(sum(map(read, samples)) / len(samples), 3)}
        elif aggregated:
            share = max(0, min(end, until + 1) - time) / (end - time)
            point |= {"type": "boolean", "avg": round(share, 3), "all": share == 1}
        result.append(point)
    return result


def _unix(timestamp: str) -> int:
    return int(datetime.fromisoformat(timestamp).timestamp())
