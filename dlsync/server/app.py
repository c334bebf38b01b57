"""The ASGI application: it checks host and key, finds the operation of a path, and performs it in a transaction."""

import asyncio
import hmac
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import replace
from functools import partial
from hashlib import blake2b
from ipaddress import ip_address
from typing import TypeVar
from urllib.parse import unquote_to_bytes, urlsplit

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from dlsync.server import accounts, agents, annotations, bodies, dashboards, links, metrics, plugins, rules, tags
from dlsync.server.database import Database, DatabaseError, opened
from dlsync.server.demo.hosts import fill
from dlsync.server.operation import Call, Fault, Later, Operation, Settings, answer, etag_of, found, no_content
from dlsync.server.prometheus import Prometheus
from dlsync.server.refusals import refused
from dlsync.server.store import Store

BASE = "/api/v1"
LOCK_PAUSE = 0.04  # s, at most, between two attempts at a transaction that another one is in the way of
FAMILIES = (accounts, agents, annotations, dashboards, links, metrics, plugins, rules, tags)
OPERATIONS = [item for family in FAMILIES for item in vars(family).values() if isinstance(item, Operation)]

T = TypeVar("T")


class App:
    """The server as an ASGI application: it admits requests for this host that have the key, and answers them."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database, self._settings = database, settings
        self._key_digest = _digest(settings.api_key.encode())
        self._refused = partial(refused, settings.api_key)
        self._measurements = Prometheus(settings.metrics, settings.now) if settings.metrics else None
        paths: dict[str, dict[str, Operation]] = defaultdict(dict)
        for operation in OPERATIONS:
            if operation.documented or not settings.documented_only:
                paths[operation.path][operation.method] = operation
        self._router = Starlette(
            routes=[
                Route(BASE + path, partial(self._answer, operations), methods=list(operations))
                for path, operations in paths.items()
            ],
            exception_handlers={HTTPException: self._refuse_unrouted},
        )
        self._router.router.redirect_slashes = False  # the slash at the end is removed below

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Open the database as long as the block lasts, with the organisation, account and demo of the settings.

        :raises SettingsError: the database cannot be used.
        """
        async with opened(self._database):
            await self._transact(self._fill, write=True)
            async with self._measurements or nullcontext():
                yield

    async def _fill(self, store: Store) -> None:
        account = await accounts.add(store, self._settings.org, self._settings.account)
        if self._settings.demo:
            await fill(store, account, self._settings.now())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 421 or 401, or route by the path as it was sent: ``a%2Fb`` stays one segment."""
        headers = dict(scope["headers"])
        host, authorization = headers.get(b"host", b"").decode("latin-1"), headers.get(b"authorization", b"")
        refusal = self._refuse_host(host) or self._refuse_key(authorization)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        path = scope["raw_path"].decode("ascii").removesuffix("/")
        await self._router({**scope, "path": path or "/"}, receive, send)

    def _refuse_host(self, header: str) -> Response | None:
        own = self._settings.loopback_host
        try:
            host = urlsplit(f"//{header}").hostname or header
        except ValueError:
            host = header
        if not own or not header or host == own.lower() or _is_loopback(host):
            return None
        reason = f"this server answers requests for {own.lower()} only, not for {{}}; see dlsync serve --host"
        return self._refused(Fault(421, reason, host))

    def _refuse_key(self, authorization: bytes) -> Response | None:
        scheme, _, key = authorization.partition(b" ")
        if hmac.compare_digest(_digest(key.strip()), self._key_digest) and scheme.lower() == b"bearer":
            return None
        refusal = answer({"error": "the API key of this server is expected: Authorization: Bearer <key>"}, 401)
        refusal.headers["www-authenticate"] = "Bearer"
        return refusal

    async def _refuse_unrouted(self, request: Request, error: Exception) -> Response:
        """Answer 404, or 405 with the methods of the path. Starlette would run a plain function in a thread."""
        headers = getattr(error, "headers", None)
        if headers is None:
            return self._refused(Fault(404, "no operation has this path"))
        allowed = ", ".join(sorted(headers["Allow"].split(", ")))
        response = self._refused(Fault(405, f"this path does not take {{}}; it takes {allowed}", request.method))
        response.headers["allow"] = allowed
        return response

    async def _answer(self, operations: dict[str, Operation], request: Request) -> Response:
        """Read the body, perform the operation, and answer."""
        method = "GET" if request.method == "HEAD" else request.method
        operation = operations[method]
        try:
            body = b"" if method == "GET" else await bodies.read(request, self._settings.limits)

            async def handle(store: Store) -> Response | Later:
                call = await self._call(store, request, body)
                return await operation.handle(replace(call, measurements=measurements))

            measurements = await self._measured(request) if operation.measured else None
            performed = await self._transact(handle, write=method != "GET")
            response = performed if isinstance(performed, Response) else await performed()
        except ClientDisconnect:
            return no_content()  # which reaches nobody
        except asyncio.CancelledError:
            return self._refused(Fault(503, "the server stops; nothing was changed"))
        except Exception as error:  # noqa: BLE001 -- the one boundary: it logs what is not expected
            return self._refused(error)
        return with_etag(response, request.headers.get("if-none-match", "")) if method == "GET" else response

    async def _measured(self, request: Request) -> Prometheus | None:
        """Return the measurements of the account, with agents that are known as well as a write can wait for."""
        own = (self._settings.org, self._settings.account)
        if not self._measurements or (request.path_params["org"], request.path_params["account"]) != own:
            return None
        await self._measurements.refresh(wait=request.method in {"GET", "HEAD"})
        return self._measurements

    async def _transact(self, perform: Callable[[Store], Awaitable[T]], *, write: bool) -> T:
        """Perform something in a transaction, again as long as another process or request is in its way."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._settings.limits.lock_seconds
        while True:
            try:
                async with self._database.transaction(write=write) as store:
                    return await perform(store)
            except DatabaseError as error:
                if not error.transient or loop.time() >= deadline:
                    raise
            await asyncio.sleep(random.uniform(0, LOCK_PAUSE))  # noqa: S311 -- keeps two processes from meeting again

    async def _call(self, store: Store, request: Request, body: bytes) -> Call:
        try:
            names = {key: unquote_to_bytes(value).decode() for key, value in request.path_params.items()}
        except UnicodeDecodeError as error:
            raise Fault(400, "a segment of the path is not UTF-8 once it is percent-decoded") from error
        org = account = ""
        if "org" in names:
            org = found(await store.row("orgs", name=names["org"]), "no organisation is called {}", names["org"])["id"]
        if "account" in names:
            row = await store.row("accounts", org=org, name=names["account"])
            reason = "no account of organisation {} is called {}"
            account = found(row, reason, names["org"], names["account"])["id"]
        name, identifier = names.get("name", ""), names.get("id", "")
        headers, query = request.headers, request.query_params
        return Call(store, self._settings, headers, query, body, org, account, name, identifier)


def _is_loopback(host: str) -> bool:
    """Return whether a host can only mean this machine, whatever a name server says."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _digest(key: bytes) -> bytes:
    return blake2b(key).digest()  # all of one length, which the time of a comparison could tell


def with_etag(response: Response, known: str) -> Response:
    """Add a strong ETag of the body; answer 304 if the client knows it already (RFC 9110, 13.1.2)."""
    etag = etag_of(bytes(response.body))
    response.headers["etag"] = etag
    if known.strip() == "*" or etag in (tag.strip().removeprefix("W/") for tag in known.split(",")):
        headers = {name: response.headers[name] for name in ("etag", "vary") if name in response.headers}
        return Response(status_code=304, headers=headers)
    return response
