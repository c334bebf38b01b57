"""Read responses: errors, JSON, ETags, and texts of the server for messages.

It is the only module that knows the status codes.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final, Generic, NamedTuple, TypeVar
from urllib.parse import urlsplit, urlunsplit

import msgspec

from dlsync.client.retry import AttemptError, Cause
from dlsync.errors import (
    AlreadyExists,
    ApiError,
    BadAnswer,
    Forbidden,
    NotFound,
    NotModified,
    Rejected,
    ServerFault,
    Unauthorised,
    Unreachable,
)
from dlsync.messages import KEY, Redactor
from dlsync.model import Json

T = TypeVar("T")
URL_HINT: Final = (
    "Check that `url` is the API's base, such as https://monitoring.example.com/api/v1, and not the web interface or a "
    "login page."
)
DEEPEST: Final = 102  # a list of documents of 100 levels, as many as files may have, and what the innermost holds
_PREVIEW: Final = 80
_ROOM: Final = 16  # characters are read for each that is quoted: most of them may be keys or blanks
_ELLIPSIS: Final = "…"
_BOM: Final = b"\xef\xbb\xbf"
_HTML: Final = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype|html)", re.IGNORECASE)
_NEXT: Final = re.compile(r'rel="?next\b', re.IGNORECASE)  # RFC 8288
_ETAG: Final = re.compile(r'(?:W/)?"[\x21\x23-\x7e]{1,200}"')
METHOD_NOT_ALLOWED = HTTPStatus.METHOD_NOT_ALLOWED
UNPROCESSABLE = HTTPStatus.UNPROCESSABLE_ENTITY
_ERROR_FIELDS = ("error", "title", "message", "detail", "msg", "errors")  # a name of the error comes before its details
_DEEPEST_ERROR = 4  # fields and lists within each other
_TAKEN = frozenset({HTTPStatus.CONFLICT, UNPROCESSABLE})
_KEY_HINT = (
    "Check the key in DLSYNC_API_KEY or --api-key-file, and its user's access to this account, or get a new key."
)
_ROLE_HINT = "Put a key that may do this on this account into DLSYNC_API_KEY or the file of --api-key-file."
_PROXY_HINT = (
    "Write them into the variable that names the proxy: HTTP_PROXY=http://user:password@proxy.example.com:3128."
)
_LOG_HINT = "The server's own log says why; run dlsync again once that is mended."
_ROOM_HINT = "Make room there as it says, then run the same command again; what it did is kept."
_LATER_HINT = "Try again later; the server is overloaded or restarting."
_RETRYABLE: dict[int, tuple[Cause, str]] = {
    HTTPStatus.TOO_MANY_REQUESTS: (
        "throttled",
        "Set `requests_per_second` or a lower `concurrency`, or try again later.",
    ),
    HTTPStatus.INTERNAL_SERVER_ERROR: ("failed", _LOG_HINT),
    HTTPStatus.BAD_GATEWAY: ("broken", _LATER_HINT),  # the gateway lost the response of a request that it passed on
    HTTPStatus.SERVICE_UNAVAILABLE: ("status", _LATER_HINT),
    HTTPStatus.GATEWAY_TIMEOUT: ("broken", _LATER_HINT),
    # a gateway that has no better status for it: 408 of HAProxy and nginx, 520 to 530 of Cloudflare
    **dict.fromkeys((HTTPStatus.REQUEST_TIMEOUT, *range(520, 531)), ("broken", _LATER_HINT)),
}
_MEANINGS: dict[int, tuple[type[ApiError], str, str]] = {
    HTTPStatus.UNAUTHORIZED: (Unauthorised, "the server does not accept the API key", _KEY_HINT),
    HTTPStatus.FORBIDDEN: (Forbidden, "the API key is not allowed to do this", _ROLE_HINT),
    HTTPStatus.NOT_FOUND: (NotFound, "not found", ""),
    HTTPStatus.INSUFFICIENT_STORAGE: (ServerFault, "the server has no room for this", _ROOM_HINT),
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED: (Unreachable, "the proxy asks for a user and a password", _PROXY_HINT),
}


class Quoter:
    """Quotes texts of the server on one line, without the key.

    :param key: is never quoted.
    """

    def __init__(self, key: str) -> None:
        self._redact = Redactor({key: KEY})

    def __call__(self, text: str | bytes, limit: int = 200) -> str:
        """Return the first ``limit`` characters on one line; an ellipsis marks what is left out.

        :param text: bytes need not be text.
        """
        reach = _ROOM * limit
        if isinstance(text, bytes):
            text = text[: 4 * (reach + 1)].decode("utf-8", "replace")
        line = " ".join("".join(char if char.isprintable() else " " for char in text[:reach]).split())
        # the key is taken out before the line is cut, because half of it would not be recognised
        line = self._redact(line + _ELLIPSIS if len(text) > reach else line)
        return line[:limit].rstrip() + _ELLIPSIS if len(line.removesuffix(_ELLIPSIS)) > limit else line


@dataclass(frozen=True, slots=True)
class Response:
    """A response, read whole.

    :param headers: those that the client reads; names are lower case.
    :param request: method and path that it answers.
    :param quote: quotes texts of the server in messages.
    :param private: whether the body holds secrets, so that no message shows its beginning.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    request: str
    quote: Quoter = field(repr=False)
    private: bool = False

    @property
    def etag(self) -> str:
        """The server's name of this version; empty if it gives none."""
        return etag_of(self.headers.get("etag"))

    @property
    def content_type(self) -> str:
        """The content type in lower case; empty if the server gives none."""
        return self.headers.get("content-type", "").lower()

    @property
    def has_next_page(self) -> bool:
        """Whether the server says that a list goes on."""
        return bool(self.headers.get("x-next-page") or _NEXT.search(self.headers.get("link", "")))

    @property
    def is_html(self) -> bool:
        """Whether it is a web page, which the API never sends."""
        is_declared = self.content_type.startswith("text/html")
        return bool(self.body) and (is_declared or _HTML.match(self.body) is not None)

    def bad(self, problem: str) -> BadAnswer:
        """Return the error that this response is, with the first characters of the body."""
        kind = self.quote(self.headers.get("content-type", ""), 60) or "no content type"
        if self.private and self.body:
            beginning = f"{len(self.body):,} bytes that are not shown, for they hold keys"
        else:
            start = self.quote(self.body, _PREVIEW)
            beginning = f"beginning {start!r}" if start else "empty"
        message = f"{self.request}: {problem}; got {kind}, {beginning}"
        return BadAnswer(message, request=self.request, status=self.status, hint=URL_HINT)


