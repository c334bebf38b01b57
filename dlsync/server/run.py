"""Run the server in the foreground for the command line, or in a thread for tests and notebooks."""

from __future__ import annotations

import signal
import socket
import sqlite3
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import TYPE_CHECKING, NoReturn

import uvicorn

from dlsync.errors import SettingsError
from dlsync.server.app import BASE, create_app
from dlsync.server.limits import LIMITS, Limits
from dlsync.server.operation import DEFAULT_KEY, Settings
from dlsync.server.store import Store, unusable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from starlette.types import ASGIApp

GRACE = 2  # s, for requests that are being answered when the server stops
PORTS = range(2**16)


class _Terminated(BaseException):  # not an Exception, as KeyboardInterrupt is none: no handler of faults may swallow it
    """SIGTERM arrived."""


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
    api_key: str = DEFAULT_KEY,
    documented_only: bool = False,
    demo: bool = False,
    announce: Callable[[str], None],
) -> None:
    """Run the server until SIGTERM, then return, or until SIGINT. Call it in the main thread.

    :param port: 0 picks a free one.
    :param db: the SQLite file; None keeps everything in memory.
    :param api_key: the key that clients must send; other than ``changeme`` unless the host is a loopback address.
    :param demo: fill the account with an online bookshop's agents, metrics and series, unless it has agents already.
    :param announce: called with the URL once the server answers.
    :raises SettingsError: the address, the key or the database cannot be used.
    :raises KeyboardInterrupt: SIGINT arrived; everything is closed by then.
    """
    settings = Settings(org=org, account=account, api_key=api_key, documented_only=documented_only, demo=demo)
    with (
        suppress(_Terminated),
        _raising_on_sigterm(),
        _listening(host, port, settings) as (listener, guarded),
        _opened(db) as store,
    ):
        Server(store, guarded, lambda: announce(url_of(listener))).run(sockets=[listener])


@contextmanager
def running(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    db: Path | None = None,
    org: str = "acme",
    account: str = "default",
    api_key: str = DEFAULT_KEY,
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
    :raises SettingsError: the address, the key or the database cannot be used.
    """
    settings = Settings(org, account, api_key, documented_only, post_before_put, decorate, limits, demo)
    with _listening(host, port, settings) as (listener, guarded), _opened(db) as store:
        ready: Future[None] = Future()
        server = Server(store, guarded, lambda: ready.set_result(None))
        with ThreadPoolExecutor(1, "dlsync-server") as executor:
            done = executor.submit(server.run, [listener])
            wait((ready, done), return_when=FIRST_COMPLETED)
            if done.done():  # it failed to start
                done.result()
            try:
                yield RunningServer(url_of(listener))
            finally:
                server.should_exit = True
                done.result()


@contextmanager
def _raising_on_sigterm() -> Iterator[None]:
    """Raise :class:`_Terminated` on SIGTERM. uvicorn shuts down first and then sends itself the signal again."""

    def terminate(*_: object) -> NoReturn:
        raise _Terminated

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _opened(db: Path | None) -> Iterator[Store]:
    store = Store(db)
    try:
        yield store
    finally:
        store.close()


def _application(store: Store, settings: Settings) -> ASGIApp:
    try:
        return create_app(store, settings)
    except sqlite3.Error as error:
        raise unusable(store.path, error) from error


@contextmanager
def _listening(host: str, port: int, settings: Settings) -> Iterator[tuple[socket.socket, Settings]]:
    """Listen at an address; give the socket, and the settings with the host to guard if it is a loopback address."""
    name = host.removeprefix("[").removesuffix("]")
    try:
        family, address = _resolved(name, port)
        loopback = ip_address(address).is_loopback
        if not loopback and settings.api_key == DEFAULT_KEY:
            raise SettingsError(
                f"{host}: other machines can connect there, so the key of the documentation is refused",
                hint="Set DLSYNC_API_KEY, or give --api-key-file, to a key of your own.",
            )
        listener = socket.create_server((address, port), family=family, backlog=2048)
    except (OSError, UnicodeError) as error:
        raise SettingsError(
            f"{host}:{port}: cannot listen there: {error}", hint="Name another --port or --host."
        ) from error
    with listener:
        # accepted connections inherit it; asyncio leaves it off for a socket made this way, and each answer took 40 ms
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield listener, replace(settings, loopback_host=name if loopback else "")


def _resolved(host: str, port: int) -> tuple[socket.AddressFamily, str]:
    if port not in PORTS:
        raise OSError(f"a port is 0 to {PORTS[-1]}")
    family, _, _, _, address = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0]
    return family, str(address[0])


def url_of(listener: socket.socket) -> str:
    """Return the base URL of a server on that socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}{BASE}" if ":" in host else f"http://{host}:{port}{BASE}"


class Server(uvicorn.Server):
    """uvicorn with the limits of the settings, which calls back once it accepts connections."""

    def __init__(self, store: Store, settings: Settings, on_ready: Callable[[], None]) -> None:
        limits = settings.limits
        super().__init__(
            uvicorn.Config(
                _application(store, settings),
                http="h11",  # the only one of uvicorn's parsers that limits the size of a head
                ws="none",
                loop="asyncio",
                lifespan="off",
                log_config=None,  # the program that embeds the server sets logging up; else errors go to stderr
                log_level="error",
                access_log=False,
                proxy_headers=False,
                server_header=False,
                h11_max_incomplete_event_size=limits.head_bytes,
                limit_concurrency=limits.connections,
                timeout_keep_alive=limits.idle_seconds,
                timeout_graceful_shutdown=GRACE,
            )
        )
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept connections, then call back."""
        await super().startup(sockets)
        self._on_ready()
