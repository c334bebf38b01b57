"""Isolate every test: no network beyond loopback, no home folder, no user's environment, the same examples."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import ssl
from functools import partial
from importlib import import_module
from pkgutil import walk_packages
from typing import TYPE_CHECKING, Any

import httpcore2
import pytest
from hypothesis import HealthCheck, settings

import dlsync
from dlsync.client import Client, ReadClient
from dlsync.operations import session
from tests.builders.applies import FILES, apply
from tests.builders.commands import ENDING_SIGNALS, served
from tests.builders.http import IMPATIENT
from tests.builders.tracing import traced, traced_apart, tracing
from tests.builders.trees import account, write_tree

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from tests.builders.commands import Served
    from tests.builders.trees import Account

TRACES = pytest.StashKey[list[Any]]()  # the trace functions of coverage
LOOPBACK = ("127.0.0.1", "::1", "localhost")
_quick = settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.register_profile("quick", _quick)
settings.register_profile("thorough", _quick, derandomize=False, max_examples=1_000)
settings.load_profile(os.environ.get("DLSYNC_HYPOTHESIS", "quick"))

# loading the authorities of this machine takes 19 ms for each httpx2 client, and no test needs them
httpcore2.default_ssl_context = lambda **_: ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

# fixtures of a session or a module run before `_alone`
os.environ["HOME"] = os.devnull

# coverage would lose lines of what runs an event loop
asyncio.run = traced_apart(asyncio.run)

# a module that a test without coverage imports first would count as not reached
for module in walk_packages(dlsync.__path__, "dlsync."):
    import_module(module.name)

# in the background or under nohup, the tests inherit ignored signals, which dlsync would ignore too
for number in ENDING_SIGNALS:
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, lambda *_: None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Measure no coverage while hundreds of examples run, which would take twice as long."""
    item.session.stash[TRACES] = tracing()
    if not (item.get_closest_marker("hypothesis") or item.get_closest_marker("untraced")):
        return (yield)
    with traced([None, None]):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[object], request: pytest.FixtureRequest
) -> Generator[None, object, object]:
    """Measure coverage in a server that tests share, whichever test starts it."""
    if fixturedef.scope == "function":
        return (yield)
    with traced(request.session.stash[TRACES]):
        return (yield)


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide the environment and home folder of the developer, refuse connections, and skip waits before retries."""
    for name in [name for name in os.environ if name.startswith(("DLSYNC_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path.with_name(f"{tmp_path.name}-home")))
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: tuple[str, int] | str | bytes) -> None:
        if self.family in {socket.AF_INET, socket.AF_INET6} and address[0] not in LOOPBACK:
            raise AssertionError(f"a test connects to {address[0]!r}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    monkeypatch.setattr(session, "ReadClient", partial(ReadClient, retry=IMPATIENT))
    monkeypatch.setattr(session, "Client", partial(Client, retry=IMPATIENT))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree with a resource of each kind."""
    return write_tree(tmp_path / "tree", FILES)


@pytest.fixture(scope="session")
def server() -> Iterator[Served]:
    """The server of all tests of commands, each with an account of its own."""
    with served() as server:
        yield server


@pytest.fixture
def env(server: Served) -> dict[str, str]:
    """The environment for an empty account."""
    return server.account()


@pytest.fixture
def live() -> Iterator[Account]:
    """An empty account on a server of its own."""
    with account() as live:
        yield live


@pytest.fixture
def applied(live: Account, tree: Path) -> Account:
    """An account to which the tree was applied."""
    apply(live, tree)
    return live
