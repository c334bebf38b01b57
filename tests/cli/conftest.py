from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.builders.commands import TREE, dlsync
from tests.builders.trees import write_tree

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """One dashboard, one rule, one plugin."""
    return write_tree(tmp_path / "tree", TREE)


@pytest.fixture
def applied(tree: Path, env: dict[str, str]) -> Path:
    """A tree whose account has just what it says."""
    assert dlsync("apply", tree, "--auto-approve", env=env).code == 0
    return tree
