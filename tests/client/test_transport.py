"""The HTTP transport over real sockets: connections, size and time limits, and TLS."""

from __future__ import annotations

import asyncio
import gc
import gzip
import socket
import sys
import warnings
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dlsync.client.connection import READ_WRITE, Connection
from dlsync.client.transport import DEADLINE, LARGEST_BODY, SLOWEST
from dlsync.errors import BadAnswer, DlsyncError, Rejected, SettingsError, Unreachable
from tests.builders.http import IMPATIENT, KEY, Misbehaviour, Reply, close, scripted_server, url_of
from tests.builders.ports import reserved_port
from tests.builders.tls import authority_file, server_context

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path
    from typing import Unpack

    from dlsync.client.connection import Options
    from tests.builders.http import ScriptedServer, Seen

pytestmark = pytest.mark.anyio
OK = Reply(body=b"fine")
HANGS = Reply(misbehaviour=Misbehaviour.HANG)
PACKED = (("Content-Encoding", "gzip"),)
FOR_EVER = Misbehaviour.ENDLESS
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"
CHUNKS = b"4\r\nfine\r\n3;a=b\r\n, o\r\n1\r\nk\r\n0\r\n"
FINE = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine"


@pytest.fixture(autouse=True)
def _no_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)


def bare(raw: bytes, *, ends: bool = False) -> Reply:
    return Reply(body=raw, misbehaviour=Misbehaviour.GARBAGE if ends else Misbehaviour.BARE)


def connection_to(url: str, **options: Unpack[Options]) -> Connection:
    settings: Options = {"retry": IMPATIENT, **options}
    return Connection(url, "acme", "default", KEY, methods=READ_WRITE, **settings)


@asynccontextmanager
async def asked(
    answer: Callable[[Seen], Reply] | Reply, tls: ssl.SSLContext | None = None, **options: Unpack[Options]
) -> AsyncIterator[tuple[ScriptedServer, Connection]]:
    async with scripted_server(answer, tls=tls) as server, connection_to(server.url, **options) as connection:
        yield server, connection


async def body_of(reply: Reply, **options: Unpack[Options]) -> bytes:
    async with asked(reply, **options) as (_, connection):
        return (await connection.request("GET", ("x",))).body


@asynccontextmanager
async def served_by(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], object], tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """The port of a server whose connections end with the test."""
    writers: list[asyncio.StreamWriter] = []

    async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await serve(reader, writer)  # type: ignore[misc] # a coroutine

    listener = await asyncio.start_server(accepted, "127.0.0.1", 0, ssl=tls)
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        await close(listener)
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0)


async def deaf(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


# ---------------------------------------------------------------------------------------------------------------------
# connections
# ---------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("raw", "body"),
    [
        (FINE, b"fine"),
        (CHUNKED + CHUNKS + b"\r\n", b"fine, ok"),
        (CHUNKED + CHUNKS + b"Content-Encoding: br\r\n\r\n", b"fine, ok"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + FINE, b"fine"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    ],
)
async def test_a_response_is_read_to_its_end_and_the_connection_used_again(raw: bytes, body: bytes) -> None:
    async with asked(bare(raw)) as (server, connection):
        for _ in range(2):
            assert (await connection.request("GET", ("x",))).body == body
    assert (server.connections, len(server.seen)) == (1, 2)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.0 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n",
    ],
)
async def test_a_request_opens_a_new_connection_after_the_server_ended_the_previous_connection(head: bytes) -> None:
    async with asked(bare(head + b"\r\nfine", ends=True)) as (server, connection):
        for _ in range(2):
            assert (await connection.request("GET", ("x",))).body == b"fine"
    assert (server.connections, connection.requests) == (2, 2)


async def test_a_request_is_sent_without_waiting_for_100_continue() -> None:
    async with asked(Reply(204)) as (server, connection):
        await connection.request("PUT", ("x",), body=bytes(2_000_000))
    assert "expect" not in server.seen[0].headers


async def test_a_request_that_is_cancelled_does_not_spoil_the_next() -> None:
    came = asyncio.Event()

    def answer(_: Seen) -> Reply:
        first = not came.is_set()
        came.set()
        return HANGS if first else OK

    async with asked(answer) as (_, connection):
        waiting = asyncio.ensure_future(connection.request("GET", ("x",)))
        await came.wait()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert (await connection.request("GET", ("x",))).body == b"fine"


