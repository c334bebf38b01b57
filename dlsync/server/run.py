"""Running the server: in the foreground for the command line, in a thread for tests and notebooks."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import uvicorn

from dlsync.errors import SettingsError
from dlsync.server.app import BASE, create_app
from dlsync.server.limits import LIMITS, Limits
from dlsync.server.operation import Settings
from dlsync.server.protocol import protocol_of
from dlsync.server.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TICK = 0.1  # s: how often uvicorn looks whether a signal came
GRACE = 2.0  # s: for answers under way when the server stops
PORTS = range(2**16)
SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class RunningServer:
    """Where a server that :func:`running` started answers."""

    url: str


def serve(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    db: Path | None = None,
    org: str = "acme",
    account: str = "default",
    api_key: str = "changeme",
    documented_only: bool = False,
    demo: bool = False,
    announce: Callable[[str], None],
) -> None:
    """Run the server until SIGTERM, then return, or until SIGINT.

    :param port: 0 picks a free one.
    :param db: the SQLite file; None keeps everything in memory.
    :param demo: fill the account with an online bookshop's agents, metrics and series, unless it has agents already.
    :param announce: called with the URL once the server answers.
    :raises SettingsError: the address or the database cannot be used.
    :raises KeyboardInterrupt: SIGINT came; everything is closed by then.
    """
    settings = Settings(org=org, account=account, api_key=api_key, documented_only=documented_only, demo=demo)
    with _listening(host, port) as listener, _opened(db) as store:
        Server(store, settings, lambda: announce(url_of(listener))).run(sockets=[listener])


@contextmanager
def running(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    db: Path | None = None,
    org: str = "acme",
    account: str = "default",
    api_key: str = "changeme",
    documented_only: bool = False,
    post_before_put: bool = False,
    decorate: bool = False,
    demo: bool = False,
    limits: Limits = LIMITS,
) -> Iterator[RunningServer]:
    """Run the server in a background thread as long as the block lasts.

    :param post_before_put: a PUT of a rule that was not POSTed first answers 404, as some servers do.
    :param decorate: dashboards and rules carry fields of the server's own, as some servers do.
    :param demo: fill the account with an online bookshop's agents, metrics and series, unless it has agents already.
    :param limits: what a client may ask of it.
    :raises SettingsError: the address or the database cannot be used.
    """
    settings = Settings(org, account, api_key, documented_only, post_before_put, decorate, limits, demo)
    with _listening(host, port) as listener, _opened(db) as store:
        ready: Future[None] = Future()
        server = Server(store, settings, lambda: ready.set_result(None))
        with ThreadPoolExecutor(1, "dlsync-server") as executor:
            done = executor.submit(server.run, [listener])
            wait((ready, done), return_when=FIRST_COMPLETED)
            if done.done():  # it failed to start: say why
                done.result()
            try:
                yield RunningServer(url_of(listener))
            finally:
                server.stop()
                done.result()


@contextmanager
def _opened(db: Path | None) -> Iterator[Store]:
    store = Store(db)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    if port not in PORTS:
        raise SettingsError(
            f"{host}:{port}: cannot listen there: a port is 0 to {PORTS[-1]}", hint="Name another --port."
        )
    try:
        family, _, _, _, address = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0]
        listener = socket.create_server((address[0], port), family=family, backlog=2048)
    except (OSError, UnicodeError) as error:
        raise SettingsError(
            f"{host}:{port}: cannot listen there: {error}", hint="Name another --port or --host."
        ) from error
    with listener:
        # accepted connections inherit it; asyncio leaves it off for a socket made this way, and each answer took 40 ms
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield listener


def url_of(listener: socket.socket) -> str:
    """Return the base URL of a server on that socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}{BASE}" if ":" in host else f"http://{host}:{port}{BASE}"


class Server(uvicorn.Server):
    """uvicorn, stopped from any thread without a wait, and by SIGTERM without dying of it."""

    def __init__(self, store: Store, settings: Settings, ready: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                create_app(store, settings),
                http=protocol_of(settings.limits),
                ws="none",
                loop="asyncio",
                lifespan="off",
                log_config=None,  # logging belongs to whoever embeds the server; warnings reach stderr without it
                log_level="warning",
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=settings.limits.idle_seconds,
            )
        )
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept, and say so."""
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        await super().startup(sockets)
        self._ready()

    def stop(self) -> None:
        """End the server from another thread."""
        self.should_exit = True
        self._loop.call_soon_threadsafe(self._stopping.set)

    async def main_loop(self) -> None:
        """Wait for the end, as uvicorn does but for waking up at once when it comes."""
        counter = 0
        while not await self.on_tick(counter):
            counter += 1
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), TICK)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002 -- uvicorn's signature
        """Close what is idle, let answers under way end, then cut what is left."""
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        if self.server_state.tasks:
            await asyncio.wait(self.server_state.tasks, timeout=GRACE)
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)  # one turn of the loop, in which the transports close their sockets

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on SIGINT and SIGTERM; only the first is the caller's business."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        if signal.SIGINT in self._captured_signals:
            raise KeyboardInterrupt
