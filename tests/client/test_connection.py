from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlsync.client.connection import READ_WRITE, Connection, only_while
from dlsync.client.rate_limit import RateLimiter
from dlsync.client.response import json_of
from dlsync.client.retry import Retry
from dlsync.errors import (
    AlreadyExists,
    ApiError,
    BadAnswer,
    DlsyncError,
    NotFound,
    Refused,
    Rejected,
    ServerFault,
    SettingsError,
    Unreachable,
)
from tests.builders.http import IMPATIENT, KEY, Misbehaviour, Reply, in_order, scripted_server, url_of
from tests.builders.ports import reserved_port
from tests.builders.throttling import BUSY, Clock, Crowded

if TYPE_CHECKING:
    from dlsync.client.connection import Method, Scope
    from tests.builders.http import ScriptedServer

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


async def asked_for(*segments: str, scope: Scope = "account", params: dict[str, str] | None = None) -> str:
    """Return the target of a request as the server receives it."""
    async with scripted_server(OK) as server, connection_to(server.url) as connection:
        await connection.request("GET", segments, params=params, scope=scope)
    return server.seen[0].target


@pytest.mark.parametrize(
    ("name", "on_the_wire"),
    [
        ("redis", "redis"),
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
def test_a_path_has_as_many_segments_as_names_for_any_names(names: list[str]) -> None:
    target = asyncio.run(asked_for(*names))
    assert len(target.removeprefix("/api/v1/orgs/acme/accounts/default/").split("/")) == len(names)


async def test_a_path_is_below_the_account_the_organisation_or_the_server() -> None:
    assert await asked_for("accounts", scope="organisation") == "/api/v1/orgs/acme/accounts"
    assert await asked_for("orgs", scope="server") == "/api/v1/orgs"


async def test_a_query_is_encoded() -> None:
    target = await asked_for("metrics", params={"source": "a&b", "period[end]": "1"})
    assert target.endswith("/metrics?source=a%26b&period%5Bend%5D=1")


async def test_the_key_and_the_accepted_type_are_sent_as_headers() -> None:
    async with scripted_server(OK) as server, connection_to(server.url, user_agent="dlsync/1") as connection:
        answer = await connection.request("GET", ("dashboards", "redis"), accept="application/yaml")
    headers = server.seen[0].headers
    assert answer.body == b"fine"
    assert headers["authorization"] == f"Bearer {KEY}"
    assert headers["accept"] == "application/yaml"
    assert headers["host"] == f"127.0.0.1:{server.port}"
    assert headers["user-agent"] == "dlsync/1"


async def test_connections_are_reused_and_limited_to_the_concurrency() -> None:
    async with scripted_server(OK) as server, connection_to(server.url, concurrency=3) as connection:
        await asyncio.gather(*(connection.request("GET", (f"n{number}",)) for number in range(30)))
    assert server.connections <= 3
    assert connection.requests == len(server.seen) == 30


@pytest.mark.parametrize("broken", BREAKS)
async def test_a_connection_error_is_retried(broken: Misbehaviour) -> None:
    bad = Reply(body=b"0123456789", misbehaviour=broken)
    async with scripted_server(in_order(bad, bad, OK)) as server, connection_to(server.url) as connection:
        assert (await connection.request("GET", ("x",))).body == b"fine"
    assert connection.requests == len(server.seen) == 3


@pytest.mark.parametrize("broken", BREAKS)
async def test_a_persistent_connection_error_names_the_request_and_has_a_hint(broken: Misbehaviour) -> None:
    bad = Reply(body=b"0123456789", misbehaviour=broken)
    async with scripted_server(bad) as server, connection_to(server.url) as connection:
        with pytest.raises(Unreachable) as caught:
            await connection.request("GET", ("x",))
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
def test_any_response_raises_only_api_errors_with_a_printable_message(raw: bytes) -> None:
    async def ask() -> str:
        once = replace(IMPATIENT, attempts=1)
        garbage = Reply(body=raw, misbehaviour=Misbehaviour.GARBAGE)
        async with scripted_server(garbage) as server, connection_to(server.url, retry=once) as connection:
            try:
                return repr(json_of(await connection.request("GET", ("x",))))
            except ApiError as error:
                return error.message

    assert asyncio.run(ask()).isprintable()


async def test_a_server_that_hangs_causes_a_timeout_error() -> None:
    hanging = Reply(misbehaviour=Misbehaviour.HANG)
    async with scripted_server(hanging) as server, connection_to(server.url, timeout=0.02) as connection:
        with pytest.raises(Unreachable, match=r"3 attempts.*did not arrive in time"):
            await connection.request("GET", ("x",))


async def test_a_server_that_is_down_is_unreachable_after_five_attempts() -> None:
    with reserved_port() as port:
        async with connection_to(url_of(port)) as connection:
            with pytest.raises(Unreachable, match=r"5 attempts.*could not connect"):
                await connection.request("GET", ("x",))
    assert connection.requests == 5


async def test_once_a_server_was_found_down_each_request_tries_once_until_it_is_back() -> None:
    with reserved_port() as port:
        async with connection_to(url_of(port)) as connection:
            for attempts in (5, 1, 1):
                before = connection.requests
                with pytest.raises(Unreachable, match=f"after {attempts} attempt"):
                    await connection.request("GET", ("x",))
                assert connection.requests - before == attempts
            async with scripted_server(OK, port=port):
                await connection.request("GET", ("x",))
            with pytest.raises(Unreachable, match="after 9 attempts and 30"):
                await connection.request("GET", ("x",))


async def test_a_server_that_breaks_connections_does_not_count_as_down() -> None:
    async with (
        scripted_server(Reply(misbehaviour=Misbehaviour.CLOSE)) as server,
        connection_to(server.url) as connection,
    ):
        for _ in range(2):
            with pytest.raises(Unreachable, match="after 9 attempts"):
                await connection.request("GET", ("x",))


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
async def test_a_temporary_error_status_is_retried(status: int) -> None:
    async with scripted_server(in_order(Reply(status), OK)) as server, connection_to(server.url) as connection:
        assert (await connection.request("GET", ("x",))).body == b"fine"


async def test_a_retry_waits_as_long_as_retry_after_asks_for() -> None:
    clock = Clock()
    busy = Reply(429, headers=(("Retry-After", "12"),))
    retry = Retry(sleep=clock.sleep, random=lambda: 0.0)
    async with scripted_server(in_order(busy, OK)) as server, connection_to(server.url, retry=retry) as connection:
        connection._limiter = RateLimiter(None, 4, clock=clock.read, sleep=clock.sleep)
        await connection.request("GET", ("x",))
    assert clock.slept == [12.0]


async def test_a_connection_slows_down_after_429s_and_all_requests_succeed() -> None:
    crowded = Crowded(lambda _: OK, at_once=4)
    async with scripted_server(crowded) as server, connection_to(server.url) as connection:
        answers = await asyncio.gather(*(connection.request("GET", (f"n{number}",)) for number in range(60)))
    assert [answer.body for answer in answers] == [b"fine"] * 60
    assert 0 < crowded.refused == connection.requests - 60 < 60


async def test_a_server_that_always_answers_429_is_an_error_after_the_usual_number_of_attempts() -> None:
    async with scripted_server(BUSY) as server, connection_to(server.url) as connection:
        with pytest.raises(ServerFault, match=r"after 9 attempts and 30\.0 s of waiting; .* 429: slow down") as caught:
            await connection.request("GET", ("x",))
    assert caught.value.hint == "Set `requests_per_second` or a lower `concurrency`, or try again later."
    assert connection.requests == 9


async def test_a_retry_after_that_ends_a_request_does_not_delay_other_requests() -> None:
    clock = Clock()
    for_an_hour = Reply(429, headers=(("Retry-After", "3600"),))
    async with (
        scripted_server(in_order(for_an_hour, OK)) as server,
        connection_to(server.url, retry=replace(IMPATIENT, sleep=clock.sleep)) as connection,
    ):
        with pytest.raises(ServerFault, match="it asks to wait for 3600 s"):
            await connection.request("GET", ("x",))
        assert (await connection.request("GET", ("y",))).body == b"fine"
    assert clock.slept == []


async def test_a_503_does_not_reduce_the_number_of_requests_in_flight() -> None:
    ill = Reply(503, headers=(("Retry-After", "5"),))
    async with scripted_server(in_order(ill, OK)) as server, connection_to(server.url) as connection:
        await connection.request("GET", ("x",))
    assert connection._limiter.cuts == 0


async def test_a_500_that_stays_is_tried_four_times() -> None:
    async with scripted_server(Reply(500, b'{"error": "boom"}')) as server, connection_to(server.url) as connection:
        with pytest.raises(ServerFault, match=r"after 4 attempts .* 500: boom") as caught:
            await connection.request("GET", ("x",))
    assert connection.requests == 4
    assert "log" in caught.value.hint


async def test_a_501_is_not_tried_again() -> None:
    async with scripted_server(in_order(Reply(501), OK)) as server, connection_to(server.url) as connection:
        with pytest.raises(ServerFault):
            await connection.request("GET", ("x",))
    assert connection.requests == 1


@pytest.mark.parametrize("status", [300, 301, 302, 303, 305, 307, 308])
async def test_a_redirect_is_not_followed_so_the_key_stays_with_the_host(status: int) -> None:
    async with scripted_server(OK) as elsewhere:
        headers = (("Location", elsewhere.url), ("Refresh", f"0; url={elsewhere.url}"), ("Link", f"<{elsewhere.url}>"))
        async with scripted_server(Reply(status, headers=headers)) as server, connection_to(server.url) as connection:
            with pytest.raises(BadAnswer, match=f"points to {elsewhere.url}"):
                await connection.request("GET", ("x",))
    assert (elsewhere.connections, len(server.seen)) == (0, 1)


async def test_a_cookie_is_neither_kept_nor_sent_back() -> None:
    cookies = tuple(("Set-Cookie", f"c{number}=1; Path=/; Max-Age=9999") for number in range(50))
    async with scripted_server(Reply(headers=cookies)) as server, connection_to(server.url) as connection:
        for _ in range(2):
            await connection.request("GET", ("x",))
    assert ["cookie" in request.headers for request in server.seen] == [False, False]


@pytest.mark.parametrize(
    "headers",
    [[("X", "x" * 1_000_000)], [(f"X-{number}", "x" * 100) for number in range(10_000)]],
    ids=["one huge header", "ten thousand headers"],
)
async def test_oversized_headers_are_an_error(headers: list[tuple[str, str]]) -> None:
    once = replace(IMPATIENT, attempts=1)
    async with (
        scripted_server(Reply(headers=tuple(headers))) as server,
        connection_to(server.url, retry=once) as connection,
    ):
        with pytest.raises(Unreachable, match="no usable answer"):
            await connection.request("GET", ("x",))


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 -\r\nContent-Length: 9\r\nContent-Length: 4\r\n\r\nfine",
        b"HTTP/1.1 200 -\r\nContent-Length: +4\r\n\r\nfine",
        b"HTTP/1.1 200 -\r\nContent-Length: 99999999999999999999999\r\n\r\nfine",
        b"HTTP/1.1 200 -\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nfine\r\n",
        b"HTTP/1.1 200 -\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfineXX0\r\n\r\n",
        b"HTTP/1.1 200 -\r\nTransfer-Encoding: chunked\r\n\r\n-4\r\nfine\r\n0\r\n\r\n",
        b"HTTP/1.1 200 -\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfine\r\n",
        b"HTTP/1.1 200 -\r\nX: a\r\n\tb\0\r\n\r\n",
        b"HTTP/1.1 1000 -\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nfine",
    ],
)
async def test_a_response_with_invalid_framing_is_an_error(raw: bytes) -> None:
    lie = Reply(body=raw, misbehaviour=Misbehaviour.GARBAGE)
    once = replace(IMPATIENT, attempts=1)
    async with scripted_server(lie) as server, connection_to(server.url, retry=once) as connection:
        with pytest.raises(ApiError) as caught:
            await connection.request("GET", ("x",))
    assert caught.value.message.isprintable()


