"""Certificates of a test authority, and a proxy that connects every client to the same server."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import trustme

from tests.builders.http import close

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

AUTHORITY = trustme.CA()
REFUSAL = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
ACCEPTANCE = b"HTTP/1.0 200 Connection established\r\nX: y\r\n\r\n"


def server_context(*names: str) -> ssl.SSLContext:
    """Return the TLS context of a server with these names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert(*names).configure_cert(context)
    return context


def certificate_files(folder: Path, *names: str) -> tuple[Path, Path]:
    """Write the certificate and key of a server with these names, and return their files."""
    made, chain, key = AUTHORITY.issue_cert(*names), folder / "server.pem", folder / "server.key"
    made.cert_chain_pems[0].write_to_path(str(chain))
    made.private_key_pem.write_to_path(str(key))
    return chain, key


def authority_file(folder: Path) -> str:
    """Write the certificate of the authority for ``SSL_CERT_FILE``, and return its file."""
    file = folder / "authority.pem"
    AUTHORITY.cert_pem.write_to_path(file)
    return str(file)


@dataclass
class TunnellingProxy:
    """A proxy for CONNECT.

    :param to: the port that it connects to.
    :param answer: its response to CONNECT; if empty, it never answers. Only after ``ACCEPTANCE``, a tunnel follows.
    :param heads: the received heads of requests.
    """

    to: int
    answer: bytes
    port: int = 0
    heads: list[str] = field(default_factory=list)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
            if not self.answer:
                await asyncio.Event().wait()
            writer.write(self.answer)
            if self.answer is ACCEPTANCE:
                await self._tunnel(reader, writer)
        finally:
            writer.close()

    async def _tunnel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, to_there = await asyncio.open_connection("127.0.0.1", self.to)
        try:
            await asyncio.gather(_pumped(reader, to_there), _pumped(there, writer))
        finally:
            to_there.close()

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.add(asyncio.ensure_future(self.serve(reader, writer)))

    async def ended(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0)  # a turn of the loop, which closes the sockets


async def _pumped(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
    writer.close()


@asynccontextmanager
async def tunnelling_proxy(to: int, answer: bytes = ACCEPTANCE) -> AsyncIterator[TunnellingProxy]:
    proxy = TunnellingProxy(to, answer)
    listener = await asyncio.start_server(proxy.accept, "127.0.0.1", 0)
    proxy.port = listener.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        await close(listener)
        await proxy.ended()
