"""Send requests with one key to one account, within the rate limit and with bounded retries.

Only ``Connection.find_base`` sends without both.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Final, Literal, Self, TypedDict
from urllib.parse import quote, urlencode

from dlsync.client.rate_limit import RateLimiter
from dlsync.client.response import Quoter, Response, error_of, etag_of
from dlsync.client.retry import AttemptError, Attempts, Retry
from dlsync.client.transport import DEADLINE, LARGEST_BODY, TIMEOUT, Transport, base_url, likely_bases
from dlsync.errors import DlsyncError, NotFound, SettingsError, Unauthorised, Unreachable
from dlsync.model import DOT_NAMES

Check = Callable[[], Awaitable[None]]

JSON: Final = "application/json"
YAML: Final = "application/yaml"
PATIENT: Final = Retry()
Method = Literal["GET", "PUT", "POST", "PATCH", "DELETE"]
Scope = Literal["server", "organisation", "account"]
READ: Final[tuple[Method, ...]] = ("GET",)
READ_WRITE: Final[tuple[Method, ...]] = ("GET", "PUT", "POST", "PATCH", "DELETE")
_CHECK: ContextVar[Check | None] = ContextVar("check", default=None)


class Options(TypedDict, total=False):
    """The keyword arguments of a client.

    :param concurrency: requests in flight at once; fewer while the server answers 429.
    :param requests_per_second: at most; None for no limit.
    :param timeout: seconds without a byte of a response before an attempt has failed.
    :param deadline: seconds for a whole attempt, and one more for each 32 KiB that is sent or received.
    :param retry: when and how long to try again.
    :param insecure: send the key over plain HTTP to another machine.
    :param largest_body: bytes of a response, after decompression, that are read at most.
    :param user_agent: names the program to the server.
    """

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
    """Call a check in this block right before each attempt of each write.

    :param check: raises if the write must not be sent; the caller of the write gets its exception.
    """
    token = _CHECK.set(check)
    try:
        yield
    finally:
        _CHECK.reset(token)


def segment(name: str) -> str:
    """Return a name percent-encoded as exactly one path segment.

    :raises DlsyncError: no path can hold the name: it is empty, ``.`` or ``..``, or has half a surrogate pair.
    """
    if not name:
        problem = "a name is empty; the server would take the request for one about all of its kind"
        raise DlsyncError(problem, hint="Give the name.")
    if name in DOT_NAMES:
        hint = "Rename the resource on the server's own pages."
        raise DlsyncError(f"the name {name!r} cannot be part of a URL, where it means a folder", hint=hint)
    try:
        return quote(name, safe="")
    except UnicodeEncodeError:
        message = f"the name {name!a} holds half a surrogate pair, which cannot be sent"
        raise DlsyncError(message, hint="Rename the resource.") from None


def setting_segment(setting: str, name: str) -> str:
    """Return the name of an organisation or an account as a path segment.

    :raises SettingsError: the name is empty.
    """
    if not name:
        hint = f"Give --{setting}, DLSYNC_{setting.upper()} or `{setting}`."
        raise SettingsError(f"`{setting}` is not set", hint=hint)
    return segment(name)


class Connection:
    """Sends requests to one account; for the parameters see :class:`dlsync.client.ReadClient` and :class:`Options`.

    :param account: may be empty for requests about the organisation.
    :param methods: those that can be sent: :data:`READ` or :data:`READ_WRITE`.
    :ivar has_operation: whether the server has an optional operation, by its name, if that is known.
    :ivar account_problem: empty if the account exists; None if that is unknown.
    :ivar write_headers: sent with each write.
    :ivar locks: by name, for what must not run twice at once.
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
        if not key or not key.isascii() or not key.isprintable() or " " in key:
            message = "the API key is empty or holds a character that a header cannot carry"
            hint = "Check DLSYNC_API_KEY or the file of --api-key-file for blanks and line breaks."
            raise SettingsError(message, hint=hint)
        self.url = base_url(url, insecure=insecure)
        self.org, self.account = org, account
        self.concurrency = concurrency
        self.quote = Quoter(key)
        self.requests = 0
        self.has_operation: dict[str, bool] = {}
        self.account_problem: str | None = None
        self.write_headers: dict[str, str] = {}
        self.locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        organisation = f"/orgs/{setting_segment('org', org)}"
        in_account = f"{organisation}/accounts/{segment(account)}" if account else ""
        self._paths: dict[Scope, str] = {"server": "", "organisation": organisation, "account": in_account}
        self.retry = retry
        self._limiter = RateLimiter(requests_per_second, concurrency, sleep=retry.sleep)
        headers = {"Authorization": f"Bearer {key}", "User-Agent": user_agent}
        self._transport = Transport(
            self.url, methods, headers, self.quote, timeout=timeout, deadline=deadline, largest_body=largest_body
        )
        self._is_open = self._is_down = False

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
        """Send a request, with retries, and return the response; any 2xx is success.

        :param segments: names, not encoded, below the scope.
        :param if_none_match: the ETag of a version that need not be sent again.
        :param repeatable: False for a request that must not take effect twice.
        :raises ApiError: there is no usable response; see :mod:`dlsync.errors`.
        """
        if scope == "account":
            setting_segment("account", self.account)
        path = "/".join((self._paths[scope], *map(segment, segments))) + (f"?{urlencode(params)}" if params else "")
        headers = {"Accept": accept}
        if etag := etag_of(if_none_match):
            headers["If-None-Match"] = etag
        if body is not None:
            headers["Content-Type"] = content_type
        if method != "GET":
            headers |= self.write_headers
        attempts = Attempts(self.retry, f"{method} {path}", repeatable, self._limiter.responses, self._is_down)
        with self._limiter.request():
            return await self._send(attempts, method, path, headers, body)

    async def _send(
        self, attempts: Attempts, method: Method, path: str, headers: Mapping[str, str], body: bytes | None
    ) -> Response:
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

    async def _attempt(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> Response:
        limiter = self._limiter
        async with limiter:
            if method != "GET" and (check := _CHECK.get()):
                await check()
            if not self._is_open:
                raise DlsyncError("the connection is not open", hint="Use it inside `async with`.")
            self.requests += 1
            cuts = limiter.cuts
            response = await self._transport.exchange(method, path, headers, body)
            error = error_of(method, response)
            if isinstance(error, AttemptError) and error.cause == "throttled":
                seconds = self.retry.seconds(error.retry_after)
                limiter.throttled(cuts, seconds if seconds <= self.retry.ceiling else 0.0)
            else:
                limiter.succeeded()
        self._is_down = False
        if error:
            raise error
        return response

    async def _wait(self, attempts: Attempts, error: AttemptError) -> None:
        try:
            wait = attempts.next_wait(error, self._limiter.responses)
        except Unreachable:
            # many requests to a server that has gone must not each wait for it to come back
            self._is_down = error.cause == "refused"
            raise
        await self.retry.sleep(wait)

    async def find_base(self) -> str:
        """Return the URL at which the API answers on this server if ``url`` is not it; empty if none does.

        It asks each likely URL once, without rate limit and retries.
        """
        for base in likely_bases(self.url):
            with suppress(AttemptError):
                path = f"{self._paths['organisation']}/accounts"
                response = await self._transport.exchange("GET", path, {"Accept": JSON}, base=base)
                error = error_of("GET", response)
                if isinstance(error, Unauthorised) or (error is None and response.body.lstrip().startswith(b"[")):
                    return base
        return ""
