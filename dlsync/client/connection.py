"""One server, one account, one key: how a request is sent and what comes back. This one can only ask."""

from __future__ import annotations

from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final, Self, TypedDict
from urllib.parse import urlencode, urlsplit

from dlsync import __version__
from dlsync.client.answers import Answer
from dlsync.client.faults import Failure, translated
from dlsync.client.line import DEADLINE, TIMEOUT, Limits
from dlsync.client.pacing import Pacer
from dlsync.client.paths import base_url, origin_of, prefixes, segment
from dlsync.client.quoting import Quoter, Secret
from dlsync.client.reception import LARGEST_BODY
from dlsync.client.retry import Fault, Retry
from dlsync.client.statuses import failure, is_success, is_throttled
from dlsync.client.versions import etag_of
from dlsync.client.wire import Wire
from dlsync.errors import DlsyncError, SettingsError, Unreachable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping
    from types import TracebackType

JSON: Final = "application/json"
YAML: Final = "application/yaml"
FORM: Final = "application/x-www-form-urlencoded"
PATIENT: Final = Retry()


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


class Connection:
    """Sends GET requests, and no others, to one account.

    :param url: the API's base, such as ``https://app.dataloop.io/api/v1``.
    :param org: the organisation's name.
    :param account: the account's name.
    :param key: the API key; sent to the URL's host alone, never shown.
    :param concurrency: requests under way at once, and connections kept open; fewer while the server says 429.
    :param requests_per_second: at most; None for no limit.
    :param timeout: seconds without a byte of an answer before an attempt has failed.
    :param deadline: seconds for a whole attempt, however lively; more for what is large, see :class:`Limits`.
    :param retry: when and how long to try again.
    :param insecure: send the key over plain HTTP to another machine.
    :param largest_body: bytes of an answer, unpacked, that are read at most.
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
        timeout: float = TIMEOUT,  # of one attempt's steps, not of a coroutine
        deadline: float = DEADLINE,
        retry: Retry = PATIENT,
        insecure: bool = False,
        largest_body: int = LARGEST_BODY,
    ) -> None:
        self.url = base_url(url, insecure=insecure)
        self.org = org
        self.account = account
        self.requests = 0
        self._prefixes = prefixes(org, account)
        self._key = Secret(_checked(key))
        self.quote = Quoter(self._key)
        self.concurrency = concurrency
        self._retry = retry
        self._pacer = Pacer(requests_per_second, concurrency, sleep=retry.sleep)
        self._wire = Wire(
            origin_of(self.url), self.methods, self._standing_headers(), Limits(timeout, deadline, largest_body)
        )
        self._is_open = False
        self._down = False

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r}, {self.org!r}, {self.account!r})"

    async def __aenter__(self) -> Self:
        self._is_open = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_open = False
        await self._wire.close()

    async def get(
        self,
        segments: Iterable[str],
        params: Mapping[str, str] | None = None,
        accept: str = JSON,
        scope: Scope = Scope.ACCOUNT,
        unless: str = "",
    ) -> Answer:
        """Ask for what is at the path, which names are encoded into.

        :param segments: names, not encoded, below the scope.
        :param params: the query.
        :param unless: the ETag of a version that need not be sent again.
        :raises NotModified: it is still that version.
        :raises ApiError: where no usable answer came; see :mod:`dlsync.errors`.
        """
        path = self._path(segments, scope)
        if params:
            path = f"{path}?{urlencode(params)}"
        condition = f"If-None-Match: {etag}\r\n" if (etag := etag_of(unless)) else ""
        return await self._exchange("GET", path, f"Accept: {accept}\r\n{condition}".encode())

    def _path(self, segments: Iterable[str], scope: Scope) -> str:
        return "/".join((self._prefixes[scope.value], *map(segment, segments)))

    def _standing_headers(self) -> bytes:
        ours = f"User-Agent: dlsync/{__version__}\r\nAccept-Encoding: gzip\r\nConnection: keep-alive\r\n"
        return f"{ours}Authorization: Bearer {self._key.reveal()}\r\n".encode()

    async def _exchange(
        self, method: str, path: str, headers: bytes, content: bytes | None = None, *, repeatable: bool = True
    ) -> Answer:
        return await self._tried(partial(self._attempt, method, path, headers, content), repeatable=repeatable)

    async def _tried(self, attempt: Callable[[int], Awaitable[Answer]], *, repeatable: bool) -> Answer:
        retry = self._retry if repeatable else self._retry.for_the_unrepeatable()
        try:
            return await (retry.for_a_server_that_is_down() if self._down else retry).run(attempt, self._progress)
        except Unreachable as error:
            # many requests to a server that has gone must not each wait for it to come back
            self._down = isinstance(error.__cause__, Fault) and error.__cause__.cause == "refused"
            raise

    async def _attempt(self, method: str, path: str, headers: bytes, content: bytes | None, number: int) -> Answer:  # noqa: ARG002  # a writing connection minds the number
        pacer = self._pacer
        async with pacer:
            await self._turn(method)
            if not self._is_open:
                raise DlsyncError("the connection is not open", hint="Use it inside `async with`.")
            self.requests += 1
            cuts = pacer.cuts
            try:
                status, fields, body = await self._wire.exchange(method, path, headers, content)
            except Failure as error:
                raise self._translated(error, f"{method} {path}") from error
            if is_throttled(status):
                pacer.refused(cuts, self._retry.heeded(fields.get(b"retry-after", b"").decode("latin-1")))
            else:
                pacer.answered()
        self._down = False
        kind = fields.get(b"content-type", b"").decode("latin-1")
        etag = etag_of(fields.get(b"etag", b"").decode("latin-1"))
        answer = Answer(status, kind, body, f"{method} {path}", self.quote, etag=etag)
        if is_success(status):
            return answer
        raise failure(method, answer, {each.decode("latin-1"): fields[each].decode("latin-1") for each in fields})

    def _progress(self) -> int:
        return self._pacer.answers

    async def _turn(self, method: str) -> None:  # noqa: ARG002  # a writing connection minds the method
        """Return when an attempt may be sent."""
        await self._pacer.turn()

    def _translated(self, error: Failure, label: str) -> Exception:
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(self.url))
        return translated(error, request=label, origin=origin, quote=self.quote)


def _checked(key: str) -> str:
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise SettingsError(
            "the API key is empty or holds a character that a header cannot carry",
            hint="Check DLSYNC_API_KEY or the file of --api-key-file for blanks and line breaks.",
        )
    return key
