from __future__ import annotations

import json
import re
from math import ceil
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException

from dlsync.server import refusals
from dlsync.server.demo.hosts import HOSTS
from dlsync.server.metrics import (
    AGENT_METRIC,
    MOST_POINTS,
    PERIOD,
    RESOLUTION,
    USUAL_POINTS,
    points,
    times_of,
)
from dlsync.server.operation import query_value
from dlsync.server.prometheus import MOST_ANSWERED

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx2
    from starlette.testclient import TestClient

    from tests.server.conftest import Clock

WEB = next(host for host in HOSTS if host.name == "web-1")
SERIES = "metrics/base.cpu/series"
NOW = 1_455_027_939
DURATIONS = ["period", "period[duration]"]
ONE_OF = {"error": "expected one of source=<agent id> and tag=<tag>, and only one"}


def test_a_metric_has_the_documented_fields(demo: TestClient) -> None:
    metrics = {metric["name"]: metric for metric in demo.get("metrics", params={"source": WEB.id}).json()}
    cpu = metrics["base.cpu"]
    assert list(cpu) == ["id", "name", "data_type", "collector_id", "collector_type"]
    assert len(cpu["id"]) == len(cpu["collector_id"]) == 24
    assert (cpu["data_type"], cpu["collector_type"]) == ("number", "plugin")
    assert metrics["base.status"]["data_type"] == "nagios"
    assert metrics["agent.status"]["data_type"] == "boolean"


def test_the_collector_id_of_a_metric_is_the_id_of_its_plugin(demo: TestClient) -> None:
    plugins = {plugin["name"]: plugin["id"] for plugin in demo.get("plugins").json()}
    metrics = demo.get("metrics?tag=web").json()
    collectors = {(metric["name"].partition(".")[0], metric["collector_id"]) for metric in metrics}
    assert {*plugins.items()} <= collectors
    assert len(collectors) == len({*dict(collectors).values()})  # also a plugin that the account lacks has its own id


def test_the_metrics_of_a_tag_are_those_of_its_agents_without_duplicates(demo: TestClient) -> None:
    of_tag = demo.get("metrics?tag=eu-west").json()
    names = [metric["name"] for metric in of_tag]
    assert names == sorted(set(names))
    agents = [agent["id"] for agent in demo.get("agents").json() if "eu-west" in agent["tags"]]
    of_agents = {m["name"]: m for agent in agents for m in demo.get("metrics", params={"source": agent}).json()}
    assert {metric["name"]: metric for metric in of_tag} == of_agents


def test_a_series_has_the_documented_fields(demo: TestClient) -> None:
    (series,) = demo.get(SERIES, params={"source": WEB.id}).json()
    assert list(series) == ["origin", "id", "uom", "metric", "source", "points"]
    assert (series["origin"], series["uom"]) == (["web-1"], "%")
    assert series["source"] == {"id": WEB.id, "name": "web-1"}
    assert series["metric"] in demo.get("metrics", params={"source": WEB.id}).json()
    assert {tuple(point) for point in series["points"]} == {("uom", "value", "time")}
    assert {point["uom"] for point in series["points"]} == {"%"}


def test_the_series_of_a_tag_are_those_of_its_agents(demo: TestClient) -> None:
    of_tag = demo.get(SERIES, params={"tag": "web"}).json()
    agents = [agent["id"] for agent in demo.get("agents").json() if "web" in agent["tags"]]
    assert len(agents) == 6
    assert of_tag == [demo.get(SERIES, params={"source": agent}).json()[0] for agent in agents]


@pytest.mark.parametrize("path", ["metrics", SERIES])
def test_a_query_without_source_and_tag_or_with_both_is_refused(demo: TestClient, path: str) -> None:
    for params in ({}, {"source": WEB.id, "tag": "web"}):
        response = demo.get(path, params=params)
        assert (response.status_code, response.json()) == (422, ONE_OF)


