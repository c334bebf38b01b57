"""Limits that uvicorn keeps on request heads, bodies and connections, over a socket."""

from __future__ import annotations

import re
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from dlsync.server.operation import Limits
from dlsync.server.run import running
from tests.builders.raw import DASHBOARD, all_of, connect, exchanged, first_answer, head, next_answer
from tests.builders.served import account_of

if TYPE_CHECKING:
    from dlsync.server.run import RunningServer


@pytest.mark.parametrize("sent", [b"SSH-2.0-OpenSSH_9.6\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"], ids=["ssh", "no host"])
def test_a_request_that_is_not_valid_http_is_refused(server: RunningServer, sent: bytes) -> None:
    assert exchanged(server, sent).status == 400


@pytest.mark.parametrize("sent", [b"GET / HTTP/1.1\r\nX: ", b"GET /"], ids=["header", "path"])
def test_a_request_head_longer_than_the_limit_is_refused(server: RunningServer, sent: bytes) -> None:
    with connect(server) as connection:
        connection.sendall(sent + b"x" * Limits().head_bytes)
        assert first_answer(all_of(connection)).status == 400


def test_a_long_request_head_within_the_limit_is_accepted(server: RunningServer) -> None:
    full = head(b"GET", b"/api/v1/orgs?" + b"a" * 8_000, *[b"X: " + b"y" * 200] * 100)
    assert exchanged(server, full).status == 200


@pytest.mark.parametrize(
    "lengths",
    [
        [b"Content-Length: 9", b"Content-Length: 10"],
        [b"Content-Length: 9, 10"],
        [b"Transfer-Encoding: gzip"],
        [b"Content-Length: -9"],
        [b"Content-Length: +9"],
        [b"Content-Length: 9 9"],
        [b"Content-Length: " + b"9" * 30],
    ],
)
def test_a_body_with_an_ambiguous_or_invalid_length_is_refused(server: RunningServer, lengths: list[bytes]) -> None:
    assert exchanged(server, head(b"PUT", DASHBOARD, *lengths) + b"title: A\n").status in {400, 501}
    with account_of(server) as client:
        assert client.get("dashboards").json() == []


def test_a_request_with_an_invalid_chunk_is_refused(server: RunningServer, caplog: pytest.LogCaptureFixture) -> None:
    sent = head(b"PUT", DASHBOARD, b"Transfer-Encoding: chunked") + b"5\r\ntitle\r\nno chunk\r\n"
    assert exchanged(server, sent).status == 400
    with account_of(server) as client:
        assert client.get("dashboards").json() == []
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize(("key", "status"), [(b"wrong", 401), (b"changeme", 413)])
def test_a_connection_survives_the_refusal_of_a_long_body(server: RunningServer, key: bytes, status: int) -> None:
    with connect(server) as connection:
        connection.sendall(head(b"PUT", DASHBOARD, b"Content-Length: 20000000", key=key))
        connection.sendall(b"x" * 20_000_000)
        assert next_answer(connection).status == status
        connection.sendall(head())
        assert next_answer(connection).status == 200


def test_slow_clients_do_not_block_other_clients(server: RunningServer) -> None:
    with account_of(server) as client, ExitStack() as stack:
        client.put("dashboards/a", content=b"title: " + b"x" * 1_900_000).raise_for_status()
        for sent in (b"", b"GET / HT", head(b"PUT", DASHBOARD, b"Content-Length: 100") + b"t", head(b"GET", DASHBOARD)):
            for _ in range(20):
                stack.enter_context(connect(server)).sendall(sent)
        assert client.get("rules").status_code == 200


def test_requests_beyond_the_connection_limit_are_refused_until_a_connection_closes() -> None:
    with running(limits=Limits(connections=3)) as server:
        with connect(server), connect(server):
            assert exchanged(server, head()).status == 503
        with connect(server) as connection:
            connection.sendall(head())
            assert next_answer(connection).status == 200


def test_a_client_that_reads_slowly_receives_the_whole_answer(server: RunningServer) -> None:
    with account_of(server) as client:
        client.put("dashboards/a", content=b"title: " + b"x" * 1_900_000).raise_for_status()
        with connect(server) as connection:
            connection.sendall(head(b"GET", DASHBOARD) * 10 + head(b"DELETE", DASHBOARD, b"Connection: close"))
            for _ in range(30):  # meanwhile the server sends until the socket is full
                assert client.get("rules").status_code == 200
            assert len(all_of(connection)) > 10 * 1_900_000


def test_pipelined_requests_are_all_answered_in_order(server: RunningServer) -> None:
    names = [b"a%d" % number for number in range(50)]
    with connect(server) as connection:
        sent = [head(b"GET", DASHBOARD.removesuffix(b"a") + name) for name in names]
        connection.sendall(b"".join(sent) + head(b"GET", b"/", b"Connection: close"))
        assert re.findall(b"no dashboard is called '(.*?)'", all_of(connection)) == names
