"""The Starlette application: the routes table, and the gate that checks host and key."""

from __future__ import annotations

import asyncio
import hmac
import sqlite3
from collections import defaultdict
from functools import partial
from hashlib import blake2b
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes, urlsplit

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from dlsync.server import accounts, agents, bodies, dashboards, links, metrics, plugins, rules, tags
from dlsync.server import annotations as annotation_streams
from dlsync.server.demo.filling import fill
from dlsync.server.operation import Call, Operation, Settings, answer, etag_of, fault
from dlsync.server.refusals import Refusals
from dlsync.server.store import is_locked

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from starlette.types import ASGIApp, Receive, Scope, Send

    from dlsync.server.store import Store

BASE = "/api/v1"
LOCK_PAUSE = 0.02  # s, between two attempts to write to a database that another process has locked
FAMILIES = (accounts, agents, annotation_streams, dashboards, links, metrics, plugins, rules, tags)


def create_app(store: Store, settings: Settings | None = None) -> ASGIApp:
    """Return the server as an ASGI application.

    The organisation and the account of the settings are there from the start; with ``demo``, its agents too.
    """
    settings = settings or Settings()
    with store.transaction():
        org = store.add_org(settings.org)
        store.add_account(org, settings.account)
        if settings.demo:
            fill(store, store.account_id(org, settings.account), settings.now())
    store.stop_waiting_for_locks()
    app = Starlette(
        routes=[
            Route(BASE + path, endpoint, methods=list(endpoint.operations))
            for path, endpoint in _endpoints(store, settings)
        ],
        exception_handlers={HTTPException: partial(_unrouted, Refusals(settings.api_key))},
    )
    app.router.redirect_slashes = False  # an unknown path is unknown, whatever it would be with a slash
    return Gate(app, settings)


def _endpoints(store: Store, settings: Settings) -> Iterable[tuple[str, Endpoint]]:
    paths: dict[str, dict[str, Operation]] = defaultdict(dict)
    for family in FAMILIES:
        for operation in family.OPERATIONS:
            if operation.documented or not settings.documented_only:
                paths[operation.path][operation.method] = operation
    return [(path, Endpoint(operations, store, settings)) for path, operations in paths.items()]


async def _unrouted(refusals: Refusals, request: Request, error: Exception) -> Response:
    """Answer what Starlette's router found no endpoint for: 404, or 405 with the methods that the path takes.

    A coroutine, though it waits for nothing: Starlette would run a plain function in a thread.
    """
    headers = getattr(error, "headers", None)
    if headers is None:
        return refusals.answer(fault(404, "no operation has this path"))
    allowed = ", ".join(sorted(headers["Allow"].split(", ")))  # a set's order, made the same each time
    response = refusals.answer(fault(405, f"this path does not take {{}}; it takes {allowed}", request.method))
    response.headers["allow"] = allowed
    return response


class Gate:
    """Admit requests for this host that have the key, with the path as it was sent: ``a%2Fb`` stays one segment."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._digest = _digest(settings.api_key.encode())
        self._loopback_host = settings.loopback_host.lower()
        self._refusals = Refusals(settings.api_key)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 421 or 401, or pass the request on without the slash at the path's end."""
        headers = dict(scope["headers"])
        refusal = self._foreign_host(headers.get(b"host", b"")) or self._wrong_key(headers.get(b"authorization", b""))
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        path = scope["raw_path"].decode("ascii").removesuffix("/")
        await self._app({**scope, "path": path or "/"}, receive, send)

    def _foreign_host(self, header: bytes) -> Response | None:
        host = _host_name(header.decode("latin-1"))
        if not self._loopback_host or not header or host == self._loopback_host or is_loopback(host):
            return None
        reason = f"this server answers requests for {self._loopback_host} only, not for {{}}; see dlsync serve --host"
        return self._refusals.answer(fault(421, reason, host))

    def _wrong_key(self, authorization: bytes) -> Response | None:
        scheme, _, key = authorization.partition(b" ")
        if hmac.compare_digest(_digest(key.strip()), self._digest) and scheme.lower() == b"bearer":
            return None
        refusal = answer({"error": "the API key is missing or wrong; expected: Authorization: Bearer <key>"}, 401)
        refusal.headers["www-authenticate"] = "Bearer"
        return refusal


