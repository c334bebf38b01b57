"""How many requests are under way at once and begun in a second: no more than the user set or the server lets."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_RECOVERY: Final = 16  # answers after which the rate is what it was before a cut
_RECOVERY_IN_HOLDS: Final = 8  # or as many as come in that many times what a 429 has all of us wait
_FORGOTTEN: Final = 10  # recoveries after which the rate is no limit any more
_LONGEST_GAP: Final = (
    1.0  # seconds between two answers; what is longer was a rest of ours and says nothing of the server
)


class Pacer:
    """Gives out turns; inside ``async with`` a request is under way.

    It begins as fast as the user allows. A 429 makes a cut, as a loss does in TCP: the window, which is how many may be
    under way, is halved, and grows by one with each window of answers. That finds out how many a server does at once.
    One that counts them by the second would be asked in bursts of which it refuses most, so there is a rate too: at a
    cut it becomes half of what came since the cut before, is back at that after some answers, stays near it, and then
    grows ever faster (the cubic curve of RFC 9438).

    :param rate: turns a second, at most; None for no limit.
    :param most: requests under way at once, at most.
    :param clock: seconds that only grow.
    :param sleep: waits for so many seconds.
    """

    def __init__(
        self,
        rate: float | None,
        most: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.answers = 0  # but for 429s
        self.cuts = 0
        self._interval = 1 / rate if rate else 0.0
        self._most = most
        self._clock = clock
        self._sleep = sleep
        self._slots = asyncio.Semaphore(most)
        self._closed = 0  # slots for which the window has no room
        self._withheld = 0  # those of them that nobody has any more
        self._window = float(most)
        self._next = 0.0  # when the next turn is
        self._until = 0.0  # when the server may be asked again
        self._is_slowed = False
        self._pace = 0.0  # seconds for an answer between the last two cuts
        self._recovery = 1.0  # answers until the rate is that again
        self._since = 0  # answers since the last cut
        self._busy = 0.0  # seconds since then, without those in which nobody asked
        self._last = 0.0  # when the last answer came

    async def __aenter__(self) -> None:
        """Take a slot; one for which the window has no room is given up for another."""
        await self._slots.acquire()
        while self._withheld < self._closed:
            self._withheld += 1
            await self._slots.acquire()

    async def __aexit__(self, *_: object) -> None:
        """Give the slot to the next."""
        if self._withheld < self._closed:
            self._withheld += 1
        else:
            self._slots.release()

    async def turn(self) -> None:
        """Return when the caller, who has a slot, may send its request."""
        if not self._interval and not self._is_slowed:
            return
        mine = -1.0
        while mine < self._until:  # which may have been put off while this one slept
            now = self._clock()
            mine = max(now, self._next, self._until)
            self._next = mine + max(self._interval, self._spacing())
            if mine > now:
                await self._sleep(mine - now)

    def answered(self) -> None:
        """Take note of an answer that is not 429."""
        self.answers += 1
        if not self._is_slowed:
            return
        self._pass_time()
        self._since += 1
        self._open(min(self._most, self._window + 1 / self._window))
        if not self._closed and self._since > _FORGOTTEN * self._recovery:
            self._is_slowed, self._pace = False, 0.0

    def refused(self, cuts: int, asked: float) -> None:
        """Take note of a 429.

        :param cuts: how many there had been when its request was sent; one before the last is no reason for another.
        :param asked: seconds for which the server wants to be left alone, by all of us.
        """
        now = self._pass_time()
        if asked:
            self._until = max(self._until, now + asked)
        if cuts < self.cuts:
            return
        self.cuts += 1
        self._open(max(1.0, self._window / 2))
        if self._is_slowed and self._since:
            self._pace = self._busy / self._since
            in_holds = _RECOVERY_IN_HOLDS * asked / self._pace if self._pace else 0.0
            self._recovery = max(_RECOVERY, in_holds)
        if self._since or not self._is_slowed:
            self._since, self._busy = 0, 0.0
        self._is_slowed = True

    def _open(self, window: float) -> None:
        self._window = window
        self._closed = self._most - int(window)
        while self._withheld > self._closed:
            self._withheld -= 1
            self._slots.release()

    def _spacing(self) -> float:
        return self._pace / (1 + (self._since / self._recovery - 1) ** 3 / 2)

    def _pass_time(self) -> float:
        now = self._clock()
        self._busy += min(max(0.0, now - max(self._last, self._until)), _LONGEST_GAP)
        self._last = now
        return now
