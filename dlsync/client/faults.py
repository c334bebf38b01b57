"""What can go wrong on the wire, and what that is above it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlsync.client.answers import URL_HINT
from dlsync.client.retry import Fault
from dlsync.errors import ApiError, BadAnswer

if TYPE_CHECKING:
    from dlsync.client.quoting import Quoter
    from dlsync.client.retry import Cause


class Failure(Exception):
    """Why no usable answer came. Never leaves the client.

    :param words: for the message.
    :param cause: of the fault, where another attempt may help; None where none can.
    :param detail: what the system, the server or a library says of it; quoted before it is shown.
    :param status: of an answer that cannot be used.
    """

    def __init__(self, words: str, cause: Cause | None = None, *, detail: str = "", status: int | None = None) -> None:
        super().__init__(words)
        self.words = words
        self.cause = cause
        self.detail = detail
        self.status = status


def broken(error: Exception | None) -> Failure:
    """Return the failure of a connection that ended before its answer did."""
    if error is None:
        return not_http("the server closed the connection")
    return Failure("the connection broke", "broken", detail=str(error))


def not_http(detail: str) -> Failure:
    """Return the failure of an answer that cannot be read to its end."""
    return Failure("the answer was cut short or is not HTTP", "broken", detail=detail)


def translated(failure: Failure, *, request: str, origin: str, quote: Quoter) -> ApiError | Fault:
    """Return what stands for a failure above the wire.

    :param request: method and path.
    :param origin: scheme, host and port that were asked, for the hint.
    """
    detail = quote(failure.detail)
    words = f"{failure.words} ({detail})" if detail else failure.words
    if failure.cause:
        hint = f"Check that the server at {origin} runs and can be reached from here, and that `url` is right."
        return Fault(failure.cause, words, request=request, hint=hint)
    if failure.status is None:
        return ApiError(f"{request}: {words}", request=request)
    return BadAnswer(f"{request}: {words}", request=request, status=failure.status, hint=URL_HINT)
