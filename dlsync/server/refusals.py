"""Answers to requests that fail, and what the log says of them: bounded in length, and never with the key."""

from __future__ import annotations

import json
import logging
import sqlite3
import traceback
from http import HTTPStatus
from typing import TYPE_CHECKING

from dlsync.server.operation import Fault, answer, fault

if TYPE_CHECKING:
    from starlette.responses import Response

HIDDEN = "***"
SHOWN = 200  # characters of a value: what is refused may be as long as a body
RETRY_AFTER = 1  # s
LOG = logging.getLogger("dlsync.server")
_LOCKED = 503, "another process has locked the server's database; nothing was changed, send the request again"
_FULL = 507, "the disk that holds the server's database is full; nothing was changed, free space and send it again"
_DAMAGED = 500, "the server's database is damaged; restore it from a backup or with the command `sqlite3 FILE .recover`"
_UNUSABLE = 500, "the server cannot use its database file; its log on stderr says why"
_DATABASE_FAULTS = {  # https://sqlite.org/rescode.html, the extended code before the primary one
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_IOERR_WRITE: _FULL,  # a quota, among others
    sqlite3.SQLITE_IOERR_SHMSIZE: _FULL,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_IOERR: _UNUSABLE,
    sqlite3.SQLITE_READONLY: _UNUSABLE,
    sqlite3.SQLITE_CANTOPEN: _UNUSABLE,
}


class Refusals:
    """Turns exceptions into answers.

    :param key: the API key, which a client may have put anywhere, be it as a name.
    """

    def __init__(self, key: str) -> None:
        quoted = {key, repr(key)[1:-1], json.dumps(key)[1:-1], repr(key.encode())[2:-1]}
        quoted |= {form.replace("'", "\\'") for form in quoted}  # as it is where the text around it has the other quote
        self._forms = sorted(quoted, key=len, reverse=True)

    def answer(self, error: Exception) -> Response:
        """Return any exception as JSON with a reason; one that is neither a Fault nor the database's is a bug."""
        if isinstance(error, sqlite3.Error) and (database_fault := _database_fault(error)):
            LOG.error("the database: %s", error)
            error = database_fault
        if isinstance(error, Fault):
            response = answer({"error": error.reason.format(*map(self._shown, error.values))}, error.status_code)
            if error.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
                response.headers["retry-after"] = str(RETRY_AFTER)
            return response
        # not exc_info: the exception may say what it stumbled over
        LOG.error("a request failed inside the server\n%s", self._masked("".join(traceback.format_exception(error))))
        return answer({"error": "the server failed; its log on stderr says why"}, 500)

    def _shown(self, value: object) -> str:
        if isinstance(value, str):  # the key goes before the cut, which might leave half of it
            return repr(_cut(self._masked(value)))
        if isinstance(value, list | dict):
            return "a list" if isinstance(value, list) else "an object"
        return _cut(self._masked(str(value)))

    def _masked(self, text: str) -> str:
        for form in self._forms:
            text = text.replace(form, HIDDEN)
        return text


def _database_fault(error: sqlite3.Error) -> Fault | None:
    code = getattr(error, "sqlite_errorcode", None)  # Python's own errors have none
    if code is None:
        return None
    status_and_reason = _DATABASE_FAULTS.get(code) or _DATABASE_FAULTS.get(code & 0xFF)
    return status_and_reason and fault(*status_and_reason)


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
