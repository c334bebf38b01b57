"""Send HTTP requests with pyreqwest: connections, HTTP/2, proxies, TLS, time limits and bounded bodies.

pyreqwest's exception classes do not tell whether a request was sent: its ``ConnectError`` also stands for a connection
that closed before the response. Only the cause ``client error (Connect)`` proves that nothing was sent. Every other
failure counts as "the server may have carried it out".
"""

import asyncio
import atexit
import ipaddress
import os
import re
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final, cast

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import BuilderError, DecodeError, DetailedPyreqwestError, RequestError
from pyreqwest.http import Url
from pyreqwest.proxy import ProxyBuilder
from pyreqwest.response import Response as LibraryResponse

from dlsync.client.response import URL_HINT, Quoter, Response
from dlsync.client.retry import AttemptError
from dlsync.errors import ApiError, BadAnswer, DlsyncError, SettingsError
from dlsync.messages import url_fault

API: Final = "/api/v1"
TIMEOUT: Final = 30.0
DEADLINE: Final = 60.0
SLOWEST: Final = 32 * 1024  # bytes; each so many that are sent or received buy a second more
LARGEST_BODY: Final = 64 * 1024 * 1024  # a list of 10,000 dashboards is 36 to 45 MB
_BUFFER: Final = 1  # byte: each piece is handed over as it arrives, so that the clock sees it
_LONGEST_PATH: Final = 60 * 1024
_CONNECT_SECONDS: Final = 10.0
_RELEASE_SECONDS: Final = 0.05
_HEADERS: Final = ("content-type", "content-encoding", "etag", "link", "location", "retry-after", "x-next-page")
_CERTIFICATE: Final = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_PROXY_SCHEMES: Final = frozenset({"http", "https", "socks4", "socks4a", "socks5", "socks5h"})
_URL_HINT: Final = f"Set `url` to the API's base, such as https://monitoring.example.com{API}."
_TRUST_HINT: Final = "Set SSL_CERT_FILE to a PEM file that holds the certificate authority of the server."


def base_url(url: str, *, insecure: bool) -> str:
    """Return a URL in its normal form, without a slash at its end.

    The library that sends the requests parses it, so that the host that is checked is the host that gets the key.

    :param insecure: whether the key may cross a network in plain text.
    :raises SettingsError: it is no HTTP URL, holds a password, or would send the key in plain text.
    """
    if fault := url_fault(url):
        raise SettingsError(f"`url` {fault}", hint=_URL_HINT)
    try:
        parsed = Url(url)
    except ValueError as error:
        raise SettingsError(f"`url` cannot be read as a URL: {error}", hint=_URL_HINT) from None
    host = parsed.host_str or ""
    if parsed.scheme == "http" and not insecure and not is_loopback(host.strip("[]")):
        message = f"`url` is plain HTTP, which would send the API key to {host} readable on the way"
        hint = "Use https://; a server on this machine may be reached over http://127.0.0.1."
        raise SettingsError(message, hint=hint)
    return str(parsed).rstrip("/")


