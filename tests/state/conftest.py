"""An account without a lock."""

from collections.abc import Iterator

import pytest

from dlsync.state.lock import remove
from tests.builders.trees import Account, account


@pytest.fixture(scope="module")
def server() -> Iterator[Account]:
    with account() as live:
        yield live


@pytest.fixture
def live(server: Account) -> Account:
    server.run(remove)
    return server
