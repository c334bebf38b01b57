"""Send HTTP requests with pyreqwest: connections, HTTP/2, proxies, TLS, time limits and bounded bodies.

pyreqwest's exception classes do not tell whether a request was sent: its ``ConnectError`` also stands for a connection
that closed before the response. Only the cause ``client error (Connect)`` proves that nothing was sent. Every other
failure counts as "the server may have carried it out".
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from pyreqwest.client import ClientBuilder
from pyreqwest.exceptions import BuilderError, DecodeError, DetailedPyreqwestError, RequestError
from pyreqwest.http import Url
from pyreqwest.proxy import ProxyBuilder

from dlsync.client.network_settings import TRUST_HINT, certificates, proxy_for
from dlsync.client.response import URL_HINT
from dlsync.errors import ApiError, BadAnswer, DlsyncError, SettingsError, Unreachable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pyreqwest.client import Client
    from pyreqwest.response import Response

    from dlsync.client.network_settings import Proxy
    from dlsync.client.retry import Cause

TIMEOUT: Final = 30.0
DEADLINE: Final = 60.0
SLOWEST: Final = 32 * 1024
LARGEST_BODY: Final = 64 * 1024 * 1024  # a list of 10,000 dashboards is 36 to 45 MB
_BUFFER: Final = 1  # byte: each piece is handed over as it arrives, so that the clock sees it
_LONGEST_PATH: Final = 60 * 1024
_CONNECT_SECONDS: Final = 10.0
_RELEASE_SECONDS: Final = 0.01
_HEADERS: Final = ("content-type", "content-encoding", "etag", "location", "retry-after")
_NOTHING_SENT: Final = "client error (Connect)"
_IN_THE_BODY: Final = "request or response body error"


class Limits(NamedTuple):
    """Bound the time and the size of a response.

    :param timeout: seconds without a byte of the response.
    :param deadline: seconds for request and response together, and one more for each 32 KiB (:data:`SLOWEST`) that is
        sent or received.
    :param largest_body: bytes of a body after decompression.
    """

    timeout: float = TIMEOUT
    deadline: float = DEADLINE
    largest_body: int = LARGEST_BODY


class RawResponse(NamedTuple):
    """A response as it was received.

    :param headers: those that the client reads; names are lower case.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


