"""How much of anything the server takes from a client before it refuses, and how long it waits."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds that do not depend on what is asked.

    :param body_bytes: of a body; beyond it 413.
    :param head_bytes: of the request line and the headers together; beyond it 431.
    :param target_bytes: of the path and the query; beyond it 414.
    :param headers: how many; beyond it 431.
    :param head_seconds: from a connection's or a request's first byte to the end of the headers; beyond it 408.
    :param request_seconds: from the end of the headers until the answer is taken; beyond it 408, or the end.
    :param idle_seconds: between two requests; longer than a client's pool keeps a connection, so that no request meets
        a closing one.
    :param connections: open at once; one more takes the place of the one that has waited longest.
    """

    body_bytes: int = 16 * 1024 * 1024
    head_bytes: int = 32 * 1024
    target_bytes: int = 8 * 1024
    headers: int = 100
    head_seconds: float = 10
    request_seconds: float = 60
    idle_seconds: int = 75
    connections: int = 500


LIMITS = Limits()
