"""Git repositories without the configuration of the user or the system."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

CONFIGURATION = {
    "GIT_CONFIG_NOSYSTEM": "1",  # and HOME is empty in tests
    "GIT_CONFIG_COUNT": "2",
    "GIT_CONFIG_KEY_0": "init.defaultBranch",
    "GIT_CONFIG_VALUE_0": "main",
    "GIT_CONFIG_KEY_1": "commit.gpgSign",
    "GIT_CONFIG_VALUE_1": "false",
}


def git(root: Path, *arguments: str, check: bool = True) -> str:
    """Run git and return its output."""
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **CONFIGURATION}
    command = ("git", "-C", str(root), *arguments)
    done = subprocess.run(command, check=check, capture_output=True, text=True, env=environment)
    return done.stdout.strip("\n")


def repository(root: Path) -> Path:
    """Make a folder a repository with an author, and commit its content."""
    root.mkdir(parents=True, exist_ok=True)
    git(root, "init", "--quiet")
    git(root, "config", "user.name", "Ada")
    git(root, "config", "user.email", "ada@example.org")
    commit_all(root, "first")
    return root


def commit_all(root: Path, message: str) -> None:
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--allow-empty", f"--message={message}")
