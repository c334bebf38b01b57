"""The container's files, as far as they can be tested without a daemon."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import cast

from dlsync.server.run import running
from tests.builders.commands import dlsync
from tests.builders.ports import reserved_port
from tests.test_release import tool

ROOT = Path(__file__).parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def words(instruction: str) -> list[str]:
    """Return the command of a Dockerfile instruction, which is written as JSON."""
    found = re.search(rf"^{instruction} (\[.*\])$", DOCKERFILE, re.MULTILINE)
    assert found is not None
    return cast("list[str]", json.loads(found[1]))


def checked(port: int) -> int:
    """Return the exit code of the health check, run against another port."""
    program, *arguments = words("    CMD")
    assert program == "python"
    command = [argument.replace("8080", str(port)) for argument in arguments]
    return subprocess.run([sys.executable, *command], check=False, capture_output=True).returncode


def test_hadolint_finds_nothing() -> None:
    done = subprocess.run([tool("hadolint"), ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_health_check_succeeds_only_while_the_server_answers() -> None:
    with running(api_key="a key of its own") as server:
        assert checked(int(server.url.split(":")[2].split("/")[0])) == 0
    with reserved_port() as port:
        assert checked(port) == 1


def test_a_container_without_an_api_key_fails_and_asks_for_a_key() -> None:
    assert words("ENTRYPOINT") == ["dlsync"]
    done = dlsync(*words("CMD"))
    assert done.code == 1
    assert "Set DLSYNC_API_KEY, or give --api-key-file, to a key of your own." in done.err


def test_the_container_runs_as_a_numeric_user_that_is_not_root() -> None:
    assert re.findall(r"^USER (.*)$", DOCKERFILE, re.MULTILINE) == ["10001:10001"]


def test_the_build_context_holds_exactly_the_files_that_the_dockerfile_uses() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    sent = {line[1:] for line in ignored if line.startswith("!")}
    copied = [line.split()[1:-1] for line in DOCKERFILE.splitlines() if line.startswith("COPY ")]
    mounted = re.findall(r"type=bind,source=([\w.-]+)", DOCKERFILE)
    assert ignored[1] == "*"
    assert sent == {name for names in copied for name in names} | set(mounted)
