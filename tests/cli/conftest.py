from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.builders.commands import TREE, Served, dlsync, served
from tests.builders.trees import write_tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def server() -> Iterator[Served]:
    with served() as server:
        yield server


@pytest.fixture
def env(server: Served) -> dict[str, str]:
    """The environment of an empty account of the test's own."""
    return server.account()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """One dashboard, one rule, one plugin."""
    return write_tree(tmp_path / "tree", TREE)


@pytest.fixture
def applied(tree: Path, env: dict[str, str]) -> Path:
    """A tree whose account has just what it says."""
    assert dlsync("apply", tree, "--auto-approve", env=env).code == 0
    return tree
