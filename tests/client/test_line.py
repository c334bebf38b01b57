from __future__ import annotations

import asyncio
import gzip
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlsync.client.line import LARGEST_HEAD, Came, Limits, Line, _is_readable
from dlsync.client.writing import WritingConnection
from dlsync.errors import BadAnswer, Rejected, Unreachable
from tests.builders.http import IMPATIENT, KEY, Misbehaviour, Reply, in_order, scripted_server
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


def bare(raw: bytes, *, ends: bool = False) -> Reply:
    return Reply(body=raw, misbehaviour=Misbehaviour.GARBAGE if ends else Misbehaviour.BARE)


@asynccontextmanager
async def asked(
    answer: Callable[[Seen], Reply] | Reply, **options: Unpack[Options]
) -> AsyncIterator[tuple[ScriptedServer, WritingConnection]]:
    settings: Options = {"retry": IMPATIENT, **options}
    async with (
        scripted_server(answer) as server,
        WritingConnection(server.url, "acme", "default", KEY, **settings) as connection,
    ):
        yield server, connection


async def turns(until: Callable[[], bool]) -> None:
    """Let the loop turn until something holds."""
    while not until():  # noqa: ASYNC110  # nobody could set an event
        await asyncio.sleep(0)


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
        listener.close()
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0)


# ---------------------------------------------------------------------------------------------------------------------
# where an answer begins and ends
# ---------------------------------------------------------------------------------------------------------------------
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"
CHUNKS = b"4\r\nfine\r\n3;a=b\r\n, o\r\n1\r\nk\r\n0\r\n"
NOTHING = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
FINE = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine"


@pytest.mark.parametrize(
    ("raw", "body"),
    [
        (FINE, b"fine"),
        (NOTHING, b""),
        (CHUNKED + CHUNKS + b"\r\n", b"fine, ok"),
        (CHUNKED + CHUNKS + b"Content-Encoding: br\r\n\r\n", b"fine, ok"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + FINE, b"fine"),
        (b"HTTP/1.1 103 Early Hints\r\nContent-Encoding: br\r\n\r\n" * 3 + FINE, b"fine"),
        (b"HTTP/1.1 200 OK\r\nConnection: Upgrade\r\nUpgrade: h2,h2c\r\nContent-Length: 1\r\n\r\n1", b"1"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\n", b""),
    ],
)
async def test_an_answer_is_read_to_its_end_and_the_connection_used_again(raw: bytes, body: bytes) -> None:
    async with asked(bare(raw)) as (server, connection):
        for _ in range(2):
            assert (await connection.get(("x",))).body == body
    assert (server.connections, len(server.seen)) == (1, 2)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.0 200 OK\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 4\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n",
    ],
)
async def test_an_answer_that_is_a_connection_s_last_is_read_and_the_next_has_another(head: bytes) -> None:
    async with asked(bare(head + b"\r\nfine", ends=True)) as (server, connection):
        for _ in range(2):
            assert (await connection.get(("x",))).body == b"fine"
    assert (server.connections, connection.requests) == (2, 2)


async def test_a_body_that_ends_with_the_connection_before_its_packing_does_is_a_bad_answer() -> None:
    packed = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b"fine")[:-3]
    async with asked(bare(packed, ends=True)) as (_, connection):
        with pytest.raises(BadAnswer, match="its end is missing"):
            await connection.get(("x",))
    assert connection.requests == 1