def _host_name(header: str) -> str:
    try:
        return urlsplit(f"//{header}").hostname or header
    except ValueError:
        return header


def is_loopback(host: str) -> bool:
    """Whether a host name or address can only mean this machine, whatever a name server says."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _digest(key: bytes) -> bytes:
    return blake2b(key).digest()  # of one length for all keys, so that the time to compare two does not tell theirs


class Endpoint:
    """All the operations of one path, as an ASGI application."""

    def __init__(self, operations: Mapping[str, Operation], store: Store, settings: Settings) -> None:
        self.operations = operations
        self._store = store
        self._settings = settings
        self._refusals = Refusals(settings.api_key)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body, perform the operation, send the answer."""
        request = Request(scope, receive)
        method = "GET" if request.method == "HEAD" else request.method
        try:
            body = b"" if method == "GET" else await bodies.read(request, self._settings.limits)
            response = await self._perform_unlocked(self.operations[method], request, body)
        except ClientDisconnect:
            return
        except asyncio.CancelledError:
            response = self._refusals.answer(fault(503, "the server stops; nothing was changed"))
        except Exception as error:  # noqa: BLE001 -- the one boundary: it logs what is not expected
            response = self._refusals.answer(error)
        await response(scope, receive, send)

    async def _perform_unlocked(self, operation: Operation, request: Request, body: bytes) -> Response:
        """Perform the operation, again and again while another process has locked the database."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._settings.limits.lock_seconds
        while True:
            try:
                return self._perform(operation, request, body)
            except sqlite3.OperationalError as error:
                if not is_locked(error) or loop.time() >= deadline:
                    raise
            await asyncio.sleep(LOCK_PAUSE)

    def _perform(self, operation: Operation, request: Request, body: bytes) -> Response:
        # From here to the answer nothing awaits: SQLite is local, and a call of some µs needs no other thread.
        if operation.method == "GET":
            return with_etag(operation.handle(self._locate(request, body)), request.headers.get("if-none-match", ""))
        with self._store.transaction():
            return operation.handle(self._locate(request, body))

    def _locate(self, request: Request, body: bytes) -> Call:
        names = {key: decoded(value) for key, value in request.path_params.items()}
        org, account = names.pop("org", None), names.pop("account", None)
        org_id = "" if org is None else self._org_id(org)
        account_id = "" if org is None or account is None else self._account_id(org_id, org, account)
        return Call(self._store, self._settings, request.headers, request.query_params, names, body, org_id, account_id)

    def _org_id(self, org: str) -> str:
        row = self._store.row("SELECT id FROM orgs WHERE name = ?", org)
        if row is None:
            raise fault(404, "no organisation is called {}", org)
        return str(row["id"])

    def _account_id(self, org_id: str, org: str, account: str) -> str:
        found = self._store.account_id(org_id, account)
        if not found:
            raise fault(404, "no account of organisation {} is called {}", org, account)
        return found


def decoded(segment: str) -> str:
    """Return the name that a path's segment stands for."""
    try:
        return unquote_to_bytes(segment).decode()
    except UnicodeDecodeError as error:
        raise fault(400, "a segment of the path is not UTF-8 once it is percent-decoded") from error


def with_etag(response: Response, known: str) -> Response:
    """Add a strong ETag of the body; answer 304 where the client knows it already (RFC 9110, 13.1.2)."""
    etag = etag_of(bytes(response.body))
    response.headers["etag"] = etag
    if known.strip() == "*" or etag in (tag.strip().removeprefix("W/") for tag in known.split(",")):
        headers = {name: response.headers[name] for name in ("etag", "vary") if name in response.headers}
        return Response(status_code=304, headers=headers)
    return response
