"""Translate each status other than 2xx into an error; the only module that knows the codes."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from dlsync.client.response import URL_HINT
from dlsync.client.retry import RetryableError
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
_CAUSES: dict[int, Cause] = {
    HTTPStatus.TOO_MANY_REQUESTS: "throttled",
    HTTPStatus.INTERNAL_SERVER_ERROR: "failed",
    HTTPStatus.BAD_GATEWAY: "broken",  # the gateway lost the response of a request that it passed on
    HTTPStatus.SERVICE_UNAVAILABLE: "status",
    HTTPStatus.GATEWAY_TIMEOUT: "broken",
}
_TAKEN = frozenset({HTTPStatus.CONFLICT, UNPROCESSABLE})
_KEY_HINT = "Check the key in DLSYNC_API_KEY or --api-key-file, and that its user may use this account."
_PROXY_HINT = (
    "Write them into the variable that names the proxy: HTTP_PROXY=http://user:password@proxy.example.com:3128."
)
_MEANINGS: dict[int, tuple[type[ApiError], str, str]] = {
    HTTPStatus.UNAUTHORIZED: (Unauthorised, "the server does not accept the API key", _KEY_HINT),
    HTTPStatus.FORBIDDEN: (Unauthorised, "the API key is not allowed to do this", _KEY_HINT),
    HTTPStatus.NOT_FOUND: (NotFound, "not found", ""),
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED: (Unreachable, "the proxy asks for a user and a password", _PROXY_HINT),
}
_RETRY_HINTS: dict[Cause, str] = {
    "throttled": "Set `requests_per_second` or a lower `concurrency`, or try again later.",
    "failed": "The server's own log says why; run dlsync again once that is mended.",
}
_LATER_HINT = "Try again later; the server is overloaded or restarting."


def is_success(status: int) -> bool:
    """Tell whether a status is 2xx."""
    return HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES


def is_throttled(status: int) -> bool:
    """Tell whether a status says that requests come too fast.

    503 does not: it says that one server, perhaps of several behind a balancer, is ill, and must not slow down requests
    to the others. Each request waits for its ``Retry-After`` by itself.
    """
    return status == HTTPStatus.TOO_MANY_REQUESTS


def is_unauthorised(status: int) -> bool:
    """Tell whether a status says that the server knows the path and not the key."""
    return status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}


def error_of(method: str, response: Response) -> ApiError | RetryableError:
    """Return the error that a response other than 2xx stands for; a :class:`RetryableError` where it may pass."""
    if cause := _CAUSES.get(response.status):
        return _retryable(cause, response)
    if response.status == HTTPStatus.NOT_MODIFIED:
        message = f"{response.request}: it is still the version that was known"
        return NotModified(message, request=response.request, status=response.status)
    if response.status < HTTPStatus.BAD_REQUEST:
        return _redirect(response)
    error, problem, hint = _meaning(method, response.status)
    message = f"{response.request}: {problem} ({_with_reason(response)})"
    return error(message, request=response.request, status=response.status, hint=hint)


def _retryable(cause: Cause, response: Response) -> RetryableError:
    return RetryableError(
        cause,
        f"the server answered {_with_reason(response)}",
        request=response.request,
        status=response.status,
        retry_after=response.headers.get("retry-after", ""),
        hint=_RETRY_HINTS.get(cause, _LATER_HINT),
    )


def _with_reason(response: Response) -> str:
    said = reason(response)
    return f"{response.status}: {said}" if said else str(response.status)


def _redirect(response: Response) -> ApiError:
    target = response.quote(_without_secrets(response.headers.get("location", "")))
    message = (
        f"{response.request}: the server answered {response.status} and points to {target or 'nowhere'}; redirects are "
        "not followed"
    )
    path = response.request.partition(" ")[2].partition("?")[0]
    base = target.removesuffix("/").removesuffix(path)
    moved = base != target.removesuffix("/") and "://" in base
    return BadAnswer(
        message,
        request=response.request,
        status=response.status,
        hint=f"Set `url` to {base}." if moved else f"Where it points to is not the API. {URL_HINT}",
    )


def _without_secrets(location: str) -> str:
    """Return a redirect's target without what may be a password or a login page's token."""
    try:
        parts = urlsplit(location)
    except ValueError:
        return ""
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _meaning(method: str, status: int) -> tuple[type[ApiError], str, str]:
    if found := _MEANINGS.get(status):
        return found
    if method == "POST" and status in _TAKEN:
        return AlreadyExists, "the server does not create this, as where the name is taken", ""
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return ServerFault, "the server failed", _RETRY_HINTS["failed"]
    return Rejected, "the server refuses this", ""


def reason(response: Response) -> str:
    """Return the server's own words, from ``error`` or ``message`` of a JSON body; empty where there are none."""
    try:
        body = json.loads(response.body)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(body, dict):
        return ""
    return next((response.quote(body[name]) for name in ("error", "message") if isinstance(body.get(name), str)), "")
