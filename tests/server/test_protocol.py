"""What the server does before a request is one: bounds on heads, on time and on connections, over a socket."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from dlsync.server.limits import Limits
from dlsync.server.run import running
from tests.builders.raw import DASHBOARD, all_of, connect, exchanged, first_answer, head, next_answer
from tests.builders.served import account_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlsync.server.run import RunningServer

SMALL = Limits(head_bytes=2_000, target_bytes=500, headers=20)
HASTY = Limits(head_seconds=0.05, request_seconds=0.1)
LONG = b"x" * 100_000


@pytest.fixture(scope="module")
def small() -> Iterator[RunningServer]:
    with running(limits=SMALL) as server:
        yield server


@pytest.fixture
def hasty() -> Iterator[RunningServer]:
    with running(limits=HASTY) as server:
        yield server


@pytest.mark.parametrize(
    ("sent", "status", "reason"),
    [
        (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", 400, "Invalid HTTP request received."),
        (b"GET / HTTP/1.1\r\n\r\n", 400, "Invalid HTTP request received."),
        (head(b"GET", b"/" + b"a" * 500), 414, "the path is longer than the 500 bytes that this server reads"),
        (head(b"GET", b"/", *[b"X: y"] * 20), 431, "more than the 20 headers that this server reads"),
        (
            head(b"GET", b"/", b"X: " + b"x" * 2_000),
            431,
            "the head is longer than the 2000 bytes that this server reads",
        ),
        (b"GET / HTTP/1.1\r\nX: " + LONG, 431, "the head is longer than the 2000 bytes that this server reads"),
        (b"GET /" + LONG, 431, "the head is longer than the 2000 bytes that this server reads"),
        (
            head(b"PUT", DASHBOARD, b"Transfer-Encoding: gzip"),
            501,
            "of all transfer codings, this server reads chunked only",
        ),
    ],
)
def test_what_cannot_be_or_is_not_read_is_answered_in_json(
    small: RunningServer, sent: bytes, status: int, reason: str
) -> None:
    with connect(small) as connection:
        connection.sendall(sent)
        answer = first_answer(all_of(connection))
    assert (answer.status, answer.error) == (status, reason)
    assert b"content-type: application/json" in answer.headers
    assert b"connection: close" in answer.headers


def test_a_head_within_the_bounds_is_read(small: RunningServer) -> None:
    full = head(b"GET", b"/api/v1/orgs?" + b"a" * 400, *[b"X: " + b"y" * 60] * 18)
    assert exchanged(small, full).status == 200


@pytest.mark.parametrize(
    "lengths",
    [
        [b"Content-Length: 9", b"Content-Length: 10"],
        [b"Content-Length: 9", b"content-length: 9"],
        [b"Content-Length: 9, 9"],
        [b"Content-Length: 9", b"Transfer-Encoding: chunked"],
        [b"Transfer-Encoding: chunked", b"Content-Length: 0"],
        [b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"],
        [b"Content-Length: -9"],
        [b"Content-Length: +9"],
        [b"Content-Length: 9 9"],
        [b"Content-Length: " + b"9" * 30],
    ],
)
def test_a_length_that_can_be_read_in_two_ways_is_refused(small: RunningServer, lengths: list[bytes]) -> None:
    answer = exchanged(small, head(b"PUT", DASHBOARD, *lengths) + b"title: A\n")
    assert answer.status in {400, 501}
    with account_of(small) as client:
        assert client.get("dashboards").json() == []


def test_an_answer_that_is_on_its_way_is_not_followed_by_a_second(
    small: RunningServer, caplog: pytest.LogCaptureFixture
) -> None:
    with connect(small) as connection:
        connection.sendall(head(b"PUT", DASHBOARD, b"Transfer-Encoding: chunked", key=b"wrong"))
        assert next_answer(connection).status == 401  # the body was not waited for
        connection.sendall(b"no chunk\r\n")
        assert all_of(connection) == b""
    assert "Traceback" not in caplog.text


def test_a_chunk_that_is_none_ends_the_request(small: RunningServer, caplog: pytest.LogCaptureFixture) -> None:
    sent = head(b"PUT", DASHBOARD, b"Transfer-Encoding: chunked") + b"5\r\ntitle\r\nno chunk\r\n"
    assert exchanged(small, sent).status == 400
    with account_of(small) as client:
        assert client.get("dashboards").json() == []
    assert "Traceback" not in caplog.text


def test_a_refusal_is_read_even_by_who_goes_on_sending(small: RunningServer) -> None:
    with connect(small) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nX: " + LONG)
        connection.sendall(LONG)
        assert first_answer(all_of(connection)).status == 431


@pytest.mark.parametrize(("key", "status"), [(b"wrong", 401), (b"changeme", 413)])
def test_who_sends_a_long_body_before_listening_hears_the_answer(small: RunningServer, key: bytes, status: int) -> None:
    with connect(small) as connection:
        connection.sendall(head(b"PUT", DASHBOARD, b"Connection: close", b"Content-Length: 20000000", key=key))
        connection.sendall(b"x" * 20_000_000)
        assert first_answer(all_of(connection)).status == status


# Time


@pytest.mark.parametrize("sent", [b"GET / HT", head()[:-2], head() + b"GET / "], ids=["line", "headers", "second"])
def test_a_head_that_does_not_end_is_cut_with_a_reason(hasty: RunningServer, sent: bytes) -> None:
    with connect(hasty) as connection:
        connection.sendall(sent)
        assert b"the request did not come to its end in time" in all_of(connection)


def test_who_says_nothing_is_cut(hasty: RunningServer) -> None:
    with connect(hasty) as connection:
        assert all_of(connection) == b""


def test_drops_do_not_buy_time(hasty: RunningServer) -> None:
    with connect(hasty) as connection:
        connection.settimeout(0.001)
        assert _dripped(connection, b"GET / HTTP/1.1\r\nX: ").startswith(b"HTTP/1.1 408 ")


def test_drops_of_a_body_do_not_buy_time(hasty: RunningServer) -> None:
    with connect(hasty) as connection:
        connection.settimeout(0.001)
        answer = _dripped(connection, head(b"PUT", DASHBOARD, b"Content-Length: 10000000"))
    assert first_answer(answer).status == 408


def _dripped(connection: socket.socket, first: bytes) -> bytes:
    """What the server says to who sends a byte whenever it hears nothing."""
    connection.sendall(first)
    while True:
        try:
            return connection.recv(65536)
        except TimeoutError:
            connection.sendall(b"x")


def test_a_body_that_does_not_end_is_cut_with_a_reason_and_nothing_is_kept(hasty: RunningServer) -> None:
    with connect(hasty) as connection:
        connection.sendall(head(b"PUT", DASHBOARD, b"Content-Length: 100") + b"title: A\n")
        assert first_answer(all_of(connection)).status == 408
    with account_of(hasty) as client:
        assert client.get("dashboards").json() == []


def test_a_body_that_is_refused_has_no_more_time_than_a_head(hasty: RunningServer) -> None:
    with connect(hasty) as connection:
        connection.sendall(head(b"PUT", DASHBOARD, b"Content-Length: 100", key=b"wrong"))
        assert first_answer(all_of(connection)).status == 401


def test_who_does_not_take_the_answer_is_cut() -> None:
    with running(limits=HASTY) as server, account_of(server) as client:
        client.put("dashboards/a", content=b"title: " + b"x" * 1_900_000).raise_for_status()
        with connect(server) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.sendall(head(b"GET", DASHBOARD.removesuffix(b"/a")) * 20)
            with pytest.raises(ConnectionError):  # nothing is read: that the server ends it shows in sending
                _send_for_ever(connection)


def _send_for_ever(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"x" * 65536)


def test_who_takes_the_answer_slowly_gets_all_of_it(small: RunningServer) -> None:
    with account_of(small) as client:
        client.put("dashboards/a", content=b"title: " + b"x" * 1_900_000).raise_for_status()
    with connect(small) as connection:
        connection.sendall(head(b"GET", DASHBOARD) * 10 + head(b"DELETE", DASHBOARD, b"Connection: close"))
        for _ in range(30):  # meanwhile the server gets as far as it can
            assert exchanged(small, head()).status == 200
        assert len(all_of(connection)) > 10 * 1_900_000


def test_a_connection_lives_from_request_to_request(hasty: RunningServer) -> None:
    with connect(hasty) as connection:
        for _ in range(3):
            connection.sendall(head())
            assert next_answer(connection).status == 200
            with connect(hasty) as silent:  # the time of a head has gone by: between requests, its clock stands
                assert all_of(silent) == b""


def test_many_requests_in_one_piece_are_answered_in_order(hasty: RunningServer) -> None:
    with connect(hasty) as connection:
        connection.sendall(head() * 50 + head(b"GET", b"/", b"Connection: close"))
        assert all_of(connection).count(b"HTTP/1.1 200 ") == 50


def test_who_has_no_more_to_say_is_still_answered(small: RunningServer) -> None:
    with connect(small) as connection:
        connection.sendall(head() * 20 + head(b"PUT"))
        connection.shutdown(socket.SHUT_WR)
        answers = all_of(connection)
    assert (answers.count(b"HTTP/1.1 200 "), answers.count(b"HTTP/1.1 405 ")) == (20, 1)


def test_who_ends_in_the_middle_of_a_body_is_not_waited_for(small: RunningServer) -> None:
    with connect(small) as connection:
        connection.sendall(head(b"PUT", DASHBOARD, b"Content-Length: 100") + b"title")
        connection.shutdown(socket.SHUT_WR)
        assert all_of(connection) == b""


# Connections


def test_one_connection_too_many_takes_the_place_of_the_one_that_waited_longest() -> None:
    with running(limits=Limits(connections=3)) as server, ExitStack() as stack:
        working = stack.enter_context(connect(server))
        working.sendall(head(b"PUT", DASHBOARD, b"Expect: 100-continue", b"Content-Length: 9"))
        assert working.recv(65536).startswith(b"HTTP/1.1 100 ")
        silent = stack.enter_context(connect(server))
        for _ in range(3):
            assert exchanged(server, head()).status == 200
        later = [stack.enter_context(connect(server)) for _ in range(3)]
        assert all_of(silent) == b""
        assert all_of(later[0]) == b""
        working.sendall(b"title: A\n")
        assert next_answer(working).status == 200


def test_silent_connections_keep_nobody_out() -> None:
    with running(limits=Limits(connections=10)) as server, ExitStack() as stack:
        for _ in range(50):
            stack.enter_context(connect(server))
        assert exchanged(server, head()).status == 200