@pytest.mark.parametrize("path", ["metrics", SERIES])
@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"source": "nope"}, "no agent has the id 'nope'"),
        ({"tag": "nope"}, "no link and no agent carries the tag 'nope'"),
        ({"tag": ""}, "no link and no agent carries the tag ''"),
    ],
)
def test_a_404_names_the_unknown_agent_or_tag(demo: TestClient, path: str, params: dict[str, str], reason: str) -> None:
    response = demo.get(path, params=params)
    assert (response.status_code, response.json()) == (404, {"error": reason})


def test_a_tag_that_no_agent_carries_has_no_metrics(client: httpx2.Client) -> None:
    client.post("plugins", json={"name": "p", "extension": "py", "content": ""})
    client.post("links", json={"plugin": "p", "tags": ["empty"]})
    assert client.get("metrics?tag=empty").json() == []


@pytest.fixture(scope="module")
def shared_with_an_agent(shared: httpx2.Client) -> httpx2.Client:
    shared.post("agents/8ccf/ping", data={"tag_names": "a b+c/ü&d"})
    return shared


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30))
def test_a_404_names_an_unknown_metric_whatever_its_name(shared_with_an_agent: httpx2.Client, name: str) -> None:
    segment = "".join(f"%{byte:02X}" for byte in name.encode())
    response = shared_with_an_agent.get(f"metrics/{segment}/series?source=8ccf")
    assert (response.status_code, response.json()) == (
        404,
        {"error": f"no agent asked for has a metric called {name!r}"},
    )


def test_a_metric_and_a_tag_are_percent_decoded(shared_with_an_agent: httpx2.Client) -> None:
    tag = quote("a b+c/ü&d", safe="")
    (series,) = shared_with_an_agent.get(f"metrics/%61gent%2Estatus/series?tag={tag}").json()
    assert series["metric"]["name"] == "agent.status"


@pytest.mark.parametrize(
    "brackets", ["period[duration]={}&period[end]={}", "period%5Bduration%5D={}&period%5Bend%5D={}"]
)
def test_a_series_covers_the_requested_period(demo: TestClient, clock: Clock, brackets: str) -> None:
    end = clock.unix() // 3600 * 3600 - 86_400
    (series,) = demo.get(f"{SERIES}?source={WEB.id}&resolution=600&{brackets.format(7200, end)}").json()
    assert [point["time"] for point in series["points"]] == [*range(end - 6600, end + 1, 600)]


def test_a_request_that_mixes_forms_of_the_period_is_refused(demo: TestClient) -> None:
    response = demo.get(f"{SERIES}?tag=web&period=60&period[end]=1455027939")
    assert response.status_code == 422
    assert response.json()["error"].startswith("period: cannot be mixed with")


def test_a_day_of_a_tag_by_the_minute_has_1440_points_for_each_online_agent(demo: TestClient) -> None:
    series = demo.get(SERIES, params={"tag": "web", "period": "86400", "resolution": "60"}).json()
    assert [len(one["points"]) for one in series if one["points"]] == [1440] * 5


def test_an_agent_that_only_pings_has_the_metric_agent_status(timed: Callable[..., TestClient], clock: Clock) -> None:
    client = timed()
    client.post("agents/8ccf/ping", data={"name": "a"})
    (metric,) = client.get("metrics?source=8ccf").json()
    assert (metric["name"], metric["data_type"], metric["collector_type"]) == ("agent.status", "boolean", "agent")
    pinged = clock.unix()
    clock.now = clock.now.replace(minute=10)
    (series,) = client.get("metrics/agent.status/series?source=8ccf&resolution=60").json()
    points = {point["time"] - pinged: point["value"] for point in series["points"]}
    assert points == {-30: 1, 30: 1, **dict.fromkeys(range(90, 571, 60), 0)}


def of(client: TestClient, metric: str, tag: str, **params: Any) -> dict[str, list[dict[str, Any]]]:
    answer = client.get(f"metrics/{metric}/series", params={"tag": tag, **params}).json()
    return {series["source"]["name"]: series["points"] for series in answer}


