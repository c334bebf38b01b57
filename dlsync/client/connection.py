"""Send requests of one key to one account, within the rate limit, as often as it takes."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final, Literal, Self, TypedDict
from urllib.parse import urlencode

from dlsync.client.rate_limit import RateLimiter
from dlsync.client.response import Quoter, Response, etag_of
from dlsync.client.retry import AttemptError, Attempts, Retry
from dlsync.client.status_errors import error_of, is_success, is_throttled, is_unauthorised
from dlsync.client.transport import DEADLINE, LARGEST_BODY, TIMEOUT, Transport
from dlsync.client.urls import base_url, likely_bases, segment, setting_segment
from dlsync.errors import DlsyncError, NotFound, SettingsError, Unreachable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping

    Check = Callable[[], Awaitable[None]]

JSON: Final = "application/json"
YAML: Final = "application/yaml"
FORM: Final = "application/x-www-form-urlencoded"
PATIENT: Final = Retry()
Method = Literal["GET", "PUT", "POST", "PATCH", "DELETE"]
Scope = Literal["server", "organisation", "account"]
READ: Final[tuple[Method, ...]] = ("GET",)
READ_WRITE: Final[tuple[Method, ...]] = ("GET", "PUT", "POST", "PATCH", "DELETE")
_CHECK: ContextVar[Check | None] = ContextVar("check", default=None)


class Options(TypedDict, total=False):
    """The keyword arguments of :class:`Connection`, which documents them."""

    concurrency: int
    requests_per_second: float | None
    timeout: float
    deadline: float
    retry: Retry
    insecure: bool
    largest_body: int
    user_agent: str


@contextmanager
def only_while(check: Check) -> Iterator[None]:
    """Check something in this block right before each attempt of each write.

    :param check: raises where the write may not be sent; the caller of the write gets that.
    """
    token = _CHECK.set(check)
    try:
        yield
    finally:
        _CHECK.reset(token)


class Connection:
    """Sends requests to one account.

    :param url: the API's base, such as ``https://app.dataloop.io/api/v1``.
    :param org: the organisation's name.
    :param account: the account's name; empty where only the organisation is asked about.
    :param key: the API key; sent to the URL's host alone, never shown.
    :param methods: those that can be sent: :data:`READ` or :data:`READ_WRITE`.
    :param concurrency: requests in flight at once; fewer while the server answers 429.
    :param requests_per_second: at most; None for no limit.
    :param timeout: seconds without a byte of a response before an attempt has failed.
    :param deadline: seconds for a whole attempt; more for what is large, see :class:`Transport`.
    :param retry: when and how long to try again.
    :param insecure: send the key over plain HTTP to another machine.
    :param largest_body: bytes of a response, after decompression, that are read at most.
    :param user_agent: names the program to the server.
    :raises SettingsError: the URL, the names, the key, or the environment's proxy or certificates cannot be used.
    """

    def __init__(
        self,
        url: str,
        org: str,
        account: str,
        key: str,
        *,
        methods: Iterable[Method] = READ,
        concurrency: int = 16,
        requests_per_second: float | None = None,
        timeout: float = TIMEOUT,
        deadline: float = DEADLINE,
        retry: Retry = PATIENT,
        insecure: bool = False,
        largest_body: int = LARGEST_BODY,
        user_agent: str = "dlsync",
    ) -> None:
        self.url = base_url(url, insecure=insecure)
        self.org = org
        self.account = account
        self.requests = 0
        self.concurrency = concurrency
        if not key or not key.isascii() or not key.isprintable() or " " in key:
            message = "the API key is empty or holds a character that a header cannot carry"
            hint = "Check DLSYNC_API_KEY or the file of --api-key-file for blanks and line breaks."
            raise SettingsError(message, hint=hint)
        self.quote = Quoter(key)
        self._is_open = False
        self._organisation = f"/orgs/{setting_segment('org', org)}"
        self._account = f"{self._organisation}/accounts/{segment(account)}" if account else ""
        self._retry = retry
        self._limiter = RateLimiter(requests_per_second, concurrency, sleep=retry.sleep)
        headers = {"Authorization": f"Bearer {key}", "User-Agent": user_agent}
        limits = {"timeout": timeout, "deadline": deadline}
        self._transport = Transport(self.url, methods, headers, self.quote, **limits, largest_body=largest_body)
        self._is_down = False

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r}, {self.org!r}, {self.account!r})"

    async def __aenter__(self) -> Self:
        self._is_open = True
        return self

    async def __aexit__(self, *_: object) -> None:
        self._is_open = False
        await self._transport.close()

    async def request(
        self,
        method: Method,
        segments: Iterable[str],
        *,
        params: Mapping[str, str] | None = None,
        accept: str = JSON,
        if_none_match: str = "",
        body: bytes | None = None,
        content_type: str = JSON,
        scope: Scope = "account",
        repeatable: bool = True,
    ) -> Response:
        """Send a request until there is a response, and return it; any 2xx is success.

        :param segments: names, not encoded, below the scope.
        :param params: the query.
        :param if_none_match: the ETag of a version that need not be sent again.
        :param repeatable: False to send it again only where the server has surely not carried it out.
        :raises NotModified: the version is still that of ``if_none_match``.
        :raises ApiError: there is no usable response; see :mod:`dlsync.errors`.
        """
        path = "/".join((self._prefix(scope), *map(segment, segments)))
        path += f"?{urlencode(params)}" if params else ""
        headers = {"Accept": accept}
        if etag := etag_of(if_none_match):
            headers["If-None-Match"] = etag
        if body is not None:
            headers["Content-Type"] = content_type
        attempts = Attempts(self._retry, f"{method} {path}", repeatable, self._limiter.responses)
        while True:
            try:
                return await self._attempt(method, path, headers, body)
            except AttemptError as error:
                await self._wait(attempts, error)
            except NotFound:
                # an attempt before may have deleted it, with only its response lost
                if attempts.number == 1 or method != "DELETE":
                    raise
                return Response(204, {}, b"", f"{method} {path}", self.quote)

    def _prefix(self, scope: Scope) -> str:
        if scope == "account" and not self._account:
            setting_segment("account", self.account)
        return {"server": "", "organisation": self._organisation, "account": self._account}[scope]

    async def _attempt(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> Response:
        limiter = self._limiter
        async with limiter:
            await limiter.turn()
            if method != "GET" and (check := _CHECK.get()):
                await check()
            if not self._is_open:
                raise DlsyncError("the connection is not open", hint="Use it inside `async with`.")
            self.requests += 1
            cuts = limiter.cuts
            response = await self._transport.exchange(method, path, headers, body)
            if is_throttled(response.status):
                seconds = self._retry.seconds(response.headers.get("retry-after", ""))
                limiter.throttled(cuts, seconds if seconds <= self._retry.ceiling else 0.0)
            else:
                limiter.succeeded()
        self._is_down = False
        if not is_success(response.status):
            raise error_of(method, response)
        if response.is_html:
            raise response.bad("expected an answer of the API, got a web page")
        return response

    async def _wait(self, attempts: Attempts, error: AttemptError) -> None:
        try:
            wait = attempts.next_wait(error, self._limiter.responses, is_down=self._is_down)
        except Unreachable:
            # many requests to a server that has gone must not each wait for it to come back
            self._is_down = error.cause == "refused"
            raise
        await self._retry.sleep(wait)

    async def find_base(self) -> str:
        """Return the URL at which the API answers on this server, where ``url`` is not it; empty where none does."""
        for base in likely_bases(self.url):
            with suppress(AttemptError):
                path = f"{self._organisation}/accounts"
                response = await self._transport.exchange("GET", path, {"Accept": JSON}, base=base)
                is_list = is_success(response.status) and response.body.lstrip().startswith(b"[")
                if is_list or is_unauthorised(response.status):
                    return base
        return ""
