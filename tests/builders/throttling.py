"""Servers that answer 429, and an event loop whose time advances only while all tasks wait."""

from __future__ import annotations

import asyncio
import selectors
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from dlsync.client.concurrency import map_concurrently
from dlsync.client.rate_limit import RateLimiter
from dlsync.client.response import Quoter, Response
from dlsync.client.retry import Retry
from tests.builders.http import KEY, Reply, Seen, reader_of
from tests.builders.taps import tapped

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.builders.taps import Asked, Onward

T = TypeVar("T")
BUSY = Reply(429, b'{"error": "slow down"}', (("Content-Type", "application/json"),))


class _Leap(selectors.DefaultSelector):
    passed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.passed += timeout or 0.0
        return super().select(0)


class TimelessLoop(asyncio.SelectorEventLoop):
    """An event loop that advances its clock instead of waiting."""

    def __init__(self) -> None:
        self._leap = _Leap()
        super().__init__(self._leap)

    def time(self) -> float:
        return self._leap.passed


def timeless(work: Callable[[], Awaitable[T]]) -> T:
    async def done() -> T:
        return await work()

    with asyncio.Runner(loop_factory=TimelessLoop) as runner:
        return runner.run(done())


@dataclass
class Limited:
    """A server with limits on parallel requests and on the rate, by a token bucket.

    :param latency: seconds for a response.
    :param at_once: the limit on parallel requests.
    :param rate: new tokens in a second; None for no limit.
    :param burst: the size of the bucket.
    :param after: the Retry-After of a 429.
    """

    latency: float
    at_once: int = 1000
    rate: float | None = None
    burst: int = 1
    after: str = ""
    done: list[str] = field(default_factory=list)
    refused: int = 0
    busy: int = 0
    _tokens: float = 0.0
    _at: float = -1e9

    async def serve(self, request: Asked, _: Onward) -> Response:
        if not self._lets(asyncio.get_running_loop().time()):
            self.refused += 1
            await asyncio.sleep(self.latency / 10)  # a refusal takes less time
            return Response(429, {"retry-after": self.after} if self.after else {}, b"", str(request), Quoter(KEY))
        self.busy += 1
        await asyncio.sleep(self.latency)
        self.busy -= 1
        self.done.append(request.path)
        return Response(200, {}, b"fine", str(request), Quoter(KEY))

    def _lets(self, now: float) -> bool:
        if self.busy >= self.at_once:
            return False
        if self.rate is None:
            return True
        self._tokens, self._at = min(self.burst, self._tokens + (now - self._at) * self.rate), now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


def seconds_for(server: Limited, requests: int, workers: int) -> float:
    """Send a number of requests, and return the seconds that they took."""

    async def ask() -> float:
        loop = asyncio.get_running_loop()
        client = tapped(
            reader_of("http://127.0.0.1:1", retry=Retry(random=lambda: 0.5), concurrency=workers), server.serve
        )
        connection = client._connection
        connection._limiter = RateLimiter(None, workers, clock=loop.time)
        async with client:
            await map_concurrently(
                lambda name: connection.request("GET", (str(name),)), range(requests), workers=workers
            )
        return loop.time()

    return timeless(ask)


class Crowded:
    """Limit the parallel requests of an ``answer``, and refuse others with 429.

    Requests wait for the first refusal, and until no further request is refused.
    """

    def __init__(self, answer: Callable[[Seen], Reply], at_once: int) -> None:
        self._answer = answer
        self._at_once = at_once
        self._busy = 0
        self._is_full = asyncio.Event()
        self.refused = 0

    async def __call__(self, request: Seen) -> Reply:
        if self._busy >= self._at_once:
            self.refused += 1
            self._is_full.set()
            return BUSY
        self._busy += 1
        await self._is_full.wait()
        await self._quiet()
        self._busy -= 1
        return self._answer(request)

    async def _quiet(self) -> None:
        turns = 0
        while turns < 200:
            refused = self.refused
            await asyncio.sleep(0)
            turns = turns + 1 if self.refused == refused else 0


class Clock:
    """A clock that advances only during :meth:`sleep`."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def read(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
