"""The line of the access log about a request."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dlsync.server.run import running
from tests.builders.raw import DASHBOARD, connect, exchanged, head, next_answer
from tests.builders.served import account_of

if TYPE_CHECKING:
    from pathlib import Path

KEY = "a-key-öf-ours"
ACCOUNT = "/api/v1/orgs/acme/accounts/default"
DASHBOARDS = "/orgs/{org}/accounts/{account}/dashboards"


def lines(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text("ascii").splitlines()]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "access.log"


def test_a_log_line_has_the_client_the_operation_and_the_result(log: Path) -> None:
    with running(access_log=str(log)) as server, account_of(server) as client:
        client.headers["User-Agent"] = "test/1"
        body = client.put("dashboards/a%2Fb", content="title: a\n", params={"token": "s3cret"}).content
        client.get("nowhere")
        client.get("dashboards", headers={"Authorization": "Bearer wrong"})
        httpx2.get(server.url.replace("/api/v1", "/healthz"), headers={"User-Agent": ""})
    found = lines(log)
    assert [list(line) for line in found] == [
        ["time", "client", "key", "method", "operation", "path", "agent", "status", "ms", "bytes"]
    ] * len(found)
    assert [*found[0].values()][1:8] == [
        *("127.0.0.1", "bootstrap", "PUT", f"PUT {DASHBOARDS}/{{name}}"),
        *(f"{ACCOUNT}/dashboards/a%2Fb", "test/1", 200),
    ]
    assert found[0]["bytes"] == len(body)
    assert [(line["key"], line["operation"], line["status"]) for line in found[1:]] == [
        ("bootstrap", None, 404),
        ("", None, 401),
        ("", "GET /healthz", 200),
    ]
    assert all(line["ms"] >= 0 and line["time"].endswith("Z") for line in found)
    assert "s3cret" not in log.read_text("ascii")


def test_a_request_whose_client_disconnects_is_logged_with_status_499(log: Path) -> None:
    with running(access_log=str(log)) as server, connect(server) as connection:
        connection.sendall(head(b"PUT", DASHBOARD, b"Expect: 100-continue", b"Content-Length: 10"))
        assert connection.recv(4096).startswith(b"HTTP/1.1 100 ")
        connection.close()
    assert [(line["operation"], line["status"]) for line in lines(log)] == [(f"PUT {DASHBOARDS}/{{name}}", 499)]


def test_client_text_adds_neither_lines_nor_escapes_nor_the_key_to_the_log(log: Path) -> None:
    sent = []
    with running(access_log=str(log), api_key=KEY) as server:

        @settings(max_examples=30)
        @given(st.text(max_size=30), st.binary(max_size=30), st.sampled_from(["DELETE", "PUT", "X-KEY", "X" * 40]))
        @example(f"a{KEY}b", KEY.encode("latin-1") + b"##vso[x]\x7f\x9b31m", "GET")
        @example("x" * 5000, b"y" * 5000, "GET")
        def ask(name: str, agent: bytes, method: str) -> None:
            target = f"{ACCOUNT}/dashboards/{quote(name, safe='')}".encode()
            shown = b"User-Agent: " + agent.translate(None, b"\r\n\0")
            sent.append(exchanged(server, head(method.encode(), target, shown, key=KEY.encode())))

        ask()
    text = log.read_bytes()
    assert all(byte == 10 or 32 <= byte < 127 for byte in text)
    assert b"##" not in text
    assert 2 <= len(lines(log)) <= len(sent)  # a request that is not HTTP has no line
    for line in lines(log):
        assert KEY not in json.dumps(line, ensure_ascii=False)
        assert quote(KEY) not in line["path"]
        assert len(json.dumps(line)) < 3000


def test_each_request_is_logged_while_its_connection_stays_open(log: Path) -> None:
    os.mkfifo(log)  # a read from it waits for a line
    with running(access_log=str(log)) as server, connect(server) as connection, log.open() as reader:
        for path in ("/a", "/b", "/c"):
            connection.sendall(head(b"GET", path.encode()))
            assert next_answer(connection).status == 404
            assert json.loads(reader.readline())["path"] == path
