"""What an operation is: a method, a path, and a function from a call to an answer."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.responses import Response

from dlsync.server.limits import LIMITS, Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.datastructures import Headers, QueryParams

    from dlsync.server.store import Row, Store

DEFAULT_KEY = "changeme"  # what the API's documentation has in its examples
ORG = "/orgs/{org}"
ACCOUNT = f"{ORG}/accounts/{{account}}"


class Fault(HTTPException):
    """A request that is refused. What the client sent stays apart until the key is taken out of it."""

    def __init__(self, status: int, reason: str, *values: object) -> None:
        super().__init__(status, reason)
        self.reason, self.values = reason, values


def fault(status: int, reason: str, *values: object) -> Fault:
    """Return the exception that answers ``status`` with ``{"error": reason}``.

    :param reason: each ``{}`` in it stands for one of the values, which come from the client.
    """
    return Fault(status, reason, *values)


def query_value(query: QueryParams, name: str) -> str | None:
    """Return the value of a query parameter, or None.

    The documentation's Python example sends a parameter twice with one value, so that is allowed.

    :raises HTTPException: 422 for a parameter with several values.
    """
    values = set(query.getlist(name))
    if len(values) > 1:
        raise fault(422, f"{name}: expected once, not with {len(values)} values")
    return values.pop() if values else None


def json_text(value: object) -> str:
    """Return compact JSON.

    :raises ValueError: for a number that JSON does not have, or half a surrogate pair.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    text.encode()
    return text


def answer(value: object, status: int = 200) -> Response:
    """Return a value as JSON."""
    return Response(json_text(value), status, media_type="application/json")


def timestamp(moment: datetime) -> str:
    """Return a time as the documentation writes it: ``2016-07-06T10:47:46.951Z``."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def etag_of(body: bytes) -> str:
    """Return the strong ETag of a body (RFC 9110, 8.8.3)."""
    return f'"{blake2b(body, digest_size=16).hexdigest()}"'


def no_content() -> Response:
    """Return what a delete answers."""
    return Response(status_code=204)


@dataclass(frozen=True, slots=True)
class Settings:
    """How a server behaves.

    :param documented_only: answer as a server that has only the documented operations.
    :param post_before_put: a PUT of a rule that was not POSTed first answers 404, as some servers do.
    :param decorate: add fields of the server's own to dashboards and rules, as some servers do.
    :param limits: what a client may ask of it.
    :param demo: fill the account with agents that measure something.
    :param loopback_host: the name or address that the server listens on, if it is this machine's own. Then requests
        with another ``Host`` are refused, which a web page sends by DNS rebinding.
    :param now: the clock.
    """

    org: str = "acme"
    account: str = "default"
    api_key: str = field(default=DEFAULT_KEY, repr=False)
    documented_only: bool = False
    post_before_put: bool = False
    decorate: bool = False
    limits: Limits = LIMITS
    demo: bool = False
    loopback_host: str = ""
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Call:
    """One request, read and located.

    :param query: what follows the path's question mark, decoded.
    :param names: the names in the path, decoded, without the organisation's and the account's.
    :param org: id of the organisation in the path, empty where there is none; ``account`` likewise.
    """

    store: Store
    settings: Settings
    headers: Headers
    query: QueryParams
    names: Mapping[str, str]
    body: bytes = b""
    org: str = ""
    account: str = ""

    @property
    def name(self) -> str:
        """The name at the end of the path."""
        return self.names["name"]

    def rows(self, sql: str, *values: Any) -> list[Row]:
        """Return the rows of a query whose first parameter is the account."""
        return self.store.rows(sql, self.account, *values)

    def row(self, missing: Fault, sql: str, *values: Any) -> Row:
        """Return the one row of a query whose first parameter is the account; ``missing`` is raised without one."""
        row = self.store.row(sql, self.account, *values)
        if row is None:
            raise missing
        return row

    def delete(self, missing: Fault, sql: str, *values: Any) -> Response:
        """Run a DELETE whose first parameter is the account and answer 204; ``missing`` is raised if it met nothing."""
        if not self.store.write(sql, self.account, *values):
            raise missing
        return no_content()

    def timestamp(self) -> str:
        """Return the time as the documentation writes it."""
        return timestamp(self.settings.now())


@dataclass(frozen=True, slots=True)
class Operation:
    """A row of the routes table.

    :param path: from the base on; its names are in braces.
    :param documented: False for what only was observed, which ``documented_only`` turns off.
    """

    method: str
    path: str
    handle: Callable[[Call], Response]
    documented: bool = True
