from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dlsync.server.run import running
from tests.builders.commands import environment

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def demo() -> Iterator[dict[str, str]]:
    """The environment of an account with agents that measure; for what changes nothing."""
    with running(demo=True) as server:
        yield environment(server.url)


@pytest.fixture
def own_demo() -> Iterator[dict[str, str]]:
    """The same, of the test's own."""
    with running(demo=True) as server:
        yield environment(server.url)


@pytest.fixture(scope="session")
def documented() -> Iterator[dict[str, str]]:
    """The environment of an account on a server that has only the documented operations."""
    with running(documented_only=True) as server:
        yield environment(server.url)