async def test_a_connection_that_is_to_be_closed_is_not_used_again_though_it_is_open() -> None:
    closing = bare(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
    async with asked(in_order(closing, OK)) as (server, connection):
        for _ in range(2):
            await connection.get(("x",))
    assert (server.connections, connection.requests) == (2, 2)


async def test_an_answer_to_half_a_request_counts_and_the_other_half_is_not_sent() -> None:
    async def hasty(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 -\r\nContent-Length: 0\r\n\r\n" if head.startswith(b"PUT") else FINE)

    async with (
        served_by(hasty) as port,
        WritingConnection(f"http://127.0.0.1:{port}", "acme", "default", KEY, retry=IMPATIENT) as connection,
    ):
        with pytest.raises(Rejected, match="413"):
            await connection.send("PUT", ("x",), body=bytes(20_000_000))
        assert (await connection.get(("x",))).body == b"fine"
        assert connection.requests == 2


@pytest.mark.parametrize("behind", [NOTHING, b"HTTP", b"x", b"\r\n\0"], ids=repr)
async def test_what_comes_behind_an_answer_is_no_answer_and_ends_the_connection(behind: bytes) -> None:
    async with asked(in_order(bare(FINE + behind), OK)) as (server, connection):
        for _ in range(2):
            assert (await connection.get(("x",))).body == b"fine"
    assert (server.connections, connection.requests) == (2, 2)


async def test_what_comes_while_nothing_is_asked_ends_the_connection() -> None:
    async def early(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(FINE)

    async with served_by(early) as port:
        _, line = await asyncio.get_running_loop().create_connection(lambda: Line(Limits()), "127.0.0.1", port)
        await turns(lambda: not line.is_open())
        assert not line.is_fit()


@pytest.mark.parametrize("repeatable", [True, False])
async def test_a_connection_that_the_server_closed_while_it_rested_costs_no_attempt(repeatable: bool) -> None:
    leaves = Reply(body=b"fine", misbehaviour=Misbehaviour.LEAVES)
    async with asked(leaves) as (server, connection):
        for _ in range(3):
            await connection.send("POST", ("x",), body=b"{}", repeatable=repeatable)
    assert (server.connections, connection.requests) == (3, 3)


async def test_a_request_that_nobody_waits_for_any_more_takes_its_connection_along() -> None:
    async with asked(in_order(HANGS, OK)) as (server, connection):
        waiting = asyncio.ensure_future(connection.get(("x",)))
        await turns(lambda: bool(server.seen))
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert (await connection.get(("x",))).body == b"fine"
    assert server.connections == 2


async def test_who_still_asks_when_the_client_is_closed_is_told() -> None:
    async with scripted_server(HANGS) as server:
        async with WritingConnection(server.url, "acme", "default", KEY, retry=IMPATIENT) as connection:
            waiting = asyncio.ensure_future(connection.get(("x",)))
            await turns(lambda: bool(server.seen))
        with pytest.raises(Exception, match="not open"):
            await waiting
    assert server.connections == 1


# ---------------------------------------------------------------------------------------------------------------------
# size
# ---------------------------------------------------------------------------------------------------------------------
async def test_a_body_may_come_in_the_smallest_of_pieces() -> None:
    async with asked(bare(CHUNKED + b"1\r\nx\r\n" * 100_000 + b"0\r\n\r\n")) as (_, connection):
        assert (await connection.get(("x",))).body == b"x" * 100_000


@pytest.mark.parametrize(
    "raw",
    [b"HTTP/1.1 200 OK\r\nX: ", CHUNKED + b"0\r\nX: ", CHUNKED + b"1;", b"HTTP/1.1 200 "],
    ids=["header", "trailer", "extension of a chunk", "reason"],
)
async def test_what_is_not_the_body_is_bounded_too(raw: bytes) -> None:
    async with asked(bare(raw + b"x" * 20 * LARGEST_HEAD)) as (_, connection):
        with pytest.raises(Unreachable, match="its headers are too large"):
            await connection.get(("x",))


async def test_answers_that_only_say_that_one_is_to_come_have_an_end() -> None:
    async with asked(bare(b"HTTP/1.1 102 Processing\r\n\r\n" * 10_000)) as (_, connection):
        with pytest.raises(Unreachable, match="too large"):
            await connection.get(("x",))


async def test_a_header_that_comes_twice_is_a_list() -> None:
    twice = Reply(body=b"x", headers=(("Content-Type", "a"), ("content-type", "b")))
    async with asked(twice) as (_, connection):
        assert (await connection.get(("x",))).content_type == "a, b"


# ---------------------------------------------------------------------------------------------------------------------
# time
# ---------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_server_that_does_not_take_a_request_is_left(
    scheme: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", authority_file(tmp_path))

    async def deaf(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with (
        served_by(deaf, server_context("127.0.0.1") if scheme == "https" else None) as port,
        WritingConnection(
            f"{scheme}://127.0.0.1:{port}", "acme", "default", KEY, retry=IMPATIENT, timeout=0.3
        ) as connection,
    ):
        with pytest.raises(Unreachable, match="did not take the request in time"):
            await connection.send("PUT", ("x",), body=bytes(20_000_000))


async def test_the_clock_of_one_request_is_not_that_of_the_next() -> None:
    """The first has more time, for what it sends; the second must not inherit it."""
    async with asked(in_order(OK, HANGS), deadline=0.05) as (server, connection):
        await connection.send("PUT", ("x",), body=bytes(1_000_000))
        with pytest.raises(Unreachable, match="3 attempts"):
            await connection.get(("x",))
    assert server.connections == 3


# ---------------------------------------------------------------------------------------------------------------------
# pieces
# ---------------------------------------------------------------------------------------------------------------------
class Pipe(asyncio.Transport):
    """A connection of which nothing is sent anywhere."""

    closing = False
    unsent = 0

    def write(self, data: object) -> None:
        return

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def is_closing(self) -> bool:
        return self.closing

    def abort(self) -> None:
        self.closing = True


class Clock:
    """A loop's clock that goes on when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0
        self.due: list[tuple[float, Callable[[], None]]] = []

    def time(self) -> float:
        return self.now

    def create_future(self) -> asyncio.Future[Came]:
        return asyncio.get_running_loop().create_future()

    def call_at(self, when: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        self.due.append((when, callback))
        return asyncio.TimerHandle(when, callback, (), asyncio.get_running_loop())

    def passes_to_the_next(self) -> None:
        self.now, callback = self.due.pop()
        callback()


def clocked() -> tuple[Line, Pipe, Clock]:
    line, pipe, clock = Line(Limits(timeout=30, deadline=1000)), Pipe(), Clock()
    line._loop = clock  # type: ignore[assignment] # as much of one as it asks
    line.connection_made(pipe)
    return line, pipe, clock


async def test_a_request_that_is_taken_bit_by_bit_is_not_given_up_and_then_the_answer_has_its_time() -> None:
    line, pipe, clock = clocked()
    pipe.unsent = 5
    answer = line.ask(b"", 0)
    for pipe.unsent in (3, 1, 0):
        clock.passes_to_the_next()
        assert not answer.done()
    clock.passes_to_the_next()
    assert clock.now == 120
    assert str(answer.exception()) == "the server did not answer in time"


async def test_each_byte_of_an_answer_gives_time_for_the_next() -> None:
    line, _, clock = clocked()
    answer = line.ask(b"", 0)
    for byte in b"HTTP/1.1":
        clock.now += 29
        line.data_received(bytes([byte]))
        assert not answer.done()
    clock.passes_to_the_next()
    assert not answer.done()
    clock.passes_to_the_next()
    assert clock.now == 8 * 29 + 30
    assert answer.exception()


async def test_a_connection_that_rests_has_no_clock() -> None:
    line, _, clock = clocked()
    answer = line.ask(b"", 0)
    line.data_received(FINE)
    clock.passes_to_the_next()
    assert (answer.done(), line.is_open(), clock.due) == (True, True, [])


async def test_a_connection_that_rests_does_not_keep_the_answer() -> None:
    line, _, _ = clocked()
    answer = line.ask(b"", 0)
    line.data_received(FINE)
    assert answer.done()
    assert line._body is None


def test_many_requests_share_one_timer() -> None:
    async def looks() -> int:
        line, _, clock = clocked()
        for _ in range(100):
            line.ask(b"", clock.now)
            line.data_received(FINE)
            clock.now += 0.01
        return len(clock.due)

    assert asyncio.run(looks()) == 1


def outcome(*pieces: bytes) -> Came | str:
    """What becomes of an answer that comes in these pieces."""

    async def read() -> Came | str:
        line = Line(Limits(largest_body=50))
        line.connection_made(Pipe())
        answer = line.ask(b"", asyncio.get_running_loop().time())
        for piece in pieces:
            if line.is_open():
                line.data_received(piece)
        if line.is_open():
            line.eof_received()
        line.connection_lost(None)
        error = answer.exception()
        return str(error) if error else answer.result()

    return asyncio.run(read())


@given(
    st.sampled_from(
        [
            b"HTTP/1.1 100 C\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 4\r\n\r\nfine",
            b"HTTP/1.1 404 -\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKS + b"A: b\r\n\r\n",
            b"HTTP/1.0 200 OK\r\nA: b\r\nA: c\r\n\r\nfine",
            b"HTTP/1.1 200 OK\r\nContent-Length: 51\r\n\r\n" + b"x" * 51,
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfine",
        ]
    ),
    st.lists(st.tuples(st.integers(0, 90), st.binary(max_size=3)), max_size=2),
    st.lists(st.integers(0, 100), max_size=6),
)
def test_it_is_the_same_however_an_answer_is_cut_on_its_way(
    raw: bytes, harm: list[tuple[int, bytes]], cuts: list[int]
) -> None:
    for at, other in harm:
        raw = raw[:at] + other + raw[at + len(other) :]
    places = [0, *sorted(min(cut, len(raw)) for cut in cuts), len(raw)]
    pieces = [raw[start:stop] for start, stop in pairwise(places) if stop > start]
    assert outcome(*pieces) == outcome(raw)


def test_a_socket_whose_number_select_does_not_go_up_to_is_taken_to_rest() -> None:
    assert not _is_readable(100_000)
