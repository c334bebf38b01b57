"""The server for benchmarks, a separate process: a minimal one, so that the benchmark does not measure the server.

GET ``/requests`` returns how often each request was sent, and DELETE ``/requests`` resets the counts. DELETE
``/account`` restores the initial content of the account.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from benchmarks.answers import BASE, KEY, UNAUTHORIZED, Account, Answer, answer

if TYPE_CHECKING:
    from collections.abc import Callable

COUNTS, RESET = "/requests", "/account"
CONTROLS = {COUNTS, RESET}
_END_OF_HEAD = b"\r\n\r\n"


class Responder:
    """Answers requests and counts them.

    :param latency: delay of a response in seconds; 0 for none.
    """

    def __init__(self, account: Account, latency: float) -> None:
        self._account = account
        self.latency = latency
        self._counts: Counter[str] = Counter()

    def respond(self, method: str, path: str, headers: dict[bytes, bytes], body: bytes) -> bytes:
        """Return the bytes of the response to a request."""
        if path in CONTROLS:
            return self._control(method, path).whole
        self._counts[f"{method} {path}"] += 1
        if headers.get(b"authorization") != b"Bearer " + KEY.encode():
            return UNAUTHORIZED.whole
        if "%" in path:
            path = unquote(path)
        response = self._account.respond(method, path, body)
        known = headers.get(b"if-none-match")
        return response.not_modified if known and response.etag and known == response.etag else response.whole

    def _control(self, method: str, path: str) -> Answer:
        if method == "DELETE" and path == COUNTS:
            self._counts.clear()
        elif method == "DELETE":
            self._account.reset()
        return answer(200, json.dumps(self._counts).encode())


class Protocol(asyncio.Protocol):
    """HTTP/1.1 with persistent connections, and bodies with a Content-Length."""

    def __init__(self, responder: Responder, later: Callable[..., object]) -> None:
        self._responder = responder
        self._later = later
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport for responses."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - true for the protocol of a stream
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each request that has arrived completely."""
        self._buffer += data
        while (end := self._buffer.find(_END_OF_HEAD)) >= 0:
            first, *lines = self._buffer[:end].split(b"\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(b": ") for line in lines)}
            start = end + len(_END_OF_HEAD)
            stop = start + int(headers.get(b"content-length", b"0"))
            if len(self._buffer) < stop:
                return
            body, self._buffer = self._buffer[start:stop], self._buffer[stop:]
            method, path, _ = first.decode().split(" ")
            self._answer(path, self._responder.respond(method, path, headers, body))

    def _answer(self, path: str, content: bytes) -> None:
        if self._responder.latency and path not in CONTROLS:
            self._later(self._responder.latency, self._transport.write, content)
        else:
            self._transport.write(content)


async def serve(responder: Responder) -> None:
    """Print the URL on stdout, and serve until the process ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Protocol(responder, loop.call_later), "127.0.0.1", 0, backlog=512)
    host, port = server.sockets[0].getsockname()
    print(f"http://{host}:{port}{BASE}", flush=True)
    async with server:
        await server.serve_forever()


def main() -> None:
    """Serve an account for benchmarks."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--tree", type=Path, help="the initial content of the account; by default, none")
    parser.add_argument("--latency", type=float, default=0.0, help="delay of a response in seconds")
    parser.add_argument("--documented-only", action="store_true")
    parser.add_argument("--rewrites", action="store_true", help="return YAML with other quotes and sorted keys")
    arguments = parser.parse_args()
    account = Account(arguments.tree, documented_only=arguments.documented_only, rewrites=arguments.rewrites)
    asyncio.run(serve(Responder(account, arguments.latency)))


if __name__ == "__main__":
    main()
