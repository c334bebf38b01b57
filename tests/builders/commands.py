"""Run command lines, in this process or in a new one, and the servers that they use."""

from __future__ import annotations

import asyncio
import base64
import builtins
import io
import json
import os
import signal
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import asdict
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from unittest.mock import patch

import httpx2

from dlsync.__main__ import main
from dlsync.client import Client, ReadClient
from dlsync.operations import session
from dlsync.server.run import running
from dlsync.state.inventory import INVENTORY, LOCK
from dlsync.state.lock import LockInfo
from tests.builders.http import IMPATIENT, scripted_server
from tests.builders.taps import Asked, recorded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import pytest

    from tests.builders.http import Answering, Reply, ScriptedServer

ROOT = Path(__file__).parent.parent.parent
DASHBOARD = "title: Web\npositions: []\n"
RULE = "title: Load\ncriteria: []\n"
TREE = {"dashboards/web.yaml": DASHBOARD, "rules/load.yaml": RULE, "plugins/disk.sh": "#!/bin/sh\nexit 0\n"}
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_NUMBER = count()


class Outcome(NamedTuple):
    """The result of a command line: its exit code, its output, and the requests that it sent."""

    code: int
    out: str
    err: str
    asked: tuple[Asked, ...] = ()

    @property
    def writes(self) -> list[str]:
        """The requests that change something, without those for the lock and the inventory."""
        return [str(one) for one in self.asked if one.method != "GET" and not _is_for_ourselves(one)]


def _is_for_ourselves(asked: Asked) -> bool:
    return any(name in f"{asked.path} {asked.body!r}" for name in (LOCK, INVENTORY))


class Terminal(io.StringIO):
    """A stream that is a terminal, optionally with input."""

    def isatty(self) -> bool:
        return True


class Piped(io.TextIOWrapper):
    """A stream that is no terminal, in an encoding."""

    def __init__(self, encoding: str = "utf-8") -> None:
        super().__init__(io.BytesIO(), encoding=encoding, newline="\n")

    def getvalue(self) -> str:
        self.flush()
        assert isinstance(self.buffer, io.BytesIO)
        return self.buffer.getvalue().decode(self.encoding)


def dlsync(
    *arguments: str | Path,
    env: Mapping[str, str] | None = None,
    typed: str | None = None,
    piped: bytes = b"",
    closed: bool = False,
    out: Terminal | Piped | None = None,
    err: Terminal | Piped | None = None,
) -> Outcome:
    """Run a command line in this process, with clients that do not wait before a retry and record their requests.

    :param env: the environment, except for PATH and HOME.
    :param typed: input on a terminal, which stdin and stderr then are; None for no terminal.
    :param piped: the content of stdin if it is no terminal.
    :param closed: whether stdin is closed.
    """
    out = out or Piped()
    err = err or (Piped() if typed is None else Terminal())
    stdin = io.TextIOWrapper(io.BytesIO(piped)) if typed is None else Terminal(typed)
    asked: list[Asked] = []
    with (
        patch.dict(os.environ, {**{name: os.environ[name] for name in ("PATH", "HOME")}, **(env or {})}, clear=True),
        patch.object(session, "ReadClient", _impatient(ReadClient, asked)),
        patch.object(session, "Client", _impatient(Client, asked)),
        patch.object(sys, "stdin", None if closed else stdin),
        redirect_stdout(out),
        redirect_stderr(err),
        signals_restored(),
    ):
        code = main([str(one) for one in arguments])
    return Outcome(code, out.getvalue(), err.getvalue(), tuple(asked))


def not_installed(monkeypatch: pytest.MonkeyPatch, module: str, package: str) -> None:
    """Make the import of a module of dlsync fail, as if a package that it needs were not installed."""
    imported = builtins.__import__

    def importing(name: str, *rest: object) -> object:
        if name == module:
            raise ModuleNotFoundError(f"No module named {package!r}", name=package)
        return imported(name, *rest)  # type: ignore[arg-type] # any arguments

    monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(builtins, "__import__", importing)


@contextmanager
def signals_restored() -> Iterator[None]:
    """Restore the signal handlers after the block, which an interrupted command changes."""
    before = {number: signal.getsignal(number) for number in ENDING_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _impatient(of: Callable[..., ReadClient], asked: list[Asked]) -> Callable[..., ReadClient]:
    return lambda **options: recorded(of(**options, retry=IMPATIENT), asked)


def process_environment(env: Mapping[str, str] | None = None) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": os.devnull, **(env or {})}


def command_line(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "dlsync", *map(str, arguments)]


def process(*arguments: str | Path, env: Mapping[str, str] | None = None) -> Outcome:
    """Run a command line in a new process."""
    done = subprocess.run(
        command_line(*arguments),
        env=process_environment(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


class Served(NamedTuple):
    """A server that many tests share, each with an account of its own."""

    url: str

    def account(self, name: str = "") -> dict[str, str]:
        """Create an empty account, and return the environment for it."""
        name = name or f"account-{next(_NUMBER)}"
        headers = {"Authorization": "Bearer changeme"}
        httpx2.post(f"{self.url}/orgs/acme/accounts", json={"name": name}, headers=headers).raise_for_status()
        return environment(self.url, account=name)


def environment(url: str, *, org: str = "acme", account: str = "default", key: str = "changeme") -> dict[str, str]:
    return {"DLSYNC_URL": url, "DLSYNC_ORG": org, "DLSYNC_ACCOUNT": account, "DLSYNC_API_KEY": key}


@contextmanager
def served(*, documented_only: bool = False) -> Iterator[Served]:
    with running(documented_only=documented_only) as server:
        yield Served(server.url)


def by_hand(
    env: Mapping[str, str], method: str, path: str, body: str = "", content_type: str = "application/yaml"
) -> httpx2.Response:
    """Send a request to the account of an environment, without dlsync."""
    url = f"{env['DLSYNC_URL']}/orgs/{env['DLSYNC_ORG']}/accounts/{env['DLSYNC_ACCOUNT']}/{path}"
    headers = {"Authorization": f"Bearer {env['DLSYNC_API_KEY']}", "Content-Type": content_type, "Accept": content_type}
    return httpx2.request(method, url, content=body, headers=headers).raise_for_status()


def lock_by_hand(env: Mapping[str, str], owner: str = "ann@there") -> None:
    """Lock the account, as an apply of another user does."""
    holder = LockInfo("a" * 32, owner, "2026-11-25T10:10:10+00:00", expires=4e9)
    content = base64.b64encode(json.dumps(asdict(holder)).encode()).decode()
    plugin = {"name": LOCK, "extension": "json", "content": content}
    by_hand(env, "POST", "plugins", json.dumps(plugin), "application/json")


@contextmanager
def misbehaving(answer: Answering | Reply) -> Iterator[ScriptedServer]:
    """Run a scripted server in a thread, for commands that run an event loop."""
    ready: Future[tuple[ScriptedServer, Callable[[], object]]] = Future()

    async def serve() -> None:
        loop, done = asyncio.get_running_loop(), asyncio.Event()
        async with scripted_server(answer) as server:
            ready.set_result((server, lambda: loop.call_soon_threadsafe(done.set)))
            await done.wait()

    with ThreadPoolExecutor(1) as executor:
        serving = executor.submit(lambda: asyncio.run(serve()))
        server, stop = ready.result()
        try:
            yield server
        finally:
            stop()
            serving.result()