@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE"])
async def test_a_web_page_is_a_bad_answer_to_every_method(method: Method) -> None:
    page = Reply(200, b"<!DOCTYPE html><title>Log in</title>", (("Content-Type", "text/html"),))
    async with scripted_server(page) as server, writer_to(server) as connection:
        with pytest.raises(BadAnswer, match="got a web page; got text/html, beginning") as caught:
            await connection.request(method, ("x",))
    assert "/api/v1" in caught.value.hint
    assert "login page" in caught.value.hint


async def test_each_attempt_waits_for_the_configured_rate() -> None:
    clock = Clock()
    async with (
        scripted_server(in_order(Reply(503), OK)) as server,
        connection_to(server.url, requests_per_second=5) as connection,
    ):
        connection._limiter._clock, connection._limiter._sleep = clock.read, clock.sleep
        await connection.request("GET", ("x",))
    assert clock.slept == pytest.approx([0.2])


async def test_a_name_that_no_url_can_hold_is_an_error_before_any_request() -> None:
    async with scripted_server(OK) as server, connection_to(server.url) as connection:
        with pytest.raises(ApiError, match="too long"):
            await connection.request("GET", ("x" * 100_000,))
        with pytest.raises(DlsyncError, match="surrogate"):
            await connection.request("GET", ("\ud800",))
    assert server.seen == []


