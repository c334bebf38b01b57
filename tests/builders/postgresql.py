"""A temporary cluster of PostgreSQL on a Unix socket, if PostgreSQL is installed."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

FAST = "-c fsync=off -c shared_buffers=16MB -c max_connections=100 -c listen_addresses=''"
USER = "dlsync"


@dataclass(frozen=True)
class Cluster:
    """A cluster of PostgreSQL, with its files and socket in a folder."""

    programs: Path
    folder: Path

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://{USER}@/{database}?host={self.folder}"

    def run(self, program: str, *arguments: str) -> None:
        """Run a program of PostgreSQL, as another user than root, which they refuse."""
        who = pwd.getpwnam("postgres") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
        command = [str(self.programs / program), "-D", str(self.folder), *arguments]
        ids = {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": []} if os.getuid() == 0 else {}
        subprocess.run(command, check=True, cwd=self.folder, stdout=subprocess.DEVNULL, **ids)  # type: ignore[call-overload] # its stub knows no such dict

    def start(self) -> None:
        self.run("pg_ctl", "-w", "-s", "-l", str(self.folder / "log"), "-o", f"{FAST} -k {self.folder}", "start")

    def stop(self, mode: str = "immediate") -> None:
        """Stop the cluster; ``immediate`` acts like a crash, from which the next start recovers."""
        self.run("pg_ctl", "-w", "-s", "-m", mode, "stop")

    def execute(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def create(self, database: str) -> str:
        """Create an empty database, and return its URL."""
        self.execute(f"CREATE DATABASE {database}")
        return self.url(database)


def programs() -> Path | None:
    """Return the folder with the programs of the newest installed PostgreSQL."""
    folders = [*Path("/usr/lib/postgresql").glob("*/bin"), *map(Path, os.get_exec_path())]
    found = [folder for folder in folders if (folder / "initdb").is_file()]
    return max(found, key=lambda folder: [int(part) for part in folder.parts if part.isdigit()], default=None)


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Run a cluster in this block; skip the test if PostgreSQL is not installed."""
    if (folder := programs()) is None:
        pytest.skip("PostgreSQL is not installed")
    home = Path(tempfile.mkdtemp(prefix="dlsync-pg-"))  # short, because the path of a socket is limited
    if os.getuid() == 0:
        shutil.chown(home, "postgres", "postgres")
    made = Cluster(folder, home)
    try:
        made.run(
            "initdb", "-A", "trust", "-U", USER, "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"
        )
        made.start()
        try:
            yield made
        finally:
            made.stop()
    finally:
        shutil.rmtree(home)
