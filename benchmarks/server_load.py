"""Measure `dlsync serve` under load and print the table; ``make bench-server`` calls it."""

from __future__ import annotations

import argparse
import json
import os
import pwd
import shutil
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from benchmarks.processes import HERE
from benchmarks.stage import DLSYNC, KEY, MEMORY
from benchmarks.table import markdown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HEADS = ("what", "requests/s", "p50 ms", "p99 ms", "MB", "servers' cores", "clients' cores", "target", "verdict")
CLIENTS, SENDERS = 200, 2  # SENDERS processes share the clients
SCALE, LIST_SCALE = 0.1, 10  # of the account: 100 resources of each kind, and 10,000
LEAST, MOST_MB = 885, 300  # requests a second on SQLite, and memory for the list


@dataclass(frozen=True)
class Row:
    """A row of the table.

    :param servers: the number of servers that share the database.
    :param least: the target in requests a second; 0 for none.
    """

    what: str
    engine: str
    servers: int = 1
    options: tuple[str, ...] = ()
    least: int = 0


ROWS = (
    Row("SQLite file, one process", "sqlite", least=LEAST),
    Row("the same, with `--access-log`", "sqlite", options=("--access-log",)),
    Row("PostgreSQL, one process", "postgresql"),
    Row("PostgreSQL, three processes", "postgresql", servers=3),
)


class Servers:
    """Processes of `dlsync serve` on one database.

    :ivar megabytes: the sum of their peaks, after :meth:`stop`.
    """

    def __init__(self, db: str, count: int, options: Sequence[str]) -> None:
        command = [DLSYNC, "serve", "--port", "0", *options]
        environment = {"PATH": os.environ["PATH"], "HOME": os.devnull, "DLSYNC_DB": db, "DLSYNC_API_KEY": KEY}
        self._processes = [
            subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(count)
        ]
        self.urls = [_url(process) for process in self._processes]
        self.megabytes = 0.0

    def cpu(self) -> float:
        """Return the seconds of CPU so far (utime and stime in proc(5) of Linux)."""
        stats = [Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2] for process in self._processes]
        return sum(sum(map(int, stat.split()[11:13])) for stat in stats) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        """Stop the processes and record their memory."""
        for process in self._processes:
            process.terminate()
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            self.megabytes += used.ru_maxrss / 1024


def _url(process: subprocess.Popen[str]) -> str:
    words = process.stdout.readline().split() if process.stdout else []
    return next(word for word in words if word.startswith("http"))


