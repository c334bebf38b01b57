from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlsync.client.answers import json_of
from dlsync.client.connection import Connection, Scope
from dlsync.client.pacing import Pacer
from dlsync.client.retry import Retry
from dlsync.errors import ApiError, BadAnswer, DlsyncError, NotFound, ServerFault, SettingsError, Unreachable
from tests.builders.http import IMPATIENT, KEY, Misbehaviour, Reply, in_order, scripted_server
from tests.builders.throttling import BUSY, Clock, Crowded

pytestmark = pytest.mark.anyio
OK = Reply(body=b"fine")
BREAKS = [Misbehaviour.CUT_SHORT, Misbehaviour.RESET, Misbehaviour.CLOSE, Misbehaviour.GARBAGE]
HEADERS = [
    b"Content-Length: 3",
    b"Content-Length: -1",
    b"Transfer-Encoding: chunked",
    b"Content-Encoding: gzip",
    b"Location: http://[",
    b"Location: \xff",
    b"Content-Type: \xff\x1b",
    b"Retry-After: \xb2",
    b"Set-Cookie: a=b; expires=never",
    b"Connection: upgrade",
]


def connection_to(url: str, *, org: str = "acme", account: str = "default", **options: object) -> Connection:
    return Connection(url, org, account, KEY, **{"retry": IMPATIENT, **options})  # type: ignore[arg-type]  # by name


async def asked_for(*segments: str, scope: Scope = Scope.ACCOUNT, params: dict[str, str] | None = None) -> str:
    """The target as it arrives on the wire."""
    async with scripted_server(OK) as server, connection_to(server.url) as connection:
        await connection.get(segments, params, scope=scope)
    return server.seen[0].target


@pytest.mark.parametrize(
    ("name", "on_the_wire"),
    [
        ("redis", "redis"),
        ("..", "%2E%2E"),
        (".", "%2E"),
        ("...", "..."),
        ("a/../b", "a%2F..%2Fb"),
        ("a?b=c#d", "a%3Fb%3Dc%23d"),
        ("100%25", "100%2525"),
        ("übér 🚀", "%C3%BCb%C3%A9r%20%F0%9F%9A%80"),
        ("a\r\nX-Evil: 1", "a%0D%0AX-Evil%3A%201"),
        ("\0\\", "%00%5C"),
        ("a;b,c:d@e&f=g+h~i", "a%3Bb%2Cc%3Ad%40e%26f%3Dg%2Bh~i"),
    ],
)
async def test_a_name_reaches_the_server_as_exactly_one_segment(name: str, on_the_wire: str) -> None:
    assert await asked_for("dashboards", name) == f"/api/v1/orgs/acme/accounts/default/dashboards/{on_the_wire}"


@settings(max_examples=40)  # each with a server of its own
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8), min_size=1, max_size=4))
def test_whatever_the_names_the_wire_has_as_many_segments(names: list[str]) -> None:
    target = asyncio.run(asked_for(*names))
    assert len(target.removeprefix("/api/v1/orgs/acme/accounts/default/").split("/")) == len(names)


async def test_a_path_is_below_the_account_the_organisation_or_the_server() -> None:
    assert await asked_for("accounts", scope=Scope.ORGANISATION) == "/api/v1/orgs/acme/accounts"
    assert await asked_for("orgs", scope=Scope.SERVER) == "/api/v1/orgs"


async def test_a_query_is_encoded() -> None:
    target = await asked_for("metrics", params={"source": "a&b", "period[end]": "1"})
    assert target.endswith("/metrics?source=a%26b&period%5Bend%5D=1")


async def test_the_key_and_what_is_accepted_are_in_the_headers() -> None:
    async with scripted_server(OK) as server, connection_to(server.url) as connection:
        answer = await connection.get(("dashboards", "redis"), accept="application/yaml")
    headers = server.seen[0].headers
    assert answer.body == b"fine"
    assert headers["authorization"] == f"Bearer {KEY}"
    assert headers["accept"] == "application/yaml"
    assert headers["host"] == f"127.0.0.1:{server.port}"
    assert headers["user-agent"].startswith("dlsync/")


async def test_connections_are_kept_and_no_more_than_the_concurrency_are_opened() -> None:
    async with scripted_server(OK) as server, connection_to(server.url, concurrency=3) as connection:
        await asyncio.gather(*(connection.get((f"n{number}",)) for number in range(30)))
    assert server.connections <= 3
    assert connection.requests == len(server.seen) == 30


