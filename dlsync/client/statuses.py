"""What each status other than 2xx means, as errors; the only place that knows the codes."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from dlsync.client.answers import URL_HINT
from dlsync.client.retry import Fault
from dlsync.errors import AlreadyExists, ApiError, BadAnswer, NotFound, NotModified, Rejected, ServerFault, Unauthorised

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlsync.client.answers import Answer
    from dlsync.client.retry import Cause

METHOD_NOT_ALLOWED = HTTPStatus.METHOD_NOT_ALLOWED
UNPROCESSABLE = HTTPStatus.UNPROCESSABLE_ENTITY
_TRANSIENT = frozenset({429, 502, 503, 504})
_LOST_BEHIND_A_GATEWAY = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT})
_TAKEN = frozenset({HTTPStatus.CONFLICT, UNPROCESSABLE})
_KEY_HINT = "Check the key in DLSYNC_API_KEY or --api-key-file, and that its user may use this account."


def is_success(status: int) -> bool:
    """Tell whether a status is 2xx."""
    return HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES


def is_throttled(status: int) -> bool:
    """Tell whether a status says that requests come too fast.

    503 does not: it says that the server is ill. Behind a balancer that may be one of several, and must not slow down
    what the others do; so each request waits for its ``Retry-After`` by itself.
    """
    return status == HTTPStatus.TOO_MANY_REQUESTS


def failure(method: str, answer: Answer, headers: Mapping[str, str]) -> ApiError | Fault:
    """Return the error that an answer of any other status stands for; a :class:`Fault` where it may pass."""
    if answer.status in _TRANSIENT:
        return _transient(answer, headers.get("retry-after", ""))
    if answer.status == HTTPStatus.NOT_MODIFIED:
        words = f"{answer.request}: it is still the version that was known"
        return NotModified(words, request=answer.request, status=answer.status)
    if answer.status < HTTPStatus.BAD_REQUEST:
        return _redirect(answer, headers.get("location", ""))
    error, problem, hint = _meaning(method, answer.status)
    said = reason(answer)
    message = f"{answer.request}: {problem} ({answer.status}{': ' if said else ''}{said})"
    return error(message, request=answer.request, status=answer.status, hint=hint)


def _transient(answer: Answer, after: str) -> Fault:
    said = reason(answer)
    hint = "Try again later; the server is overloaded or restarting."
    cause: Cause = "broken" if answer.status in _LOST_BEHIND_A_GATEWAY else "status"
    if is_throttled(answer.status):
        hint = "Set `requests_per_second` or a lower `concurrency`, or try again later."
        cause = "throttled"
    words = f"the server answered {answer.status}{': ' if said else ''}{said}"
    return Fault(cause, words, request=answer.request, status=answer.status, after=after, hint=hint)


def _redirect(answer: Answer, location: str) -> ApiError:
    target = answer.quote(_without_secrets(location)) or "nowhere"
    message = (
        f"{answer.request}: the server answered {answer.status} and points to {target}; redirects are not followed"
    )
    return BadAnswer(message, request=answer.request, status=answer.status, hint=f"Set `url` to its target. {URL_HINT}")


def _without_secrets(location: str) -> str:
    """Return a redirect's target without what may be a password or a login page's token."""
    try:
        parts = urlsplit(location)
    except ValueError:
        return ""
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _meaning(method: str, status: int) -> tuple[type[ApiError], str, str]:
    if status == HTTPStatus.UNAUTHORIZED:
        return Unauthorised, "the server does not accept the API key", _KEY_HINT
    if status == HTTPStatus.FORBIDDEN:
        return Unauthorised, "the API key is not allowed to do this", _KEY_HINT
    if status == HTTPStatus.NOT_FOUND:
        return NotFound, "not found", ""
    if method == "POST" and status in _TAKEN:
        return AlreadyExists, "the server does not create this, as where the name is taken", ""
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return ServerFault, "the server failed", "Its own log says why; dlsync can be run again."
    return Rejected, "the server refuses this", ""


def reason(answer: Answer) -> str:
    """Return the server's own words, from ``error`` or ``message`` of a JSON body; empty where there are none."""
    try:
        body = json.loads(answer.body)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(body, dict):
        return ""
    return next((answer.quote(body[name]) for name in ("error", "message") if isinstance(body.get(name), str)), "")
