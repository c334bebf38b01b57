from __future__ import annotations

from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from dlsync.server.run import RunningServer, running
from dlsync.server.sqlite import Sqlite
from tests.builders.databases import client_of
from tests.builders.killed import serving
from tests.builders.postgresql import cluster
from tests.builders.served import in_turn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import httpx2
    from starlette.testclient import TestClient

    from tests.builders.postgresql import Cluster


ENGINES = ("sqlite", "postgresql", "processes")  # the last: three servers on one PostgreSQL, asked in turn
# what runs SQL of its own; other modules parse, compute, or start servers of their own
ON_ALL_ENGINES = {
    *("accounts", "admission", "agents", "annotations", "app", "clients", "dashboards", "documents", "links"),
    *("monitoring", "plugins", "rules", "tags"),
}
IN_THIS_PROCESS = {"caplog", "shared"}  # a log of the server, and hundreds of examples
NUMBER = count()
EMPTY = """
DELETE FROM dlsync.orgs;
INSERT INTO dlsync.orgs VALUES ('000000000000000000000001', 'acme');
INSERT INTO dlsync.accounts (id, org, name, agent_key)
VALUES ('000000000000000000000002', '000000000000000000000001', 'default', '00000000-0000-4000-8000-000000000000')
"""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests of those modules on all engines."""
    if "engine" in metafunc.fixturenames:
        every = metafunc.module.__name__.rpartition(".test_")[2] in ON_ALL_ENGINES
        engines = ENGINES[:1] if not every else ENGINES[:2] if IN_THIS_PROCESS & {*metafunc.fixturenames} else ENGINES
        metafunc.parametrize("engine", engines, scope="module")


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    with cluster() as made:
        yield made


@contextmanager
def started(engine: str, database: str, *, demo: bool = False) -> Iterator[list[str]]:
    """Start the servers of an engine on a database, and give their URLs."""
    with ExitStack() as stack:
        if engine == "processes":
            options = ["--demo"] if demo else []
            yield [stack.enter_context(serving(database, *options))[0] for _ in range(3)]
        else:
            yield [stack.enter_context(running(db=database or None, demo=demo)).url]


@pytest.fixture(scope="session")
def lasting(postgresql: Cluster) -> Iterator[Callable[[str], list[str]]]:
    """Give the URLs of servers on PostgreSQL, emptied: starting one for each test takes 0.2 s, and 1 s as a process."""
    running: dict[str, list[str]] = {}
    with ExitStack() as stack:

        def emptied(engine: str) -> list[str]:
            if engine not in running:
                running[engine] = stack.enter_context(started(engine, postgresql.create(f"lasting_{engine}")))
            postgresql.execute(EMPTY, f"lasting_{engine}")
            return running[engine]

        yield emptied


@contextmanager
def servers_on(engine: str, request: pytest.FixtureRequest, *, demo: bool = False) -> Iterator[list[str]]:
    """The URLs of the servers of an engine, with an empty database."""
    if engine != "sqlite" and request.scope == "function" and not demo:
        yield request.getfixturevalue("lasting")(engine)
        return
    database = "" if engine == "sqlite" else request.getfixturevalue("postgresql").create(f"own_{next(NUMBER)}")
    with started(engine, database, demo=demo) as urls:
        yield urls


@pytest.fixture(params=["sqlite", "postgresql"])
def new_db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """What ``--db`` names, of a database that does not exist yet, or has no tables."""
    if request.param == "sqlite":
        yield str(tmp_path / "new.db")
        return
    postgresql: Cluster = request.getfixturevalue("postgresql")
    name = f"new_{next(NUMBER)}"
    yield postgresql.create(name)
    postgresql.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def with_demo() -> bool:
    """Whether the account of :func:`urls` is the demo's; modules may say otherwise."""
    return False


@pytest.fixture
def urls(engine: str, with_demo: bool, request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """The servers of one database, of which each can answer all requests."""
    with servers_on(engine, request, demo=with_demo) as urls:
        yield urls


@pytest.fixture
def server(urls: list[str]) -> RunningServer:
    return RunningServer(urls[0])


@pytest.fixture
def client(urls: list[str]) -> Iterator[httpx2.Client]:
    with in_turn(urls) as client:
        yield client


@pytest.fixture(scope="module")
def shared(engine: str, request: pytest.FixtureRequest) -> Iterator[httpx2.Client]:
    """One server for the many examples of a property."""
    with servers_on(engine, request) as urls, in_turn(urls) as client:
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