@pytest.mark.parametrize("broken", BREAKS)
async def test_a_fault_of_the_connection_is_cured_by_trying_again(broken: Misbehaviour) -> None:
    bad = Reply(body=b"0123456789", misbehaviour=broken)
    async with scripted_server(in_order(bad, bad, OK)) as server, connection_to(server.url) as connection:
        assert (await connection.get(("x",))).body == b"fine"
    assert connection.requests == len(server.seen) == 3


@pytest.mark.parametrize("broken", BREAKS)
async def test_a_fault_that_stays_is_unreachable_with_what_was_asked_how_often_and_what_to_check(
    broken: Misbehaviour,
) -> None:
    bad = Reply(body=b"0123456789", misbehaviour=broken)
    async with scripted_server(bad) as server, connection_to(server.url) as connection:
        with pytest.raises(Unreachable) as caught:
            await connection.get(("x",))
    assert caught.value.message.startswith("GET /orgs/acme/accounts/default/x: no usable answer after ")
    assert f"http://127.0.0.1:{server.port} runs" in caught.value.hint


@settings(max_examples=60)  # each with a server of its own
@given(
    st.binary(max_size=60)
    | st.builds(
        lambda status, fields, body: b"HTTP/1.1 %d -\r\n%s\r\n\r\n%s" % (status, b"\r\n".join(fields), body),
        st.integers(-1, 700),
        st.lists(st.sampled_from(HEADERS) | st.binary(max_size=20), max_size=3),
        st.binary(max_size=30),
    )
)
def test_whatever_a_server_answers_the_only_exceptions_are_ours_and_printable(raw: bytes) -> None:
    async def ask() -> str:
        once = replace(IMPATIENT, attempts=1)
        garbage = Reply(body=raw, misbehaviour=Misbehaviour.GARBAGE)
        async with scripted_server(garbage) as server, connection_to(server.url, retry=once) as connection:
            try:
                return repr(json_of(await connection.get(("x",))))
            except ApiError as error:
                return error.message

    assert asyncio.run(ask()).isprintable()


async def test_a_server_that_hangs_is_left_after_the_timeout() -> None:
    hanging = Reply(misbehaviour=Misbehaviour.HANG)
    async with scripted_server(hanging) as server, connection_to(server.url, timeout=0.02) as connection:
        with pytest.raises(Unreachable, match=r"3 attempts.*did not answer in time"):
            await connection.get(("x",))


async def test_a_server_that_is_down_is_unreachable_after_five_attempts() -> None:
    async with scripted_server(OK) as server:
        pass
    async with connection_to(server.url) as connection:
        with pytest.raises(Unreachable, match=r"5 attempts.*could not connect"):
            await connection.get(("x",))
    assert connection.requests == 5


async def test_once_a_server_was_found_down_each_request_tries_once_until_it_is_back() -> None:
    async with scripted_server(OK) as server:
        pass
    async with connection_to(server.url) as connection:
        for attempts in (5, 1, 1):
            before = connection.requests
            with pytest.raises(Unreachable, match=f"after {attempts} attempt"):
                await connection.get(("x",))
            assert connection.requests - before == attempts
        async with scripted_server(OK, port=server.port):
            await connection.get(("x",))
        with pytest.raises(Unreachable, match="after 5 attempts"):
            await connection.get(("x",))


async def test_a_server_that_breaks_connections_is_not_taken_for_one_that_is_down() -> None:
    async with (
        scripted_server(Reply(misbehaviour=Misbehaviour.CLOSE)) as server,
        connection_to(server.url) as connection,
    ):
        for _ in range(2):
            with pytest.raises(Unreachable, match="after 9 attempts"):
                await connection.get(("x",))


@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_a_status_that_may_pass_is_tried_again(status: int) -> None:
    async with scripted_server(in_order(Reply(status), OK)) as server, connection_to(server.url) as connection:
        assert (await connection.get(("x",))).body == b"fine"


async def test_retry_after_reaches_the_wait() -> None:
    clock = Clock()
    busy = Reply(429, headers=(("Retry-After", "12"),))
    retry = Retry(sleep=clock.sleep, random=lambda: 0.0)
    async with scripted_server(in_order(busy, OK)) as server, connection_to(server.url, retry=retry) as connection:
        connection._pacer = Pacer(None, 4, clock=clock.read, sleep=clock.sleep)
        await connection.get(("x",))
    assert clock.slept == [12.0]


async def test_a_connection_that_is_told_to_slow_down_does_and_every_request_ends_right() -> None:
    crowded = Crowded(lambda _: OK, at_once=4)
    async with scripted_server(crowded) as server, connection_to(server.url) as connection:
        answers = await asyncio.gather(*(connection.get((f"n{number}",)) for number in range(60)))
    assert [answer.body for answer in answers] == [b"fine"] * 60
    assert 0 < crowded.refused == connection.requests - 60 < 60