async def test_a_request_on_a_connection_that_is_not_open_is_an_error() -> None:
    connection = connection_to("http://127.0.0.1:1")
    with pytest.raises(DlsyncError, match="not open") as caught:
        await connection.request("GET", ("x",))
    assert "async with" in caught.value.hint
    await connection.__aexit__(None, None, None)


@pytest.mark.parametrize("url", ["https://a b.example", "https://999.1.1.1/api", "http://[::1].evil.example"])
async def test_an_invalid_host_is_a_settings_error(url: str) -> None:
    with pytest.raises(SettingsError, match=r"`url` (cannot be read|holds a space)"):
        await connection_to(url).__aenter__()


@pytest.mark.parametrize("key", ["", "a b", "a\n", "käy", "a\x1b"])
def test_a_key_that_no_header_can_carry_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Connection("https://example.com", "acme", "default", key)
    assert not key or key not in caught.value.message
    assert "DLSYNC_API_KEY" in caught.value.hint


def test_an_organisation_is_needed() -> None:
    with pytest.raises(SettingsError, match="`org` is not set") as caught:
        connection_to("https://example.com", org="", account="default")
    assert "DLSYNC_ORG" in caught.value.hint


async def test_a_missing_account_is_an_error_for_requests_within_an_account() -> None:
    async with connection_to("https://example.com", org="acme", account="") as connection:
        with pytest.raises(SettingsError, match="`account` is not set") as caught:
            await connection.request("GET", ("tags",))
    assert "DLSYNC_ACCOUNT" in caught.value.hint
    assert connection.requests == 0