def likely_bases(base: str) -> list[str]:
    """Return the URLs that a user may have meant by one that is not the API's base, the likeliest first."""
    origin = Url(base).origin_ascii
    before, found, _ = base.partition(API)
    candidates = [f"{before}{found}" if found else f"{base}{API}", f"{origin}{API}"]
    return [url for url in dict.fromkeys(candidates) if url != base]


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Transport:
    """Connections to one server.

    :param base: the API's URL, from :func:`base_url`.
    :param methods: the methods that can be sent; no other can be started.
    :param headers: sent with every request.
    :param timeout: seconds without a byte of the response.
    :param deadline: seconds for request and response together, without those that :data:`SLOWEST` adds.
    :param largest_body: bytes of a body after decompression.
    :raises SettingsError: the environment names a proxy or certificates that cannot be used.
    """

    def __init__(
        self,
        base: str,
        methods: Iterable[str],
        headers: Mapping[str, str],
        quote: Quoter,
        *,
        timeout: float = TIMEOUT,
        deadline: float = DEADLINE,
        largest_body: int = LARGEST_BODY,
    ) -> None:
        self._base = base
        self._url = Url(base)
        self._quote = quote
        self._timeout = timeout
        self._deadline = deadline
        self._largest_body = largest_body
        self._proxy = proxy_for(self._url)
        client = self._build(headers)
        self._close = client.close
        self._starters = {method: partial(client.request, method) for method in methods}

    async def exchange(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None, *, base: str = ""
    ) -> Response:
        """Send a request and return the response, whatever its status.

        :param path: below the base, percent-encoded, with the query.
        :param base: another base URL on the same server.
        :raises AttemptError: there is no usable response.
        """
        start = self._starters.get(method)
        if start is None:
            raise DlsyncError(f"a reading connection cannot send {method}; nothing was sent")
        if len(path) > _LONGEST_PATH:
            raise AttemptError("the name is too long to be part of a URL", error=ApiError, hint="Shorten it.")
        request = start((base or self._base) + path).headers(headers).streamed_read_buffer_limit(_BUFFER)
        if body is not None:
            request = request.body_bytes(body)
        now, extra = asyncio.get_running_loop().time(), len(body or b"") / SLOWEST
        deadline = now + self._deadline + extra
        try:
            async with (
                asyncio.timeout_at(min(now + self._timeout + extra, deadline)) as clock,
                _cancellable() as check,
                request.build_streamed() as response,
            ):
                found = {}
                for name in _HEADERS:
                    with suppress(ValueError):  # it is not ASCII
                        found[name] = response.get_header(name) or ""
                if found.get("content-encoding", "") not in {"", "identity"}:
                    raise AttemptError("the response has an unknown content encoding", hint=URL_HINT, error=BadAnswer)
                content = await self._body(response, check, clock, deadline)
                return Response(response.status, found, content, f"{method} {path}", self._quote)
        except RequestError as error:
            raise self._explained(error) from error
        except TimeoutError:
            raise AttemptError("the response did not arrive in time", "timeout", hint=self._reachable_hint) from None

    async def close(self) -> None:
        """Close all connections."""
        atexit.unregister(_wait_for_release)
        atexit.register(_wait_for_release)
        async with _cancellable():
            await self._close()

    async def _body(
        self, response: LibraryResponse, check: Callable[[], None], clock: asyncio.Timeout, deadline: float
    ) -> bytes:
        body, loop = bytearray(), asyncio.get_running_loop()
        while (chunk := await response.body_reader.read_chunk()) is not None:
            body += chunk
            if len(body) > self._largest_body:
                message = f"the response is larger than {self._largest_body:,} bytes; the rest was not read"
                raise AttemptError(message, hint=URL_HINT, error=BadAnswer)
            deadline += len(chunk) / SLOWEST
            check()
            clock.reschedule(min(loop.time() + self._timeout, deadline))
        return bytes(body)

    def _build(self, headers: Mapping[str, str]) -> Client:
        seconds = min(self._timeout, self._deadline, _CONNECT_SECONDS)
        builder = ClientBuilder().no_proxy().follow_redirects(enable=False).http2(enable=True)
        builder = builder.default_headers(headers).connect_timeout(timedelta(seconds=seconds))
        if self._proxy:
            builder = builder.proxy(ProxyBuilder.all(self._proxy[1]))
        if "https" not in {self._url.scheme, self._proxy and self._proxy[1].scheme}:
            # no TLS is spoken, so a system without certificates does not matter; else the library does not start there
            return builder.danger_accept_invalid_certs(enable=True).build()
        for certificate in _certificates():
            builder = builder.add_root_certificate_pem(certificate)
        try:
            return builder.build()
        except BuilderError as error:
            names = [name for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if os.environ.get(name)]
            source = " and ".join(f"{name} ({os.environ[name]})" for name in names) or "the system"
            message = f"the certificates to trust cannot be loaded from {source}: {_causes(error)[-1]}"
            raise SettingsError(message, hint=_TRUST_HINT) from error

    def _explained(self, error: RequestError) -> AttemptError:
        causes, origin = _causes(error), self._url.origin_ascii
        detail = f" ({self._quote(causes[-1])})"
        if "invalid peer certificate" in causes[-1]:
            return AttemptError(f"the certificate of {origin} is not trusted{detail}", hint=_TRUST_HINT)
        if "InvalidContentType" in causes[-1]:
            hint = "Write http:// instead of https:// in `url`, or the port that speaks HTTPS."
            return AttemptError(f"{origin} does not speak HTTPS{detail}", hint=hint)
        if "client error (Connect)" not in causes:
            message = "the response is not HTTP" if isinstance(error, DecodeError) else "the connection broke"
            if "request or response body error" in causes:
                message = "the response was cut short or cannot be decoded"
            maybe = " A server that expects https:// breaks http:// connections." if self._url.scheme == "http" else ""
            return AttemptError(message + detail, "broken", hint=self._reachable_hint + maybe)
        if self._proxy:
            variable, url = self._proxy
            address = f"{url.scheme}://{url.host_str}:{url.port_or_known_default or 1080}"  # without user and password
            message = f"could not connect through the proxy {address}, which {variable} names{detail}"
            hint = f"Correct {variable}, with user and password if it needs them, or add the host to NO_PROXY."
            # this alone says that the proxy answers and the server does not: another attempt may help
            return AttemptError(message, "refused" if causes[-1] == "tunnel error: unsuccessful" else None, hint=hint)
        return AttemptError(f"could not connect{detail}", "refused", hint=self._reachable_hint)

    @property
    def _reachable_hint(self) -> str:
        origin = self._url.origin_ascii
        return f"Check that the server at {origin} runs and can be reached from here, and that `url` is right."


