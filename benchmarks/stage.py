"""The trees and servers that cases share; all are temporary."""

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
MEMORY = Path("/dev/shm")  # noqa: S108 - TemporaryDirectory makes a folder in it
_SAMPLE = 500  # files
_SLOW = 75e-6  # seconds for one of them
KEY = "changeme"
DLSYNC = str(Path(sys.executable).with_name("dlsync"))
FAMILIES = ("dashboards", "rules", "plugins")


@dataclass(frozen=True)
class Server:
    """A server for benchmarks.

    :param url: the API's base.
    :param home: the home folder of its clients, which holds dlsync's cache.
    """

    url: str
    home: Path = Path(os.devnull)

    @property
    def account(self) -> str:
        """The URL of the account."""
        return f"{self.url}/orgs/acme/accounts/default"

    @property
    def environment(self) -> dict[str, str]:
        """The environment for a command that uses the server."""
        return {"DLSYNC_URL": self.url, "DLSYNC_API_KEY": KEY, "HOME": str(self.home)}

    def requests(self) -> dict[str, int]:
        """Return how often each request was sent since :meth:`forget_requests`."""
        counts: dict[str, int] = json.loads(self._side("GET", "requests"))
        return counts

    def forget_cache(self) -> None:
        """Delete dlsync's cache, so that the next run is like the first on a machine."""
        shutil.rmtree(self.home, ignore_errors=True)

    def forget_requests(self) -> None:
        """Reset the counts of requests."""
        self._side("DELETE", "requests")

    def reset(self) -> None:
        """Restore the initial content of the account."""
        self._side("DELETE", "account")

    def _side(self, method: str, path: str) -> bytes:
        side = f"{self.url.removesuffix('/api/v1')}/{path}"
        with urlopen(Request(side, method=method)) as answer:  # noqa: S310 - our own server
            content: bytes = answer.read()
        return content


class Stage:
    """Create trees and servers, one for the same arguments."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self._stack = stack
        self._used = count()
        self.tree = cache(self._tree)
        self.server = cache(self._server)
        self.urls = cache(self._urls)

    def _tree(self, scale: float, *, changed: bool = False) -> Path:
        """Return a tree; ``changed`` changes a field of it."""
        folder = write(self.folder / f"tree-{scale}{'-changed' if changed else ''}", scale)
        if changed:
            path = min((folder / "dashboards").rglob("*.yaml"))
            path.write_bytes(path.read_bytes().replace(b"\nperiod: ", b"\nperiod: 1", 1))
        return folder

    def fresh(self, name: str, place: Path | None = None) -> Path:
        """Return a folder that holds only settings.

        On disk, an old folder is moved away, because deleting it makes later writes slow; see :meth:`fast_folder`.

        :param place: the folder above it; by default, that of the stage.
        """
        folder = (place or self.folder) / name
        if folder.is_relative_to(MEMORY):
            shutil.rmtree(folder, ignore_errors=True)
        elif folder.exists():
            folder.rename(folder.with_name(f"{name}-{next(self._used)}"))
        return write(folder, 0)

    def fast_folder(self) -> Path:
        """Return a folder in which creating files is fast: on disk, or in memory if the disk is slow at the moment.

        ext4 checks each inode that was freed in the last minutes before it uses one. After thousands of files were
        deleted, creating a file takes 0.1 to 0.6 ms instead of 0.02 ms, for up to six minutes.
        """
        if MEMORY.is_dir() and seconds_a_file(self.folder / f"tried-{next(self._used)}") > _SLOW:
            return Path(self._stack.enter_context(TemporaryDirectory(prefix="dlsync-bench-", dir=MEMORY)))
        return self.folder

    def _server(self, scale: float, *, latency: float, documented_only: bool, rewrites: bool = False) -> Server:
        """Return a server whose account holds a tree; the account is empty if the scale is 0."""
        arguments = [sys.executable, "-m", "benchmarks.server", "--tree", str(self.tree(scale))]
        arguments += ["--latency", str(latency), *(["--documented-only"] if documented_only else [])]
        arguments += ["--rewrites"] if rewrites else []
        home = self.folder / f"home-{next(self._used)}"
        server = Server(self._stack.enter_context(_started(arguments)), home)
        self.apply_tree(server, scale)
        return server

    def apply_tree(self, server: Server, scale: float) -> None:
        """Apply the tree, so that the account has an inventory."""
        if scale:
            arguments = (DLSYNC, "apply", "--auto-approve", str(self.tree(scale)))
            run(Command(arguments, server.environment))

    def _urls(self, scale: float, server: Server) -> Path:
        """Return a file with the URLs that a plan must fetch, one on each line."""
        tree = self.tree(scale)
        paths = [path for family in FAMILIES for path in sorted((tree / family).rglob("*.*"))]
        named = [f"{path.relative_to(tree).parts[0]}/{path.stem}" for path in paths]
        file = self.folder / f"urls-{scale}-{server.url.rpartition(':')[2].replace('/', '-')}"
        file.write_text("".join(f"{server.account}/{one}\n" for one in named), encoding="utf-8")
        return file


def seconds_a_file(folder: Path) -> float:
    """Return how long it takes to create a file of 4 KB in a new folder."""
    folder.mkdir()
    begun = time.perf_counter()
    for number in range(_SAMPLE):
        (folder / str(number)).write_bytes(bytes(4_000))
    return (time.perf_counter() - begun) / _SAMPLE


@contextmanager
def staged() -> Iterator[Stage]:
    """Create a stage, and remove everything at the end."""
    with TemporaryDirectory(prefix="dlsync-bench-") as folder, ExitStack() as stack:
        yield Stage(Path(folder), stack)


@contextmanager
def _started(arguments: list[str]) -> Iterator[str]:
    """Run a process in this block, and yield the first line of its output."""
    with subprocess.Popen(arguments, cwd=HERE.parent, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process.stdout.readline().strip() if process.stdout else ""
        finally:
            process.terminate()
