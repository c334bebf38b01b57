"""One server, one account, one key: how a request is sent and what comes back. This one can only ask."""

from __future__ import annotations

import asyncio
import ssl
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final, Self, TypedDict
from urllib.parse import urlencode, urlsplit

from dlsync import __version__
from dlsync.client.answers import URL_HINT, Answer
from dlsync.client.faults import translated
from dlsync.client.pacing import Pacer
from dlsync.client.paths import base_url, is_loopback, prefixes, segment
from dlsync.client.quoting import Quoter, Secret
from dlsync.client.reception import DEADLINE, LARGEST_BODY, Reception
from dlsync.client.retry import Fault, Retry
from dlsync.client.statuses import failure, is_success
from dlsync.errors import DlsyncError, SettingsError, Unreachable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping
    from types import TracebackType

    import httpx2

JSON: Final = "application/json"
YAML: Final = "application/yaml"
FORM: Final = "application/x-www-form-urlencoded"
PATIENT: Final = Retry()
_CONNECT_SECONDS: Final = 10.0


class Scope(Enum):
    """What a path is relative to."""

    SERVER = 0
    ORGANISATION = 1
    ACCOUNT = 2


class Options(TypedDict, total=False):
    """The keyword arguments of :class:`Connection`, which documents them."""

    concurrency: int
    requests_per_second: float | None
    timeout: float
    deadline: float
    retry: Retry
    insecure: bool
    largest_body: int
    transport: httpx2.AsyncBaseTransport | None


