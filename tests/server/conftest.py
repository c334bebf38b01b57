from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dlsync.server.run import running
from tests.builders import account_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx2

    from dlsync.server.run import RunningServer


@pytest.fixture
def server() -> Iterator[RunningServer]:
    with running() as server:
        yield server


@pytest.fixture
def client(server: RunningServer) -> Iterator[httpx2.Client]:
    with account_of(server) as client:
        yield client


@pytest.fixture(scope="module")
def shared() -> Iterator[httpx2.Client]:
    """One server for the many examples of a property."""
    with running() as server, account_of(server) as client:
        yield client
