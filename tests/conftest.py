"""What holds for every test: no network beyond loopback, no home folder, no user's environment, the same examples."""

from __future__ import annotations

import os
import signal
import socket
import ssl
from functools import partial
from typing import TYPE_CHECKING

import httpcore2
import pytest
from hypothesis import HealthCheck, settings

from dlsync.client import Client, ReadClient
from dlsync.operations import session
from tests.builders.applies import FILES, apply
from tests.builders.commands import ENDING_SIGNALS, served
from tests.builders.http import IMPATIENT
from tests.builders.trees import account, write_tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.builders.commands import Served
    from tests.builders.trees import Account

LOOPBACK = ("127.0.0.1", "::1", "localhost")
_quick = settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.register_profile("quick", _quick)
settings.register_profile("thorough", _quick, derandomize=False, max_examples=1_000)
settings.load_profile(os.environ.get("DLSYNC_HYPOTHESIS", "quick"))

# each client would read the authorities of this machine for 19 ms, and no test asks a server that they vouch for
httpcore2.default_ssl_context = lambda **_: ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

# started in the background or by nohup, the tests inherit ignored signals, which dlsync goes on ignoring
for number in ENDING_SIGNALS:
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, lambda *_: None)


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Take away what a developer's machine has and another's has not, and the waits for a server."""
    for name in [name for name in os.environ if name.startswith("DLSYNC_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path.with_name(f"{tmp_path.name}-home")))
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: tuple[str, int] | str | bytes) -> None:
        if self.family in {socket.AF_INET, socket.AF_INET6} and address[0] not in LOOPBACK:
            raise AssertionError(f"a test reaches out to {address[0]!r}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    monkeypatch.setattr(session, "ReadClient", partial(ReadClient, retry=IMPATIENT))
    monkeypatch.setattr(session, "Client", partial(Client, retry=IMPATIENT))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """One resource of each kind."""
    return write_tree(tmp_path / "tree", FILES)


@pytest.fixture(scope="session")
def server() -> Iterator[Served]:
    """A server for all tests of commands; each has an account of its own."""
    with served() as server:
        yield server


@pytest.fixture
def env(server: Served) -> dict[str, str]:
    """The environment of an empty account."""
    return server.account()


@pytest.fixture
def live() -> Iterator[Account]:
    """An empty account on a server of its own."""
    with account() as live:
        yield live


@pytest.fixture
def applied(live: Account, tree: Path) -> Account:
    """An account that is as the tree says."""
    apply(live, tree)
    return live