@asynccontextmanager
async def _cancellable() -> AsyncIterator[Callable[[], None]]:
    """Keep a cancellation of the task that comes while it awaits pyreqwest, and give a function that raises it.

    If a result or an error is ready at that moment, pyreqwest delivers that in place of the cancellation (measured:
    73 of 3,000 cancelled requests), and the task would go on, after Ctrl-C too.
    """
    task = cast("asyncio.Task[Any]", asyncio.current_task())
    before = task.cancelling()

    def check() -> None:
        if task.cancelling() > before:
            raise asyncio.CancelledError

    try:
        yield check
    finally:
        check()


def _wait_for_release() -> None:  # pragma: no cover - runs where nothing is measured any more
    """Let the library's thread release its last result: an interpreter that ends before that is aborted."""
    time.sleep(_RELEASE_SECONDS)


def proxy_for(server: Url) -> tuple[str, Url] | None:
    """Return the environment's variable that names a proxy for a server, and its URL; None for this machine.

    :raises SettingsError: the variable does not hold the address of a proxy.
    """
    names = (f"{server.scheme}_proxy", f"{server.scheme}_proxy".upper(), "all_proxy", "ALL_PROXY")
    variable = next((name for name in names if os.environ.get(name)), None)
    host, port = (server.host_str or "").strip("[]"), server.port_or_known_default
    exceptions = (os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or "").lower().split(",")
    if not variable or is_loopback(host) or any(_matches(item.strip(), host.rstrip("."), port) for item in exceptions):
        return None
    address = os.environ[variable]
    url = None
    with suppress(ValueError):
        url = Url(address if "://" in address else f"http://{address}")
    if url is None or url.scheme not in _PROXY_SCHEMES or not url.host_str:  # not shown: it may hold a password
        hint = "Set it to an address such as http://proxy.example.com:3128 or socks5h://127.0.0.1:1080, or unset it."
        raise SettingsError(f"{variable} does not hold the address of a proxy", hint=hint)
    return variable, url


def _matches(exception: str, host: str, port: int | None) -> bool:
    """Tell whether an entry of ``NO_PROXY`` is ``*``, a network, or a domain, with a port or without."""
    if exception == "*":
        return True
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(exception.strip("[]"), strict=False)
    except ValueError:
        domain = exception.removesuffix(f":{port}").removeprefix("*").strip(".[]")
    return bool(domain) and (host == domain or host.endswith(f".{domain}"))


def _certificates() -> list[bytes]:
    """Return the certificates of ``SSL_CERT_FILE``; on Linux, the library reads it and ``SSL_CERT_DIR`` by itself too.

    :raises SettingsError: what the variables name does not exist or holds no certificate.
    """
    folders, file = os.environ.get("SSL_CERT_DIR"), os.environ.get("SSL_CERT_FILE")
    if folders and not any(Path(folder).is_dir() for folder in folders.split(os.pathsep)):
        raise SettingsError(f"SSL_CERT_DIR names {folders}, which is no folder", hint=_TRUST_HINT)
    if not file:
        return []
    try:
        found = _CERTIFICATE.findall(Path(file).read_bytes())
    except OSError as error:
        message = f"SSL_CERT_FILE names {file}, which cannot be read: {error.strerror}"
        raise SettingsError(message, hint=_TRUST_HINT) from error
    if not found:
        raise SettingsError(f"SSL_CERT_FILE names {file}, which holds no certificate in PEM", hint=_TRUST_HINT)
    return found


def _causes(error: DetailedPyreqwestError) -> list[str]:
    return [cause["message"] for cause in error.details["causes"] or []] or [error.message]