async def test_a_server_that_says_only_429_is_an_error_after_as_many_attempts_as_ever() -> None:
    async with scripted_server(BUSY) as server, connection_to(server.url) as connection:
        with pytest.raises(ServerFault, match=r"after 9 attempts and 30\.0 s of waiting; .* 429: slow down") as caught:
            await connection.get(("x",))
    assert caught.value.hint == "Set `requests_per_second` or a lower `concurrency`, or try again later."
    assert connection.requests == 9


async def test_others_do_not_wait_for_longer_than_the_one_that_was_told_to() -> None:
    clock = Clock()
    for_an_hour = Reply(429, headers=(("Retry-After", "3600"),))
    async with (
        scripted_server(in_order(for_an_hour, OK)) as server,
        connection_to(server.url, retry=replace(IMPATIENT, sleep=clock.sleep)) as connection,
    ):
        with pytest.raises(ServerFault, match="it asks for 3600 s of patience"):
            await connection.get(("x",))
        assert (await connection.get(("y",))).body == b"fine"
    assert clock.slept == []


async def test_a_server_that_is_ill_for_one_request_does_not_slow_down_the_others() -> None:
    ill = Reply(503, headers=(("Retry-After", "5"),))
    async with scripted_server(in_order(ill, OK)) as server, connection_to(server.url) as connection:
        await connection.get(("x",))
    assert connection._pacer.cuts == 0


async def test_a_500_is_not_tried_again() -> None:
    async with scripted_server(in_order(Reply(500), OK)) as server, connection_to(server.url) as connection:
        with pytest.raises(ServerFault):
            await connection.get(("x",))
    assert connection.requests == 1


@pytest.mark.parametrize("status", [300, 301, 302, 303, 305, 307, 308])
async def test_a_redirect_is_not_followed_so_the_key_stays_with_the_host(status: int) -> None:
    async with scripted_server(OK) as elsewhere:
        headers = (("Location", elsewhere.url), ("Refresh", f"0; url={elsewhere.url}"), ("Link", f"<{elsewhere.url}>"))
        async with scripted_server(Reply(status, headers=headers)) as server, connection_to(server.url) as connection:
            with pytest.raises(BadAnswer, match=f"points to {elsewhere.url}"):
                await connection.get(("x",))
    assert (elsewhere.connections, len(server.seen)) == (0, 1)


async def test_a_cookie_is_neither_kept_nor_sent_back() -> None:
    cookies = tuple(("Set-Cookie", f"c{number}=1; Path=/; Max-Age=9999") for number in range(50))
    async with scripted_server(Reply(headers=cookies)) as server, connection_to(server.url) as connection:
        for _ in range(2):
            await connection.get(("x",))
    assert ["cookie" in request.headers for request in server.seen] == [False, False]


@pytest.mark.parametrize(
    "headers",
    [[("X", "x" * 1_000_000)], [(f"X-{number}", "x" * 100) for number in range(10_000)]],
    ids=["one that is huge", "ten thousand"],
)
async def test_headers_without_measure_are_no_answer(headers: list[tuple[str, str]]) -> None:
    once = replace(IMPATIENT, attempts=1)
    async with (
        scripted_server(Reply(headers=tuple(headers))) as server,
        connection_to(server.url, retry=once) as connection,
    ):
        with pytest.raises(Unreachable, match="no usable answer"):
            await connection.get(("x",))


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"HTTP/1.1 200 -\r\nContent-Length: 9\r\nContent-Length: 4\r\n\r\nfine", "not HTTP"),
        (b"HTTP/1.1 200 -\r\nContent-Length: +4\r\n\r\nfine", "not HTTP"),
        (b"HTTP/1.1 200 -\r\nContent-Length: 99999999999999999999999\r\n\r\nfine", "not HTTP"),
        (b"HTTP/1.1 200 -\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nfine\r\n", "not HTTP"),
        (b"HTTP/1.1 200 -\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfineXX0\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 200 -\r\nTransfer-Encoding: chunked\r\n\r\n-4\r\nfine\r\n0\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 200 -\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfine\r\n", "cut short"),
        (b"HTTP/1.1 200 -\r\nTransfer-Encoding: gzip, chunked\r\n\r\n4\r\nfine\r\n0\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 200 -\r\nX: a\r\n\tb\0\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 1000 -\r\n\r\n", "not HTTP"),
        (b"HTTP/2 200\r\n\r\n", "not HTTP"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01", "not HTTP"),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nfine", "no usable|101"),
    ],
)
async def test_an_answer_whose_frame_lies_is_no_answer(raw: bytes, problem: str) -> None:
    lie = Reply(body=raw, misbehaviour=Misbehaviour.GARBAGE)
    once = replace(IMPATIENT, attempts=1)
    async with scripted_server(lie) as server, connection_to(server.url, retry=once) as connection:
        with pytest.raises(ApiError, match=problem) as caught:
            await connection.get(("x",))
    assert caught.value.message.isprintable()