@pytest.mark.parametrize(
    "reply",
    [OK, Reply(misbehaviour=Misbehaviour.RESET), Reply(body=bytes(1_000), misbehaviour=FOR_EVER)],
    ids=["a response", "an error", "a chunk"],
)
async def test_a_cancelled_request_ends_whatever_arrives_at_that_moment(reply: Reply) -> None:
    """The library delivers a result that is ready in place of the cancellation: in 1 of 40 requests, as measured."""
    async with asked(reply, retry=replace(IMPATIENT, attempts=1)) as (_, connection):
        for number in range(200):
            request = asyncio.ensure_future(connection.request("GET", ("x",)))
            for _ in range(number % 40):
                await asyncio.sleep(0)
            was_running = request.cancel()
            (outcome,) = await asyncio.gather(request, return_exceptions=True)
            assert isinstance(outcome, asyncio.CancelledError) == was_running


async def test_a_request_that_waits_when_the_client_is_closed_fails() -> None:
    came = asyncio.Event()

    def answer(_: Seen) -> Reply:
        came.set()
        return HANGS

    async with scripted_server(answer) as server:
        async with connection_to(server.url) as connection:
            waiting = asyncio.ensure_future(connection.request("GET", ("x",)))
            await came.wait()
        with pytest.raises(DlsyncError, match="not open"):
            await waiting
    assert len(server.seen) == 1


