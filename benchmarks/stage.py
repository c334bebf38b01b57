"""What the cases are measured on: trees in a temporary folder, and servers, each made once and ended at the end."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

from benchmarks.account import write
from benchmarks.processes import HERE, Command, run

if TYPE_CHECKING:
    from collections.abc import Iterator

CONNECTIONS = 32
MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own in it
_TRIED = 500  # files
_SLOW = 75e-6  # seconds for one of them
KEY = "changeme"
DLSYNC = str(Path(sys.executable).with_name("dlsync"))
FAMILIES = ("dashboards", "rules", "plugins")


@dataclass(frozen=True)
class Server:
    """A server for benchmarks.

    :param url: the API's base.
    :param home: the home folder of those who use it, where dlsync remembers what it found.
    """

    url: str
    home: Path = Path(os.devnull)

    @property
    def account(self) -> str:
        """The URL of its account."""
        return f"{self.url}/orgs/acme/accounts/default"

    @property
    def environment(self) -> dict[str, str]:
        """What makes dlsync use it."""
        return {"DLSYNC_URL": self.url, "DLSYNC_API_KEY": KEY, "HOME": str(self.home)}

    def asked(self) -> dict[str, int]:
        """Return how often each request came since they were last forgotten."""
        counts: dict[str, int] = json.loads(self._side("GET", "requests"))
        return counts

    def forget_cache(self) -> None:
        """Make the next run the first on its machine."""
        shutil.rmtree(self.home, ignore_errors=True)

    def forget_requests(self) -> None:
        """Count from nothing."""
        self._side("DELETE", "requests")

    def reset(self) -> None:
        """Make the account what it was in the beginning."""
        self._side("DELETE", "account")

    def _side(self, method: str, path: str) -> bytes:
        side = f"{self.url.removesuffix('/api/v1')}/{path}"
        with urlopen(Request(side, method=method)) as answer:  # noqa: S310 - our own server
            content: bytes = answer.read()
        return content


class Stage:
    """Hands out trees and servers, the same one for the same wish."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self._stack = stack
        self._used = count()
        self.tree = cache(self._tree)
        self.server = cache(self._server)
        self.urls = cache(self._urls)

    def _tree(self, scale: float, *, changed: bool = False) -> Path:
        """Return a tree; ``changed``: with one field that differs."""
        folder = write(self.folder / f"tree-{scale}{'-changed' if changed else ''}", scale)
        if changed:
            path = min((folder / "dashboards").rglob("*.yaml"))
            path.write_bytes(path.read_bytes().replace(b"\nperiod: ", b"\nperiod: 1", 1))
        return folder

    def fresh(self, name: str, place: Path | None = None) -> Path:
        """Return a folder with settings alone; what it held is gone.

        Outside memory it is moved away and not deleted, for the reason that :meth:`lively` has.

        :param place: the folder that it is in; the stage's own, when that is not said.
        """
        folder = (place or self.folder) / name
        if folder.is_relative_to(MEMORY):
            shutil.rmtree(folder, ignore_errors=True)
        elif folder.exists():
            folder.rename(folder.with_name(f"{name}-{next(self._used)}"))
        return write(folder, 0)

    def lively(self) -> Path:
        """Return a folder in which files are made as fast as in most; on disk, unless that is slow at the moment.

        ext4 looks at each inode that was freed in the last minutes before it takes one: after a benchmark that deleted
        thousands of files, or a test run, making one takes 0.1 to 0.6 ms for up to six minutes, and 0.02 ms at rest.
        """
        if MEMORY.is_dir() and seconds_a_file(self.folder / f"tried-{next(self._used)}") > _SLOW:
            return Path(self._stack.enter_context(TemporaryDirectory(prefix="dlsync-bench-", dir=MEMORY)))
        return self.folder

    def _server(self, scale: float, *, latency: float, documented_only: bool, rewrites: bool = False) -> Server:
        """Return a server with the account of a tree; with scale 0, an empty one."""
        arguments = [sys.executable, "-m", "benchmarks.server", "--tree", str(self.tree(scale))]
        arguments += ["--latency", str(latency), *(["--documented-only"] if documented_only else [])]
        arguments += ["--rewrites"] if rewrites else []
        home = self.folder / f"home-{next(self._used)}"
        server = Server(self._stack.enter_context(_said(arguments)), home)
        self.settle(server, scale)
        return server

    def settle(self, server: Server, scale: float) -> None:
        """Have dlsync write down whatever it writes down about an account whose files it applies for the first time."""
        if scale:
            arguments = (DLSYNC, "apply", "--auto-approve", str(self.tree(scale)))
            run(Command(arguments, server.environment))

    def _urls(self, scale: float, server: Server, *, listed: bool = False) -> Path:
        """Return a file with the URLs that a plan cannot do without, one a line."""
        tree = self.tree(scale)
        paths = [path for family in FAMILIES for path in sorted((tree / family).rglob("*.*"))]
        named = [f"{path.relative_to(tree).parts[0]}/{path.stem}" for path in paths]
        wanted = ["dashboards", *(one for one in named if not one.startswith("dashboards/"))] if listed else named
        file = self.folder / f"urls-{scale}-{listed}-{server.url.rpartition(':')[2].replace('/', '-')}"
        file.write_text("".join(f"{server.account}/{one}\n" for one in wanted), encoding="utf-8")
        return file


def seconds_a_file(folder: Path) -> float:
    """Return how long making a file of 4 KB takes in a new folder."""
    folder.mkdir()
    begun = time.perf_counter()
    for number in range(_TRIED):
        (folder / str(number)).write_bytes(bytes(4_000))
    return (time.perf_counter() - begun) / _TRIED


@contextmanager
def staged() -> Iterator[Stage]:
    """Make a stage, and take all of it away at the end."""
    with TemporaryDirectory(prefix="dlsync-bench-") as folder, ExitStack() as stack:
        yield Stage(Path(folder), stack)


@contextmanager
def _said(arguments: list[str]) -> Iterator[str]:
    """Run a process as long as the block lasts, and yield the first line that it says."""
    with subprocess.Popen(arguments, cwd=HERE.parent, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process.stdout.readline().strip() if process.stdout else ""
        finally:
            process.terminate()
