"""The family ``series`` (documented): what was measured, over time."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from dlsync.client.family import Family, Read
from dlsync.client.metrics import Metric, selected
from dlsync.client.record import NAMES, Text, record_from
from dlsync.client.response import Response, items_of
from dlsync.errors import DlsyncError
from dlsync.model import Json


class Point(NamedTuple):
    """One measurement.

    :param time: unix s.
    :param value: in the series' unit; the server's ``avg`` or ``all`` where it sends no ``value``.
    """

    time: int
    value: float | int


@dataclass(frozen=True, slots=True)
class Source:
    """The agent that was measured.

    :param id: its fingerprint.
    """

    id: Text
    name: str = ""
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Series:
    """One metric of one agent over time. Plots and data frames take it as it is::

        pyplot.plot(series.times, series.values)
        pandas.DataFrame(series.points, columns=["time", "value"])
        pandas.DataFrame(record for series in found for record in series.records())  # metric, agent, time, value
        pandas.to_datetime(frame["time"], unit="s", utc=True)

    :param points: in the order of the answer; a moment for which the server has no value has no point.
    :param unit: of the values, such as ``%``; empty where the server names none.
    :param origin: the stores that the points come from, as the server has it.
    """

    metric: Metric
    source: Source
    points: tuple[Point, ...]
    unit: str = field(default="", metadata={NAMES: ("uom",)})
    id: str = ""
    origin: Any = None
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def times(self) -> tuple[int, ...]:
        """The points' times, unix s."""
        return tuple(point.time for point in self.points)

    @property
    def values(self) -> tuple[float, ...]:
        """The points' values."""
        return tuple(point.value for point in self.points)

    def records(self) -> Iterator[dict[str, str | float]]:
        """Yield each point as a row of a table: ``metric``, ``agent`` (its name), ``time`` (unix s), ``value``."""
        agent = self.source.name or self.source.id
        for point in self.points:
            yield {"metric": self.metric.name, "agent": agent, "time": point.time, "value": point.value}


class SeriesFamily(Family[Read]):
    """Reads series."""

    async def get(
        self,
        metric: str,
        *,
        agent: str | None = None,
        tag: str | None = None,
        resolution: int | None = None,
        period: int | None = None,
        end: int | None = None,
    ) -> tuple[Series, ...]:
        """Return a metric's series, one for each agent (GET metrics/<metric>/series?source=, or ?tag=).

        :param agent: the id, the fingerprint, of the one agent; or else
        :param tag: that the agents carry.
        :param resolution: between two points, s; None leaves it to the server.
        :param period: the span of time, s; likewise.
        :param end: of that span, unix s; None for now.
        :raises DlsyncError: not exactly one of ``agent`` and ``tag`` is given, or ``end`` without ``period``.
        """
        params = selected(agent, tag)
        if end is not None and period is None:
            raise DlsyncError("`end` is given without `period`: a span of time needs its length", hint="Give both.")
        if period is not None:
            # the documentation forbids to mix its two spellings of a span
            span = {"period[duration]": str(period), "period[end]": str(end)}
            params |= {"period": str(period)} if end is None else span
        if resolution is not None:
            params["resolution"] = str(resolution)
        response = await self._request("GET", "metrics", metric, "series", params=params)
        return tuple(_series(response, item) for item in items_of(response))


def _series(response: Response, item: Json) -> Series:
    if not isinstance(item, dict):
        raise response.bad("expected a JSON list of objects")
    points = item.pop("points", None)
    if not isinstance(points, list):
        raise response.bad("the field `points` is missing or no list of objects")
    metric = record_from(response, Metric, item.pop("metric", None))
    source = record_from(response, Source, item.pop("source", None))
    return record_from(response, Series, item, metric=metric, source=source, points=tuple(_points(response, points)))


def _points(response: Response, points: list[Json]) -> Iterator[Point]:
    for point in points:
        fields = point if isinstance(point, dict) else {}
        # with a resolution, servers may send an average, or whether all was well, in place of a value
        values = [fields[name] for name in ("value", "avg", "all") if name in fields]
        value = next((value for value in values if value is not None), None)
        time = fields.get("time")
        if not isinstance(time, int | float):
            raise response.bad("the field `points.time` is missing or no number")
        if not values or not isinstance(value, int | float | None):
            raise response.bad("the field `points.value` or `points.avg` or `points.all` is missing or no number")
        if value is not None:
            yield Point(int(time), int(value) if isinstance(value, bool) else value)