async def test_what_a_server_sends_behind_its_answer_does_not_spoil_the_next() -> None:
    longer_than_it_says = Reply(204, b'{"deleted": true}')
    async with scripted_server(in_order(longer_than_it_says, OK)) as server, connection_to(server.url) as connection:
        assert (await connection.get(("x",))).body == b""
        assert (await connection.get(("x",))).body == b"fine"
    assert server.connections == 2


async def test_requests_wait_for_their_turn_where_a_rate_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    turns = 0

    async def turn() -> None:
        nonlocal turns
        turns += 1

    async with (
        scripted_server(in_order(Reply(503), OK)) as server,
        connection_to(server.url, requests_per_second=5) as connection,
    ):
        monkeypatch.setattr(connection._pacer, "turn", turn)
        await connection.get(("x",))
    assert turns == 2


async def test_a_name_that_no_url_can_hold_is_an_error_of_ours_before_anything_is_sent() -> None:
    async with scripted_server(OK) as server, connection_to(server.url) as connection:
        with pytest.raises(ApiError, match="too long"):
            await connection.get(("x" * 100_000,))
        with pytest.raises(DlsyncError, match="surrogate"):
            await connection.get(("\ud800",))
    assert server.seen == []


async def test_nothing_but_get_leaves_even_for_who_reaches_inside() -> None:
    async with scripted_server(OK) as server, connection_to(server.url) as connection:
        for method in ("PUT", "POST", "PATCH", "DELETE", "HEAD", "OPTIONS", "get", "GET /evil"):
            with pytest.raises(DlsyncError, match=f"asked to send {method}; nothing was sent"):
                await connection._wire.exchange(method, "/x", b"")
            with pytest.raises(DlsyncError, match="nothing was sent"):
                await connection._exchange(method, "/x", b"")
    assert (server.seen, server.connections) == ([], 0)


async def test_a_connection_that_is_not_open_says_so() -> None:
    connection = connection_to("http://127.0.0.1:1")
    with pytest.raises(DlsyncError, match="not open") as caught:
        await connection.get(("x",))
    assert "async with" in caught.value.hint
    await connection.__aexit__(None, None, None)


@pytest.mark.parametrize(
    "url", ["https://\N{SNOWMAN}\N{PILE OF POO}.example", "https://999.1.1.1/api", "http://[::1].evil.example"]
)
async def test_a_host_that_cannot_be_one_is_a_settings_error(url: str) -> None:
    with pytest.raises(SettingsError, match="`url` cannot be used"):
        await connection_to(url).__aenter__()


@pytest.mark.parametrize("key", ["", "a b", "a\n", "käy", "a\x1b"])
def test_a_key_that_no_header_can_carry_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Connection("https://example.com", "acme", "default", key)
    assert not key or key not in caught.value.message
    assert "DLSYNC_API_KEY" in caught.value.hint


@pytest.mark.parametrize(("org", "account", "setting"), [("", "default", "org"), ("acme", "", "account")])
def test_an_organisation_and_an_account_are_needed(org: str, account: str, setting: str) -> None:
    with pytest.raises(SettingsError, match=f"`{setting}` is not set") as caught:
        connection_to("https://example.com", org=org, account=account)
    assert f"DLSYNC_{setting.upper()}" in caught.value.hint


async def test_a_proxy_from_the_environment_does_not_see_what_is_for_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    async with scripted_server(OK) as server, connection_to(server.url) as connection:
        assert (await connection.get(("x",))).body == b"fine"


async def test_neither_repr_nor_log_nor_error_shows_the_key(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    echo = Reply(404, body=f'{{"error": "Bearer {KEY}"}}'.encode())
    async with scripted_server(echo) as server, connection_to(server.url) as connection:
        with pytest.raises(NotFound) as caught:
            await connection.get(("x",))
        assert KEY not in repr(connection._wire)
    assert repr(connection) == f"Connection('{server.url}', 'acme', 'default')"
    assert KEY not in caplog.text + str(caught.value) + caught.value.hint


def test_importing_the_client_imports_no_more_of_the_standard_library_than_most_runs_need() -> None:
    program = "import sys, dlsync.client; print(*{'urllib.request', 'http.client', 'email', 'httpx2'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_the_impatient_retry_of_these_tests_is_the_default_but_for_time_and_luck() -> None:
    assert replace(IMPATIENT, sleep=Retry().sleep, random=Retry().random, now=Retry().now) == Retry()