class TransportError(Exception):
    """No usable response was received. Never leaves the client.

    :param cause: ``refused`` (nothing was sent), ``broken`` or ``timeout`` (the server may have carried it out); None
        where another attempt fails the same way.
    :param detail: the library's own words.
    :param hint: what the user can check.
    :param error: the exception that the caller gets where there is no other attempt.
    """

    def __init__(
        self,
        message: str,
        cause: Cause | None = None,
        *,
        detail: str = "",
        hint: str = "",
        error: type[ApiError] = Unreachable,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.cause = cause
        self.detail = detail
        self.hint = hint
        self.error = error


class Transport:
    """Connections to one server.

    :param base: the API's URL, from :func:`dlsync.client.urls.base_url`.
    :param methods: the methods that can be sent; no other can be started.
    :param headers: sent with every request.
    :raises SettingsError: the environment names a proxy or a certificate file that cannot be used.
    """

    def __init__(self, base: str, methods: Iterable[str], headers: Mapping[str, str], limits: Limits) -> None:
        self._base = base
        self._limits = limits
        self._url = Url(base)
        self._proxy = proxy_for(self._url, os.environ)
        client = self._build(headers)
        self._close = client.close
        self._starters = {method: partial(client.request, method) for method in methods}

    async def exchange(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None, *, base: str = ""
    ) -> RawResponse:
        """Send a request and return the response, whatever its status.

        :param path: below the base, percent-encoded, with the query.
        :param headers: of this request alone.
        :param base: another base URL on the same server.
        :raises TransportError: there is no usable response.
        """
        start = self._starters.get(method)
        if start is None:
            raise DlsyncError(f"a reading connection cannot send {method}; nothing was sent")
        if len(path) > _LONGEST_PATH:
            raise TransportError("the name is too long to be part of a URL", error=ApiError)
        request = start((base or self._base) + path).headers(headers).streamed_read_buffer_limit(_BUFFER)
        if body is not None:
            request = request.body_bytes(body)
        now, extra = asyncio.get_running_loop().time(), len(body or b"") / SLOWEST
        deadline = now + self._limits.deadline + extra
        try:
            async with (
                asyncio.timeout_at(min(now + self._limits.timeout + extra, deadline)) as clock,
                request.build_streamed() as response,
            ):
                headers = _headers_of(response)
                return RawResponse(response.status, headers, await self._body(response, headers, clock, deadline))
        except RequestError as error:
            raise self._explained(error) from error
        except TimeoutError:
            raise TransportError("the response did not arrive in time", "timeout", hint=self._reachable_hint) from None

    async def close(self) -> None:
        """Close all connections."""
        await self._close()
        # pyreqwest's thread still holds the result: an interpreter that ends before it lets go of that is aborted
        await asyncio.sleep(_RELEASE_SECONDS)

    async def _body(
        self, response: Response, headers: Mapping[str, str], clock: asyncio.Timeout, deadline: float
    ) -> bytes:
        if headers.get("content-encoding", "identity") != "identity":
            raise TransportError("the response has an unknown content encoding", hint=URL_HINT, error=BadAnswer)
        body, loop = bytearray(), asyncio.get_running_loop()
        while (chunk := await response.body_reader.read_chunk()) is not None:
            body += chunk
            if len(body) > self._limits.largest_body:
                message = f"the response is larger than {self._limits.largest_body:,} bytes; the rest was not read"
                raise TransportError(message, hint=URL_HINT, error=BadAnswer)
            deadline += len(chunk) / SLOWEST
            if clock.expired():  # a piece that arrives as time runs out takes the place of the cancellation
                raise TimeoutError
            clock.reschedule(min(loop.time() + self._limits.timeout, deadline))
        return bytes(body)

    def _build(self, headers: Mapping[str, str]) -> Client:
        seconds = min(self._limits.timeout, self._limits.deadline, _CONNECT_SECONDS)
        builder = ClientBuilder().no_proxy().follow_redirects(enable=False).http2(enable=True)
        builder = builder.default_headers(headers).connect_timeout(timedelta(seconds=seconds))
        schemes = {self._url.scheme}
        if self._proxy:
            builder = builder.proxy(ProxyBuilder.all(self._proxy.url))
            schemes.add(self._proxy.url.scheme)
        if "https" not in schemes:
            # no TLS is spoken, so a system without certificates does not matter; else the library does not start there
            builder = builder.danger_accept_invalid_certs(enable=True)
        for certificate in certificates(os.environ) if "https" in schemes else ():
            builder = builder.add_root_certificate_pem(certificate)
        try:
            return builder.build()
        except BuilderError as error:
            message = f"the certificates to trust cannot be loaded: {_last_cause(error)}"
            raise SettingsError(message, hint=TRUST_HINT) from error

    def _explained(self, error: RequestError) -> TransportError:
        causes = [cause["message"] for cause in error.details["causes"] or []]
        detail = _last_cause(error)
        origin = self._url.origin_ascii
        if "invalid peer certificate" in detail:
            return TransportError(f"the certificate of {origin} is not trusted", detail=detail, hint=TRUST_HINT)
        if "InvalidContentType" in detail:
            hint = "Write http:// instead of https:// in `url`, or the port that speaks HTTPS."
            return TransportError(f"{origin} does not speak HTTPS", detail=detail, hint=hint)
        if _NOTHING_SENT not in causes:
            message = "the connection broke"
            if _IN_THE_BODY in causes:
                message = "the response was cut short or cannot be decoded"
            elif isinstance(error, DecodeError):
                message = "the response is not HTTP"
            return TransportError(message, "broken", detail=detail, hint=self._broken_hint)
        if self._proxy:
            return self._proxy_error(self._proxy, detail)
        return TransportError("could not connect", "refused", detail=detail, hint=self._reachable_hint)

    def _proxy_error(self, proxy: Proxy, detail: str) -> TransportError:
        # only this one says that the proxy answers and the server does not: another attempt may help
        cause: Cause | None = "refused" if detail == "tunnel error: unsuccessful" else None
        message = f"could not connect through the proxy {proxy.address}, which {proxy.variable} names"
        hint = f"Correct {proxy.variable}, with user and password if the proxy needs them, or add the host to NO_PROXY."
        return TransportError(message, cause, detail=detail, hint=hint)

    @property
    def _reachable_hint(self) -> str:
        origin = self._url.origin_ascii
        return f"Check that the server at {origin} runs and can be reached from here, and that `url` is right."

    @property
    def _broken_hint(self) -> str:
        maybe_https = (
            " A server that expects https:// breaks http:// connections." if self._url.scheme == "http" else ""
        )
        return self._reachable_hint + maybe_https


def _last_cause(error: DetailedPyreqwestError) -> str:
    causes = error.details["causes"]
    return causes[-1]["message"] if causes else error.message


def _headers_of(response: Response) -> dict[str, str]:
    """Return the headers that the client reads, without those that are not ASCII."""
    found = {}
    for name in _HEADERS:
        with suppress(ValueError):
            if (value := response.get_header(name)) is not None:
                found[name] = value
    return found