class Versioned(NamedTuple, Generic[T]):
    """Content of a server with its version.

    :param etag: the server's name of the version; empty if it gives none.
    """

    content: T
    etag: str


def etag_of(text: object) -> str:
    """Return an ETag unchanged; empty for anything that a header must not carry (RFC 9110, 8.8.3)."""
    return text if isinstance(text, str) and _ETAG.fullmatch(text) else ""


def json_of(response: Response) -> Json:
    """Return the parsed body, which must be JSON in UTF-8 (RFC 8259).

    If a key occurs twice, the last one counts. NaN, half surrogate pairs and numbers that no float can hold are errors.

    :raises BadAnswer: the body is not such JSON.
    """
    return _decoded(response, response.body.removeprefix(_BOM))


def items_of(response: Response, on_bad: Callable[[BadAnswer], None] | None = None) -> Iterator[Json]:
    """Yield the items of a body that must be a JSON list, parsed one at a time, so that a large list fits in memory.

    :param on_bad: is called with the error of each item that cannot be read, and if there is another page; if the name
        of an item can be read, that is yielded.
    :raises BadAnswer: the body is no list, or an item is not JSON as in :func:`json_of` and ``on_bad`` is None.
    """
    body = response.body.removeprefix(_BOM)
    try:
        items: Sequence[msgspec.Raw | bytes] = msgspec.json.decode(body, type=list[msgspec.Raw])
    except RecursionError:
        raise response.bad("expected JSON, got too many nested levels") from None
    except msgspec.ValidationError:
        raise response.bad("expected a JSON list") from None
    except ValueError:
        # the standard library reads NaN and infinity, so that only the items that hold one are lost
        lenient = None if on_bad is None else _lenient(body)
        if not isinstance(lenient, list):
            raise response.bad("expected JSON") from None
        items = [json.dumps(item).encode() for item in lenient]
    if on_bad and response.has_next_page:
        on_bad(response.bad("the list goes on on another page, which dlsync does not read"))
    for place, item in enumerate(items, 1):
        try:
            yield _decoded(response, item, f" in item {place}")
        except BadAnswer as error:
            if on_bad is None:
                raise
            value = _lenient(bytes(item))
            fields = [(key, value.get(key)) for key in ("name", "plugin")] if isinstance(value, dict) else []
            names: Json = {key: name for key, name in fields if isinstance(name, str) and name.isprintable()}
            if names:
                yield names
            else:
                on_bad(error)


