"""Several servers on one PostgreSQL database, and the crash of a server or of the database during writes."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Lock
from typing import TYPE_CHECKING

import httpx2
import pytest

from dlsync import operations
from dlsync.server.run import running
from tests.builders.disturbed import account_settings, applied, dashboard_file, forget
from tests.builders.faults import KILL_AFTER, proxied
from tests.builders.killed import ended, serving, started
from tests.builders.postgresql import cluster
from tests.builders.served import account_of
from tests.builders.trees import write_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.builders.postgresql import Cluster

DASHBOARDS = 500
SERVERS = 3


@pytest.fixture
def own() -> Iterator[Cluster]:
    """A cluster that can be stopped without harm to other tests."""
    with cluster() as own:
        yield own


@pytest.fixture
def large_tree(tmp_path: Path) -> Path:
    return write_tree(
        tmp_path / "large", {f"dashboards/d{number}.yaml": dashboard_file(number, "a") for number in range(DASHBOARDS)}
    )


def left_to_do(tree: Path, url: str) -> list[str]:
    plan = asyncio.run(operations.plan(tree, account_settings(url)))
    return [str(change.address) for change in plan.changes]


def test_after_a_server_is_killed_during_an_apply_another_server_completes_it(
    postgresql: Cluster, large_tree: Path
) -> None:
    database = postgresql.create("killed")
    with ExitStack() as stack:
        (first, process), (second, _), (third, _) = (stack.enter_context(serving(database)) for _ in range(SERVERS))

        def kill() -> None:
            process.kill()
            process.wait()

        forget()
        with proxied(first, KILL_AFTER, DASHBOARDS // 2, kill) as proxy:
            applied(large_tree, proxy.url, concurrency=16, timeout=30)
            assert proxy.hit
        assert 0 < len(left_to_do(large_tree, second)) < DASHBOARDS
        assert applied(large_tree, second, concurrency=16, timeout=30) is not None
        assert left_to_do(large_tree, third) == []
        # two applies run at once through two servers: the second waits for the lock of the first
        write_tree(large_tree, {f"dashboards/d{number}.yaml": dashboard_file(number, "b") for number in range(20)})
        arguments = ("apply", str(large_tree), "--auto-approve", "--lock-timeout", "60")
        both = [started(*arguments, url=url) for url in (second, third)]
        with ThreadPoolExecutor() as threads:  # a process that blocks on its many warnings keeps the lock
            assert [code for code, _ in threads.map(ended, both)] == [0, 0]
        assert left_to_do(large_tree, third) == []


def test_an_apply_that_a_database_crash_interrupts_completes_when_repeated(own: Cluster, large_tree: Path) -> None:
    def crash() -> None:
        own.stop("immediate")
        own.start()

    forget()
    with running(db=own.create("shop")) as server:
        with proxied(server.url, KILL_AFTER, DASHBOARDS // 2, crash) as proxy:
            applied(large_tree, proxy.url, concurrency=16, timeout=30)
            assert proxy.hit
        again = applied(large_tree, server.url, concurrency=16, timeout=30)
        assert again is not None
        assert {change.result for change in again.changes} <= {"applied"}
        assert left_to_do(large_tree, server.url) == []


def test_acknowledged_writes_survive_the_crash_of_a_server_and_of_the_database(own: Cluster) -> None:
    database, acknowledged, guard = own.create("shop"), set[str](), Lock()
    with ExitStack() as stack:
        servers = [stack.enter_context(serving(database)) for _ in range(SERVERS)]

        def crash() -> None:
            own.stop("immediate")
            own.start()

        events: dict[int, Callable[[], None]] = {60: servers[0][1].kill, 120: crash, 200: crash}

        def write(writer: int) -> None:
            base = f"{servers[writer % SERVERS][0]}/orgs/acme/accounts/default/"
            with httpx2.Client(base_url=base, headers={"Authorization": "Bearer changeme"}, timeout=30) as client:
                for number in range(60):
                    name = f"w{writer}-{number}"
                    try:
                        stored = client.put(f"dashboards/{name}", content=f"title: {name}\n").is_success
                    except httpx2.TransportError:  # the server that was killed
                        return
                    if stored:
                        with guard:
                            acknowledged.add(name)
                            event = events.pop(len(acknowledged), None)
                        if event:
                            event()

        with ThreadPoolExecutor(6) as threads:
            list(threads.map(write, range(6)))
    assert not events
    with running(db=database) as server, account_of(server) as client:
        stored = {dashboard["name"] for dashboard in client.get("dashboards").json()}
    assert acknowledged <= stored
