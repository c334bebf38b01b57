"""Decide whether a failed request is sent again, and how long to wait before that."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import KW_ONLY, dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Literal

from dlsync.errors import ApiError, Unreachable

Cause = Literal["refused", "timeout", "broken", "failed", "status", "throttled"]
_MAYBE_DONE = frozenset({"timeout", "broken", "failed"})
_MOST = {"refused": 5, "timeout": 3, "failed": 4}  # attempts: 2 to 3 s of waiting, or three whole time limits


@dataclass(eq=False)
class AttemptError(Exception):
    """An attempt to send a request failed. It never leaves the client.

    :param cause: ``refused``, ``status`` and ``throttled`` prove that the server did not carry the request out; None
        if another attempt would fail the same way.
    :param error: the exception that the caller gets if there is no other attempt.
    :param retry_after: the header, unchanged.
    """

    reason: str
    cause: Cause | None = None
    _: KW_ONLY
    error: type[ApiError] = Unreachable
    status: int | None = None
    retry_after: str = ""
    hint: str = ""


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

    def seconds(self, retry_after: str) -> float:
        """Return the seconds that a ``Retry-After`` asks for (RFC 9110, 10.2.3): a number or a date; 0 for neither."""
        if retry_after.isascii() and retry_after.isdigit():
            return float(retry_after[:9])
        try:
            return max(0.0, parsedate_to_datetime(retry_after).replace(tzinfo=UTC).timestamp() - self.now())
        except (ValueError, OverflowError):
            return 0.0


@dataclass(slots=True)
class Attempts:
    """The attempts of one request.

    :param request: method and path, for messages.
    :param repeatable: False for a request that must not take effect twice.
    :param responses: the number of responses to all requests before the last attempt.
    :param is_down: another request found that the server does not listen, so this one does not wait for it.
    """

    retry: Retry
    request: str
    repeatable: bool
    responses: int
    is_down: bool = False
    number: int = 1
    _waited: float = 0.0
    _may_be_done: bool = False

    def next_wait(self, error: AttemptError, responses: int) -> float:
        """Return the seconds to wait before the next attempt.

        A throttled request waits as long as other requests get responses.

        :raises ApiError: there is no further attempt.
        """
        self._may_be_done |= error.cause in _MAYBE_DONE
        if error.cause is None:
            raise self._final(error, error.reason) from error
        if error.cause == "throttled" and responses > self.responses:
            self.number, self._waited = 1, 0.0
        self.responses = responses
        retry, left, asked = self.retry, self.retry.ceiling - self._waited, self.retry.seconds(error.retry_after)
        most = min(retry.attempts, _MOST.get(error.cause, retry.attempts))
        if error.cause == "refused" and (self.is_down or responses):
            most = 1 if self.is_down else retry.attempts  # one that listened before restarts
        note = ""
        if error.cause in _MAYBE_DONE and not self.repeatable:
            note = "; the server may have carried it out, so it is not sent again"
        elif asked > left:
            note = f"; it asks to wait for {asked:.0f} s, more than the {left:.0f} s left of {retry.ceiling:.0f} s"
        elif self.number < most and left > 0:
            backoff = retry.random() * min(retry.longest, retry.base * 2.0 ** (self.number - 1))
            wait = min(max(asked, backoff), left)
            self.number, self._waited = self.number + 1, self._waited + wait
            return wait
        tried = "1 attempt" if self.number == 1 else f"{self.number} attempts and {self._waited:.1f} s of waiting"
        raise self._final(error, f"no usable answer after {tried}; the last: {error.reason}{note}") from error

    def _final(self, error: AttemptError, problem: str) -> ApiError:
        return error.error(
            f"{self.request}: {problem}",
            request=self.request,
            status=error.status,
            hint=error.hint,
            may_be_done=self._may_be_done,
        )
