"""Kill processes of dlsync and its server during an apply."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dlsync.server.run import running
from tests.builders.commands import ROOT
from tests.builders.disturbed import KEY, Scene, applied, copied, forget, left_behind, unlike
from tests.builders.faults import proxied

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COMMAND = (sys.executable, "-m", "dlsync")


def started(*arguments: str, url: str = "", stderr: int | None = subprocess.STDOUT) -> subprocess.Popen[str]:
    """Start dlsync in a new process. It blocks once its stdout is full, unless the test reads it."""
    env = {
        "PATH": os.environ["PATH"],
        "HOME": os.environ["HOME"],  # which `forget` clears
        "PYTHONPATH": str(ROOT),
        "DLSYNC_URL": url,
        "DLSYNC_ORG": "acme",
        "DLSYNC_ACCOUNT": "default",
        "DLSYNC_API_KEY": KEY,
    }
    return subprocess.Popen([*COMMAND, *arguments], env=env, stdout=subprocess.PIPE, stderr=stderr, text=True)


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait for the end of a process, and return its exit code and output."""
    out, _ = process.communicate(timeout=100)
    return process.returncode, out


@contextmanager
def serving(database: Path | str, *options: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run a server in a new process, yield its URL and process, and kill it at the end."""
    process = started("serve", "--db", str(database), *options, stderr=None)  # pytest shows its log
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip(), process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def client_killed(made: Scene, folder: Path, fault: str, at: int) -> str:
    """Kill dlsync at a request, run it again, remove the files and apply; return what is wrong, empty for nothing."""
    with _killed_at(made, folder, fault, at) as (url, what):
        code, out = ended(started("apply", str(made.tree), "--auto-approve", url=url))
        if code:
            return f"{what}: the same command again failed: {out}"
        return unlike(made, url, what) or left_behind(made, url, folder / f"removed-{fault[:12]}-{at}", what)


def client_killed_for_good(made: Scene, folder: Path, fault: str, at: int) -> str:
    """Kill dlsync at a request, remove the files and apply; return which resources are left, empty for none."""
    with _killed_at(made, folder, fault, at) as (url, what):
        return left_behind(made, url, folder / f"removed-{fault[:12]}-{at}", what)


@contextmanager
def _killed_at(made: Scene, folder: Path, fault: str, at: int) -> Iterator[tuple[str, str]]:
    """Kill dlsync at a request, and yield the server's URL and a description."""
    forget()

    with running(db=copied(made.database, folder / f"client-{fault[:12]}-{at}.db")) as server:
        victim: list[subprocess.Popen[str]] = []

        def kill() -> None:
            victim[0].kill()

        with proxied(server.url, fault, at, kill) as proxy:
            victim.append(started("apply", str(made.tree), "--auto-approve", url=proxy.url))
            ended(victim[0])
            assert proxy.hit, f"{fault} at {at}: nothing was hit"
            what = f"dlsync {fault}, at {at}, {proxy.hit}"
        yield server.url, what


def server_killed(made: Scene, folder: Path, fault: str, at: int) -> str:
    """Kill the server at a request, start it, and run dlsync again; return what is wrong, empty for nothing."""
    forget()
    what, database = f"the server {fault}, at {at}", copied(made.database, folder / f"server-{fault[:12]}-{at}.db")
    with serving(database) as (url, process):

        def kill() -> None:
            process.kill()
            process.wait()

        with proxied(url, fault, at, kill) as proxy:
            applied(made.tree, proxy.url)
            if not proxy.hit:
                return f"{what}: nothing was hit"
            what = f"{what}, {proxy.hit}"
    with running(db=database) as server:
        again = applied(made.tree, server.url)
        if again is None or any(change.result != "applied" for change in again.changes):
            return f"{what}: the same command again failed"
        return unlike(made, server.url, what)