async def test_a_response_before_the_end_of_the_request_is_read() -> None:
    async def hasty(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 -\r\nContent-Length: 0\r\n\r\n" if head.startswith(b"PUT") else FINE)

    async with served_by(hasty) as port, connection_to(f"http://127.0.0.1:{port}") as connection:
        with pytest.raises(Rejected, match="413"):
            await connection.request("PUT", ("x",), body=bytes(20_000_000))
        assert (await connection.request("GET", ("x",))).body == b"fine"


# ---------------------------------------------------------------------------------------------------------------------
# requests
# ---------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("method", ["PUT", "POST", "PATCH", "DELETE", "HEAD", "get", "GET /evil"])
async def test_a_reading_connection_cannot_start_anything_but_get(method: str) -> None:
    async with scripted_server(OK) as server, Connection(server.url, "acme", "default", KEY) as connection:
        assert set(connection._transport._starters) == {"GET"}
        with pytest.raises(DlsyncError, match=f"cannot send {method}; nothing was sent"):
            await connection._transport.exchange(method, "/x", {})
        with pytest.raises(DlsyncError, match="nothing was sent"):
            await connection.request(method, ("x",))  # type: ignore[arg-type] # the test tries invalid methods
    assert server.connections == 0


@pytest.mark.parametrize(
    "lost", [Misbehaviour.RESET, Misbehaviour.CLOSE, Misbehaviour.CUT_SHORT, Misbehaviour.GARBAGE, Misbehaviour.HANG]
)
async def test_a_request_whose_response_is_lost_counts_as_carried_out(lost: Misbehaviour) -> None:
    timeout = 1 if lost is Misbehaviour.HANG else 30
    async with asked(Reply(body=b"0123456789", misbehaviour=lost), timeout=timeout) as (server, connection):
        with pytest.raises(Unreachable, match=r"after 1 attempt; .*may have carried it out"):
            await connection.request("POST", ("x",), body=b"{}", repeatable=False)
    assert len(server.seen) == 1


async def test_a_request_for_which_there_is_no_connection_counts_as_not_sent() -> None:
    with reserved_port() as port:
        async with connection_to(url_of(port)) as connection:
            with pytest.raises(Unreachable, match=r"after 5 attempts .*could not connect"):
                await connection.request("POST", ("x",), body=b"{}", repeatable=False)


# ---------------------------------------------------------------------------------------------------------------------
# size
# ---------------------------------------------------------------------------------------------------------------------
async def test_an_endless_response_is_read_to_the_bound_and_no_further() -> None:
    async with asked(Reply(body=b"x" * 1000, misbehaviour=FOR_EVER), largest_body=100_000) as (server, connection):
        with pytest.raises(BadAnswer, match="larger than 100,000 bytes; the rest was not read"):
            await connection.request("GET", ("x",))
    in_the_sockets = 16_000_000  # what both ends may buffer
    assert 100_000 <= server.sent <= in_the_sockets


async def test_a_gzip_bomb_larger_than_the_bound_is_a_bad_answer() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    with pytest.raises(BadAnswer, match="larger than 1,000 bytes"):
        await body_of(Reply(body=bomb, headers=PACKED), largest_body=1000)


async def test_a_packed_body_is_unpacked() -> None:
    assert await body_of(Reply(body=gzip.compress(b"fine"), headers=PACKED)) == b"fine"


async def test_an_empty_body_with_a_gzip_header_is_read_as_empty() -> None:
    assert await body_of(Reply(204, headers=PACKED)) == b""


@pytest.mark.parametrize("body", [b"no gzip", gzip.compress(b"fine" * 100, mtime=0)[:-20]], ids=["no gzip", "cut off"])
async def test_an_invalid_gzip_body_is_an_error(body: bytes) -> None:
    with pytest.raises(Unreachable, match="no usable answer"):
        await body_of(Reply(body=body, headers=PACKED))


@pytest.mark.parametrize("coding", ["compress", "x-gzip", "gzip, gzip"])
async def test_a_body_with_another_encoding_is_a_bad_answer(coding: str) -> None:
    with pytest.raises(BadAnswer, match="unknown content encoding"):
        await body_of(Reply(body=gzip.compress(b"fine"), headers=(("Content-Encoding", coding),)))


@pytest.mark.parametrize("raw", [b"HTTP/1.1 200 OK\r\nX: ", CHUNKED + b"0\r\nX: ", b"HTTP/1.1 200 "])
async def test_an_oversized_header_trailer_or_status_line_is_an_error(raw: bytes) -> None:
    async with asked(bare(raw + b"x" * 2_000_000), timeout=2) as (_, connection):
        with pytest.raises(Unreachable, match="no usable answer"):
            await connection.request("GET", ("x",))


async def test_a_header_that_is_not_ascii_is_left_out() -> None:
    odd = Reply(body=b"fine", headers=(("ETag", "\xff"), ("Content-Type", "text/plain")))
    async with asked(odd) as (_, connection):
        response = await connection.request("GET", ("x",))
    assert (response.etag, response.headers["content-type"]) == ("", "text/plain")


# ---------------------------------------------------------------------------------------------------------------------
# time
# ---------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("headers", [(("X", "x" * 100_000),), ()], ids=["in the headers", "in the body"])
async def test_a_response_that_drips_is_an_error_at_the_deadline(headers: tuple[tuple[str, str], ...]) -> None:
    drip = Reply(body=b"x", headers=headers, misbehaviour=Misbehaviour.DRIP)
    async with asked(drip, deadline=1.0, retry=replace(IMPATIENT, attempts=1)) as (server, connection):
        with pytest.raises(Unreachable, match="did not arrive in time") as caught:
            await connection.request("GET", ("x",))
    assert len(server.seen) == 1
    assert "runs and can be reached from here" in caught.value.hint


async def test_a_response_that_stops_midway_is_an_error_after_the_timeout() -> None:
    async def stops(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfine")
        await asyncio.Event().wait()

    async with served_by(stops) as port, connection_to(f"http://127.0.0.1:{port}", timeout=0.1) as connection:
        with pytest.raises(Unreachable, match="did not arrive in time"):
            await connection.request("GET", ("x",))


async def test_received_bytes_extend_the_deadline() -> None:
    """Here each byte extends the deadline by a second; the first deadline alone would end the read."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dlsync.client.transport.SLOWEST", 1)
        drip = Reply(body=b"x" * 20, misbehaviour=Misbehaviour.DRIP)
        with pytest.raises(BadAnswer, match="larger than 2,000 bytes"):
            await body_of(drip, deadline=1.5, largest_body=2_000)


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_server_that_does_not_read_the_request_causes_a_timeout_error(
    scheme: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", authority_file(tmp_path))
    monkeypatch.setattr("dlsync.client.transport.SLOWEST", 10**9)
    async with (
        served_by(deaf, server_context("127.0.0.1") if scheme == "https" else None) as port,
        connection_to(f"{scheme}://127.0.0.1:{port}", timeout=0.3) as connection,
    ):
        with pytest.raises(Unreachable, match="did not arrive in time"):
            await connection.request("PUT", ("x",), body=bytes(20_000_000))


def test_the_default_limits_bound_the_longest_response_to_less_than_forty_minutes() -> None:
    assert DEADLINE + LARGEST_BODY / SLOWEST < 40 * 60


# ---------------------------------------------------------------------------------------------------------------------
# TLS
# ---------------------------------------------------------------------------------------------------------------------
async def test_a_server_certified_by_the_authority_in_ssl_cert_file_is_trusted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", authority_file(tmp_path))
    async with asked(OK, server_context("127.0.0.1"), concurrency=2) as (server, connection):
        for _ in range(3):
            assert (await connection.request("GET", ("x",))).body == b"fine"
    assert (len(server.seen), server.connections) == (3, 1)


@pytest.mark.parametrize("authority", ["named", "unknown"])
async def test_an_untrusted_certificate_is_an_error_after_one_attempt_that_names_the_setting(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, authority: str
) -> None:
    """The authority is unknown, or the certificate is of another server."""
    if authority == "named":
        monkeypatch.setenv("SSL_CERT_FILE", authority_file(tmp_path))
    name = "127.0.0.1" if authority == "unknown" else "other.example"
    async with asked(OK, server_context(name)) as (server, connection):
        with pytest.raises(Unreachable, match=f"the certificate of https://127.0.0.1:{server.port} is not") as caught:
            await connection.request("GET", ("x",))
    assert ("UnknownIssuer" if authority == "unknown" else "other.example") in caught.value.message
    assert "SSL_CERT_FILE" in caught.value.hint
    assert (server.seen, connection.requests) == ([], 1)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "which cannot be read: No such file or directory"),
        (b"", "which holds no certificate in PEM"),
        (b"\0\1DER", "which holds no certificate in PEM"),
        (b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n", ""),
    ],
)
def test_an_unusable_certificate_file_is_an_error_before_any_request(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None, problem: str
) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with pytest.raises(SettingsError, match=problem or r"cannot be loaded from SSL_CERT_FILE \(.*ca.pem\)") as caught:
        connection_to("https://monitoring.example/api/v1")
    assert "Set SSL_CERT_FILE to a PEM file" in caught.value.hint
    connection_to("http://127.0.0.1/api/v1")  # plain HTTP needs no certificate


def test_without_certificates_on_the_system_https_is_an_error_and_http_works(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    with pytest.raises(SettingsError, match=r"cannot be loaded from SSL_CERT_DIR \(.*\): .*No CA certificates"):
        connection_to("https://monitoring.example/api/v1")
    connection_to("http://127.0.0.1/api/v1")


def test_a_missing_certificate_file_is_an_error_even_if_the_folder_has_certificates(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority_file(tmp_path)
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    connection_to("https://monitoring.example/api/v1")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "gone.pem"))
    with pytest.raises(SettingsError, match=r"SSL_CERT_FILE names [^)]*gone.pem, .*: No such file"):
        connection_to("https://monitoring.example/api/v1")


def test_a_missing_certificate_folder_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "gone"))
    with pytest.raises(SettingsError, match=r"SSL_CERT_DIR names .*gone, which is no folder"):
        connection_to("https://monitoring.example/api/v1")


async def test_https_to_a_server_that_speaks_http_says_so_after_one_attempt() -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    async with served_by(plain) as port, connection_to(f"https://127.0.0.1:{port}") as connection:
        with pytest.raises(Unreachable, match=f"https://127.0.0.1:{port} does not speak HTTPS") as caught:
            await connection.request("GET", ("x",))
    assert "Write http://" in caught.value.hint
    assert connection.requests == 1


async def test_http_to_a_server_that_speaks_https_gets_a_hint() -> None:
    async with (
        scripted_server(OK, tls=server_context("127.0.0.1")) as server,
        connection_to(server.url.replace("https", "http")) as connection,
    ):
        with pytest.raises(Unreachable) as caught:
            await connection.request("GET", ("x",))
    assert "expects https://" in caught.value.hint


# ---------------------------------------------------------------------------------------------------------------------
# the end of the process
# ---------------------------------------------------------------------------------------------------------------------
PROGRAM = """
import asyncio, sys
from dlsync.client import ReadClient

async def main():
    async with ReadClient(url=sys.argv[1], org="acme", account="default", key="k") as client:
        await client.rules.list()

asyncio.run(main())
"""


async def test_a_process_that_ends_right_after_its_client_has_exit_code_0() -> None:
    async def run(url: str) -> int:
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", PROGRAM, url)
        return await process.wait()

    async with scripted_server(Reply(body=b"[]")) as server:
        codes = await asyncio.gather(*(run(server.url) for _ in range(8)))
    assert set(codes) == {0}


# ---------------------------------------------------------------------------------------------------------------------
# the servers of these tests
# ---------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("turns", range(6))
def test_a_connection_that_comes_while_a_scripted_server_closes_is_not_left_open(turns: int) -> None:
    async def run() -> None:
        with socket.socket() as late:
            late.setblocking(False)

            async def connect() -> None:
                for _ in range(turns):
                    await asyncio.sleep(0)
                with suppress(OSError):  # the connection is in progress, or the server has stopped listening
                    late.connect(("127.0.0.1", server.port))

            async with scripted_server(OK) as server:
                connecting = asyncio.ensure_future(connect())
            await connecting

    with warnings.catch_warnings(record=True) as unclosed:
        warnings.simplefilter("always", ResourceWarning)
        asyncio.run(run())
        gc.collect()
    assert [str(one.message) for one in unclosed] == []
