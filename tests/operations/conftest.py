"""A tree, and an account on a server of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.builders.applies import FILES
from tests.builders.trees import account, write_tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.builders.trees import Account


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "tree", FILES)


@pytest.fixture
def live() -> Iterator[Account]:
    with account() as live:
        yield live