def _lenient(text: bytes) -> Any:
    """Parse what the standard library accepts as JSON; return None for anything else."""
    with suppress(ValueError, RecursionError):
        return json.loads(text)
    return None


def _decoded(response: Response, text: msgspec.Raw | bytes, where: str = "") -> Json:
    """Parse JSON, and refuse what is nested deeper than recursive code can follow."""
    problem = f"expected JSON{where}, got too many nested levels"
    try:
        value: Json = msgspec.json.decode(text)
        level = [value]
        for _ in range(DEEPEST):
            collections = [node for node in level if isinstance(node, dict | list)]
            level = [child for node in collections for child in (node.values() if isinstance(node, dict) else node)]
            if not level:
                return value
    except RecursionError:
        pass
    except ValueError:
        problem = f"expected JSON{where}"
    raise response.bad(problem) from None


def error_of(method: str, response: Response) -> ApiError | AttemptError | None:
    """Return the error that a response means: an :class:`AttemptError` if a retry may help, None for a 2xx of the API.

    503 is not "throttled": it means that one of perhaps several servers fails, which must not slow down all requests.
    """
    if HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES:
        return response.bad("expected an answer of the API, got a web page") if response.is_html else None
    status, request = response.status, response.request
    reason = f"{status}: {said}" if (said := words(response)) else str(status)
    if status in _RETRYABLE:
        cause, hint = _RETRYABLE[status]
        after = response.headers.get("retry-after", "")
        message = f"the server answered {reason}"
        return AttemptError(message, cause, error=ServerFault, status=status, retry_after=after, hint=hint)
    if status == HTTPStatus.NOT_MODIFIED:
        return NotModified(f"{request}: it is still the version that was known", request=request, status=status)
    if status < HTTPStatus.BAD_REQUEST:
        return _redirect(response)
    if status in _MEANINGS:
        error, problem, hint = _MEANINGS[status]
    elif method == "POST" and status in _TAKEN:
        problem = "the server did not create it" + ("" if said else "; its name may be taken")
        error, hint = AlreadyExists, ""
    elif status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        error, problem, hint = ServerFault, "the server failed", _LOG_HINT
    else:
        error, problem, hint = Rejected, "the server refuses this", ""
    return error(f"{request}: {problem} ({reason})", request=request, status=status, hint=hint)


def words(response: Response) -> str:
    """Return the message of the server, from the fields of errors of a JSON body, or else the beginning of the body."""
    texts = dict.fromkeys(text for text in _error_texts(_lenient(response.body)) if text.strip())
    # other fields of a JSON body may hold the keys of agents
    is_silent = response.is_html or response.body.lstrip()[:1] in {b"{", b"["} or response.body.strip() == b"null"
    return response.quote(": ".join(texts) or (b"" if is_silent else response.body))


def _error_texts(value: Json, depth: int = 0) -> Iterator[str]:
    """Yield the texts in the fields of errors, such as those of RFC 9457."""
    if isinstance(value, str):
        yield value
    elif depth < _DEEPEST_ERROR:
        fields = value if isinstance(value, dict) else {}
        inner = value if isinstance(value, list) else [fields[name] for name in _ERROR_FIELDS if name in fields]
        for one in inner:
            yield from _error_texts(one, depth + 1)


def _redirect(response: Response) -> ApiError:
    try:
        parts = urlsplit(response.headers.get("location", ""))
    except ValueError:
        parts = urlsplit("")
    # user, password and query may be secrets, such as a login page's token
    target = response.quote(urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", "")))
    message = (
        f"{response.request}: the server answered {response.status} and points to {target or 'nowhere'}; redirects are "
        "not followed"
    )
    path = response.request.partition(" ")[2].partition("?")[0]
    base = target.removesuffix("/").removesuffix(path)
    moved = base != target.removesuffix("/") and "://" in base
    hint = f"Set `url` to {base}." if moved else f"Where it points to is not the API. {URL_HINT}"
    return BadAnswer(message, request=response.request, status=response.status, hint=hint)
