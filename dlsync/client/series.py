"""The family ``series`` (documented): what was measured, over time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from dlsync.client.family import Family
from dlsync.client.metrics import Metric, metric_in, selected
from dlsync.client.record import records_of
from dlsync.errors import DlsyncError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dlsync.client.record import Record
    from dlsync.model import Json


class Point(NamedTuple):
    """One measurement.

    :param time: unix s.
    :param value: in the series' unit; the server's ``avg`` or ``all`` where it sends no ``value``.
    """

    time: int
    value: float


@dataclass(frozen=True, slots=True)
class Source:
    """The agent that was measured.

    :param id: its fingerprint.
    :param extra: all other fields.
    """

    id: str
    name: str = ""
    extra: Mapping[str, Json] = field(default_factory=dict)


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
    :param extra: all other fields of the series; a point's own are not kept.
    """

    metric: Metric
    source: Source
    points: tuple[Point, ...]
    unit: str = ""
    id: str = ""
    origin: Json = None
    extra: Mapping[str, Json] = field(default_factory=dict)

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


class SeriesFamily(Family):
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
        """Return a metric's series: one an agent (GET metrics/<metric>/series?source=, or ?tag=).

        :param metric: its name.
        :param agent: the id, the fingerprint, of the one agent; or else
        :param tag: that the agents carry.
        :param resolution: between two points, s; the server's choice where not given.
        :param period: the span of time, s; likewise.
        :param end: of that span, unix s; now where not given.
        :raises NotFound: where the server says that there is no such metric or agent.
        :raises DlsyncError: where not exactly one of ``agent`` and ``tag`` is given, or ``end`` without ``period``.
        """
        params = selected(agent, tag) | _span(period, end)
        if resolution is not None:
            params["resolution"] = str(resolution)
        answer = await self._get("metrics", metric, "series", params=params)
        return tuple(map(_series, records_of(answer)))


def _span(period: int | None, end: int | None) -> dict[str, str]:
    """Return the query for a span of time; the documentation forbids to mix its two spellings."""
    if end is None:
        return {} if period is None else {"period": str(period)}
    if period is None:
        raise DlsyncError("`end` is given without `period`: a span of time needs its length", hint="Give both.")
    return {"period[duration]": str(period), "period[end]": str(end)}


def _series(record: Record) -> Series:
    source = record.record("source")
    return Series(
        metric=metric_in(record.record("metric")),
        source=Source(source.text("id"), source.text_if_any("name"), source.rest),
        points=tuple(_points(record.records("points"))),
        unit=record.text_if_any("uom"),
        id=record.text_if_any("id"),
        origin=record.json("origin"),
        extra=record.rest,
    )


def _points(records: list[Record]) -> Iterator[Point]:
    for record in records:
        # with a resolution, servers may send an average, or whether all was well, in place of a value
        time, value = int(record.number("time")), record.number_if_any("value", "avg", "all")
        if value is not None:
            yield Point(time, value)
