"""Real metrics servers on loopback, with generated past data, so that no test waits for data."""

from __future__ import annotations

import shutil
import socket
import subprocess
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx2
import pytest

from tests.builders.ports import reserved_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NOW = datetime(2026, 3, 4, 12, 0, 30, tzinfo=UTC)
UNIX = int(NOW.timestamp())
BEGINNING, INTERVAL = UNIX - 2400, 30
CHANGE = UNIX - 630  # then web-1 gets load, a full disk and a critical check
WEB, DATABASE, GONE = "web-1:9100", "db-1:9100", "old-1:9100"
# by line of a page, the values before and after the change
PAGES: dict[str, dict[str, tuple[object, object]]] = {
    WEB: {
        "up": (1, 1),
        "base_load_fractional": (0.25, 0.9),
        'node_filesystem_avail_bytes{mountpoint="/"}': (500, 500),
        'node_filesystem_avail_bytes{mountpoint="/srv \\"a\\""}': (400, 3),
        "http_check_status": (0, 2),
        "broken_ratio": ("NaN", "+Inf"),
    },
    DATABASE: {"up": (1, 1), "base_load_fractional": (0.5, 0.5), "pg_up": (1, 1)},
    GONE: {"up": (1, 0)},
}
JOBS = {WEB: "web", DATABASE: "postgres", GONE: "web"}


def exposition(second: int) -> str:
    """Return all samples of the pages.

    :param second: the number of units of time in a second.
    """
    lines = []
    for agent, page in PAGES.items():
        for line, (before, since) in page.items():
            name, _, labels = line.rstrip("}").partition("{")
            joined = ",".join(filter(None, [labels, f'instance="{agent}",job="{JOBS[agent]}",env="prod"']))
            lines += [
                f"{name}{{{joined}}} {since if time >= CHANGE else before} {time * second}\n"
                for time in range(BEGINNING, UNIX + 1, INTERVAL)
            ]
    return "".join(sorted(lines, key=lambda line: line.partition("{")[0]))


@contextmanager
def prometheus(folder: Path) -> Iterator[str]:
    """Run Prometheus with the samples of the pages."""
    _require("prometheus", "promtool")
    (folder / "past.txt").write_text(f"{exposition(1)}# EOF\n", encoding="utf-8")
    (folder / "prometheus.yml").touch()
    past = ("tsdb", "create-blocks-from", "openmetrics", folder / "past.txt", folder / "data")
    subprocess.run(("promtool", *past), check=True, capture_output=True)
    with _prometheus(folder) as url:
        yield url


def _prometheus(folder: Path) -> AbstractContextManager[str]:
    return _running(
        "ready to receive web requests",
        lambda port: [
            "prometheus",
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            "--storage.tsdb.retention.time=100y",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
    )


SCRAPE = """
global: {{scrape_interval: 500ms, scrape_timeout: 500ms}}
scrape_configs:
- job_name: dlsync
  authorization: {{credentials_file: {folder}/key}}
  static_configs: [{{targets: ["{target}"]}}]
"""


@contextmanager
def scraping(folder: Path, target: str, key: str) -> Iterator[str]:
    """Run a Prometheus that scrapes a target."""
    _require("prometheus")
    (folder / "key").write_text(key, encoding="utf-8")
    (folder / "prometheus.yml").write_text(SCRAPE.format(folder=folder, target=target), encoding="utf-8")
    with _prometheus(folder) as url:
        yield url


@contextmanager
def victoria_metrics(folder: Path) -> Iterator[str]:
    """Run VictoriaMetrics with the samples of the pages."""
    _require("victoria-metrics")
    with _running(
        "started VictoriaMetrics in",
        lambda port: [
            "victoria-metrics",
            f"-storageDataPath={folder / 'data'}",
            "-retentionPeriod=100y",
            f"-httpListenAddr=127.0.0.1:{port}",
        ],
    ) as url:
        httpx2.post(f"{url}/api/v1/import/prometheus", content=exposition(1000)).raise_for_status()
        httpx2.get(f"{url}/internal/force_flush").raise_for_status()
        yield url


METRICS_SERVERS = {"prometheus": prometheus, "victoria-metrics": victoria_metrics}


def _require(*programs: str) -> None:
    for program in programs:
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed: apt-get install {program.replace('promtool', 'prometheus')}")


@contextmanager
def _running(ready: str, command: Callable[[int], list[str]]) -> Iterator[str]:
    """Run a program, wait until it logs that it is ready, and yield its URL."""
    with (
        reserved_port() as port,
        subprocess.Popen(command(port), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process,
    ):
        assert process.stderr is not None
        try:
            log = []
            for line in process.stderr:
                log.append(line)
                if ready in line:
                    break
            else:
                pytest.fail(f"it did not start: {''.join(log)}")
            while not _listens(port):  # VictoriaMetrics logs that it is ready before it listens
                assert process.poll() is None
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return False
    return True
