"""Limits on what the server reads from a client and how long it waits."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits that do not depend on the operation.

    :param body_bytes: size of a body; a longer one is answered with 413.
    :param body_seconds: time for a body to arrive; a slower one is answered with 408.
    :param head_bytes: size of a request line and headers that arrive in pieces; longer ones are answered with 400.
    :param idle_seconds: time between two requests of a connection. It is longer than a client's pool keeps a
        connection, so that no request meets a closing one.
    :param connections: number of open connections, from which on requests are answered with 503.
    :param lock_seconds: time to wait for another process that has locked the database; then 503.
    """

    body_bytes: int = 16 * 1024 * 1024
    body_seconds: float = 60
    head_bytes: int = 32 * 1024
    idle_seconds: int = 75
    connections: int = 500
    lock_seconds: float = 5


LIMITS = Limits()
