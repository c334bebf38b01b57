"""Translate each status other than 2xx into an error; the only module that knows the codes."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from dlsync.client.response import URL_HINT
from dlsync.client.retry import AttemptError
from dlsync.errors import (
    AlreadyExists,
    ApiError,
    BadAnswer,
    NotFound,
    NotModified,
    Rejected,
    ServerFault,
    Unauthorised,
    Unreachable,
)

if TYPE_CHECKING:
    from dlsync.client.response import Response
    from dlsync.client.retry import Cause

METHOD_NOT_ALLOWED = HTTPStatus.METHOD_NOT_ALLOWED
UNPROCESSABLE = HTTPStatus.UNPROCESSABLE_ENTITY
_TAKEN = frozenset({HTTPStatus.CONFLICT, UNPROCESSABLE})
_KEY_HINT = "Check the key in DLSYNC_API_KEY or --api-key-file, and that its user may use this account."
_PROXY_HINT = (
    "Write them into the variable that names the proxy: HTTP_PROXY=http://user:password@proxy.example.com:3128."
)
_LOG_HINT = "The server's own log says why; run dlsync again once that is mended."
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
}
_MEANINGS: dict[int, tuple[type[ApiError], str, str]] = {
    HTTPStatus.UNAUTHORIZED: (Unauthorised, "the server does not accept the API key", _KEY_HINT),
    HTTPStatus.FORBIDDEN: (Unauthorised, "the API key is not allowed to do this", _KEY_HINT),
    HTTPStatus.NOT_FOUND: (NotFound, "not found", ""),
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED: (Unreachable, "the proxy asks for a user and a password", _PROXY_HINT),
}


def error_of(method: str, response: Response) -> ApiError | AttemptError | None:
    """Return the error that a response is: an :class:`AttemptError` where it may pass, None for a 2xx of the API.

    503 is not "throttled": it says that one server is ill, perhaps of several, and must not slow down requests to all.
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
        error, problem, hint = AlreadyExists, "the server does not create this, as where the name is taken", ""
    elif status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        error, problem, hint = ServerFault, "the server failed", _LOG_HINT
    else:
        error, problem, hint = Rejected, "the server refuses this", ""
    return error(f"{request}: {problem} ({reason})", request=request, status=status, hint=hint)


def words(response: Response) -> str:
    """Return the server's own words, from ``error`` or ``message`` of a JSON body; empty where there are none."""
    try:
        body = json.loads(response.body)
    except (ValueError, RecursionError):
        return ""
    fields = body if isinstance(body, dict) else {}
    return next(
        (response.quote(fields[name]) for name in ("error", "message") if isinstance(fields.get(name), str)), ""
    )


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
