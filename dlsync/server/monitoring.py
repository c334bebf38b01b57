"""The paths at the server's root for its operators: health checks, and metrics for Prometheus."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import cache, partial
from typing import TypeVar

import prometheus_client as prometheus
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dlsync import __version__
from dlsync.server.database import Database, DatabaseError, ErrorCode
from dlsync.server.operation import answer
from dlsync.server.store import Store, new_id

READY_SECONDS = 2  # for a write to succeed, plus a second for a database that does not answer
LOG = logging.getLogger("dlsync.server")
T = TypeVar("T", prometheus.Counter, prometheus.Histogram)


class Metrics:
    """The metrics of a server; a metric with labels is a function of their values.

    Labels hold no text of clients, so that clients cannot add series.
    """

    def __init__(self) -> None:
        self.registry = registry = prometheus.CollectorRegistry()

        def labelled(kind: type[T], name: str, text: str, *labels: str) -> Callable[..., T]:
            return cache(kind(name, text, labels, registry=registry).labels)

        counter = partial(labelled, prometheus.Counter)
        self.requests = counter("dlsync_requests", "Answers to clients.", "operation", "status")
        duration = "dlsync_request_duration_seconds", "From a request's head to its end."
        self.seconds = labelled(prometheus.Histogram, *duration, "operation")
        self.connections = prometheus.Gauge("dlsync_connections", "Open connections of clients.", registry=registry)
        self.transactions = counter("dlsync_database_transactions", "Transactions, each attempt at one.", "access")
        self.failures = counter("dlsync_database_failures", "Attempts that the database refused.", "code")
        for code in ErrorCode:  # from 0 on, so that rates see the first failure
            self.failures(code.name.lower())
        prometheus.Info("dlsync_build", "The server's program.", registry=registry).info({"version": __version__})
        prometheus.ProcessCollector(registry=registry)


class CountedDatabase:
    """Count the transactions and failures of a database."""

    def __init__(self, database: Database, metrics: Metrics) -> None:
        self.name, self.open, self.close = database.name, database.open, database.close
        self._database, self._metrics = database, metrics

    @asynccontextmanager
    async def transaction(self, *, write: bool) -> AsyncIterator[Store]:
        """Count a transaction, and its failure if it fails."""
        self._metrics.transactions("write" if write else "read").inc()
        try:
            async with self._database.transaction(write=write) as store:
                yield store
        except DatabaseError as error:
            self._metrics.failures(error.code.name.lower()).inc()
            raise


class Probes:
    """The paths at the server's root, most of which need no key.

    :param transact: calls a function in a transaction that writes, and repeats it for some seconds.
    """

    def __init__(
        self, transact: Callable[[Callable[[Store], Awaitable[None]], float], Awaitable[None]], metrics: Metrics
    ) -> None:
        self.stopping: Callable[[], bool] = lambda: False
        self._transact, self._metrics = transact, metrics
        self._check: asyncio.Task[str] | None = None
        paths = {"/healthz": self._healthz, "/readyz": self._readyz, "/metrics": self._expose}
        self.routes = [Route(path, handle, methods=["GET"]) for path, handle in paths.items()]

    @staticmethod
    def answer_without_key(path: str, *, loopback: bool) -> bool:
        """Return whether a path needs no key; ``/metrics`` needs one unless the server listens on loopback."""
        return path in {"/healthz", "/readyz"} or (loopback and path == "/metrics")

    async def _healthz(self, request: Request) -> Response:
        request.state.operation = "GET /healthz"
        return answer({"status": "ok"})

    async def _readyz(self, request: Request) -> Response:
        request.state.operation = "GET /readyz"
        if self.stopping():
            return answer({"error": "the server stops"}, 503)
        if self._check is None or self._check.done():  # parallel requests share a write
            self._check = asyncio.create_task(self._unready())
        reason = await asyncio.shield(self._check)
        return answer({"error": f"the database takes no write: {reason}"}, 503) if reason else answer({"status": "ok"})

    async def _unready(self) -> str:
        """Return why the database takes no write; empty if it does."""
        try:
            async with asyncio.timeout(READY_SECONDS + 1):
                await self._transact(_write, READY_SECONDS)
        except DatabaseError as error:
            LOG.error("the database: %s", error)  # noqa: TRY400 -- a traceback adds nothing
            return error.code.name.lower()
        except TimeoutError:
            return f"no answer within {READY_SECONDS + 1} s"
        return ""

    async def _expose(self, request: Request) -> Response:
        request.state.operation = "GET /metrics"
        return Response(
            prometheus.generate_latest(self._metrics.registry), headers={"content-type": prometheus.CONTENT_TYPE_LATEST}
        )


async def _write(store: Store) -> None:
    """Write to the database, without a lasting change."""
    identifier = new_id()
    await store.insert("orgs", id=identifier, name=identifier)
    await store.delete("orgs", id=identifier)
