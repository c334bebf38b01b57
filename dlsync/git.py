"""What git says of a tree: the commit that a plan belongs to."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def head_commit(root: Path) -> str:
    """Return the commit that the tree's repository is at; empty outside a repository, or without git."""
    command = ("git", "-C", str(root), "rev-parse", "--verify", "--quiet", "HEAD")
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - a fixed command
    except OSError:
        return ""
    return done.stdout.strip()
