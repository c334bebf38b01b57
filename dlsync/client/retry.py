"""When a request that failed is worth another attempt, and how long to wait before it."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, replace
from datetime import UTC
from typing import TYPE_CHECKING, Literal, TypeVar

from dlsync.errors import ServerFault, Unreachable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from dlsync.errors import ApiError

T = TypeVar("T")
Cause = Literal["refused", "timeout", "broken", "status", "throttled"]
_PERHAPS_DONE = frozenset({"timeout", "broken"})  # no answer came; what is refused, or told to wait, was not done
_NOT_AGAIN = "; it may have been done all the same, so it is not sent again"


class Fault(Exception):
    """An attempt failed in a way that the next may not. Never leaves the client.

    :param reason: the last thing that happened, in plain words.
    :param request: method and path.
    :param after: the server's ``Retry-After``, as it came.
    :param hint: what the user can check.
    """

    def __init__(
        self, cause: Cause, reason: str, *, request: str, status: int | None = None, after: str = "", hint: str = ""
    ) -> None:
        super().__init__(reason)
        self.cause = cause
        self.reason = reason
        self.request = request
        self.status = status
        self.after = after
        self.hint = hint

    def final(self, attempts: int, waited: float, note: str) -> ApiError:
        """Return what the caller is told once no further attempt is made."""
        tried = "1 attempt" if attempts == 1 else f"{attempts} attempts and {waited:.1f} s of waiting"
        message = f"{self.request}: no usable answer after {tried}; the last: {self.reason}{note}"
        error = Unreachable if self.status is None else ServerFault
        return error(message, request=self.request, status=self.status, hint=self.hint)


@dataclass(frozen=True, slots=True)
class Retry:
    """Exponential backoff with full jitter: a wait is random between nothing and a bound that doubles.

    :param attempts: of one request, at most; ``refused_attempts`` where nobody listens (the defaults then give up after
        2 to 3 s), ``timeout_attempts`` where each attempt already took its whole timeout.
    :param base: bound of the first wait, seconds.
    :param longest: bound of any wait, seconds.
    :param ceiling: of all waits of one request together, seconds. A server that asks for more is not waited for.
    :param repeatable: False where what may have been done must not be done again.
    :param sleep: waits for so many seconds.
    :param random: a number from 0 to 1.
    :param now: seconds since 1970, for a ``Retry-After`` that is a date.
    """

    attempts: int = 10
    refused_attempts: int = 5
    timeout_attempts: int = 3
    base: float = 0.3
    longest: float = 8.0
    ceiling: float = 30.0
    repeatable: bool = True
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    random: Callable[[], float] = random.random
    now: Callable[[], float] = time.time

    def for_the_unrepeatable(self) -> Retry:
        """Return this, but for a request that must not be done twice."""
        return replace(self, repeatable=False)

    def for_a_server_that_is_down(self) -> Retry:
        """Return this, but for a server of which another request has found that nobody listens."""
        return replace(self, refused_attempts=1)

    def heeded(self, header: str) -> float:
        """Return how long a ``Retry-After`` asks to wait; 0 where that is more than anybody waits."""
        asked = seconds_asked(header, self.now)
        return asked if asked <= self.ceiling else 0.0

    async def run(self, attempt: Callable[[int], Awaitable[T]], progress: Callable[[], int] = lambda: 0) -> T:
        """Return what the attempt returns.

        :param attempt: called with its number, from 1; raises :class:`Fault` where another may help.
        :param progress: a number that grows with whatever gets done. While it does, one that is throttled only waits
            for its turn: attempts and waits are counted from when it last grew.
        :raises Unreachable: when no attempt got an answer.
        :raises ServerFault: when the last answer was 429, 502, 503 or 504.
        """
        number, counted, waited, done = 1, 1, 0.0, progress()
        while True:
            try:
                return await attempt(number)
            except Fault as fault:
                before, done = done, progress()
                if fault.cause == "throttled" and done > before:
                    counted, waited = 1, 0.0
                wait = self._next_wait(fault, counted, waited)
            await self.sleep(wait)
            number, counted, waited = number + 1, counted + 1, waited + wait

    def _next_wait(self, fault: Fault, number: int, waited: float) -> float:
        if fault.cause in _PERHAPS_DONE and not self.repeatable:
            raise fault.final(number, waited, _NOT_AGAIN) from fault
        left = self.ceiling - waited
        asked = seconds_asked(fault.after, self.now)
        if asked > left:
            note = f"; it asks for {asked:.0f} s of patience, more than the {left:.0f} s left of {self.ceiling:.0f} s"
            raise fault.final(number, waited, note) from fault
        if number >= self._most_attempts(fault) or left <= 0:
            raise fault.final(number, waited, "") from fault
        backoff = self.random() * min(self.longest, self.base * 2.0 ** (number - 1))
        return min(max(asked, backoff), left)

    def _most_attempts(self, fault: Fault) -> int:
        fewer = {"refused": self.refused_attempts, "timeout": self.timeout_attempts}
        return min(self.attempts, fewer.get(fault.cause, self.attempts))


def seconds_asked(header: str, now: Callable[[], float]) -> float:
    """Return how long a ``Retry-After`` asks to wait (RFC 9110, 10.2.3): seconds or an HTTP date; 0 for neither."""
    if not header:
        return 0.0
    if header.isascii() and header.isdigit():
        return float(header[:9])  # nobody waits for longer than that many digits say
    from email.utils import parsedate_to_datetime  # 10 ms that most runs never need

    try:
        return max(0.0, parsedate_to_datetime(header).replace(tzinfo=UTC).timestamp() - now())
    except (ValueError, OverflowError):
        return 0.0
