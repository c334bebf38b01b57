"""The Starlette application: the routes table and the key."""

from __future__ import annotations

import hmac
from collections import defaultdict
from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

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

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from starlette.types import ASGIApp, Receive, Scope, Send

    from dlsync.server.store import Store

BASE = "/api/v1"
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
    app = Starlette(
        routes=[
            Route(BASE + path, endpoint, methods=list(endpoint.operations))
            for path, endpoint in _endpoints(store, settings)
        ],
        exception_handlers={HTTPException: partial(_unrouted, Refusals(settings.api_key))},
    )
    app.router.redirect_slashes = False  # an unknown path is unknown, whatever it would be with a slash
    return Gate(app, settings.api_key)


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
    """Lets in whoever has the key, and hands on the path as it was sent, so that ``a%2Fb`` stays one segment."""

    def __init__(self, app: ASGIApp, api_key: str) -> None:
        self._app = app
        self._digest = _digest(api_key.encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 401, or pass the request on."""
        if not self._admits(dict(scope["headers"]).get(b"authorization", b"")):
            refusal = answer({"error": "the API key is missing or wrong; expected: Authorization: Bearer <key>"}, 401)
            refusal.headers["www-authenticate"] = "Bearer"
            await refusal(scope, receive, send)
            return
        await self._app({**scope, "path": scope["raw_path"].decode("ascii")}, receive, send)

    def _admits(self, authorization: bytes) -> bool:
        scheme, _, key = authorization.partition(b" ")
        return hmac.compare_digest(_digest(key.strip()), self._digest) and scheme.lower() == b"bearer"


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
            body = b"" if method == "GET" else await bodies.read(request, self._settings.limits.body_bytes)
            response = self._perform(self.operations[method], request, body)
        except ClientDisconnect:
            return
        except Exception as error:  # noqa: BLE001 -- the one boundary: it logs what is not expected
            response = self._refusals.answer(error)
        await response(scope, receive, send)

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
