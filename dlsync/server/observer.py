"""Time, count and log each request to the application."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from time import perf_counter
from typing import Any
from urllib.parse import unquote

from starlette.types import Message, Receive, Scope, Send

from dlsync.server.access_log import AccessLog
from dlsync.server.app import App
from dlsync.server.operation import Settings
from dlsync.server.refusals import masked
from dlsync.server.times import timestamp

SHOWN_PATH, SHOWN_AGENT = 1000, 200  # characters


class Observer:
    """Time, count and log the requests to an application, which sets ``request.state.operation``."""

    def __init__(self, app: App, settings: Settings) -> None:
        self._app, self._settings, self._metrics = app, settings, app.metrics
        self._log = AccessLog(settings.access_log) if settings.access_log else None

    def watch(self, *, connections: Callable[[], int], stopping: Callable[[], bool]) -> None:
        """Set how to find out the number of open connections, and whether the web server stops."""
        self._metrics.connections.set_function(connections)
        self._app.probes.stopping = stopping

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Open the application and the access log in this block.

        :raises SettingsError: the database or the file cannot be used.
        """
        with self._log.opened() if self._log else nullcontext():
            async with self._app.opened():
                yield

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, and count it even if it fails."""
        state: dict[str, Any] = scope.setdefault("state", {})
        begin, status, size = perf_counter(), 500, 0

        async def count(message: Message) -> None:
            nonlocal status, size
            status = message.get("status", status)
            size += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, count)
        finally:
            seconds, operation = perf_counter() - begin, state.get("operation", "other")
            self._metrics.requests(operation, status).inc()
            self._metrics.seconds(operation).observe(seconds)
            if self._log:
                self._log.add(**self._described(scope), status=status, ms=round(seconds * 1000, 1), bytes=size)

    def _described(self, scope: Scope) -> dict[str, str | None]:
        """Return the fields of the access log for a request: without the query, and with the key masked."""
        agent = dict(scope["headers"]).get(b"user-agent", b"").decode("latin-1")
        state, path = scope["state"], scope["raw_path"].decode("latin-1")
        decoded, key = unquote(path), self._settings.api_key
        shown = masked(decoded, key)
        return {
            "time": timestamp(self._settings.now()),
            "client": (scope["client"] or [""])[0],
            "key": user.name if (user := state.get("key")) else "",
            "method": masked(scope["method"], key)[:20],
            "operation": state.get("operation"),
            "path": (path if shown == decoded else shown)[:SHOWN_PATH],
            "agent": masked(agent, key)[:SHOWN_AGENT],
        }
