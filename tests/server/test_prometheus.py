"""``dlsync serve --metrics-url`` with real metrics servers, and with a scripted server that sends broken answers."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from dlsync.errors import SettingsError
from dlsync.server.app import App
from dlsync.server.operation import Settings
from dlsync.server.prometheus import Source
from dlsync.server.run import running
from dlsync.server.sqlite import Sqlite
from tests.builders.commands import dlsync, environment
from tests.builders.dlcli_calls import COMMAND_LINE, PUT_RULE
from tests.builders.http import Misbehaviour, Reply, Seen, json_reply, scripted_server
from tests.builders.metrics_servers import DATABASE, GONE, METRICS_SERVERS, NOW, UNIX, WEB
from tests.builders.replaying import Scenario, Step, at, holds, replaying
from tests.builders.served import YAML, account_of
from tests.builders.tls import authority_file, server_context

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from dlsync.server.run import RunningServer
    from tests.builders.http import ScriptedServer
    from tests.server.conftest import Clock

pytestmark = pytest.mark.anyio
TAGS = ("job", "env")


@pytest.fixture(scope="module", params=[*METRICS_SERVERS])
def metrics_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with METRICS_SERVERS[request.param](tmp_path_factory.mktemp("metrics")) as url:
        yield url


@pytest.fixture(scope="module")
def measuring(metrics_url: str) -> Iterator[RunningServer]:
    with running(metrics=Source(metrics_url, tag_labels=TAGS), now=lambda: NOW) as server:
        yield server


@pytest.fixture(scope="module")
def measured(measuring: RunningServer) -> Iterator[httpx2.Client]:
    with account_of(measuring) as client:
        yield client


def series(client: httpx2.Client, metric: str, **query: Any) -> list[dict[str, Any]]:
    answer = client.get(f"metrics/{metric}/series", params=query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


def rule(client: httpx2.Client, metric: str, condition: dict[str, Any], **scope: str) -> dict[str, Any]:
    criterion = {"metric": metric, "condition": condition, "scope": scope}
    assert client.put("rules/r", json={"title": "r", "criteria": [criterion]}).is_success
    view = client.get("rules/r").json()
    (found,) = client.get("rules/r/criteria").json()
    assert view["criteria"] == [found]
    return {**found, "rule": view["state"]}


def test_agents_and_their_tags_come_from_the_values_of_configured_labels(measured: httpx2.Client) -> None:
    agents = {agent["id"]: agent for agent in measured.get("agents").json()}
    assert {name: (agent["tags"], agent["presence_state"]) for name, agent in agents.items()} == {
        WEB: (["all", "prod", "web"], "online"),
        DATABASE: (["all", "postgres", "prod"], "online"),
        GONE: (["all", "prod", "web"], "offline"),
    }
    assert [tag["name"] for tag in measured.get("tags").json()] == ["all", "postgres", "prod", "web"]
    assert measured.get(f"agents/{WEB}").json()["name"] == WEB
    assert measured.get("agents/none").status_code == 404


def test_metrics_have_the_names_of_the_metrics_server_and_include_agent_status(measured: httpx2.Client) -> None:
    names = [metric["name"] for metric in measured.get("metrics", params={"source": DATABASE}).json()]
    assert names == ["agent.status", "base_load_fractional", "pg_up", "up"]
    tagged = {metric["name"] for metric in measured.get("metrics", params={"tag": "web"}).json()}
    assert "http_check_status" in tagged
    assert "pg_up" not in tagged


def test_a_series_has_the_values_at_the_requested_times(measured: httpx2.Client) -> None:
    (found,) = series(measured, "base.load_fractional", source=WEB, period=120)
    last = UNIX // 60 * 60
    assert found["points"] == [{"uom": "", "value": 0.9, "time": time} for time in (last - 60, last)]
    assert (found["metric"]["name"], found["source"]["id"]) == ("base.load_fractional", WEB)


def test_a_query_by_tag_returns_a_series_for_each_agent_that_has_the_metric(measured: httpx2.Client) -> None:
    found = series(measured, "base_load_fractional", tag="prod")
    assert [item["source"]["id"] for item in found] == [DATABASE, WEB]


def test_the_origin_distinguishes_series_of_one_agent_by_their_labels(measured: httpx2.Client) -> None:
    found = series(measured, "node_filesystem_avail_bytes", source=WEB, period=60)
    assert [item["points"][0]["value"] for item in found] == [500, 3]
    assert [item["origin"][1:] for item in found] == [
        ["env=prod", "job=web", "mountpoint=/"],
        ["env=prod", "job=web", 'mountpoint=/srv "a"'],
    ]


def test_a_coarse_resolution_averages_the_points(measured: httpx2.Client) -> None:
    (found,) = series(measured, "base_load_fractional", source=WEB, resolution=600, period=1200)
    first = found["points"][0]
    assert (first["time"], first["type"]) == (UNIX // 600 * 600 - 600, "number")
    assert first["avg"] == pytest.approx(0.9, abs=0.1)
    (status,) = series(measured, "agent.status", source=WEB, resolution=600, period=1200)
    assert status["points"][0] | {"time": 0} == {
        "uom": "", "value": 1, "time": 0, "type": "boolean", "avg": 1, "all": True,
    }  # fmt: skip


def test_a_metric_that_no_requested_agent_has_is_404(measured: httpx2.Client) -> None:
    assert measured.get("metrics/none/series", params={"source": WEB}).status_code == 404
    assert measured.get("metrics/pg_up/series", params={"source": WEB}).status_code == 404


def test_values_that_json_cannot_represent_are_left_out(measured: httpx2.Client) -> None:
    assert measured.get("metrics/broken_ratio/series", params={"source": WEB}).status_code == 404


def test_a_rule_triggers_on_measurements(measured: httpx2.Client) -> None:
    found = rule(measured, "base.load_fractional", {"threshold": 0.8, "timeout": 60, "operator": "gt"}, tag="prod")
    assert (found["rule"], found["state"], found["triggered_by"]) == ("triggered", "hit", [WEB])
    assert found["sources"] == {DATABASE: "clear", GONE: "unknown", WEB: "hit"}
    assert found["triggered_at"] == "2026-03-04T11:51:00.000Z"


@pytest.mark.parametrize(
    ("metric", "condition", "state"),
    [
        ("base_load_fractional", {"threshold": 2, "timeout": 60}, "clear"),
        ("none", {"threshold": 2, "timeout": 60}, "unknown"),
        ("http_check.status", {"threshold": False, "timeout": 60}, "hit"),
        ("http_check.*", {"threshold": 1, "timeout": 60}, "hit"),
        ("*.status", {"threshold": False, "timeout": 60}, "hit"),
        ("agent.status", {"threshold": False, "timeout": 60}, "clear"),
        ("node_filesystem_avail_bytes", {"threshold": 10, "timeout": 60, "operator": "lt"}, "hit"),
        ("base_load_fractional", {"threshold": 0.1, "timeout": 86400}, "unknown"),
    ],
)
def test_a_criterion_on_measurements_has_the_state_that_the_service_would_give(
    measured: httpx2.Client, metric: str, condition: dict[str, Any], state: str
) -> None:
    assert rule(measured, metric, condition, agent=WEB)["state"] == state


def test_a_rule_without_operator_and_scope_evaluates_every_agent(measured: httpx2.Client) -> None:
    found = rule(measured, "agent.status", {"threshold": False, "timeout": 60})
    assert found["sources"] == {DATABASE: "clear", GONE: "hit", WEB: "clear"}


def test_a_registered_agent_gets_the_measurements_of_the_target_with_its_name(measuring: RunningServer) -> None:
    with account_of(measuring) as client:
        client.post("agents/1f2e/ping", data={"name": DATABASE, "tag_names": "mine"}).raise_for_status()
        try:
            agents = {agent["id"]: agent["tags"] for agent in client.get("agents").json()}
            assert agents == {
                "1f2e": ["all", "mine", "postgres", "prod"],
                GONE: ["all", "prod", "web"],
                WEB: ["all", "prod", "web"],
            }
            (found,) = series(client, "base.load_fractional", tag="mine", period=60)
            assert (found["source"], found["points"][0]["value"]) == ({"id": "1f2e", "name": DATABASE}, 0.5)
            (own,) = series(client, "agent.status", source="1f2e")
            assert own["points"][-1]["value"] == 1
            assert rule(client, "base_load_fractional", {"threshold": 0.1}, tag="mine")["triggered_by"] == ["1f2e"]
        finally:
            client.delete("agents/1f2e").raise_for_status()


def test_agents_and_tags_of_the_metrics_server_cannot_be_changed(measured: httpx2.Client) -> None:
    assert measured.put(f"agents/{WEB}/tags", json={"names": ["a"]}).status_code == 404
    assert measured.delete(f"agents/{WEB}").status_code == 404
    assert measured.delete("tags/postgres").status_code == 404
    assert measured.put("metrics/series", params={"tag": "all"}, data={"status": "expired"}).json() == 0


def test_only_the_configured_account_has_measured_agents(measuring: RunningServer) -> None:
    with account_of(measuring, "other") as client:
        httpx2.post(
            f"{measuring.url}/orgs/acme/accounts",
            json={"name": "other"},
            headers={"Authorization": "Bearer changeme"},
        ).raise_for_status()
        assert client.get("agents").json() == []


def test_the_command_line_shows_metrics_and_series_of_the_metrics_server(measuring: RunningServer) -> None:
    env = environment(measuring.url)
    listed = dlsync("metrics", "list", "--tag", "prod", "--format", "json", env=env)
    assert "http_check_status" in {metric["name"] for metric in json.loads(listed.out)}
    got = dlsync(*("series", "get", "base.load_fractional", "--agent", WEB, "--format", "json"), env=env)
    (found,) = json.loads(got.out)
    assert found["points"][-1]["value"] == 0.9


OLD_CLIENT = Scenario(
    "dlcli",
    "agents, metrics and the state of a rule that are measured",
    (
        Step("GET agents", has=[{"id": WEB, "tags": ["web"], "presence_state": "online"}]),
        Step(f"GET metrics?source={WEB}", has=[{"name": "http_check_status", "data_type": "number"}]),
        Step("GET metrics/base.load_fractional/series?tag=web&period=60", has=[{"points": [{"value": 0.9}]}]),
        PUT_RULE,
        Step("GET rules/load/criteria", has=[{"state": "hit", "sources": {WEB: "hit"}, "triggered_by": [WEB]}]),
        Step("DELETE rules/load", status=204),
    ),
)


def test_an_old_client_reads_agents_metrics_and_rule_states_of_the_metrics_server(measuring: RunningServer) -> None:
    with replaying(measuring.url) as replay:
        for step in OLD_CLIENT.steps:
            answer = replay.send(step)
            assert answer.status == (step.status or 200), answer.text
            assert holds(answer.value, step.has) or not step.has, answer.text


@pytest.mark.parametrize("scenario", COMMAND_LINE, ids=lambda scenario: str(scenario.name))
def test_old_client_calls_succeed_while_the_metrics_server_is_down(scenario: Scenario) -> None:
    with running(metrics=Source("http://127.0.0.1:1"), demo=scenario.demo) as server, replaying(server.url) as replay:
        for step in scenario.steps:
            answer = replay.send(step)
            assert answer.status == step.status if step.status else answer.status < 300, answer.text
            assert step.has is None or holds(answer.value, replay.filled(step.has)), answer.text
            replay.saved.update({name: str(at(answer.value, path)) for name, path in step.save.items()})


SUCCESS = {"status": "success"}
PASSWORD = "s3cret/pass"


def scripted(
    series: Reply | Callable[[Seen], Reply], *, labels: list[object] | None = None, up: object = None
) -> Callable[[Seen], Reply]:
    """Script a metrics server with one agent: ``series`` is its answer to a query of a range."""

    def answer(request: Seen) -> Reply:
        path = urlsplit(request.target).path.partition("/api/v1/")[2]
        if path == "query_range":
            return series if isinstance(series, Reply) else series(request)
        if path == "query":
            rows = [{"metric": {"instance": "web", "job": "node"}, "value": [0, "1"]}]
            return json_reply({**SUCCESS, "data": {"resultType": "vector", "result": rows} if up is None else up})
        names: list[object] = ["load", "a.b", "a_b", "x.y"] if labels is None else labels
        return json_reply({**SUCCESS, "data": names if "__name__" in path else ["web"]})

    return answer


def matrix(*rows: object) -> Reply:
    return json_reply({**SUCCESS, "data": {"resultType": "matrix", "result": [*rows]}})


def row(target: str = "web", values: object = None) -> dict[str, object]:
    return {"metric": {"instance": target}, "values": [[UNIX // 60 * 60, "1"]] if values is None else values}


@asynccontextmanager
async def between(
    answer: Reply | Callable[[Seen], Any], tls: ssl.SSLContext | None = None, **source: Any
) -> AsyncIterator[tuple[ScriptedServer, httpx2.AsyncClient]]:
    """A scripted metrics server, and a client of a dlsync server that queries it."""
    async with scripted_server(answer, tls=tls) as scripts:
        url = source.pop("url", "http://{}").format(f"user:{PASSWORD.replace('/', '%2F')}@127.0.0.1:{scripts.port}/pre")
        options = {"tag_labels": ("job",), "seconds": 5, "cached_seconds": 0, **source}
        now = options.pop("now", lambda: NOW)
        app = App(Sqlite(), Settings(metrics=Source(url, **options), now=now))
        async with (
            app.opened(),
            httpx2.AsyncClient(
                transport=httpx2.ASGITransport(app),
                base_url="http://test/api/v1/orgs/acme/accounts/default/",
                headers={"Authorization": "Bearer changeme"},
            ) as client,
        ):
            yield scripts, client


QUERY = "metrics/load/series?source=web&period=60"


async def test_requests_to_the_metrics_server_carry_the_login_and_documented_parameters() -> None:
    async with between(scripted(matrix(row()))) as (scripts, client):
        assert (await client.get(QUERY)).json()[0]["points"] == [{"uom": "", "value": 1, "time": UNIX // 60 * 60}]
    assert {request.headers["authorization"] for request in scripts.seen} == {"Basic dXNlcjpzM2NyZXQvcGFzcw=="}
    (asked,) = [parse_qs(request.body.decode()) for request in scripts.seen if "query_range" in request.target]
    last = str(UNIX // 60 * 60)
    query = '{__name__="load",instance=~"web"}'
    assert asked == {"query": [query], "start": [last], "end": [last], "step": ["60"]}
    assert all(urlsplit(request.target).path.startswith("/pre/api/v1/") for request in scripts.seen)


BROKEN = {
    "half an answer": Reply(200, b'{"status": "success"', misbehaviour=Misbehaviour.CUT_SHORT),
    "no answer": Reply(misbehaviour=Misbehaviour.CLOSE),
    "a reset": Reply(misbehaviour=Misbehaviour.RESET),
    "an answer without end": Reply(200, b"[" * 1000, misbehaviour=Misbehaviour.ENDLESS),
    "no HTTP": Reply(200, b"hello\r\n\r\n", misbehaviour=Misbehaviour.GARBAGE),
    "no JSON": Reply(200, b"<html>"),
    "deep JSON": Reply(200, b"[" * 100_000),
    "another JSON": json_reply([1]),
    "a redirect": Reply(302, b"", (("Location", "http://127.0.0.1:1/"),)),
    "an error with the password": json_reply({"status": "error", "error": f"login {PASSWORD} is wrong"}, 401),
    "a long error": json_reply({"status": "error", "error": "x" * 50_000}, 400),
    "an error of a busy one": json_reply({"status": "error", "error": "later"}, 503),
    "no data": json_reply(SUCCESS),
    "data of another type": json_reply({**SUCCESS, "data": {"resultType": "scalar", "result": [1, "1"]}}),
    "a row that is none": matrix(1),
    "labels that are none": matrix({"metric": {"instance": 1}, "values": []}),
    "half a surrogate pair": matrix({"metric": {"instance": "web", "a": "\ud800"}, "values": []}),
    "no values": matrix({"metric": {"instance": "web"}}),
    "values that are none": matrix(row(values=[[1, "x"]])),
    "values of another time": matrix(row(values=[[1, "1"]])),
    "a time beyond all": matrix(row(values=[[float("inf"), "1"]])),
    "another agent": matrix(row("db")),
}


@pytest.mark.parametrize("how", [*BROKEN])
async def test_a_broken_metrics_answer_fails_the_series_and_leaves_rules_usable(
    how: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with between(scripted(BROKEN[how]), answer_bytes=100_000) as (_, client):
        answer = await client.get(QUERY)
        assert answer.status_code in {502, 503}
        assert "metrics server" in answer.json()["error"]
        body = "criteria:\n- {metric: load, condition: {threshold: 0}, scope: {tag: node}}\n"
        assert (await client.put("rules/r", content=body)).is_success
        criteria = (await client.get("rules/r/criteria")).json()
        assert (criteria[0]["state"], criteria[0]["sources"]) == ("unknown", {"web": "unknown"})
        assert (await client.get("rules/r", headers=YAML)).text == body
    assert "the state of a rule is unknown" in caplog.text
    assert not re.search(r"s3cret|dXNlcj|Traceback", answer.text + caplog.text)
    assert max(map(len, caplog.messages)) < 2_000


@pytest.mark.parametrize("broken", [*BROKEN])
async def test_resources_stay_usable_when_every_metrics_answer_is_broken(
    broken: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with between(BROKEN[broken], answer_bytes=100_000) as (_, client):
        assert (await client.get("agents")).json() == []
        assert (await client.get(QUERY)).status_code in {502, 503}
        assert (await client.get("tags")).json() == [{"name": "all"}]
        assert (await client.put("rules/r", content="criteria: []\n")).is_success
        assert (await client.get("rules/r")).json()["state"] == "unknown"
        assert (await client.get("dashboards")).json() == []
    assert not re.search(r"s3cret|dXNlcj|Traceback", caplog.text)


async def test_a_slow_metrics_server_delays_neither_writes_nor_dashboards() -> None:
    gate = asyncio.Event()

    async def slow(_: Seen) -> Reply:
        await gate.wait()
        return json_reply({**SUCCESS, "data": []})

    async with between(slow) as (_, client):
        reading = asyncio.create_task(client.get("agents"))
        assert (await client.put("rules/r", content="title: r\n")).is_success
        assert (await client.get("dashboards")).is_success
        assert not reading.done()
        gate.set()
        assert (await reading).json() == []


async def test_a_metrics_server_that_does_not_answer_in_time_is_503() -> None:
    async with between(scripted(Reply(misbehaviour=Misbehaviour.HANG)), seconds=0.2) as (_, client):
        answer = await client.get(QUERY)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert "has not answered within 0.2 s" in answer.json()["error"]


async def test_a_metrics_server_whose_answer_does_not_end_in_time_is_503_whatever_arrives_at_that_moment() -> None:
    """The library delivers a chunk that is ready in place of the cancellation, and the time-out fires only once."""
    endless = Reply(200, b"[" * 1000, misbehaviour=Misbehaviour.ENDLESS)
    async with between(scripted(endless), seconds=0.02, answer_bytes=100_000_000) as (_, client):
        for _ in range(20):
            answer = await client.get(QUERY)
            assert (answer.status_code, "has not answered within" in answer.json()["error"]) == (503, True)


async def test_known_agents_go_offline_when_the_metrics_server_fails(clock: Clock) -> None:
    works = [True]

    def answer(request: Seen) -> Reply:
        return scripted(matrix(row()))(request) if works else Reply(500)

    async with between(answer, now=lambda: clock.now) as (_, client):
        (agent,) = (await client.get("agents")).json()
        assert (agent["id"], agent["presence_state"]) == ("web", "online")
        works.clear()
        clock.now += timedelta(minutes=2)
        (agent,) = (await client.get("agents")).json()
        assert (agent["id"], agent["presence_state"]) == ("web", "offline")
        assert (await client.get(QUERY)).status_code == 502


async def test_agents_and_metric_names_are_cached() -> None:
    async with between(scripted(matrix(row())), cached_seconds=600) as (scripts, client):
        for _ in range(3):
            assert (await client.get(QUERY)).is_success
            assert (await client.get("metrics?source=web")).is_success
    paths = [urlsplit(request.target).path.rpartition("v1/")[2] for request in scripts.seen]
    assert sorted({*paths} - {"query_range"}) == ["label/__name__/values", "label/instance/values", "query"]
    assert paths.count("label/instance/values") == paths.count("query") == 1
    assert paths.count("label/__name__/values") == 2  # for two periods


async def test_the_cache_drops_its_oldest_answers() -> None:
    async with between(scripted(matrix(row())), cached_seconds=600) as (scripts, client):
        for hours in [*range(70), 0]:
            (await client.get(f"metrics/load/series?source=web&period[duration]=60&period[end]={UNIX - hours * 3600}"))
    assert sum("__name__" in request.target for request in scripts.seen) == 71


async def test_metric_names_that_collide_are_an_error(caplog: pytest.LogCaptureFixture) -> None:
    async with between(scripted(matrix(row()))) as (_, client):
        answer = await client.get("metrics/a.b/series?source=web")
        assert (answer.status_code, "'a.b' and 'a_b'" in answer.json()["error"]) == (409, True)
        names = [metric["name"] for metric in (await client.get("metrics?source=web")).json()]
        assert names == ["load", "x_y"]
    assert caplog.text.count("the metrics server has 'a.b' and 'a_b', which are one name here") == 1


async def test_with_utf8_metric_names_are_kept_unchanged() -> None:
    async with between(scripted(matrix(row())), utf8=True) as (scripts, client):
        assert (await client.get("metrics/a.b/series?source=web&period=60")).is_success
        names = [metric["name"] for metric in (await client.get("metrics?source=web")).json()]
        assert names == ["a.b", "a_b", "load", "x.y"]
    assert any("%22a.b%22" in request.body.decode() for request in scripts.seen)


async def test_a_long_series_is_requested_in_several_pieces() -> None:
    def answer(request: Seen) -> Reply:
        asked = {name: int(value) for name, (value,) in parse_qs(request.body.decode()).items() if name != "query"}
        times = range(asked["start"], asked["end"] + 1, asked["step"])
        return matrix(row(values=[[time, "1"] for time in times]))

    async with between(scripted(answer)) as (scripts, client):
        found = (await client.get("metrics/load/series?source=web&period=100000&resolution=10")).json()
    assert len(found[0]["points"]) == 10_000
    assert sum("query_range" in request.target for request in scripts.seen) == 2


async def test_a_series_request_with_more_points_than_the_limit_is_refused() -> None:
    def answer(request: Seen) -> Reply:
        start = int(parse_qs(request.body.decode())["start"][0])
        points = [[start + index, "1"] for index in range(5_000)]
        return matrix(*({"metric": {"instance": "web", "a": str(n)}, "values": points} for n in range(41)))

    async with between(scripted(answer), answer_bytes=2**25) as (_, client):
        refused = await client.get("metrics/load/series?source=web&period=5000&resolution=1")
    assert (refused.status_code, "200000 points" in refused.json()["error"]) == (422, True)


async def test_times_before_1970_and_in_the_future_are_not_requested() -> None:
    async with between(scripted(matrix())) as (scripts, client):
        assert (await client.get("metrics/load/series?source=web&period=999999999999&resolution=999999999")).is_error
        ahead = f"metrics/load/series?source=web&period[duration]=60&period[end]={UNIX + 7200}"
        assert (await client.get(ahead)).status_code == 404
    asked = [parse_qs(request.body.decode()) for request in scripts.seen if "query_range" in request.target]
    assert [int(query["start"][0]) >= 0 for query in asked] == [True]


async def test_a_rule_whose_pattern_matches_too_many_metrics_is_unknown() -> None:
    async with between(scripted(matrix(row()), labels=[f"m{n}" for n in range(51)])) as (_, client):
        body = {"criteria": [{"metric": "m*", "condition": {"threshold": 0}}]}
        assert (await client.put("rules/r", json=body)).is_success
        assert (await client.get("rules/r")).json()["state"] == "unknown"


async def test_metrics_of_many_agents_are_requested_in_several_requests() -> None:
    def answer(request: Seen) -> Reply:
        path = urlsplit(request.target).path
        if path.endswith("label/instance/values"):
            return json_reply({**SUCCESS, "data": [f"web-{n}.example.com:9100" for n in range(200)]})
        return scripted(matrix())(request)

    async with between(answer) as (scripts, client):
        assert (await client.get("metrics?tag=all")).is_success
    targets = [request.target for request in scripts.seen if "__name__" in request.target]
    assert len(targets) > 1
    assert all(len(target) < 4_000 for target in targets)


@pytest.mark.parametrize("url", ["ftp://h", "h:9090", "http://", "http://h/?a", "http://h:x", "http://u:s3cret@[/"])
def test_an_invalid_url_is_refused_without_showing_its_password(url: str) -> None:
    with pytest.raises(SettingsError, match="not an HTTP address") as refused:
        Source(url)
    assert "s3cret" not in str(refused.value)


def test_an_invalid_label_name_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"'a\) or \(up' is not the name of a label"):
        Source("http://h", "a) or (up")


@pytest.mark.parametrize(("name", "status"), [("127.0.0.1", 200), ("other.example", 503)])
async def test_an_https_metrics_server_is_queried_only_if_its_certificate_is_valid(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, status: int
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", authority_file(tmp_path))
    answer = scripted(matrix(row()))
    async with between(answer, tls=server_context(name), url="https://{}") as (scripts, client):
        assert (await client.get(QUERY)).status_code == status
        assert bool(scripts.seen) is (status == 200)
