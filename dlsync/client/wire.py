"""HTTP/1.1 to one server over connections that stay open, with no more than a request needs.

Nothing is followed and nothing is kept: no redirect, no cookie.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from dlsync.client.faults import Failure
from dlsync.client.line import Limits, Line
from dlsync.client.paths import is_loopback
from dlsync.client.proxy import proxy_for
from dlsync.client.trust import tls_context
from dlsync.errors import DlsyncError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable

    from dlsync.client.line import Came
    from dlsync.client.paths import Origin

LONGEST_TARGET: Final = 64 * 1024
_CONNECT_SECONDS: Final = 10.0
_NEXT_ADDRESS: Final = 0.25  # seconds before a host's next address is tried too (RFC 8305, 5)


class Wire:
    """Connections to one server.

    :param origin: the server, and what each path is below.
    :param methods: those that can be sent.
    :param headers: what each request carries, each with its line break; the Host is seen to.
    :raises SettingsError: the environment has a proxy for it that cannot be used.
    """

    def __init__(self, origin: Origin, methods: Iterable[str], headers: bytes, limits: Limits) -> None:
        self._origin = origin
        self._limits = limits
        self._proxy = proxy_for(origin)
        base, through = origin.path, b""
        if self._proxy and origin.scheme == "http":
            base, through = f"http://{origin.authority}{base}", self._proxy.authorization
        # a method that is not among them has no first line, so it cannot be sent
        self._starts = {method: f"{method} {base}" for method in methods}
        self._standing = b"Host: %s\r\n%s%s" % (origin.authority.encode(), headers, through)
        self._idle: list[Line] = []
        self._lines: set[Line] = set()
        self._context: ssl.SSLContext | None = None

    async def exchange(self, method: str, path: str, headers: bytes, body: bytes | None = None) -> Came:
        """Send a request and return the answer.

        :param path: below the origin's, encoded, with the query.
        :param headers: those of this request alone, each with its line break.
        :raises Failure: there is no answer that can be used.
        """
        request = self._request(method, path, headers, body)
        begun = asyncio.get_running_loop().time()
        line = self._rested() or await self._connected()
        try:
            came = await line.ask(request, begun)
        except BaseException:
            self._lines.discard(line)
            line.abort()
            raise
        if line.is_open():
            self._idle.append(line)
        else:
            self._lines.discard(line)
        return came

    async def close(self) -> None:
        """End all connections."""
        self._idle.clear()
        while self._lines:
            self._lines.pop().abort()
        await asyncio.sleep(0)  # one turn of the loop, in which they close their sockets

    def _request(self, method: str, path: str, headers: bytes, body: bytes | None) -> bytes:
        start = self._starts.get(method)
        if start is None:
            raise DlsyncError(f"a reading connection was asked to send {method}; nothing was sent")
        if len(path) > LONGEST_TARGET:
            raise Failure("the name is too long to be part of a URL")
        first = f"{start}{path} HTTP/1.1\r\n".encode()
        if body is None:
            return b"%s%s%s\r\n" % (first, self._standing, headers)
        return b"%s%s%sContent-Length: %d\r\n\r\n%s" % (first, self._standing, headers, len(body), body)

    def _rested(self) -> Line | None:
        """Return the connection that has rested for the shortest time, and forget those that did not keep."""
        while self._idle:
            line = self._idle.pop()
            if line.is_fit():
                return line
            self._lines.discard(line)
            line.abort()
        return None

    async def _connected(self) -> Line:
        limits = self._limits
        try:
            async with asyncio.timeout(min(limits.timeout, limits.deadline, _CONNECT_SECONDS)):
                line = await self._opened()
        except TimeoutError:
            raise Failure("the connection could not be made in time", "timeout") from None
        except OSError as error:
            raise Failure("could not connect", "refused", detail=str(error)) from error
        self._lines.add(line)
        return line

    async def _opened(self) -> Line:
        line = Line(self._limits)
        if self._origin.scheme == "http":
            await self._carried(line)
            return line
        # in two steps, for only what is below TLS knows how much of a request has gone out
        below = await self._proxy.tunnel(self._origin) if self._proxy else await self._carried(asyncio.Protocol())
        to, loop = self._origin.host, asyncio.get_running_loop()
        secured = await loop.start_tls(below, line, self._tls(), server_hostname=to)
        assert secured is not None  # noqa: S101  # None would stand for a connection that ended, but that is raised
        line.secured(secured, below)
        return line

    async def _carried(self, protocol: asyncio.Protocol) -> asyncio.Transport:
        to = self._proxy or self._origin
        race = None if is_loopback(to.host) else _NEXT_ADDRESS
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_connection(lambda: protocol, to.host, to.port, happy_eyeballs_delay=race)
        return transport

    def _tls(self) -> ssl.SSLContext:
        if self._context is None:
            self._context = tls_context()
        return self._context
