"""An operation of the API: a method, a path, and a function from a call to a response."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from typing import TypeVar

from starlette.datastructures import Headers, QueryParams
from starlette.exceptions import HTTPException
from starlette.responses import Response

from dlsync.server.keys import Key, Role
from dlsync.server.prometheus import Prometheus, Source, Target
from dlsync.server.store import Row, Store
from dlsync.server.tls import Certificate

DEFAULT_KEY = "changeme"  # the key in the examples of the API's documentation
ORG = "/orgs/{org}"
ACCOUNT = f"{ORG}/accounts/{{account}}"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits on what the server reads from a client and how long it waits.

    :param body_bytes: size of a body; the answer to a longer one is 413.
    :param body_seconds: time for a body to arrive; the answer to a slower one is 408.
    :param head_bytes: size of a request line and headers that arrive in pieces; the answer to longer ones is 400.
    :param idle_seconds: time between two requests of a connection, longer than the pools of clients keep one open.
    :param connections: number of open connections; with more, the answer to requests is 503.
    :param lock_seconds: time to wait for another process that locks the database; the answer is then 503.
    :param resources: number of an account's dashboards and rules together, and of its plugins, links, agents,
        annotations and annotation streams each; the answer to one more is 507.
    :param accounts: number of accounts of an organisation; the answer to one more is 507.
    """

    body_bytes: int = 16 * 1024 * 1024
    body_seconds: float = 60
    head_bytes: int = 32 * 1024
    idle_seconds: int = 75
    connections: int = 500
    lock_seconds: float = 5
    resources: int = 100_000
    accounts: int = 10_000


@dataclass(frozen=True, slots=True)
class Settings:
    """How a server behaves.

    :param api_key: the key that may do everything, in addition to the keys in the database. Without a loopback host, it
        must not be ``changeme``.
    :param documented_only: offer only the documented operations.
    :param post_before_put: answer 404 to a PUT of a new rule, which needs a POST first, as some servers do.
    :param decorate: add server fields to dashboards and rules, as some servers do.
    :param demo: fill the account with a bookshop's agents, metrics and series, unless it has agents already.
    :param loopback_host: the name or address of a server that listens on a loopback address, which then refuses other
        values of ``Host``: a web page can send them by DNS rebinding.
    :param metrics: the source of the account's measurements, in addition to the demo.
    :param certificate: makes the server speak HTTPS.
    :param access_log: the file of the access log; ``-`` for stderr, empty for none.
    :param now: the clock.
    """

    org: str = "acme"
    account: str = "default"
    api_key: str = field(default=DEFAULT_KEY, repr=False)
    documented_only: bool = False
    post_before_put: bool = False
    decorate: bool = False
    limits: Limits = Limits()
    demo: bool = False
    loopback_host: str = ""
    metrics: Source | None = None
    certificate: Certificate | None = None
    access_log: str = ""
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Call:
    """A request that was read.

    :param key: the name, role and accounts of its key.
    :param name: the decoded name in the path, empty if the path has none; ``id`` likewise.
    :param org: the id of the organisation in the path, empty if the path has none; ``account`` likewise.
    :param measurements: of the account, for an operation that is ``measured``.
    :param allowances: the number of rows to insert before the next count, by table and account.
    """

    store: Store
    settings: Settings
    key: Key
    headers: Headers
    query: QueryParams
    body: bytes
    org: str
    account: str
    name: str
    id: str
    measurements: Prometheus | None = None
    allowances: dict[tuple[str, ...], int] = field(default_factory=dict)

    @property
    def targets(self) -> Mapping[str, Target]:
        """The agents of the metrics server, by id."""
        return self.measurements.known if self.measurements else {}

    def require_targets(self, row: object) -> None:
        """Raise the error of the metrics server if a missing row may be one of its agents, and it has sent none."""
        if not row and not self.targets and self.measurements and self.measurements.failure:
            raise self.measurements.failure


Deferred = Callable[[], Awaitable[Response]]  # a response that must not be built in a transaction
Handler = Callable[[Call], Awaitable[Response | Deferred]]


@dataclass(frozen=True, slots=True)
class Operation:
    """A row of the routes table.

    :param documented: False for an observed operation, which ``documented_only`` turns off.
    :param measured: whether it needs the agents of the metrics server.
    :param role: the lowest role of keys that allow it.
    :param audited: whether the audit log records it.
    """

    method: str
    path: str
    handle: Handler
    documented: bool
    measured: bool
    role: Role
    audited: bool


def operation(
    method: str,
    path: str,
    *,
    documented: bool = True,
    measured: bool = False,
    role: Role | None = None,
    audited: bool = True,
) -> Callable[[Handler], Operation]:
    """Make a function the operation of a method and a path.

    :param role: None is ``read`` for a GET, else ``write``.
    :param audited: False for the frequent requests of agents; a GET is never audited.
    """
    needed: Role = role or ("read" if method == "GET" else "write")
    audited = audited and method != "GET"
    return lambda handle: Operation(method, path, handle, documented, measured, needed, audited)


class Refusal(HTTPException):
    """An error whose response is ``{"error": reason}``.

    :param reason: has a ``{}`` for each of the values, which come from the client and may hold the key.
    """

    def __init__(self, status: int, reason: str, *values: object) -> None:
        super().__init__(status, reason)
        self.reason, self.values = reason, values


def require(row: T | None, reason: str, *values: object) -> T:
    """Return the row, or raise 404 with the reason if there is none."""
    if not row:
        raise Refusal(404, reason, *values)
    return row


async def row_by_name(call: Call, table: str, **where: str) -> Row | None:
    """Return the row with the name in the path, or else with that id; only the name is documented."""
    row = await call.store.row(table, account=call.account, name=call.name, **where)
    if row is None and not call.settings.documented_only:
        row = await call.store.row(table, account=call.account, id=call.name, **where)
    return row


def query_value(query: QueryParams, name: str) -> str | None:
    """Return the value of a query parameter, or None; raise 422 for several values."""
    values = set(query.getlist(name))  # the Python example of the documentation sends a value twice
    if len(values) > 1:
        raise Refusal(422, f"{name}: expected once, not with {len(values)} values")
    return values.pop() if values else None


def json_text(value: object) -> str:
    """Return compact JSON.

    :raises ValueError: the value holds a number that JSON lacks, or half a surrogate pair.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    text.encode()
    return text


def answer(value: object, status: int = 200) -> Response:
    """Return a value as JSON."""
    return Response(json_text(value), status, media_type="application/json")


def no_content() -> Response:
    """Return the response to a DELETE."""
    return Response(status_code=204)


def etag_of(body: bytes) -> str:
    """Return the strong ETag of a body (RFC 9110, 8.8.3)."""
    return f'"{blake2b(body, digest_size=16).hexdigest()}"'


def hashed_id(*parts: str) -> str:
    """Return an id like those in the documentation, the same for the same parts."""
    return blake2b("\0".join(parts).encode(), digest_size=12).hexdigest()