class Connection:
    """Sends GET requests, and no others, to one account.

    :param url: the API's base, such as ``https://app.dataloop.io/api/v1``.
    :param org: the organisation's name.
    :param account: the account's name.
    :param key: the API key; sent to the URL's host alone, never shown.
    :param concurrency: requests under way at once, and connections kept open.
    :param requests_per_second: at most; None for no limit.
    :param timeout: seconds without a byte of an answer before an attempt has failed.
    :param deadline: seconds for a whole attempt, however lively; more for what is large, see :class:`Reception`.
    :param retry: when and how long to try again.
    :param insecure: send the key over plain HTTP to another machine.
    :param largest_body: bytes of an answer, unpacked, that are read at most.
    :param transport: stands in for the network, in tests.
    :raises SettingsError: where the URL or the key cannot be used.
    """

    methods: ClassVar[frozenset[str]] = frozenset({"GET"})

    def __init__(
        self,
        url: str,
        org: str,
        account: str,
        key: str,
        *,
        concurrency: int = 16,
        requests_per_second: float | None = None,
        timeout: float = 30.0,  # of one attempt's steps, not of a coroutine
        deadline: float = DEADLINE,
        retry: Retry = PATIENT,
        insecure: bool = False,
        largest_body: int = LARGEST_BODY,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self.url = base_url(url, insecure=insecure)
        self.org = org
        self.account = account
        self.requests = 0
        self._prefixes = prefixes(org, account)
        self._key = Secret(_checked(key))
        self.quote = Quoter(self._key)
        self._concurrency = concurrency
        self._timeout = timeout
        self._retry = retry
        self._pacer = Pacer(requests_per_second)
        self._slots = asyncio.Semaphore(concurrency)
        self._reception = Reception(deadline=deadline, largest_body=largest_body)
        self._transport = transport
        self._http: httpx2.AsyncClient | None = None
        self._down = False

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r}, {self.org!r}, {self.account!r})"

    async def __aenter__(self) -> Self:
        import httpx2  # 160 ms that offline commands do not pay

        self._request_class = httpx2.Request
        self._foreign = (httpx2.HTTPError, httpx2.InvalidURL, httpx2.CookieConflict, httpx2.StreamError, OSError)
        try:
            host = httpx2.URL(self.url).netloc.decode()
        except httpx2.InvalidURL as error:
            raise SettingsError(f"`url` cannot be used: {self.quote(str(error))}", hint=URL_HINT) from error
        self._headers = self._standing_headers(host)
        self._http = self._client()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        http, self._http = self._http, None
        if http is not None:
            await http.aclose()

    async def get(
        self,
        segments: Iterable[str],
        params: Mapping[str, str] | None = None,
        accept: str = JSON,
        scope: Scope = Scope.ACCOUNT,
    ) -> Answer:
        """Ask for what is at the path, which names are encoded into.

        :param segments: names, not encoded, below the scope.
        :param params: the query.
        :raises ApiError: where no usable answer came; see :mod:`dlsync.errors`.
        """
        path = self._path(segments, scope)
        if params:
            path = f"{path}?{urlencode(params)}"
        return await self._exchange("GET", path, {"Accept": accept})

    def _path(self, segments: Iterable[str], scope: Scope) -> str:
        return "/".join((self._prefixes[scope.value], *map(segment, segments)))

    def _standing_headers(self, host: str) -> dict[str, str]:
        return {
            "Host": host,
            "Accept-Encoding": "gzip",
            "Connection": "keep-alive",
            "User-Agent": f"dlsync/{__version__}",
            "Authorization": f"Bearer {self._key.reveal()}",
        }

    def _client(self) -> httpx2.AsyncClient:
        from http.cookiejar import CookieJar, DefaultCookiePolicy

        import httpx2

        base = urlsplit(self.url)
        here = is_loopback(base.hostname or "")
        return httpx2.AsyncClient(
            timeout=httpx2.Timeout(self._timeout, connect=min(self._timeout, _CONNECT_SECONDS), pool=None),
            limits=httpx2.Limits(max_connections=self._concurrency, max_keepalive_connections=self._concurrency),
            follow_redirects=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),  # none is kept, so none is sent back
            event_hooks={"request": [self._only_allowed]},
            # certificates take 20 to 50 ms to load, and plain HTTP on this machine needs none
            verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if here and base.scheme == "http" else True,
            # a proxy from the environment must not see what is meant for this machine
            trust_env=not here,
            transport=self._transport,
        )

    async def _only_allowed(self, request: httpx2.Request) -> None:
        if request.method not in self.methods:
            raise DlsyncError(f"a reading connection was asked to send {request.method}; nothing was sent")

    async def _exchange(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        content: bytes | None = None,
        *,
        repeatable: bool = True,
    ) -> Answer:
        if self._http is None:
            raise DlsyncError("the connection is not open", hint="Use it inside `async with`.")
        try:
            request = self._request_class(method, self.url + path, headers=self._headers | headers, content=content)
        except self._foreign as error:
            raise self._translated(error, f"{method} {path}") from error
        return await self._tried(partial(self._attempt, self._http, request, f"{method} {path}"), repeatable=repeatable)

    async def _tried(self, attempt: Callable[[int], Awaitable[Answer]], *, repeatable: bool) -> Answer:
        retry = self._retry if repeatable else self._retry.for_the_unrepeatable()
        try:
            return await (retry.for_a_server_that_is_down() if self._down else retry).run(attempt)
        except Unreachable as error:
            # many requests to a server that has gone must not each wait for it to come back
            self._down = isinstance(error.__cause__, Fault) and error.__cause__.cause == "refused"
            raise

    async def _attempt(self, http: httpx2.AsyncClient, request: httpx2.Request, label: str, number: int) -> Answer:  # noqa: ARG002  # a writing connection minds the number
        async with self._slots:
            await self._turn(request.method)
            self.requests += 1
            try:
                response, body = await self._reception.received(http, request, label)
            except self._foreign as error:
                raise self._translated(error, label) from error
        self._down = False
        answer = Answer(response.status_code, response.headers.get("content-type", ""), body, label, self.quote)
        if is_success(answer.status):
            return answer
        raise failure(request.method, answer, response.headers)

    async def _turn(self, method: str) -> None:  # noqa: ARG002  # a writing connection minds the method
        """Return when an attempt may be sent."""
        await self._pacer.turn()

    def _translated(self, error: Exception, label: str) -> Exception:
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(self.url))
        return translated(error, request=label, origin=origin, quote=self.quote)


def _checked(key: str) -> str:
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise SettingsError(
            "the API key is empty or holds a character that a header cannot carry",
            hint="Check DLSYNC_API_KEY or the file of --api-key-file for blanks and line breaks.",
        )
    return key
