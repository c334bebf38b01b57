"""Send bytes on a socket to the embedded server, and parse the bytes of its responses."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from dlsync.server.run import RunningServer

DASHBOARD = b"/api/v1/orgs/acme/accounts/default/dashboards/a"


def connect(server: RunningServer) -> socket.socket:
    """Connect, with a limit on the time for a response."""
    address = urlsplit(server.url)
    return socket.create_connection((address.hostname, address.port), timeout=30)


def head(
    method: bytes = b"GET",
    target: bytes = b"/api/v1/orgs",
    *headers: bytes,
    key: bytes | None = b"changeme",
    host: bytes = b"localhost",
) -> bytes:
    """Return the head of a request, with the key."""
    lines = [method + b" " + target + b" HTTP/1.1", b"Host: " + host, *headers]
    if key is not None:
        lines.append(b"Authorization: Bearer " + key)
    return b"\r\n".join([*lines, b"", b""])


def all_of(connection: socket.socket) -> bytes:
    """Receive everything until the server closes or resets the connection."""
    found = bytearray()
    try:
        while chunk := connection.recv(65536):
            found += chunk
    except ConnectionError:
        pass
    return bytes(found)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: bytes
    body: bytes

    @property
    def error(self) -> str:
        found: Any = json.loads(self.body)
        return str(found["error"])


def first_answer(raw: bytes) -> Answer:
    """Parse the first response that is not interim (1xx)."""
    while True:
        top, _, rest = raw.partition(b"\r\n\r\n")
        line, _, headers = top.partition(b"\r\n")
        status = int(line.split(b" ")[1])
        if status >= 200:
            return Answer(status, headers, rest)
        raw = rest


def next_answer(connection: socket.socket) -> Answer:
    """Receive the next response on a connection that stays open; fail if more bytes follow."""
    raw = b""
    while b"\r\n\r\n" not in raw:
        raw += _some(connection)
    answer = first_answer(raw)
    length = next(int(line[15:]) for line in answer.headers.split(b"\r\n") if line.startswith(b"content-length:"))
    while len(answer.body) < length:
        answer = Answer(answer.status, answer.headers, answer.body + _some(connection))
    assert len(answer.body) == length
    return answer


def _some(connection: socket.socket) -> bytes:
    found = connection.recv(65536)
    assert found, "closed in the middle of an answer"
    return found


def exchanged(server: RunningServer, sent: bytes) -> Answer:
    """Send bytes, close the sending side, and return the response."""
    with connect(server) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        return first_answer(all_of(connection))