def test_metrics_of_a_silent_agent_end_at_its_last_heartbeat_and_its_status_is_down(
    demo: TestClient, clock: Clock
) -> None:
    silence = next(host.silent_minutes for host in HOSTS if host.name == "web-6")
    heartbeat = clock.unix() - silence * 60
    cpu = of(demo, "base.cpu", "web", period=3 * 86_400, resolution=60)
    assert cpu["web-6"][-1]["time"] == heartbeat // 60 * 60
    assert cpu["web-5"][-1]["time"] == clock.unix() // 60 * 60
    status = of(demo, "agent.status", "web", period=3 * 86_400, resolution=60)
    assert {point["value"] for point in status["web-5"]} == {1}
    assert [point["time"] for point in status["web-6"] if not point["value"]] == [
        *range(heartbeat // 60 * 60 + 120, clock.unix() + 1, 60)
    ]


def test_a_series_has_no_points_in_the_future(demo: TestClient, clock: Clock) -> None:
    end = {"period[duration]": 7200, "period[end]": clock.unix() + 3600}
    for metric in ("base.cpu", "agent.status"):
        assert of(demo, metric, "web", **end)["web-1"][-1]["time"] == clock.unix() // 60 * 60
    assert of(demo, "base.cpu", "web", **{"period[end]": 99_999_999_999})["web-1"] == []


def test_a_series_has_no_points_before_its_agent_was_created(demo: TestClient) -> None:
    for metric in ("base.cpu", "agent.status"):
        assert of(demo, metric, "web", **{"period[end]": 1_455_027_939})["web-1"] == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # the test only reads
@given(coarse=st.integers(1, 90), day=st.integers(0, 300))
def test_a_point_has_the_same_value_at_every_resolution(demo: TestClient, clock: Clock, coarse: int, day: int) -> None:
    ask = {"period[end]": clock.unix() - day * 86_400, "period[duration]": 86_400}
    fine = of(demo, "base.cpu", "db", **ask, resolution=60)["db-1"]
    rough = of(demo, "base.cpu", "db", **ask, resolution=60 * coarse)["db-1"]
    shared = {point["time"] for point in fine} & {point["time"] for point in rough}
    assert rough[-1]["time"] in shared
    values = {point["time"]: point["value"] for point in fine}
    assert all(point["value"] == values[point["time"]] for point in rough if point["time"] in shared)


# With a resolution


def test_points_with_a_requested_resolution_have_a_type_and_an_average(demo: TestClient) -> None:
    cpu = of(demo, "base.cpu", "db", period=7200, resolution=600)["db-1"]
    assert {tuple(point) for point in cpu} == {("uom", "value", "time", "type", "avg")}
    assert {point["type"] for point in cpu} == {"number"}
    minutes = {point["time"]: point["value"] for point in of(demo, "base.cpu", "db", period=7200)["db-1"]}
    for point in cpu[1:-1]:
        during = [minutes[time] for time in range(point["time"], point["time"] + 600, 60)]
        assert min(during) - 15 <= point["avg"] <= max(during) + 15


def test_a_boolean_point_says_whether_every_check_in_its_interval_passed(demo: TestClient) -> None:
    status = of(demo, "agent.status", "web", period=2 * 86_400, resolution=3600)["web-6"]
    assert {tuple(point) for point in status} == {("uom", "value", "time", "type", "avg", "all")}
    assert {point["type"] for point in status} == {"boolean"}
    up, between, down = (
        [point for point in status if point["avg"] == 1],
        [point for point in status if 0 < point["avg"] < 1],
        [point for point in status if point["avg"] == 0],
    )
    assert len(between) == 1
    assert [*up, *between, *down] == status
    assert {(point["value"], point["all"]) for point in up} == {(1, True)}
    assert (between[0]["value"], between[0]["all"]) == (1, False)
    assert {(point["value"], point["all"]) for point in down} == {(0, False)}


def test_one_failed_second_in_a_long_interval_makes_its_boolean_all_false() -> None:
    agent = {"demo": "gone", "created": "1970-01-01T00:00:00Z", "heartbeat": "1970-01-01T01:05:38Z"}
    first, second = points(agent, AGENT_METRIC, range(0, 8_000, 4_000), 8_000, aggregated=True)
    assert (first["value"], first["avg"], first["all"]) == (1, 1.0, False)
    assert (second["value"], second["avg"], second["all"]) == (0, 0.0, False)


def test_points_of_a_documented_only_server_have_only_documented_fields(timed: Callable[..., TestClient]) -> None:
    client = timed(demo=True, documented_only=True)
    (series,) = client.get(SERIES, params={"source": WEB.id, "resolution": 600}).json()
    assert {tuple(point) for point in series["points"]} == {("uom", "value", "time")}


# Expired metrics


def names(client: TestClient, **params: str) -> set[str]:
    return {metric["name"] for metric in client.get("metrics", params=params).json()}


@pytest.mark.parametrize("way", ["data", "json"])
def test_an_expired_metric_is_hidden_until_it_is_valid_again(demo: TestClient, way: str) -> None:
    before = names(demo, source=WEB.id)
    expired: dict[str, Any] = {way: {"status": "expired"}}
    valid: dict[str, Any] = {way: {"status": "valid"}}
    assert demo.put(SERIES, params={"source": WEB.id}, **expired).json() == 1
    assert names(demo, source=WEB.id) == before - {"base.cpu"}
    assert demo.get(SERIES, params={"source": WEB.id}).status_code == 404
    assert len(demo.get(SERIES, params={"tag": "web"}).json()) == 5
    demo.post(f"agents/{WEB.id}/ping", json={"name": "web-1"})
    assert "base.cpu" not in names(demo, source=WEB.id)
    assert demo.put(SERIES, params={"source": WEB.id}, **expired).json() == 0
    assert demo.put(SERIES, params={"tag": "web"}, **valid).json() == 1
    assert names(demo, source=WEB.id) == before


def test_all_metrics_of_a_tag_can_expire_and_become_valid_again(demo: TestClient) -> None:
    before = names(demo, tag="db")
    paths = sum(len(names(demo, source=host.id)) for host in HOSTS if host.role == "db")
    assert demo.put("metrics/series", params={"tag": "db"}, data={"status": "expired"}).json() == paths
    assert names(demo, tag="db") == set()
    assert demo.put("metrics/series", params={"tag": "db"}, data={"status": "valid"}).json() == paths
    assert names(demo, tag="db") == before


def test_a_tag_that_no_agent_carries_has_nothing_to_expire(demo: TestClient) -> None:
    demo.post("links", json={"plugin": "base", "tags": ["empty"]})
    assert demo.put("metrics/series?tag=empty", data={"status": "expired"}).json() == 0


def test_a_metric_expires_on_several_agents_at_once(demo: TestClient) -> None:
    sources = [agent["id"] for agent in demo.get("agents").json() if agent["name"] in {"web-1", "web-2"}]
    assert demo.put(SERIES, params={"source": [*sources, sources[0]]}, data={"status": "expired"}).json() == 2
    refused = demo.put(f"{SERIES}?source=a&source=b&tag=web", data={"status": "expired"})
    assert (refused.status_code, refused.json()) == (422, {"error": "source: expected once, not with 2 values"})


@pytest.mark.parametrize(
    ("path", "sent", "status", "reason"),
    [
        (f"{SERIES}?tag=web", {"status": "gone"}, 422, "status: expected expired or valid, not 'gone'"),
        (f"{SERIES}?tag=web", {}, 422, "status: expected expired or valid, not None"),
        (f"{SERIES}?tag=web", {"status": "valid", "x": 1}, 422, "'x': unknown field; expected status"),
        (SERIES, {"status": "valid"}, 422, ONE_OF["error"]),
        ("metrics/no/series?tag=web", {"status": "valid"}, 404, "no agent asked for has a metric called 'no'"),
    ],
)
def test_an_invalid_change_of_status_is_refused_with_a_reason(
    demo: TestClient, path: str, sent: dict[str, object], status: int, reason: str
) -> None:
    response = demo.put(path, json=sent)
    assert (response.status_code, response.json()) == (status, {"error": reason})


# Period and resolution


def query(**parameters: object) -> QueryParams:
    return QueryParams({name: str(value) for name, value in parameters.items()})


def refused(parameters: QueryParams, series: int = 1) -> str:
    with pytest.raises(HTTPException) as caught:
        times_of(parameters, NOW, series)
    assert caught.value.status_code == 422
    return str(json.loads(bytes(refusals.error_response("changeme", caught.value).body))["error"])


@given(
    resolution=st.integers(1, 10**6),
    points=st.integers(1, MOST_POINTS),
    less=st.integers(0, 10**6),
    end=st.integers(1, 10**11),
)
def test_points_are_a_resolution_apart_and_fill_the_period(resolution: int, points: int, less: int, end: int) -> None:
    period = points * resolution - less % resolution
    asked = query(**{"resolution": resolution, "period[duration]": period, "period[end]": end})
    times = times_of(asked, NOW, 1)
    assert len(times) == points
    assert all(time % resolution == 0 for time in (times[0], times[-1]))
    assert times[-1] <= end < times[-1] + resolution
    assert times.step == resolution


@given(st.integers(1, 10**12 - 1), st.sampled_from(DURATIONS))
def test_the_default_resolution_fits_any_period(period: int, name: str) -> None:
    times = times_of(query(**{name: period}), NOW, 1)
    assert times.step == max(RESOLUTION, ceil(period / USUAL_POINTS))
    assert len(times) == ceil(period / times.step)


def test_the_default_period_is_the_last_hour_by_the_minute() -> None:
    times = times_of(query(), NOW, 1)
    assert (len(times), times.step) == (PERIOD // 60, 60)
    assert times[-1] <= NOW < times[-1] + 60


@pytest.mark.parametrize("others", [["period[duration]"], ["period[end]"], ["period[duration]", "period[end]"]])
def test_period_together_with_a_form_with_brackets_is_refused(others: list[str]) -> None:
    reason = refused(query(period=60, **dict.fromkeys(others, 60)))
    assert reason.startswith("period: cannot be mixed with period[duration] and period[end]")


@pytest.mark.parametrize("name", [*DURATIONS, "period[end]", "resolution"])
@pytest.mark.parametrize("value", ["", "0", "-60", "1.5", "1h", "60 ", "٣", "1_000", "9" * 13, "NaN"])
def test_a_time_that_is_not_a_positive_whole_number_of_seconds_is_refused(name: str, value: str) -> None:
    assert refused(query(**{name: value})) == f"{name}: expected a whole number of seconds, 1 or more, not {value!r}"


def test_a_resolution_of_one_second_for_a_day_is_refused() -> None:
    reason = refused(query(period=86_400, resolution=1))
    assert reason.startswith("resolution: 1 s over 86400 s makes 86400 points a series")
    assert "a resolution of 9 s or more" in reason


@given(st.integers(1, 3000), st.integers(MOST_POINTS + 1, 10**9))
def test_an_error_for_a_too_fine_resolution_suggests_an_accepted_resolution(series: int, period: int) -> None:
    reason = refused(query(period=period, resolution=1), series)
    fitting = re.search(r"a resolution of (\d+) s or more", reason)
    assert fitting
    times = times_of(query(period=period, resolution=fitting[1]), NOW, series)
    assert len(times) <= MOST_POINTS
    assert len(times) * series <= MOST_ANSWERED


def test_a_parameter_may_be_repeated_with_the_same_value() -> None:
    assert query_value(QueryParams("source=a&source=a"), "source") == "a"


def test_a_parameter_with_two_values_is_refused() -> None:
    with pytest.raises(HTTPException, match="source: expected once, not with 2 values"):
        query_value(QueryParams("source=a&source=b"), "source")
