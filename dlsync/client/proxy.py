"""Proxies, as the environment names them: ``HTTPS_PROXY``, ``HTTP_PROXY``, ``ALL_PROXY`` and ``NO_PROXY``."""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import os
import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from dlsync.client.faults import Failure
from dlsync.client.paths import is_loopback
from dlsync.errors import SettingsError

if TYPE_CHECKING:
    from dlsync.client.paths import Origin

_END_OF_HEAD: Final = b"\r\n\r\n"
_LARGEST_HEAD: Final = 16 * 1024
_CONNECTED: Final = re.compile(rb"HTTP/1\.[01] 2\d\d[ \r]")
_HINT: Final = "Set HTTPS_PROXY, HTTP_PROXY or ALL_PROXY to such as http://proxy.example.com:3128, or NO_PROXY."


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy that is spoken to in plain HTTP.

    :param authorization: the header that lets us use it, with its line break; empty where it needs none.
    """

    host: str
    port: int
    authorization: bytes = field(repr=False)

    async def tunnel(self, origin: Origin) -> asyncio.Transport:
        """Return a connection to the server behind the proxy.

        :raises Failure: the proxy does not make one.
        """
        loop = asyncio.get_running_loop()
        transport, reply = await loop.create_connection(_Reply, self.host, self.port)
        target = f"{origin.bracketed}:{origin.port}".encode()
        transport.write(b"CONNECT %s HTTP/1.1\r\nHost: %s\r\n%s\r\n" % (target, target, self.authorization))
        try:
            await reply.whole
        except BaseException:
            transport.abort()
            raise
        return transport


class _Reply(asyncio.Protocol):
    """What a proxy says to CONNECT."""

    def __init__(self) -> None:
        self._head = b""
        self.whole: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        self._head += data
        if self._head.endswith(_END_OF_HEAD) and _CONNECTED.match(self._head):
            self._done(None)
        elif _END_OF_HEAD in self._head or len(self._head) > _LARGEST_HEAD:
            self._done(self._head.partition(b"\r\n")[0].decode("latin-1"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._done(str(exc or "it closed the connection"))

    def _done(self, problem: str | None) -> None:
        if self.whole.done():
            return
        if problem is None:
            self.whole.set_result(None)
        else:
            self.whole.set_exception(Failure("the proxy failed", "refused", detail=problem))


def proxy_for(origin: Origin) -> Proxy | None:
    """Return the proxy that the environment has for a server; None for this machine, whatever the environment says.

    :raises SettingsError: it is not one that can be used.
    """
    if is_loopback(origin.host) or not any(name.lower().endswith("_proxy") for name in os.environ):
        return None
    from urllib import request  # 15 ms that few need

    known: dict[str, str] = request.getproxies_environment()
    url = known.get(origin.scheme) or known.get("all")
    if not url or _is_in(origin.host, known.get("no", "").split(",")):
        return None
    address = f"{origin.bracketed}:{origin.port}"
    if request.proxy_bypass_environment(address, known):  # type: ignore[attr-defined]  # typeshed lacks it
        return None
    return _read(url)


def _is_in(host: str, networks: list[str]) -> bool:
    """Tell whether a host is an address of one of the networks; what is none is for the standard library."""
    for network in networks:
        with suppress(ValueError):
            if ipaddress.ip_address(host) in ipaddress.ip_network(network.strip()):
                return True
    return False


def _read(url: str) -> Proxy:
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        port = parts.port or 80
    except ValueError:
        raise SettingsError("the proxy in the environment is not a URL", hint=_HINT) from None
    if parts.scheme != "http" or not parts.hostname:  # nothing of it is said: it may hold a password
        raise SettingsError("the proxy in the environment is not an HTTP address", hint=_HINT)
    user = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    basic = base64.b64encode(user.encode())
    return Proxy(parts.hostname, port, b"Proxy-Authorization: Basic %s\r\n" % basic if user != ":" else b"")
