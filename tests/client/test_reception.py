from __future__ import annotations

import gzip
import zlib
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from dlsync.client.line import DEADLINE, SLOWEST
from dlsync.client.reception import LARGEST_BODY
from dlsync.client.writing import WritingConnection
from dlsync.errors import BadAnswer, Unreachable
from tests.builders.http import IMPATIENT, KEY, Misbehaviour, Reply, scripted_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from typing import Unpack

    from dlsync.client.connection import Connection, Options
    from tests.builders.http import ScriptedServer

pytestmark = pytest.mark.anyio
PACKED = (("Content-Encoding", "gzip"),)
FOR_EVER = Misbehaviour.ENDLESS


@asynccontextmanager
async def asked(reply: Reply, **options: Unpack[Options]) -> AsyncIterator[tuple[ScriptedServer, Connection]]:
    settings: Options = {"retry": IMPATIENT, **options}
    async with (
        scripted_server(reply) as server,
        WritingConnection(server.url, "acme", "default", KEY, **settings) as connection,
    ):
        yield server, connection


async def body_of(reply: Reply, **options: Unpack[Options]) -> bytes:
    async with asked(reply, **options) as (_, connection):
        return (await connection.get(("x",))).body


# ---------------------------------------------------------------------------------------------------------------------
# time
# ---------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("deadline", [0.02, 0.3], ids=["in the headers", "in the body"])
async def test_an_answer_that_drips_is_left_at_the_deadline(deadline: float) -> None:
    drip = Reply(body=b"x", misbehaviour=Misbehaviour.DRIP)
    async with asked(drip, deadline=deadline) as (server, connection):
        with pytest.raises(Unreachable, match=r"3 attempts.*the whole answer did not come in time") as caught:
            await connection.get(("x",))
    assert len(server.seen) == 3
    assert "runs and can be reached" in caught.value.hint


async def test_a_write_whose_answer_drips_may_have_been_done_and_is_not_repeated_where_that_matters() -> None:
    drip = Reply(body=b"x", misbehaviour=Misbehaviour.DRIP)
    async with asked(drip, deadline=0.02) as (server, connection):
        assert isinstance(connection, WritingConnection)
        with pytest.raises(Unreachable, match="may have been done all the same"):
            await connection.send("POST", ("x",), body=b"{}", repeatable=False)
    assert len(server.seen) == 1


async def test_what_comes_buys_time_for_the_rest() -> None:
    """Where one byte buys a second, the deadline alone would have ended it."""
    large = Reply(body=b"x" * 4 * SLOWEST)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dlsync.client.line.SLOWEST", 1)
        assert len(await body_of(large, deadline=0.05)) == 4 * SLOWEST
        drip = Reply(body=b"x" * 20, misbehaviour=Misbehaviour.DRIP)
        with pytest.raises(BadAnswer, match="larger than 50 bytes"):
            await body_of(drip, deadline=0.3, largest_body=50)


async def test_an_answer_that_unpacks_to_nothing_for_ever_is_left_at_the_deadline() -> None:
    header, empty_block = gzip.compress(b"")[:10], b"\0\0\0\xff\xff"
    nothing = Reply(body=header + empty_block * 200, headers=PACKED, misbehaviour=FOR_EVER)
    with pytest.raises(Unreachable, match="did not come in time"):
        await body_of(nothing, deadline=0.05)


def test_by_default_the_largest_answer_over_the_slowest_line_is_bounded_to_half_an_hour_or_so() -> None:
    assert DEADLINE + LARGEST_BODY / SLOWEST < 40 * 60


# ---------------------------------------------------------------------------------------------------------------------
# size
# ---------------------------------------------------------------------------------------------------------------------
async def test_an_endless_answer_is_read_to_the_bound_and_no_further() -> None:
    endless = Reply(body=b"x" * 1000, misbehaviour=FOR_EVER)
    async with asked(endless, largest_body=100_000) as (server, connection):
        with pytest.raises(BadAnswer, match="larger than 100,000 bytes, and was not read further"):
            await connection.get(("x",))
    in_the_sockets = 8_000_000  # what both ends may buffer
    assert 100_000 <= server.sent <= in_the_sockets


async def test_a_packed_body_is_unpacked() -> None:
    assert await body_of(Reply(body=gzip.compress(b"fine"), headers=PACKED)) == b"fine"


async def test_a_body_packed_in_two_members_is_read_to_the_end_of_the_first() -> None:
    assert await body_of(Reply(body=gzip.compress(b"fine") + gzip.compress(b"!"), headers=PACKED)) == b"fine"


async def test_an_empty_body_needs_no_packing() -> None:
    assert await body_of(Reply(204, headers=PACKED)) == b""


@pytest.mark.parametrize("body", [b"no gzip", gzip.compress(b"fine" * 100, mtime=0)[:-20]], ids=["not", "cut"])
async def test_a_body_packed_wrongly_is_a_bad_answer(body: bytes) -> None:
    with pytest.raises(BadAnswer, match="compression is broken"):
        await body_of(Reply(body=body, headers=PACKED))


@pytest.mark.parametrize("coding", ["br", "deflate", "zstd", "gzip, gzip", "gzip,gzip,gzip,gzip", "\xff"])
async def test_a_body_packed_as_nobody_asked_for_is_not_unpacked(coding: str) -> None:
    with pytest.raises(BadAnswer, match="packed in a way that was not asked for"):
        await body_of(Reply(body=gzip.compress(b"fine"), headers=(("Content-Encoding", coding),)))


async def test_a_bomb_is_unpacked_to_the_bound_and_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    unpacked, real = 0, zlib.decompressobj

    class Counting:
        def __init__(self, window: int) -> None:
            self._real = real(window)

        def decompress(self, chunk: bytes, most: int) -> bytes:
            nonlocal unpacked
            plain = self._real.decompress(chunk, most)
            unpacked += len(plain)
            return plain

    monkeypatch.setattr("dlsync.client.reception.zlib.decompressobj", Counting)
    with pytest.raises(BadAnswer, match="larger than 1,000 bytes"):
        await body_of(Reply(body=gzip.compress(b"\0" * 10_000_000), headers=PACKED), largest_body=1000)
    assert unpacked == 1001
