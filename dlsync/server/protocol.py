"""HTTP/1.1 as uvicorn speaks it, with bounds: on a request's head, on how long a client takes, on connections."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio

    from uvicorn.protocols.http.h11_impl import RequestResponseCycle

    from dlsync.server.limits import Limits

_NO_HTTP = "Invalid HTTP request received."
_LENGTHS = re.compile(rb"^content-length[ \t]*:([^\r\n]*)", re.IGNORECASE | re.MULTILINE)


class Refusal(NamedTuple):
    """An answer to what never becomes a request. No reason holds anything that the client sent."""

    status: int
    reason: str


class _Connection(h11.Connection):
    """h11's parser, which remembers why it refused, and looks at each head as it was sent."""

    def __init__(self, limits: Limits) -> None:
        super().__init__(h11.SERVER, limits.head_bytes)
        self._limits = limits
        self.refusal = Refusal(400, _NO_HTTP)

    def next_event(self) -> Any:
        """Return the next event.

        :raises h11.RemoteProtocolError: the client sent no HTTP, or more than the limits allow.
        """
        unread = self.trailing_data[0] if self.their_state is h11.IDLE else b""
        try:
            event = super().next_event()
        except h11.RemoteProtocolError as error:
            self.refusal = self._hinted(error.error_status_hint)
            raise
        if isinstance(event, h11.Request):
            refusal = self._objection(unread[: len(unread) - len(self.trailing_data[0])], event)
            if refusal:
                self.refusal = refusal
                raise h11.RemoteProtocolError(refusal.reason, refusal.status)
        return event

    def _hinted(self, status: int) -> Refusal:
        reasons = {
            431: f"the head is longer than the {self._limits.head_bytes} bytes that this server reads",
            501: "of all transfer codings, this server reads chunked only",
        }
        return Refusal(status, reasons[status]) if status in reasons else Refusal(400, _NO_HTTP)

    def _objection(self, head: bytes, request: h11.Request) -> Refusal | None:
        limits, lengths = self._limits, _LENGTHS.findall(head)
        if len(head) > limits.head_bytes:
            return self._hinted(431)
        if len(request.headers) > limits.headers:
            return Refusal(431, f"more than the {limits.headers} headers that this server reads")
        if len(request.target) > limits.target_bytes:
            return Refusal(414, f"the path is longer than the {limits.target_bytes} bytes that this server reads")
        chunked = any(name == b"transfer-encoding" for name, _ in request.headers)
        if len(lengths) + chunked > 1 or b"," in b"".join(lengths):  # RFC 9112, 6.3: two readings are an attack
            return Refusal(400, "the body's length is given more than once")
        return None


class _Gentle:
    """A transport that is closed as its owner sees fit."""

    def __init__(self, transport: asyncio.Transport, owner: Protocol) -> None:
        self._transport, self._owner = transport, owner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def close(self) -> None:
        self._owner.end()


class Protocol(H11Protocol):
    """One connection, which always has a clock running, and says in JSON what is wrong with it."""

    limits: Limits

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.conn: _Connection = _Connection(self.limits)
        self._stage: tuple[float | None, object, bool] | None = None
        self._clock: asyncio.TimerHandle | None = None
        self._refused = False
        self.since = 0.0

    def connection_made(self, transport: Any) -> None:
        """Begin, in the place of another connection if there are too many."""
        self._real: asyncio.Transport = transport
        super().connection_made(_Gentle(transport, self))  # type: ignore[arg-type] # it is one in all but name
        transport.set_write_buffer_limits(0)  # so that write_paused says whether the client has taken its answer
        self._watch()
        if len(self.connections) > self.limits.connections:
            self._make_room()

    def data_received(self, data: bytes) -> None:
        """Take what came, unless the client has its refusal already: then it is only waited for its end."""
        if not self._refused:
            super().data_received(data)
            self._watch()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self._watch()

    def resume_writing(self) -> None:
        """Learn that the client has taken its answer."""
        super().resume_writing()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop all clocks."""
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        self._stop_clock()

    def _make_room(self) -> None:
        connections: set[Any] = self.connections
        longest = min(connections, key=lambda one: (one.busy, one.since))
        connections.discard(longest)  # at once: its end is only noticed later
        longest.transport.abort()

    @property
    def _request(self) -> RequestResponseCycle | None:
        return self.cycle  # None at first, whatever uvicorn's annotation says

    @property
    def busy(self) -> bool:
        """Whether a request is being answered; else the client is waited for."""
        return self._request is not None and (not self._request.response_complete or self.flow.write_paused)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 -- uvicorn's one message is not all there is to say
        """Answer what could not be read as HTTP, or goes beyond a limit."""
        self._refuse(self.conn.refusal)

    def _refuse(self, refusal: Refusal) -> None:
        if self.conn.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:  # another answer is on its way, or was sent
            self.transport.close()
            return
        body = json.dumps({"error": refusal.reason}).encode()
        head = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
            (b"connection", b"close"),
        ]
        events = h11.Response(status_code=refusal.status, headers=head), h11.Data(data=body), h11.EndOfMessage()
        self.transport.write(b"".join(self.conn.send(event) or b"" for event in events))
        if self._request is not None:
            self._request.disconnected = True
            self._request.message_event.set()
        self._linger()

    def end(self) -> None:
        """Close the connection; a client that still sends is given the time to hear the answer."""
        if self.conn.their_state in {h11.SEND_BODY, h11.ERROR}:
            self._linger()
        else:
            self._real.close()

    def _linger(self) -> None:
        # closing at once, with bytes unread, would reset the connection, and the answer might be lost (RFC 9112, 9.6)
        self._refused = True
        self.flow.resume_reading()
        with suppress(OSError):  # the client may be gone already
            self._real.write_eof()

    def _watch(self) -> None:
        """Start the clock of the stage that the connection is in, if it has just come to it."""
        if self._real.is_closing() and not self.busy:
            return  # what is left to write has the time of the last stage
        stage = self._seconds(), self._request, self._refused
        if stage == self._stage:
            return
        self._stop_clock()
        self._stage, self.since = stage, self.loop.time()
        if stage[0] is not None:
            self._clock = self.loop.call_later(stage[0], self._cut)

    def _seconds(self) -> float | None:
        if self.busy and not self._refused:
            return float(self.limits.request_seconds)
        begun = self._request is None or self.conn.their_state is not h11.IDLE or self.conn.trailing_data[0]
        return float(self.limits.head_seconds) if begun else None  # between two requests, uvicorn's own clock runs

    def _stop_clock(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _cut(self) -> None:
        """End a connection whose time is up: with a reason, where one can still be heard."""
        started = self._request is not None or self.conn.trailing_data[0]
        if self._refused or not started or self.conn.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
            self.transport.abort()
            return
        self._refuse(Refusal(408, "the request did not come to its end in time"))
        self._watch()


def protocol_of(limits: Limits) -> type[Protocol]:
    """Return the protocol with these limits; uvicorn makes one for each connection."""
    return type("LimitedProtocol", (Protocol,), {"limits": limits})
