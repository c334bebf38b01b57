"""Limit requests in flight and per second to what the user set and the server accepts."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

_FIRST_INTERVAL: Final = 0.05  # seconds
_NO_INTERVAL: Final = 0.002  # seconds, below which an interval is no limit any more
_RECOVERY: Final = 0.05  # of the interval, by each response
_CAUTION: Final = 10  # the recovery is so many times slower for each second that a 429 asks to wait
_IS_URGENT: ContextVar[bool] = ContextVar("urgent", default=False)


@contextmanager
def urgently() -> Iterator[None]:
    """Send the requests of this block before all others, regardless of rate and number in flight."""
    token = _IS_URGENT.set(True)
    try:
        yield
    finally:
        _IS_URGENT.reset(token)


class RateLimiter:
    """Gives out turns; inside ``async with`` a request is in flight.

    It begins as fast as the user allows. A 429 halves the number of requests in flight, and each window of responses
    adds one again, as TCP does. If even one in flight is too many, each 429 doubles the interval between requests,
    and each response shortens it. The longer the server asks to wait, the slower the rate recovers.

    An urgent request waits for nothing but the ``Retry-After`` of a 429.

    :param rate: requests a second, at most; None for no limit.
    :param most: requests in flight, at most.
    """

    def __init__(
        self,
        rate: float | None,
        most: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.responses = 0  # without 429s
        self.cuts = 0
        self._shortest = 1 / rate if rate else 0.0
        self._most = most
        self._clock = clock
        self._sleep = sleep
        self._gate = asyncio.Lock()  # the first of all waiting requests waits for room and for its turn
        self._changed = asyncio.Event()
        self._in_flight = 0
        self._urgent = 0  # requests
        self._window = float(most)
        self._interval = 0.0
        self._caution = 1.0
        self._next_turn = 0.0
        self._blocked_until = 0.0

    @contextmanager
    def request(self) -> Iterator[None]:
        """Start no other request in this block if its own is urgent: the server may accept only one."""
        urgent = _IS_URGENT.get()
        self._urgent += urgent
        try:
            yield
        finally:
            self._urgent -= urgent
            self._changed.set()

    async def __aenter__(self) -> None:
        turn = -1.0
        if _IS_URGENT.get():
            while turn < self._blocked_until:  # a 429 during the sleep moves it
                turn = self._blocked_until
                await self._sleep_until(turn)
            return
        async with self._gate:
            while not self._has_room() or turn < self._blocked_until:  # as above
                while not self._has_room():
                    self._changed.clear()
                    await self._changed.wait()
                turn = max(self._clock(), self._next_turn, self._blocked_until)
                await self._sleep_until(turn)
            self._next_turn = turn + max(self._shortest, self._interval)
            self._in_flight += 1

    async def __aexit__(self, *_: object) -> None:
        if not _IS_URGENT.get():
            self._in_flight -= 1
            self._changed.set()

    def _has_room(self) -> bool:
        return not self._urgent and self._in_flight < int(self._window)

    async def _sleep_until(self, moment: float) -> None:
        if (wait := moment - self._clock()) > 0:
            await self._sleep(wait)

    def succeeded(self) -> None:
        """Note a response that is not 429."""
        self.responses += 1
        if self._interval:
            shorter = self._interval * (1 - _RECOVERY / self._caution)
            self._interval = shorter if shorter > _NO_INTERVAL else 0.0
        else:
            self._window = min(self._most, self._window + 1 / (self._window * self._caution))
            self._changed.set()

    def throttled(self, cuts: int, retry_after: float) -> None:
        """Note a 429.

        :param cuts: :attr:`cuts` when its request was sent; a 429 to an earlier request causes no second cut.
        :param retry_after: seconds for which the server accepts no request.
        """
        self._blocked_until = max(self._blocked_until, self._clock() + retry_after)
        if cuts < self.cuts:
            return
        self.cuts += 1
        self._caution = 1 + _CAUTION * retry_after
        if self._window <= 1 or self._interval:
            self._interval = max(2 * self._interval, _FIRST_INTERVAL)
        self._window = max(1.0, self._window / 2)
