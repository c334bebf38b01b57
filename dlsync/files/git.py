"""Ask git for the commit of a directory, and for the user's name."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def head_commit(root: Path) -> str:
    """Return the commit of the directory's repository; empty outside a repository, or without git."""
    return _output(root, "rev-parse", "--verify", "--quiet", "HEAD")


def user_name(root: Path) -> str:
    """Return the name that git would put on a commit to the directory; empty where it has none, or without git."""
    return _output(root, "config", "user.name")


def _output(root: Path, *arguments: str) -> str:
    command = ("git", "-C", str(root), *arguments)
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603 - a fixed command
    except OSError:
        return ""
