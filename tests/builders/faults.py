"""A proxy between a real client and a real server, with a fault at a chosen request."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from tests.builders.http import close

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REFUSED = "refused"
RESET_BEFORE = "reset before the server saw it"
RESET_AFTER = "reset after the server did it"
TRUNCATED = "a truncated body"
NONSENSE = "a body that is not what it says"
HANG = "a hang past the time-out"
KILL_BEFORE = "killed before the server saw it"
KILL_AFTER = "killed after the server did it"
STATUSES = ("500", "502", "503", "429")
FAULTS = (REFUSED, RESET_BEFORE, RESET_AFTER, *STATUSES, TRUNCATED, NONSENSE, HANG)


class Message(NamedTuple):
    """A complete request or response."""

    first: str
    headers: dict[str, str]
    head: bytes
    body: bytes

    @property
    def name(self) -> str:
        """The method and path of a request."""
        return self.first.rpartition(" ")[0]


async def read_message(stream: asyncio.StreamReader) -> Message | None:
    """Read a message; return None if the other side has ended."""
    try:
        head = await stream.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
        headers = {key.lower(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
        return Message(first, headers, head, await stream.readexactly(int(headers.get("content-length", "0"))))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


@dataclass
class Proxy:
    """Forward requests to a server, and count them.

    :param upstream: the server's URL.
    :param fault: happens at the request with the number ``at``, from 1, and at its repetitions.
    :param kill: kills the process, for the two faults that kill.
    """

    upstream: str
    fault: str = ""
    at: int = 0
    kill: Callable[[], None] = lambda: None
    seen: list[str] = field(default_factory=list)
    hit: str = ""
    url: str = ""
    dead: bool = False
    writers: set[asyncio.StreamWriter] = field(default_factory=set)

    async def serve(self, ready: Future[None], done: asyncio.Event) -> None:
        listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        parts = urlsplit(self.upstream)
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}{parts.path}"
        self.server = await asyncio.start_server(self._connection, sock=listener)
        ready.set_result(None)
        await done.wait()
        await close(self.server)
        for writer in [*self.writers]:
            _reset(writer)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.add(writer)
        parts = urlsplit(self.upstream)
        there: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        try:
            while request := await read_message(reader):
                harm = self._harm(request.name)
                if harm == HANG:
                    await asyncio.Event().wait()
                if not there and harm not in {REFUSED, RESET_BEFORE, KILL_BEFORE, *STATUSES}:
                    there = await asyncio.open_connection(parts.hostname, parts.port)
                if not await self._answer(request, harm, there, writer):
                    return
        except (ConnectionError, asyncio.CancelledError):  # such as the end of the proxy
            _reset(writer)
        finally:
            self.writers.discard(writer)
            writer.close()
            if there:
                there[1].close()

    def _harm(self, name: str) -> str:
        self.seen.append(name)
        if len(self.seen) == self.at:
            self.hit = name
            return self.fault
        return self.fault if self.hit and (name == self.hit or self.dead) else ""

    async def _answer(
        self,
        request: Message,
        harm: str,
        there: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None,
        writer: asyncio.StreamWriter,
    ) -> bool:
        """Answer, and return whether the connection stays open."""
        if harm in STATUSES:
            writer.write(_status(harm))
            await writer.drain()
            return True
        if there is None:
            if harm == KILL_BEFORE:
                self.kill()
            if harm == REFUSED:
                self.dead = True
                await close(self.server)
            _reset(writer)
            return False
        there[1].write(request.head + request.body)
        answer = await read_message(there[0])
        if answer is None or harm in {RESET_AFTER, KILL_AFTER}:
            if harm == KILL_AFTER:
                self.kill()
            _reset(writer)
            return False
        writer.write(_spoiled(answer, harm))
        await writer.drain()
        return harm != TRUNCATED


def _status(code: str) -> bytes:
    body = b'{"error": "no"}'
    head = f"HTTP/1.1 {code} No\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _spoiled(answer: Message, harm: str) -> bytes:
    if harm == TRUNCATED:
        return answer.head + answer.body[: len(answer.body) // 2] if answer.body else answer.head[:-4]
    if harm == NONSENSE:
        body = b"<!doctype html><p>Welcome"
        return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    return answer.head + answer.body


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST instead of FIN, so that the other side sees a reset."""
    raw = writer.get_extra_info("socket")
    if raw is not None and raw.fileno() >= 0:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@contextmanager
def proxied(upstream: str, fault: str = "", at: int = 0, kill: Callable[[], None] = lambda: None) -> Iterator[Proxy]:
    """Run a proxy in a thread."""
    proxy, ready = Proxy(upstream, fault, at, kill), Future[None]()
    stop: list[Callable[[], None]] = []

    async def main() -> None:
        done = asyncio.Event()
        loop = asyncio.get_running_loop()

        def end() -> None:
            loop.call_soon_threadsafe(done.set)

        stop.append(end)
        await proxy.serve(ready, done)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    thread = threading.Thread(target=asyncio.run, args=(main(),), daemon=True)
    thread.start()
    ready.result()
    try:
        yield proxy
    finally:
        stop[0]()
        thread.join()
