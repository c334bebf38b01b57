"""Ask git for the commit of a directory, and for the user's name."""

import os
import re
import subprocess
from pathlib import Path

_COMMIT = re.compile(r"[0-9a-f]{40,64}")


def head_commit(root: Path) -> str:
    """Return the commit of the directory's repository; empty outside a repository, or without git."""
    return _output(root, "rev-parse", "--verify", "--quiet", "HEAD")


def is_unknown(root: Path, commit: str) -> bool:
    """Tell whether the directory's repository is whole and lacks a commit; False outside a repository."""
    if not _COMMIT.fullmatch(commit) or _output(root, "rev-parse", "--is-shallow-repository") != "false":
        return False
    return not _output(root, "rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}")


def user_name(root: Path) -> str:
    """Return the name that git would put on a commit to the directory; empty where it has none, or without git."""
    return _output(root, "config", "user.name")


def _output(root: Path, *arguments: str) -> str:
    command = ("git", "-C", str(root), *arguments)
    try:
        local = {**os.environ, "GIT_NO_LAZY_FETCH": "1"}  # a partial clone would ask its remote for a commit
        return subprocess.run(command, capture_output=True, text=True, check=False, env=local).stdout.strip()  # noqa: S603 - the commands above
    except OSError:
        return ""
