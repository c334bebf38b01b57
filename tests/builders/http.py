"""A scripted HTTP server on a loopback socket, which records its requests."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from itertools import chain, cycle
from typing import TYPE_CHECKING

from dlsync.client import Client, ReadClient
from dlsync.client.response import Quoter, Response
from dlsync.client.retry import Retry

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from typing import Unpack

    from dlsync.client.connection import Options

    Answering = Callable[["Seen"], "Reply | Awaitable[Reply]"]


class Misbehaviour(Enum):
    CUT_SHORT = "announces a whole body and sends half"
    RESET = "resets the connection without an answer"
    CLOSE = "closes the connection without an answer"
    HANG = "never answers"
    DRIP = "answers byte by byte, without end"
    ENDLESS = "repeats the last 1,000 bytes of its answer without end"
    GARBAGE = "answers with the body alone, which need not be HTTP"
    BARE = "the same, and goes on"
    LEAVES = "answers, and closes the connection without having said so"


@dataclass(frozen=True)
class Reply:
    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    misbehaviour: Misbehaviour | None = None


@dataclass(frozen=True)
class Seen:
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    def __str__(self) -> str:
        return f"{self.method} {self.target}"


def url_of(port: int, scheme: str = "http") -> str:
    return f"{scheme}://127.0.0.1:{port}/api/v1"


@dataclass
class ScriptedServer:
    answer: Answering
    port: int = 0
    seen: list[Seen] = field(default_factory=list)
    scheme: str = "http"
    connections: int = 0
    sent: int = 0  # bytes of endless answers

    @property
    def url(self) -> str:
        return url_of(self.port, self.scheme)

    @property
    def asked(self) -> list[str]:
        return [str(request) for request in self.seen]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                while await self._exchange(reader, writer):
                    pass
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        method, target, _ = head.split(" ")
        self.seen.append(Seen(method, target, headers, body))
        answer = self.answer(self.seen[-1])
        reply = answer if isinstance(answer, Reply) else await answer
        if reply.misbehaviour is Misbehaviour.HANG:
            await asyncio.Event().wait()
        if reply.misbehaviour is Misbehaviour.RESET:
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        if reply.misbehaviour is Misbehaviour.DRIP:
            await _drip(reply, writer)
        if reply.misbehaviour is Misbehaviour.ENDLESS:
            await self._flood(reply, writer)
        writer.write(_wire(reply))
        await writer.drain()
        return reply.misbehaviour in {None, Misbehaviour.BARE}

    async def _flood(self, reply: Reply, writer: asyncio.StreamWriter) -> None:
        writer.write(_head(reply, ()) + reply.body)
        end = reply.body[-1000:]
        while True:
            writer.write(end)
            await writer.drain()
            self.sent += len(end)
            await asyncio.sleep(0)


async def _drip(reply: Reply, writer: asyncio.StreamWriter) -> None:
    for byte in chain(_head(reply, ()), cycle(reply.body)):
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.001)  # only slows the answer down; no test measures it


def _wire(reply: Reply) -> bytes:
    if reply.misbehaviour in {Misbehaviour.GARBAGE, Misbehaviour.BARE}:
        return reply.body
    if reply.misbehaviour in {Misbehaviour.RESET, Misbehaviour.CLOSE}:
        return b""
    half = len(reply.body) // 2 if reply.misbehaviour is Misbehaviour.CUT_SHORT else None
    bodyless = reply.status in {204, 304}
    length = () if bodyless else (("Content-Length", str(len(reply.body))),)
    return _head(reply, length) + reply.body[:half]


def _head(reply: Reply, length: tuple[tuple[str, str], ...]) -> bytes:
    fields = "".join(f"{name}: {value}\r\n" for name, value in (*reply.headers, *length))
    return f"HTTP/1.1 {reply.status} -\r\n{fields}\r\n".encode("latin-1")


def json_reply(value: object, status: int = 200) -> Reply:
    return Reply(status, json.dumps(value).encode(), (("Content-Type", "application/json"),))


def in_order(*replies: Reply) -> Callable[[Seen], Reply]:
    """Return the replies in order, and repeat the last one."""
    left = list(replies)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


def by_request(replies: Mapping[str, Reply | Callable[[Seen], Reply]], otherwise: Reply) -> Callable[[Seen], Reply]:
    """Return replies by ``METHOD path``, with the path below the account."""

    def answer(request: Seen) -> Reply:
        _, _, path = request.target.partition("/accounts/default/")
        reply = replies.get(f"{request.method} {path or request.target}", otherwise)
        return reply if isinstance(reply, Reply) else reply(request)

    return answer


async def close(listener: asyncio.Server) -> None:
    """Accept no more connections, and close after accepted ones reached their server, as asyncio does not."""
    for one in listener.sockets:
        asyncio.get_running_loop().remove_reader(one.fileno())
    for _ in range(5):  # turns of the loop
        await asyncio.sleep(0)
    listener.close()


@asynccontextmanager
async def scripted_server(
    answer: Answering | Reply, *, port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[ScriptedServer]:
    server = ScriptedServer(
        (lambda _: answer) if isinstance(answer, Reply) else answer, scheme="https" if tls else "http"
    )
    tasks: set[asyncio.Task[None]] = set()
    writers: list[asyncio.StreamWriter] = []

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        tasks.add(asyncio.ensure_future(server.serve(reader, writer)))

    listener = await asyncio.start_server(accept, "127.0.0.1", port, ssl=tls)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        await close(listener)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in writers:  # a task that is cancelled before its start closes nothing
            writer.close()


KEY = "s3cret-key"


async def no_wait(_: float) -> None:
    """Return at once, instead of a sleep."""


IMPATIENT = Retry(sleep=no_wait, random=lambda: 1.0, now=lambda: 0.0)


@asynccontextmanager
async def scripted(
    answer: Answering | Reply, **options: Unpack[Options]
) -> AsyncIterator[tuple[ScriptedServer, Client]]:
    """Run a scripted server, and a client that does not wait before a retry."""
    settings: Options = {"retry": IMPATIENT, **options}
    async with (
        scripted_server(answer) as server,
        Client(url=server.url, org="acme", account="default", key=KEY, **settings) as client,
    ):
        yield server, client


def reader_of(url: str, key: str = KEY, **options: Unpack[Options]) -> ReadClient:
    settings: Options = {"retry": IMPATIENT, **options}
    return ReadClient(url=url, org="acme", account="default", key=key, **settings)


def answer_of(body: bytes, content_type: str = "application/json", status: int = 200) -> Response:
    headers = {"content-type": content_type}
    return Response(status, headers, body, "GET /orgs/acme/accounts/default/dashboards", Quoter(KEY))