def send(what: str, scale: float, urls: list[str], senders: int = 1) -> list[dict[str, object]]:
    """Run processes that send load, and return their results."""
    command = [sys.executable, "-m", "benchmarks.load", what, str(scale), str(CLIENTS // SENDERS)]
    processes = [
        subprocess.Popen([*command, str(seed), *urls], cwd=HERE.parent, stdout=subprocess.PIPE)
        for seed in range(senders)
    ]
    return [json.loads(process.communicate()[0]) for process in processes]


def measured(row: Row, db: str, folder: Path, seconds: float) -> tuple[str, ...]:
    """Measure a row, and return its cells."""
    servers = Servers(db, row.servers, [*row.options, *([str(folder / "access.log")] if row.options else [])])
    try:
        filled = send("fill", SCALE, servers.urls[:1])
        before = servers.cpu()
        said = send(str(seconds), SCALE, servers.urls, SENDERS)
        cores = (servers.cpu() - before) / seconds
    finally:
        servers.stop()
    times = [one for each in said for one in each["milliseconds"]]  # type: ignore[attr-defined] # JSON
    failed = [each["failed"] for each in [*filled, *said] if each["failed"]]
    rate, cuts = len(times) / seconds, quantiles(times, n=100)
    sender_cores = sum(each["cpu"] for each in said) / seconds  # type: ignore[misc] # JSON
    met = ("met" if rate >= row.least else "missed") if row.least else ""
    figures = (f"{rate:,.0f}", f"{cuts[49]:.0f}", f"{cuts[98]:.0f}", f"{servers.megabytes:.0f}")
    verdict = f"failed: {failed}" if failed else met
    return (row.what, *figures, f"{cores:.2f}", f"{sender_cores:.2f}", f"{row.least}/s" if row.least else "", verdict)


def listed(folder: Path) -> tuple[str, ...]:
    """Measure a list of 10,000 dashboards, requested three times, and return the cells of its row."""
    servers = Servers(str(folder / "list.db"), 1, ())
    try:
        send("fill dashboards", LIST_SCALE, servers.urls)
        url = f"{servers.urls[0]}/orgs/acme/accounts/default/dashboards"
        begun = time.perf_counter()
        for _ in range(3):
            request = urllib.request.Request(url, headers={"Authorization": f"Bearer {KEY}"})  # noqa: S310 - our own
            with urllib.request.urlopen(request) as response:  # noqa: S310 - our own
                size = len(response.read())
        each = (time.perf_counter() - begun) / 3
    finally:
        servers.stop()
    what = f"a list of 10,000 dashboards ({size / 1e6:.0f} MB), SQLite, one client"
    verdict = "met" if servers.megabytes <= MOST_MB else "missed"
    return (
        what,
        f"{1 / each:.1f}",
        f"{each * 1000:.0f}",
        "",
        f"{servers.megabytes:.0f}",
        "",
        "",
        f"{MOST_MB} MB",
        verdict,
    )


@contextmanager
def postgresql() -> Iterator[str]:
    """Start PostgreSQL with its defaults, on a Unix socket; yield its URL, empty if it is not installed."""
    folders = [*Path("/usr/lib/postgresql").glob("*/bin"), *map(Path, os.get_exec_path())]
    programs = max((one for one in folders if (one / "initdb").is_file()), default=None)
    if programs is None:
        yield ""
        return
    who = pwd.getpwnam("postgres").pw_uid if os.getuid() == 0 else os.getuid()  # it refuses to run as root
    with TemporaryDirectory(prefix="dlsync-pg-", ignore_cleanup_errors=True) as home:
        os.chown(home, who, -1)

        def run(program: str, *arguments: str) -> None:
            command = [str(programs / program), "-D", f"{home}/data", *arguments]
            subprocess.run(command, check=True, cwd=home, stdout=subprocess.DEVNULL, user=who)

        run("initdb", "-A", "trust", "-U", "dlsync", "-E", "UTF8", "--locale=C.UTF-8", "--no-instructions")
        run("pg_ctl", "-w", "-s", "-l", f"{home}/log", "-o", f"-k {home} -c listen_addresses=''", "start")
        try:
            yield f"postgresql://dlsync@/postgres?host={home}"
        finally:
            run("pg_ctl", "-w", "-s", "-m", "fast", "stop")
            shutil.rmtree(f"{home}/data")


def main() -> None:
    """Measure the rows and print the table."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--seconds", type=float, default=10, help="of load for each row")
    parser.add_argument("--only", default="", help="only rows whose name contains this")
    arguments = parser.parse_args()
    rows: list[tuple[str, ...]] = []
    with TemporaryDirectory(prefix="dlsync-bench-") as home:
        for number, row in enumerate(row for row in ROWS if arguments.only in row.what):
            with postgresql() if row.engine == "postgresql" else nullcontext(f"{home}/{number}.db") as db:
                missing = (row.what, *[""] * (len(HEADS) - 2), "PostgreSQL is not installed")
                rows.append(measured(row, db, Path(home), arguments.seconds) if db else missing)
            print(*rows[-1], sep="; ", file=sys.stderr, flush=True)
        if arguments.only in "list":
            with TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else home) as place:
                rows.append(listed(Path(place)))
    print(f"load average {os.getloadavg()[0]:.1f}", file=sys.stderr)
    print(markdown(rows, HEADS))


if __name__ == "__main__":
    main()
