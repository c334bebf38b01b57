"""One connection to a server: a request at a time, and its answer, bounded in time and size."""

from __future__ import annotations

import asyncio
import select
from typing import TYPE_CHECKING, Final, NamedTuple

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from dlsync.client.faults import Failure, broken, not_http
from dlsync.client.reception import LARGEST_BODY, Body

if TYPE_CHECKING:
    from collections.abc import Mapping

TIMEOUT: Final = 30.0
DEADLINE: Final = 60.0
SLOWEST: Final = 32 * 1024
LARGEST_HEAD: Final = 100 * 1024
_FRAMING: Final = 8  # bytes of chunks' lengths and the like that may come for each byte of a body
_OK: Final = 200


class Limits(NamedTuple):
    """How long is waited for an answer, and how much of one is read.

    :param timeout: seconds in which nothing comes, or nothing of the request is taken.
    :param deadline: seconds for request and answer together, and one more for each 32 KiB (:data:`SLOWEST`) that is
        sent or has come: a large list over a slow line is waited for, an answer that comes byte by byte is not.
    :param largest_body: bytes of a body, unpacked.
    """

    timeout: float = TIMEOUT
    deadline: float = DEADLINE
    largest_body: int = LARGEST_BODY


class Came(NamedTuple):
    """An answer, whole.

    :param headers: names are lower case.
    """

    status: int
    headers: Mapping[bytes, bytes]
    body: bytes


