"""Decide whether a failed request is sent again, and how long to wait before that."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Literal

from dlsync.errors import ServerFault, Unreachable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from dlsync.errors import ApiError

Cause = Literal["refused", "timeout", "broken", "failed", "status", "throttled"]
_MAYBE_DONE = frozenset({"timeout", "broken", "failed"})
_FEWER = {"refused": 5, "timeout": 3, "failed": 4}  # attempts: 2 to 3 s of waiting, or three whole time limits
_NOT_AGAIN = "; the server may have carried it out, so it is not sent again"


class RetryableError(Exception):
    """An attempt failed in a way that the next may not. Never leaves the client.

    :param cause: ``refused``, ``status`` and ``throttled`` prove that the server did not carry the request out.
    :param reason: what happened last.
    :param request: method and path.
    :param retry_after: the header, as it came.
    :param hint: what the user can check.
    """

    def __init__(
        self,
        cause: Cause,
        reason: str,
        *,
        request: str,
        status: int | None = None,
        retry_after: str = "",
        hint: str = "",
    ) -> None:
        super().__init__(reason)
        self.cause = cause
        self.reason = reason
        self.request = request
        self.status = status
        self.retry_after = retry_after
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Retry:
    """Exponential backoff with full jitter: a wait is random between nothing and a bound that doubles.

    :param attempts: of one request, at most.
    :param base: bound of the first wait, seconds.
    :param longest: bound of any wait, seconds.
    :param ceiling: bound of all waits of one request together, seconds.
    :param sleep: waits for a number of seconds.
    :param random: returns a number from 0 to 1.
    :param now: returns seconds since 1970, for a ``Retry-After`` that is a date.
    """

    attempts: int = 10
    base: float = 0.3
    longest: float = 8.0
    ceiling: float = 30.0
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    random: Callable[[], float] = random.random
    now: Callable[[], float] = time.time

    def accepted_wait(self, retry_after: str) -> float:
        """Return the seconds that a ``Retry-After`` asks for; 0 where that is more than the ceiling."""
        seconds = retry_after_seconds(retry_after, self.now)
        return seconds if seconds <= self.ceiling else 0.0


class Attempts:
    """The attempts of one request.

    :param repeatable: False for what must not be carried out twice.
    :param is_down: another request has found that the server does not listen, so this one does not wait for it.
    :param responses: the number of responses to all requests so far.
    """

    def __init__(self, retry: Retry, *, repeatable: bool, is_down: bool, responses: int) -> None:
        self.number = 1
        self._retry = retry
        self._repeatable = repeatable
        self._is_down = is_down
        self._responses = responses
        self._counted = 1
        self._waited = 0.0
        self._may_be_done = False

    async def wait_after(self, error: RetryableError, responses: int) -> None:
        """Wait until the next attempt.

        A throttled request waits for its turn as long as other requests get their responses.

        :raises Unreachable: there is no further attempt, and there was no response.
        :raises ServerFault: there is no further attempt, and the last response was a failure.
        """
        self._may_be_done |= error.cause in _MAYBE_DONE
        if error.cause == "throttled" and responses > self._responses:
            self._counted, self._waited = 1, 0.0
        self._responses = responses
        wait = self._next_wait(error)
        await self._retry.sleep(wait)
        self.number, self._counted, self._waited = self.number + 1, self._counted + 1, self._waited + wait

    def _next_wait(self, error: RetryableError) -> float:
        if error.cause in _MAYBE_DONE and not self._repeatable:
            raise self._final(error, _NOT_AGAIN) from error
        retry, left = self._retry, self._retry.ceiling - self._waited
        asked = retry_after_seconds(error.retry_after, retry.now)
        if asked > left:
            note = f"; it asks to wait for {asked:.0f} s, more than the {left:.0f} s left of {retry.ceiling:.0f} s"
            raise self._final(error, note) from error
        if self._counted >= self._most(error) or left <= 0:
            raise self._final(error, "") from error
        backoff = retry.random() * min(retry.longest, retry.base * 2.0 ** (self._counted - 1))
        return min(max(asked, backoff), left)

    def _most(self, error: RetryableError) -> int:
        if error.cause == "refused" and self._is_down:
            return 1
        return min(self._retry.attempts, _FEWER.get(error.cause, self._retry.attempts))

    def _final(self, error: RetryableError, note: str) -> ApiError:
        tried = "1 attempt" if self._counted == 1 else f"{self._counted} attempts and {self._waited:.1f} s of waiting"
        message = f"{error.request}: no usable answer after {tried}; the last: {error.reason}{note}"
        kind = Unreachable if error.status is None else ServerFault
        return kind(message, request=error.request, status=error.status, hint=error.hint, may_be_done=self._may_be_done)


def retry_after_seconds(header: str, now: Callable[[], float]) -> float:
    """Return the seconds that a ``Retry-After`` asks for (RFC 9110, 10.2.3): a number or a date; 0 for neither."""
    if header.isascii() and header.isdigit():
        return float(header[:9])
    try:
        return max(0.0, parsedate_to_datetime(header).replace(tzinfo=UTC).timestamp() - now())
    except (ValueError, OverflowError):
        return 0.0