async def test_a_proxy_of_the_environment_does_not_receive_requests_to_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    async with scripted_server(OK) as server, connection_to(server.url) as connection:
        assert (await connection.request("GET", ("x",))).body == b"fine"


async def test_neither_repr_nor_log_nor_error_shows_the_key(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    echo = Reply(404, body=f'{{"error": "Bearer {KEY}"}}'.encode())
    async with scripted_server(echo) as server, connection_to(server.url) as connection:
        with pytest.raises(NotFound) as caught:
            await connection.request("GET", ("x",))
        assert KEY not in repr(connection._transport)
    assert repr(connection) == f"Connection('{server.url}', 'acme', 'default')"
    assert KEY not in caplog.text + str(caught.value) + caught.value.hint


def test_the_retry_of_these_tests_differs_from_the_default_only_in_clock_and_randomness() -> None:
    assert replace(IMPATIENT, sleep=Retry().sleep, random=Retry().random, now=Retry().now) == Retry()


# ---------------------------------------------------------------------------------------------------------------------
# writing
# ---------------------------------------------------------------------------------------------------------------------
LOST = Reply(misbehaviour=Misbehaviour.RESET)


def writer_to(server: ScriptedServer, *, timeout: float = 30) -> Connection:
    return Connection(server.url, "acme", "default", KEY, methods=READ_WRITE, retry=IMPATIENT, timeout=timeout)


@pytest.mark.parametrize("method", ["PUT", "POST", "PATCH", "DELETE"])
@pytest.mark.parametrize("reply", [Reply(200, b"done"), Reply(201, b"{}"), Reply(202), Reply(204)])
async def test_any_2xx_status_is_a_success_with_or_without_a_body(method: Method, reply: Reply) -> None:
    async with scripted_server(in_order(reply)) as server, writer_to(server) as connection:
        answer = await connection.request(method, ("rules", "a"), body=b"x")
    assert (answer.status, answer.body) == (reply.status, reply.body)
    assert server.asked == [f"{method} /api/v1/orgs/acme/accounts/default/rules/a"]


async def test_a_body_is_sent_byte_for_byte_with_its_type_and_again_when_repeated() -> None:
    body = b"\xef\xbb\xbfa: 1 # \xff\r\n"
    async with scripted_server(in_order(LOST, Reply(204))) as server, writer_to(server) as connection:
        await connection.request("PUT", ("rules", "a"), body=body, content_type="application/yaml")
    assert [request.body for request in server.seen] == [body, body]
    assert {request.headers["content-type"] for request in server.seen} == {"application/yaml"}


async def test_without_a_body_there_is_no_content_type() -> None:
    async with scripted_server(in_order(Reply(204))) as server, writer_to(server) as connection:
        await connection.request("DELETE", ("rules", "a"))
    assert "content-type" not in server.seen[0].headers


async def test_a_404_to_a_retried_delete_is_a_success() -> None:
    async with scripted_server(in_order(LOST, Reply(404))) as server, writer_to(server) as connection:
        assert (await connection.request("DELETE", ("rules", "a"))).status == 204


async def test_a_404_to_the_first_attempt_of_a_delete_is_not_found() -> None:
    async with scripted_server(in_order(Reply(404))) as server, writer_to(server) as connection:
        with pytest.raises(NotFound):
            await connection.request("DELETE", ("rules", "a"))


async def test_a_404_to_a_retried_put_is_not_found() -> None:
    async with scripted_server(in_order(LOST, Reply(404))) as server, writer_to(server) as connection:
        with pytest.raises(NotFound):
            await connection.request("PUT", ("rules", "a"), body=b"x")


async def test_a_422_to_a_retried_create_is_already_exists() -> None:
    async with scripted_server(in_order(LOST, Reply(422))) as server, writer_to(server) as connection:
        with pytest.raises(AlreadyExists):
            await connection.request("POST", ("plugins",), body=b"{}")


@pytest.mark.parametrize(
    "lost",
    [
        LOST,
        Reply(misbehaviour=Misbehaviour.CLOSE),
        Reply(misbehaviour=Misbehaviour.HANG),
        Reply(500),
        Reply(502),
        Reply(504),
    ],
)
async def test_an_unrepeatable_request_is_not_retried_if_it_may_have_been_carried_out(lost: Reply) -> None:
    timeout = 1 if lost.misbehaviour is Misbehaviour.HANG else 30
    async with scripted_server(in_order(lost, Reply(201))) as server, writer_to(server, timeout=timeout) as connection:
        with pytest.raises((Unreachable, ServerFault), match="after 1 attempt;"):
            await connection.request("POST", ("links",), body=b"{}", repeatable=False)
    assert len(server.seen) == 1


@pytest.mark.parametrize("busy", [Reply(429), Reply(503)])
async def test_an_unrepeatable_request_is_retried_after_a_429_or_503(busy: Reply) -> None:
    async with scripted_server(in_order(busy, Reply(201))) as server, writer_to(server) as connection:
        assert (await connection.request("POST", ("links",), body=b"{}", repeatable=False)).status == 201


async def test_a_400_is_not_retried() -> None:
    async with scripted_server(in_order(Reply(400))) as server, writer_to(server) as connection:
        with pytest.raises(Rejected):
            await connection.request("PUT", ("rules", "a"), body=b"x")
    assert connection.requests == 1


# the check before each attempt


async def test_each_attempt_of_a_write_is_sent_only_if_the_check_before_it_passes() -> None:
    turns = iter([True, True, False])

    async def check() -> None:
        if not next(turns):
            raise Refused("no longer")

    replies = in_order(LOST, Reply(200), LOST, LOST, Reply(204))
    async with scripted_server(replies) as server, writer_to(server) as connection:
        with only_while(check):
            await connection.request("GET", ("rules", "a"))  # no check: a read changes nothing
            with pytest.raises(Refused, match="no longer"):
                await connection.request("PUT", ("rules", "a"), body=b"x")
        assert [request.method for request in server.seen] == ["GET", "GET", "PUT", "PUT"]
        await connection.request("PUT", ("rules", "a"), body=b"x")
