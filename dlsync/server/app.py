"""The ASGI application: check host and key, find the operation of a path, and perform it in a transaction."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import replace
from functools import partial
from ipaddress import ip_address
from typing import TypeVar
from urllib.parse import unquote_to_bytes, urlsplit

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from dlsync.server import accounts, agents, annotations, audit, bodies, dashboards, links, metrics, plugins, rules, tags
from dlsync.server.admission import Admission, require_account, require_role
from dlsync.server.database import Database, opened, transact
from dlsync.server.demo.hosts import fill
from dlsync.server.keys import Key
from dlsync.server.monitoring import CountedDatabase, Metrics, Probes
from dlsync.server.operation import Call, Deferred, Operation, Refusal, Settings, etag_of, require
from dlsync.server.prometheus import Prometheus
from dlsync.server.refusals import error_response
from dlsync.server.store import Store

BASE = "/api/v1"
FAMILIES = (accounts, agents, annotations, dashboards, links, metrics, plugins, rules, tags)
OPERATIONS = [item for family in FAMILIES for item in vars(family).values() if isinstance(item, Operation)]

T = TypeVar("T")


class App:
    """The server as an ASGI application, which answers requests for this host that have a valid key."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self.metrics = Metrics()
        self._database, self._settings = CountedDatabase(database, self.metrics), settings
        self._admission = Admission(self._database, settings)
        self._error = partial(error_response, settings.api_key)
        self._allowances: dict[tuple[str, ...], int] = {}
        self.probes = Probes(partial(self._transact, write=True), self.metrics)
        self._measurements = Prometheus(settings.metrics, settings.now) if settings.metrics else None
        paths: dict[str, dict[str, Operation]] = defaultdict(dict)
        for operation in OPERATIONS:
            if operation.documented or not settings.documented_only:
                paths[operation.path][operation.method] = operation
        routes = [
            Route(BASE + path, partial(self._answer, operations), methods=list(operations))
            for path, operations in paths.items()
        ]
        self._router = Starlette(
            routes=[*self.probes.routes, *routes],
            exception_handlers={HTTPException: self._refuse_unrouted},
        )
        self._router.router.redirect_slashes = False  # __call__ removes the slash at the end

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Open the database in this block, and create the organisation, account and demo of the settings.

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
        """Answer 421 or 401, or route by the undecoded path, in which ``a%2Fb`` is one segment."""
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1")
        authorizations = [value for name, value in scope["headers"] if name == b"authorization"]
        path = scope["raw_path"].decode("ascii").removesuffix("/") or "/"
        keyless = self.probes.answer_without_key(path, loopback=bool(self._settings.loopback_host))
        admitted = self._refuse_host(host) or (None if keyless else await self._admit(authorizations))
        if isinstance(admitted, Response):
            await admitted(scope, receive, send)
            return
        scope.setdefault("state", {})["key"] = admitted
        await self._router({**scope, "path": path}, receive, send)
        if admitted:
            await self._admission.record_use(admitted)

    def _refuse_host(self, header: str) -> Response | None:
        own = self._settings.loopback_host
        try:
            host = urlsplit(f"//{header}").hostname or header
        except ValueError:
            host = header
        if not own or not header or host == own.lower() or _is_loopback(host):
            return None
        reason = f"this server answers requests for {own.lower()} only, not for {{}}; see dlsync serve --host"
        return self._error(Refusal(421, reason, host))

    async def _admit(self, authorizations: list[bytes]) -> Key | Response:
        try:
            return await self._admission.key_of(authorizations)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 -- the boundary of code before a route
            return self._error(error)

    async def _refuse_unrouted(self, request: Request, error: Exception) -> Response:
        """Answer 404, or 405 with the methods of the path. (Starlette would run a plain function in a thread.)"""
        headers = getattr(error, "headers", None)
        if headers is None:
            return self._error(Refusal(404, "no operation has this path"))
        allowed = ", ".join(sorted(headers["Allow"].split(", ")))
        response = self._error(Refusal(405, f"this path does not take {{}}; it takes {allowed}", request.method))
        response.headers["allow"] = allowed
        return response

    async def _answer(self, operations: dict[str, Operation], request: Request) -> Response:
        """Read the body, perform the operation, and answer."""
        method = "GET" if request.method == "HEAD" else request.method
        operation = operations[method]
        request.state.operation = f"{method} {operation.path}"
        try:
            names = _permitted_names(request, operation)
            body = b"" if method == "GET" else await bodies.read(request, self._settings.limits)
            measurements = await self._measured(request) if operation.measured else None

            async def handle(store: Store) -> Response | Deferred:
                call = await self._call(store, request, names, body)
                call = replace(call, measurements=measurements, allowances=self._allowances)
                return await audit.perform(operation, call, names, request)

            performed = await self._transact(handle, write=method != "GET")
            response = performed if isinstance(performed, Response) else await performed()
        except ClientDisconnect:
            return Response(status_code=499)  # only for the access log; nginx uses the same status
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 -- the boundary: it logs bugs
            return self._error(error)
        return with_etag(response, request.headers.get("if-none-match", "")) if method == "GET" else response

    async def _measured(self, request: Request) -> Prometheus | None:
        """Return the measurements of the account. Reads wait for current agents; writes use those that are known."""
        own = (self._settings.org, self._settings.account)
        if not self._measurements or (request.path_params["org"], request.path_params["account"]) != own:
            return None
        await self._measurements.refresh(wait=request.method in {"GET", "HEAD"})
        return self._measurements

    async def _transact(
        self, perform: Callable[[Store], Awaitable[T]], seconds: float | None = None, *, write: bool
    ) -> T:
        """Call a function in a transaction, and again after conflicts; see :func:`database.transact`.

        :param seconds: how long to repeat it; by default that of the limits.
        """
        seconds = self._settings.limits.lock_seconds if seconds is None else seconds
        return await transact(self._database, perform, write=write, seconds=seconds)

    async def _call(self, store: Store, request: Request, names: dict[str, str], body: bytes) -> Call:
        org = account = ""
        if "org" in names:
            row = await store.row("orgs", name=names["org"])
            org = require(row, "no organisation is called {}", names["org"])["id"]
        if "account" in names:
            row = await store.row("accounts", org=org, name=names["account"])
            reason = "no account of organisation {} is called {}"
            account = require(row, reason, names["org"], names["account"])["id"]
        name, identifier = names.get("name", ""), names.get("id", "")
        headers, query = request.headers, request.query_params
        return Call(store, self._settings, request.state.key, headers, query, body, org, account, name, identifier)


def _permitted_names(request: Request, operation: Operation) -> dict[str, str]:
    """Return the names in the path, decoded, if the key of the request allows the operation there."""
    try:
        names = {name: unquote_to_bytes(value).decode() for name, value in request.path_params.items()}
    except UnicodeDecodeError as error:
        raise Refusal(400, "a segment of the path is not UTF-8 once it is percent-decoded") from error
    require_role(request.state.key, operation.role)
    if "account" in names:
        require_account(request.state.key, names["account"])
    return names


def _is_loopback(host: str) -> bool:
    """Return whether a host always means this machine, regardless of name servers."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def with_etag(response: Response, if_none_match: str) -> Response:
    """Add a strong ETag of the body; answer 304 if the client has it already (RFC 9110, 13.1.2)."""
    etag = etag_of(bytes(response.body))
    response.headers["etag"] = etag
    if if_none_match.strip() == "*" or etag in (tag.strip().removeprefix("W/") for tag in if_none_match.split(",")):
        headers = {name: response.headers[name] for name in ("etag", "vary") if name in response.headers}
        return Response(status_code=304, headers=headers)
    return response
