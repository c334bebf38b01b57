"""Answer requests that fail, and log bugs: bounded in length, and without the key."""

import json
import logging
import traceback
from asyncio import CancelledError

from starlette.responses import Response

from dlsync.server.database import DatabaseError, ErrorCode
from dlsync.server.keys import FORM
from dlsync.server.operation import Refusal, answer
from dlsync.server.prometheus import MetricsError

SHOWN = 200  # characters of a value, which may be as long as a body
LOG = logging.getLogger("dlsync.server")
_LOCKED = 503, "another process has locked the server's database; nothing was changed, send the request again"
_CONTENDED = 503, "other requests changed the same at the same time; nothing was changed, send the request again"
_GONE = 503, "the server cannot reach its database; nothing was changed, send the request again"
_UNCONFIRMED = 502, "the database did not confirm the change, which may be stored or not; look before you send it again"
_TOO_LONG = 422, "a name or id is longer than the server's database can find"
_FULL = 507, "the disk that holds the server's database is full; nothing was changed, free space and send it again"
_READ_ONLY = 503, "the server may only read its database at present; nothing was changed, send the request again later"
_DAMAGED = 500, "the server's database is damaged; restore it from a backup or with the command `sqlite3 FILE .recover`"
_UNUSABLE = 500, "the server cannot use its database; its log on stderr says why"
_DATABASE_FAULTS = {
    ErrorCode.LOCKED: _LOCKED,
    ErrorCode.CONTENDED: _CONTENDED,
    ErrorCode.GONE: _GONE,
    ErrorCode.UNCONFIRMED: _UNCONFIRMED,
    ErrorCode.TOO_LONG: _TOO_LONG,
    ErrorCode.FULL: _FULL,
    ErrorCode.READ_ONLY: _READ_ONLY,
    ErrorCode.DAMAGED: _DAMAGED,
    ErrorCode.FOREIGN: _DAMAGED,  # the start of the server has checked it
    ErrorCode.UNUSABLE: _UNUSABLE,
}


def error_response(key: str, error: Exception | CancelledError) -> Response:
    """Return the response to an exception, JSON with its reason; log bugs.

    :param key: the API key, which a client may have put into any value.
    """
    if isinstance(error, DatabaseError):
        LOG.error("the database: %s", error)
        error = Refusal(*_DATABASE_FAULTS[error.code])
    if isinstance(error, CancelledError):
        error = Refusal(503, "the server stops; nothing was changed")
    if isinstance(error, MetricsError):
        error = Refusal(error.status, error.reason, *error.values)
    if not isinstance(error, Refusal):
        # not exc_info, since the exception may quote the key
        LOG.error("a request failed inside the server\n%s", masked("".join(traceback.format_exception(error)), key))
        return answer({"error": "the server failed; its log on stderr says why"}, 500)
    response = answer(
        {"error": error.reason.format(*(_shown(value, key) for value in error.values))}, error.status_code
    )
    if error.status_code == 503:  # noqa: PLR2004 -- Service Unavailable
        response.headers["retry-after"] = "1"
    if error.status_code == 401:  # noqa: PLR2004 -- Unauthorized
        response.headers["www-authenticate"] = "Bearer"
    return response


def masked(text: str, key: str) -> str:
    """Replace the key in a text, also as Python or JSON quote it, and everything that looks like a key."""
    quoted = {key, repr(key)[1:-1], json.dumps(key)[1:-1], repr(key.encode())[2:-1]}
    quoted |= {form.replace("'", "\\'") for form in quoted}  # in a text with both quotes
    for form in sorted(quoted, key=len, reverse=True):
        text = text.replace(form, "***")
    return FORM.sub("***", text)


def _shown(value: object, key: str) -> str:
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    text = masked(str(value), key)  # before the cut, which could leave half of the key
    text = text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
    return repr(text) if isinstance(value, str) else text
