from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlsync.client.metrics import Metric
from dlsync.client.series import Point, Series, Source
from dlsync.errors import BadAnswer, DlsyncError
from tests.builders.http import Reply, json_reply, scripted

if TYPE_CHECKING:
    from dlsync.model import Json

pytestmark = pytest.mark.anyio
BASE = "GET /api/v1/orgs/acme/accounts/default/metrics/base.cpu/series"
SHOWN: dict[str, Json] = {
    "origin": ["sts-redis-store"],
    "id": "568a",
    "uom": "%",
    "metric": {"collector_type": "plugin", "id": "9cd", "data_type": "number", "name": "base.cpu"},
    "source": {"id": "0c78", "name": "dataloop"},
    "points": [{"uom": "%", "value": 16, "time": 1455027939}],
}


async def test_a_series_reads_the_documented_fields_and_keeps_unknown_fields() -> None:
    async with scripted(json_reply([{**SHOWN, "rollup": "avg"}])) as (_, client):
        (found,) = await client.series.get("base.cpu", agent="0c78")
    assert found == Series(
        metric=Metric("base.cpu", "9cd", "number", collector_type="plugin"),
        source=Source("0c78", "dataloop"),
        points=(Point(1455027939, 16),),
        unit="%",
        id="568a",
        origin=["sts-redis-store"],
        extra={"rollup": "avg"},
    )


@pytest.mark.parametrize(
    ("asked", "query"),
    [
        ({"agent": "0c"}, "?source=0c"),
        ({"tag": "web"}, "?tag=web"),
        ({"tag": "web", "period": 3600}, "?tag=web&period=3600"),
        ({"tag": "web", "resolution": 60}, "?tag=web&resolution=60"),
        (
            {"agent": "0c", "period": 3600, "end": 1455027939, "resolution": 60},
            "?source=0c&period%5Bduration%5D=3600&period%5Bend%5D=1455027939&resolution=60",
        ),
    ],
)
async def test_a_time_span_is_sent_as_a_period_or_as_a_duration_with_an_end(asked: dict[str, str], query: str) -> None:
    async with scripted(json_reply([])) as (server, client):
        assert await client.series.get("base.cpu", **asked) == ()  # type: ignore[arg-type]  # of both types, by name
    assert server.asked == [BASE + query]


async def test_an_end_without_a_period_is_refused_before_any_request() -> None:
    async with scripted(Reply()) as (server, client):
        with pytest.raises(DlsyncError, match="`end` is given without `period`"):
            await client.series.get("base.cpu", tag="web", end=60)
    assert server.asked == []


@given(st.none() | st.integers(1), st.none() | st.integers(1))
async def test_a_query_never_mixes_the_two_spellings_of_a_time_span(period: int | None, end: int | None) -> None:
    async with scripted(json_reply([])) as (server, client):
        if period is None and end is not None:
            with pytest.raises(DlsyncError, match="`end` is given without `period`"):
                await client.series.get("base.cpu", tag="web", end=end)
        else:
            await client.series.get("base.cpu", tag="web", period=period, end=end)
    assert not any("period=" in target and "period%5B" in target for target in server.asked)
    assert len(server.asked) == (period is not None or end is None)


async def test_a_query_needs_exactly_one_of_agent_and_tag() -> None:
    async with scripted(Reply()) as (server, client):
        for agent, tag in ((None, None), ("0c", "web")):
            with pytest.raises(DlsyncError, match="of an agent or of a tag"):
                await client.series.get("base.cpu", agent=agent, tag=tag)
    assert server.seen == []


@pytest.mark.parametrize(
    ("point", "value"),
    [
        ({"value": 1.5, "avg": 2, "type": "number"}, 1.5),
        ({"avg": 2.5, "type": "number"}, 2.5),
        ({"value": None, "avg": 2.5}, 2.5),
        ({"value": 0, "avg": 2.5}, 0),
        ({"all": False, "type": "boolean"}, 0),
        ({"all": True, "avg": 0.5, "value": None, "type": "boolean"}, 0.5),
    ],
)
async def test_a_point_without_a_value_takes_its_average_or_its_boolean(point: dict[str, Json], value: float) -> None:
    async with scripted(json_reply([{**SHOWN, "points": [{**point, "time": 1}]}])) as (_, client):
        (found,) = await client.series.get("base.cpu", agent="0c78", resolution=60)
    assert found.points == ((1, value),)


async def test_a_point_with_a_null_value_is_omitted() -> None:
    points = [{"time": 1, "value": 1.5}, {"time": 2, "value": None}, {"time": 3, "value": True}]
    async with scripted(json_reply([{**SHOWN, "points": points}])) as (_, client):
        (found,) = await client.series.get("base.cpu", agent="0c78")
    assert found.points == ((1, 1.5), (3, 1))


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("metric", None, "unexpected Metric: expected a JSON object"),
        ("metric", {}, "unexpected Metric: .* field `name`"),
        ("source", "0c78", "unexpected Source: expected a JSON object"),
        ("source", {"name": "x"}, "unexpected Source: .* field `id`"),
        ("points", None, "the field `points` is missing"),
        ("points", [None], r"the field `points\.time` is missing"),
        ("points", [{"value": 1}], r"the field `points\.time` is missing"),
        ("points", [{"time": None, "value": 1}], r"the field `points\.time` is missing"),
        ("points", [{"time": 1}], "the field `points.value` or `points.avg` or `points.all` is missing"),
        (
            "points",
            [{"time": 1, "value": "16", "avg": 16}],
            "the field `points.value` or `points.avg` or `points.all` is missing",
        ),
    ],
)
async def test_a_series_with_a_missing_or_invalid_field_is_a_bad_answer(field: str, value: Json, named: str) -> None:
    async with scripted(json_reply([{**SHOWN, field: value}])) as (_, client):
        with pytest.raises(BadAnswer, match=rf"series\?source=0c78: {named}"):
            await client.series.get("base.cpu", agent="0c78")


async def test_a_list_of_anything_but_series_is_a_bad_answer() -> None:
    async with scripted(json_reply(["cpu"])) as (_, client):
        with pytest.raises(BadAnswer, match="expected a JSON list of objects"):
            await client.series.get("base.cpu", agent="0c78")


def test_a_series_is_columns_for_a_plot_and_rows_for_a_table() -> None:
    found = Series(Metric("base.cpu"), Source("0c78", "web-1"), (Point(60, 1.5), Point(120, 2)))
    assert (found.times, found.values) == ((60, 120), (1.5, 2))
    assert list(found.records()) == [
        {"metric": "base.cpu", "agent": "web-1", "time": 60, "value": 1.5},
        {"metric": "base.cpu", "agent": "web-1", "time": 120, "value": 2},
    ]
    assert [point._asdict() for point in found.points] == [{"time": 60, "value": 1.5}, {"time": 120, "value": 2}]


def test_an_agent_that_the_server_does_not_name_is_called_by_its_id() -> None:
    (row,) = Series(Metric("base.cpu"), Source("0c78"), (Point(60, 1.5),)).records()
    assert row["agent"] == "0c78"