class Line(asyncio.Protocol):
    """One connection.

    httptools calls the ``on_`` methods; what they raise ends the connection.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._parser = HttpResponseParser(self)
        self._timer: asyncio.TimerHandle | None = None
        self._answer: asyncio.Future[Came] | None = None
        self._heard = self._end = 0.0
        self._unsent = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]  # TCP has no other, and TLS neither
        self._below: asyncio.Transport | None = None

    def secured(self, transport: asyncio.Transport, below: asyncio.Transport) -> None:
        """Begin with TLS.

        :param below: what carries it, and knows what is not sent yet.
        """
        self.connection_made(transport)
        self._below = below

    def is_fit(self) -> bool:
        """Tell whether another request can be sent: what came since the last answer, the end included, spoils it."""
        return not (self._transport.is_closing() or _is_readable(self._transport.get_extra_info("socket").fileno()))

    def is_open(self) -> bool:
        """Tell whether it is worth keeping."""
        return not self._transport.is_closing()

    def abort(self) -> None:
        """End it at once, whatever is under way."""
        self._transport.abort()

    def ask(self, request: bytes, begun: float) -> asyncio.Future[Came]:
        """Send a request, and return what will be its answer, or the :class:`Failure` to get one.

        :param begun: when the attempt began, by the loop's clock.
        """
        self._answer = answer = self._loop.create_future()
        self._headers: dict[bytes, bytes] = {}
        self._body: Body | None = None
        self._room = LARGEST_HEAD
        self._heard = self._loop.time()
        self._end = begun + self._limits.deadline + len(request) / SLOWEST
        self._transport.write(request)
        self._unsent = self._left()
        self._watch()
        return answer

    # -----------------------------------------------------------------------------------------------------------------
    # what asyncio tells
    # -----------------------------------------------------------------------------------------------------------------
    def data_received(self, data: bytes) -> None:
        """Read on."""
        if self._answer is None:  # nothing was asked, so this answers nothing
            self.abort()
            return
        self._heard = self._loop.time()
        self._room -= len(data)
        try:
            self._parser.feed_data(data)
        except HttpParserError as error:
            self._fail(error.__context__ if isinstance(error.__context__, Failure) else not_http(str(error)))
        except HttpParserUpgrade:
            self._fail(not_http("it goes on in another protocol"))
        else:
            if self._room < 0:
                self._fail(not_http("its headers are too large"))

    def eof_received(self) -> None:
        """Take the end of the connection for the end of the body, where nothing else says where that is."""
        if self._body and not {b"content-length", b"transfer-encoding"} & self._headers.keys():
            try:
                self._arrived(self._body)
            except Failure as failure:
                self._fail(failure)

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave nobody waiting."""
        self._settle(broken(exc))
        if self._timer:
            self._timer.cancel()
        del self._parser  # which holds this

    # -----------------------------------------------------------------------------------------------------------------
    # what httptools tells
    # -----------------------------------------------------------------------------------------------------------------
    def on_message_begin(self) -> None:
        """Refuse an answer behind the answer."""
        if self._answer is None:
            raise not_http("there is more than one answer")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header, but not the trailers of a body."""
        if self._body is None:
            name = name.lower()
            other = self._headers.get(name)
            self._headers[name] = value if other is None else other + b", " + value

    def on_headers_complete(self) -> None:
        """Look how the body comes."""
        if (status := self._parser.get_status_code()) >= _OK:
            if self._headers.get(b"transfer-encoding", b"chunked").lower() != b"chunked":
                raise not_http("its transfer coding is unknown")
            self._body = Body(status, self._headers.get(b"content-encoding", b""), self._limits.largest_body)

    def on_body(self, chunk: bytes) -> None:
        """Take a piece of the body."""
        assert self._body is not None  # noqa: S101  # the headers come first
        self._room += _FRAMING * len(chunk)
        self._body.add(chunk)

    def on_message_complete(self) -> None:
        """Hand over the answer, unless it is one that says that the answer is still to come."""
        if self._body is None:
            self._headers = {}
        else:
            self._arrived(self._body)

    def _arrived(self, body: Body) -> None:
        came = Came(self._parser.get_status_code(), self._headers, body.whole())
        self._body = None  # which may be large, and this connection may not be asked for anything for long
        if not self._parser.should_keep_alive() or self._left():
            self.abort()  # also where the answer came before all of the request was taken
        self._settle(came)

    # -----------------------------------------------------------------------------------------------------------------
    # time
    # -----------------------------------------------------------------------------------------------------------------
    def _watch(self) -> None:
        """See to it that the clock is looked at when time may be up; one timer serves for many requests."""
        due = min(self._heard + self._limits.timeout, self._deadline())
        if self._timer is None or self._timer.when() > due:
            if self._timer:
                self._timer.cancel()
            self._timer = self._loop.call_at(due, self._look)

    def _deadline(self) -> float:
        # by what is unpacked: a packed body can go on for ever and hold nothing
        return self._end + (self._body.size / SLOWEST if self._body else 0.0)

    def _left(self) -> int:
        """Return how many bytes of the request have not gone out yet."""
        left = self._transport.get_write_buffer_size()
        return left + self._below.get_write_buffer_size() if self._below else left

    def _look(self) -> None:
        self._timer = None
        if self._answer is None:
            return
        now = self._loop.time()
        unsent = self._left()
        if unsent < self._unsent:
            self._unsent, self._heard = unsent, now
        if now >= self._deadline():
            self._fail(Failure("the whole answer did not come in time", "timeout"))
        elif now >= self._heard + self._limits.timeout:
            did = "take the request" if unsent else "answer"
            self._fail(Failure(f"the server did not {did} in time", "timeout"))
        else:
            self._watch()

    # -----------------------------------------------------------------------------------------------------------------
    # the outcome
    # -----------------------------------------------------------------------------------------------------------------
    def _fail(self, failure: Failure) -> None:
        self.abort()
        self._settle(failure)

    def _settle(self, outcome: Came | Failure) -> None:
        answer, self._answer = self._answer, None
        if answer is None or answer.done():  # nobody waits for it, or not any more
            return
        if isinstance(outcome, Failure):
            answer.set_exception(outcome)
        else:
            answer.set_result(outcome)


def _is_readable(socket: int) -> bool:
    try:
        return bool(select.select((socket,), (), (), 0)[0])
    except ValueError:  # a number that select does not go up to; a connection that has ended then costs an attempt
        return False
