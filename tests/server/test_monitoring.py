"""Health checks and metrics at the server's root."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.testclient import TestClient

from dlsync.server import monitoring, postgresql
from dlsync.server.monitoring import Metrics, Probes
from dlsync.server.run import running
from tests.builders.metrics_servers import scraping
from tests.builders.postgresql import cluster
from tests.builders.served import account_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from dlsync.server.run import RunningServer
    from dlsync.server.store import Store

KEY = {"Authorization": "Bearer a-key-of-ours"}
READY = (200, {"status": "ok"})


def root(server: RunningServer) -> str:
    return server.url.removesuffix("/api/v1")


def readiness(server: RunningServer) -> tuple[int, object]:
    answer = httpx2.get(f"{root(server)}/readyz")
    return answer.status_code, answer.json()


def series(server: RunningServer) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """The value of each series of a server."""
    text = httpx2.get(f"{root(server)}/metrics").raise_for_status().text
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {(sample.name, frozenset(sample.labels.items())): sample.value for sample in samples}


def value(server: RunningServer, name: str, **labels: str) -> float:
    return series(server)[name, frozenset(labels.items())]


def test_on_loopback_no_probe_needs_a_key(server: RunningServer) -> None:
    assert httpx2.get(f"{root(server)}/healthz").json() == {"status": "ok"}
    assert readiness(server) == READY
    assert httpx2.get(f"{root(server)}/metrics").headers["content-type"].startswith("text/plain; version=")


def test_where_other_machines_can_connect_the_metrics_need_the_key() -> None:
    with running(host="0.0.0.0", api_key="a-key-of-ours") as server:
        url = f"http://127.0.0.1:{urlsplit(server.url).port}"
        statuses = {path: httpx2.get(f"{url}/{path}").status_code for path in ("healthz", "readyz", "metrics")}
        assert statuses == {"healthz": 200, "readyz": 200, "metrics": 401}
        assert httpx2.get(f"{url}/metrics", headers=KEY).status_code == 200


@pytest.mark.parametrize("path", ["healthz", "readyz", "metrics"])
def test_a_probe_refuses_other_hosts_and_accepts_head_but_not_post(server: RunningServer, path: str) -> None:
    assert httpx2.get(f"{root(server)}/{path}", headers={"Host": "evil.example"}).status_code == 421
    assert httpx2.post(f"{root(server)}/{path}", headers={"Authorization": "Bearer changeme"}).status_code == 405
    assert httpx2.head(f"{root(server)}/{path}").status_code == 200


def test_a_readiness_check_writes_to_the_database_and_leaves_no_data(tmp_path: Path) -> None:
    with running(db=tmp_path / "live.db") as server, account_of(server) as client:
        client.put("dashboards/a", content="title: a\n")
        before = (tmp_path / "live.db-wal").stat().st_size
        assert readiness(server) == READY
        assert (tmp_path / "live.db-wal").stat().st_size > before
        orgs = httpx2.get(f"{server.url}/orgs", headers=client.headers).json()
    assert [org["name"] for org in orgs] == ["acme"]


def test_a_server_is_alive_but_not_ready_while_its_database_is_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitoring, "READY_SECONDS", 0)
    with running(db=tmp_path / "live.db") as server:
        with closing(sqlite3.connect(tmp_path / "live.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert readiness(server) == (503, {"error": "the database takes no write: locked"})
            assert httpx2.get(f"{root(server)}/healthz").status_code == 200
        assert value(server, "dlsync_database_failures_total", code="locked") == 1
        assert readiness(server) == READY


def test_a_server_is_not_ready_while_its_database_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql, "PATIENCE", 0.5)
    with cluster() as own, running(db=own.create("gone")) as server:
        assert readiness(server) == READY
        own.stop()
        assert readiness(server) == (503, {"error": "the database takes no write: gone"})
        own.start()
        assert readiness(server) == READY


def probed(transact: Callable[..., Awaitable[None]]) -> tuple[Probes, TestClient]:
    probes = Probes(transact, Metrics())
    return probes, TestClient(Starlette(routes=probes.routes))


def test_the_readiness_check_times_out_if_the_database_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(monitoring, "READY_SECONDS", -0.99)
    answer = probed(hang)[1].get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["error"].startswith("the database takes no write: no answer within 0.01")


def test_a_stopping_server_is_alive_but_not_ready() -> None:
    async def nothing(*_: object) -> None:
        raise AssertionError("it is not asked")

    probes, client = probed(nothing)
    probes.stopping = lambda: True
    assert (client.get("/readyz").status_code, client.get("/readyz").json()) == (503, {"error": "the server stops"})
    assert client.get("/healthz").status_code == 200


@pytest.mark.anyio
async def test_concurrent_readiness_checks_share_one_write() -> None:
    begun, go = [], asyncio.Event()

    async def transact(_: Callable[[Store], Awaitable[None]], seconds: float) -> None:
        begun.append(seconds)
        await go.wait()

    probes = Probes(transact, Metrics())
    ready = probes.routes[1].endpoint
    requests = [asyncio.create_task(ready(Request({"type": "http"}))) for _ in range(5)]
    await asyncio.wait(requests, timeout=0.01)
    go.set()
    assert {answer.status_code for answer in await asyncio.gather(*requests)} == {200}
    assert len(begun) == 1


def test_each_operation_and_status_is_counted(server: RunningServer) -> None:
    before = series(server)  # on PostgreSQL, the server has answered other tests
    with account_of(server) as client:
        for name in ("a", "b"):
            client.put(f"dashboards/{name}", content="title: a\n")
        client.head("dashboards/a")
        client.get("dashboards/nope")
    after = series(server)

    def more(name: str, **labels: str) -> float:
        key = name, frozenset(labels.items())
        return after[key] - before.get(key, 0)

    name = "/orgs/{org}/accounts/{account}/dashboards/{name}"
    assert more("dlsync_requests_total", operation=f"PUT {name}", status="200") == 2
    assert more("dlsync_requests_total", operation=f"GET {name}", status="200") == 1
    assert more("dlsync_requests_total", operation=f"GET {name}", status="404") == 1
    assert more("dlsync_request_duration_seconds_count", operation=f"GET {name}") == 2
    assert more("dlsync_database_transactions_total", access="read") >= 2
    assert more("dlsync_database_transactions_total", access="write") >= 2


def test_open_connections_are_counted() -> None:
    with running() as server:  # a server of its own has no connection of another test
        assert value(server, "dlsync_connections") == 1


def test_clients_cannot_add_series(server: RunningServer) -> None:
    def ask(number: int) -> None:
        with account_of(server, f"account-{number}") as client:
            for path in (f"dashboards/{number}", f"nowhere-{number}", "dashboards/%00%ff"):
                client.get(path)
            client.request(f"METHOD{number}", "dashboards")
            client.get("dashboards", headers={"Host": f"host-{number}"})
            client.get("dashboards", headers={"Authorization": f"Bearer {number}"})

    httpx2.get(f"{root(server)}/metrics")
    ask(0)
    before = series(server).keys()
    for number in range(1, 4):
        ask(number)
    assert series(server).keys() == before


def test_promtool_accepts_the_metrics(server: RunningServer) -> None:
    if not shutil.which("promtool"):
        pytest.skip("promtool is not installed: apt-get install prometheus")
    text = httpx2.get(f"{root(server)}/metrics").text
    command = ("promtool", "check", "metrics")
    checked = subprocess.run(command, check=False, input=text, capture_output=True, text=True)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_prometheus_scrapes_the_metrics_with_a_key_from_a_file(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    os.mkfifo(log)
    with running(host="0.0.0.0", api_key="a-key-of-ours", access_log=str(log)) as server, log.open() as lines:
        port = urlsplit(server.url).port
        with scraping(tmp_path, f"127.0.0.1:{port}", "a-key-of-ours") as url:
            scrapes = (line for line in lines if '"status":200' in line)
            for _ in range(3):  # a scrape is stored once the next begins
                assert '"operation":"GET /metrics"' in next(scrapes)
            # a late scrape ends the series, so the query looks back
            query = {"query": 'max_over_time(dlsync_requests_total{operation="GET /metrics",status="200"}[1h])'}
            while not (found := httpx2.get(f"{url}/api/v1/query", params=query).json()["data"]["result"]):
                pass
    assert [(one["metric"]["job"], float(one["value"][1]) >= 1) for one in found] == [("dlsync", True)]
