"""What git says of a tree: the commit that a plan belongs to, and who works on it."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def head_commit(root: Path) -> str:
    """Return the commit that the tree's repository is at; empty outside a repository, or without git."""
    return _answer(root, "rev-parse", "--verify", "--quiet", "HEAD")


def user_name(root: Path) -> str:
    """Return the name that git would put on a commit to the tree; empty where it has none, or without git."""
    return _answer(root, "config", "user.name")


def _answer(root: Path, *arguments: str) -> str:
    command = ("git", "-C", str(root), *arguments)
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - a fixed command
    except OSError:
        return ""
    return done.stdout.strip()
