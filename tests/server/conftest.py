from __future__ import annotations

from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from dlsync.server.run import running
from dlsync.server.sqlite import Sqlite
from tests.builders.databases import client_of
from tests.builders.postgresql import cluster
from tests.builders.served import account_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import httpx2
    from starlette.testclient import TestClient

    from dlsync.server.run import RunningServer
    from tests.builders.postgresql import Cluster


# what runs SQL of its own; other modules parse, compute, or start servers of their own
ON_BOTH_ENGINES = {
    *(
        "accounts",
        "admission",
        "agents",
        "annotations",
        "app",
        "dashboards",
        "documents",
        "links",
        "monitoring",
        "plugins",
        "rules",
        "tags",
    ),
}
NUMBER = count()
EMPTY = """
DELETE FROM dlsync.orgs;
INSERT INTO dlsync.orgs VALUES ('000000000000000000000001', 'acme');
INSERT INTO dlsync.accounts (id, org, name, agent_key)
VALUES ('000000000000000000000002', '000000000000000000000001', 'default', '00000000-0000-4000-8000-000000000000')
"""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests of those modules on both engines."""
    if "engine" in metafunc.fixturenames:
        both = metafunc.module.__name__.rpartition(".test_")[2] in ON_BOTH_ENGINES
        metafunc.parametrize("engine", ["sqlite", "postgresql"] if both else ["sqlite"], scope="module")


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    with cluster() as made:
        yield made


@pytest.fixture(scope="session")
def lasting_server(postgresql: Cluster) -> Iterator[tuple[RunningServer, Callable[[], object]]]:
    """A server on PostgreSQL, and what empties it: starting one for each test takes 0.2 s."""
    with running(db=postgresql.create("lasting")) as server:
        yield server, lambda: postgresql.execute(EMPTY, "lasting")


@contextmanager
def running_on(engine: str, request: pytest.FixtureRequest) -> Iterator[RunningServer]:
    """A server with an empty database of an engine."""
    if engine == "sqlite":
        with running() as server:
            yield server
        return
    if request.scope == "function":
        server, empty = request.getfixturevalue("lasting_server")
        empty()
        yield server
        return
    postgresql: Cluster = request.getfixturevalue("postgresql")
    with running(db=postgresql.create(f"module_{next(NUMBER)}")) as server:
        yield server


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def server(engine: str, request: pytest.FixtureRequest) -> Iterator[RunningServer]:
    with running_on(engine, request) as server:
        yield server


@pytest.fixture
def client(server: RunningServer) -> Iterator[httpx2.Client]:
    with account_of(server) as client:
        yield client


@pytest.fixture(scope="module")
def shared(engine: str, request: pytest.FixtureRequest) -> Iterator[httpx2.Client]:
    """One server for the many examples of a property."""
    with running_on(engine, request) as server, account_of(server) as client:
        yield client


class Clock:
    """What the server takes for the time."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 4, 12, 0, 30, tzinfo=UTC)

    def unix(self) -> int:
        return int(self.now.timestamp())


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def timed(clock: Clock) -> Iterator[Callable[..., TestClient]]:
    """Make a client of the account of a server that runs by the test's clock."""
    with ExitStack() as stack:

        def make(path: Path | None = None, **settings: Any) -> TestClient:
            return stack.enter_context(client_of(Sqlite(path), now=lambda: clock.now, **settings))

        yield make


@pytest.fixture
def demo(timed: Callable[..., TestClient]) -> TestClient:
    return timed(demo=True)
