"""Run the server in the foreground for the command line, or in a thread for tests and notebooks."""

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NoReturn

import uvicorn

from dlsync.errors import SettingsError
from dlsync.server.app import BASE, App
from dlsync.server.engines import database_of
from dlsync.server.observer import Observer
from dlsync.server.operation import DEFAULT_KEY, Settings

GRACE = 25  # s, to finish requests when the server stops: for 16 MiB at 6 Mbit/s, or PostgreSQL's longest statement
GRACE_IN_THREAD = 2
PORTS = range(2**16)
TURNS_OF_ACCEPT = 5  # of the event loop, in which asyncio passes an accepted connection to uvicorn


class _Terminated(BaseException):  # no Exception, so that no error handler catches it
    """SIGTERM arrived."""


class _Server(uvicorn.Server):
    """A server that opens the database of its application, and announces when it runs.

    The announcement comes after uvicorn handles signals: an earlier signal would end the start with Python's warnings.
    """

    def __init__(self, config: uvicorn.Config, app: Observer, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._app, self._announce = app, announce
        app.watch(connections=lambda: len(self.server_state.connections), stopping=lambda: self.should_exit)

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        async with self._app.opened():
            await super().serve(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._announce()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Shut down, and close also connections that are only being made, for which uvicorn would wait in vain."""
        loop = asyncio.get_running_loop()
        for listener in sockets or ():
            loop.remove_reader(listener)
        for _ in range(TURNS_OF_ACCEPT):
            await asyncio.sleep(0)
        closing = loop.create_task(self._close_late_connections())
        await super().shutdown(sockets)
        closing.cancel()

    async def _close_late_connections(self) -> None:
        """Close connections whose TLS handshake ends after uvicorn has closed all others."""
        while True:
            await asyncio.sleep(0.05)
            for connection in [*self.server_state.connections]:
                connection.shutdown()


@dataclass(frozen=True, slots=True)
class RunningServer:
    """The URL of a server that :func:`running` started."""

    url: str


def serve(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    db: Path | str | None = None,
    announce: Callable[[str], None],
    **settings: Any,
) -> None:
    """Run the server until SIGTERM, then return, or until SIGINT. Call it in the main thread.

    :param port: 0 picks a free one.
    :param db: the SQLite file, or the URL of a PostgreSQL database; None keeps everything in memory.
    :param announce: called with the URL once the server accepts connections.
    :param settings: fields of :class:`Settings`.
    :raises SettingsError: the address, the key or the database cannot be used.
    :raises KeyboardInterrupt: SIGINT arrived, and everything is closed.
    """

    def terminate(*_: object) -> NoReturn:  # uvicorn sends itself the signal again after it shut down
        raise _Terminated

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        with suppress(_Terminated), _listening(host, port, Settings(**settings)) as (listener, configured):
            _server(db, configured, GRACE, lambda: announce(url_of(listener, configured))).run([listener])
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def running(
    *, host: str = "127.0.0.1", port: int = 0, db: Path | str | None = None, **settings: Any
) -> Iterator[RunningServer]:
    """Run the server in a background thread during this block.

    :param settings: fields of :class:`Settings`.
    :raises SettingsError: the address, the key or the database cannot be used.
    """
    with (
        _listening(host, port, Settings(**settings)) as (listener, configured),
        ThreadPoolExecutor(1, "dlsync-server") as executor,
    ):
        started: Future[None] = Future()
        server = _server(db, configured, GRACE_IN_THREAD, lambda: started.set_result(None))
        stopped = executor.submit(server.run, [listener])
        wait((started, stopped), return_when=FIRST_COMPLETED)
        if stopped.done():
            stopped.result()
        try:
            yield RunningServer(url_of(listener, configured))
        finally:
            server.should_exit = True
            stopped.result()


def _server(db: Path | str | None, settings: Settings, grace: int, announce: Callable[[], None]) -> _Server:
    app, limits, certificate = Observer(App(database_of(db), settings), settings), settings.limits, settings.certificate
    config = uvicorn.Config(
        app,
        http="h11",  # uvicorn's only parser that limits the size of a head
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,  # the embedding program configures logging; by default, errors go to stderr
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        h11_max_incomplete_event_size=limits.head_bytes,
        limit_concurrency=limits.connections,
        timeout_keep_alive=limits.idle_seconds,
        timeout_graceful_shutdown=grace,
        ssl_certfile=certificate.chain if certificate else None,
        ssl_keyfile=certificate.key if certificate else None,
    )
    return _Server(config, app, announce)


@contextmanager
def _listening(host: str, port: int, settings: Settings) -> Iterator[tuple[socket.socket, Settings]]:
    """Listen, so that connections wait until the server runs; add the host to the settings."""
    name = host.removeprefix("[").removesuffix("]")
    listener, loopback = _listener(name, port, settings)
    with listener:
        yield listener, replace(settings, loopback_host=name if loopback else "")


def _listener(host: str, port: int, settings: Settings) -> tuple[socket.socket, bool]:
    """Return a listening socket, and whether its address is a loopback address."""
    try:
        if port not in PORTS:
            raise OSError(f"a port is 0 to {PORTS[-1]}")  # noqa: TRY301 -- reported like an address in use
        family, _, _, _, (address, *_) = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0]
        loopback = ip_address(address).is_loopback
        if not loopback and settings.api_key == DEFAULT_KEY:
            raise SettingsError(
                f"{host}: other machines can connect there, so the default key is refused",
                hint="Set DLSYNC_API_KEY, or give --api-key-file, to a key of your own.",
            )
        listener = socket.create_server((str(address), port), family=family, backlog=2048)
    except (OSError, UnicodeError) as error:
        raise SettingsError(
            f"{host}:{port}: cannot listen there: {error}", hint="Name another --port or --host."
        ) from error
    # accepted connections inherit it; asyncio does not set it for this socket, and each answer would take 40 ms more
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener, loopback


def url_of(listener: socket.socket, settings: Settings) -> str:
    """Return the base URL of a server on a socket."""
    host, port = listener.getsockname()[:2]
    scheme, address = "https" if settings.certificate else "http", f"[{host}]" if ":" in host else host
    return f"{scheme}://{address}:{port}{BASE}"
