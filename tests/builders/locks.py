"""Locks, a clock that only advances while a test waits, and a network that loses responses."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import unquote

from dlsync.client import Client
from dlsync.client.retry import AttemptError
from dlsync.state.inventory import LOCK
from dlsync.state.lock import LIFETIME, RENEWAL, Clock, Lock, LockInfo
from tests.builders.http import IMPATIENT
from tests.builders.taps import tapped

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from dlsync.client.response import Response
    from tests.builders.taps import Asked, Onward
    from tests.builders.trees import Account

_2023 = 1_700_000_000  # s since 1970


@dataclass
class Time:
    """A clock that advances while something waits for a lock, and when a test calls :meth:`passed`.

    :param meanwhile: called after each wait.
    :param renewals: each entry ends a wait for a renewal.
    """

    now: float = 1_000.0
    meanwhile: list[Callable[[], Awaitable[object]]] = field(default_factory=list)
    renewals: asyncio.Queue[None] = field(default_factory=asyncio.Queue)

    async def passes(self, seconds: float) -> None:
        if seconds == RENEWAL:
            await self.renewals.get()
        await self.passed(seconds)
        for happens in self.meanwhile:
            await happens()

    async def passed(self, seconds: float) -> None:
        self.now += seconds

    def clock(self, ahead: float = 0.0) -> Clock:
        """Return a clock for a lock; its wall clock may be ahead."""
        return Clock(lambda: self.now + _2023 + ahead, lambda: self.now, self.passes)


def lock(client: Client, time: Time, *, owner: str = "ann", timeout: float = 0, told: list[str] | None = None) -> Lock:
    """Return a lock of this process that is only renewed when a test ends the wait."""
    return Lock(client, owner, timeout, ([] if told is None else told).append, time.clock())


def taking(client: Client, time: Time, name: str, *, timeout: float = 0, ahead: float = 0.0) -> Lock:
    """Return the lock of another process, which tries to acquire it."""
    taker = Lock(client, "", timeout, lambda _: None, time.clock(ahead))
    taker._me, taker._deadline = LockInfo(name * 32, f"owner {name}"), time.now + timeout
    return taker


def left(holder: LockInfo, time: Time) -> bytes:
    """Return the content of a lock that its holder has just renewed."""
    return json.dumps(asdict(replace(holder, expires=time.now + _2023 + LIFETIME))).encode()


async def put(client: Client, content: bytes, name: str = LOCK) -> None:
    await client.plugins.create(name, "json", content)


class Troubled:
    """A network that loses responses, and delays requests.

    :param loses: the number of lost responses by method, whose requests arrive.
    :ivar first: called before a request arrives, by ``METHOD last-part`` of the request or by its number, from 0.
    """

    def __init__(self, **loses: int) -> None:
        self.loses = loses
        self.first: dict[str | int, Callable[[], Awaitable[object]]] = {}
        self.asked: list[str] = []

    async def __call__(self, request: Asked, onward: Onward) -> Response:
        self.asked.append(f"{request.method} {unquote(request.path.rpartition('/')[2])}")
        for due in (self.asked[-1], len(self.asked) - 1):
            if happens := self.first.pop(due, None):
                await happens()
        came = await onward()
        if self.loses.get(request.method, 0):
            self.loses[request.method] -= 1
            raise AttemptError("the connection broke (connection reset)", "broken")
        return came


@asynccontextmanager
async def client_of(live: Account, network: Troubled) -> AsyncIterator[Client]:
    to = live.settings
    client = Client(url=to.url, org=to.org, account=to.account, key=to.key, retry=IMPATIENT)
    async with tapped(client, network):
        yield client
