"""The file of the access log: the files that it accepts, and failures to write it."""

from __future__ import annotations

import json
import logging
import os
import re
import resource
import signal
from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING

import pytest

from dlsync.errors import SettingsError
from dlsync.server import access_log
from dlsync.server.access_log import AccessLog

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Messages(logging.Handler):
    """The messages that the server logs, in order, also from other threads."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.arrived = Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())
        self.arrived.set()

    def next(self) -> str:
        assert self.arrived.wait(30)
        self.arrived.clear()
        return self.texts[-1]


@pytest.fixture
def messages() -> Iterator[Messages]:
    handler = Messages()
    access_log.LOG.addHandler(handler)
    yield handler
    access_log.LOG.removeHandler(handler)


def numbers(path: Path) -> list[int]:
    return [json.loads(line)["number"] for line in path.read_text().splitlines()]


def write(path: Path, *lines: int) -> None:
    with (log := AccessLog(str(path))).opened():
        for number in lines:
            log.add(number=number)


def test_lines_are_appended(tmp_path: Path) -> None:
    write(tmp_path / "log", 1, 2)
    write(tmp_path / "log", 3)
    assert numbers(tmp_path / "log") == [1, 2, 3]
    assert (tmp_path / "log").stat().st_mode & 0o777 & ~0o640 == 0  # whatever the umask is


def test_a_dash_writes_the_access_log_to_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    with (log := AccessLog("-")).opened():
        log.add(number=1)
    assert capfd.readouterr().err == '{"number":1}\n'


@pytest.mark.parametrize("content", [b"SQLite format 3\0", b"notes"])
def test_a_file_with_other_content_is_refused_and_left_unchanged(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "live.db").write_bytes(content)
    with pytest.raises(SettingsError, match=r"live\.db: cannot be the access log: it holds something else"):
        write(tmp_path / "live.db", 1)
    assert (tmp_path / "live.db").read_bytes() == content


def test_an_error_names_a_log_file_that_cannot_be_created(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "log"
    with pytest.raises(SettingsError, match=f"^{re.escape(str(path))}: cannot be the access log: No such file"):
        write(path, 1)


@pytest.mark.parametrize("made_anew", [False, True], ids=["moved", "moved and created again"])
def test_a_log_file_that_was_moved_away_is_created_again(tmp_path: Path, made_anew: bool) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    with (log := AccessLog(str(path))).opened():
        with path.open() as reader:
            log.add(number=1)
            assert json.loads(reader.readline()) == {"number": 1}
        path.rename(tmp_path / "old")
        if made_anew:
            path.touch()
        log.add(number=2)
    assert numbers(path) == [2]


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Limit the size of files that this process writes, as a full disk does."""
    before, ignored = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


def test_a_full_disk_loses_whole_lines_and_is_reported_once(tmp_path: Path, messages: Messages) -> None:
    path = tmp_path / "log"
    write(path, 1)
    with (log := AccessLog(str(path))).opened():
        with file_size_limit(path.stat().st_size + 5):
            log.add(number=2)
            assert messages.next().startswith("the access log misses requests until it can be written: [Errno 28]")
            log.add(number=3)
            written(log)
            log.add(number=4)
            written(log)
        log.add(number=5)
        missing = int(messages.next().removeprefix("the access log is written again; ").split()[0])
    found = numbers(path)
    assert (found[0], found[-1], len(found) + missing, len(messages.texts)) == (1, 5, 5, 2)
    assert missing >= 2  # the thread may hold the last line without having tried to write it


def written(log: AccessLog) -> None:
    """Wait until the thread has taken all lines."""
    while log._lines:
        pass


@pytest.fixture
def blocked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pipe without a reader, which holds fewer lines than the log may queue."""
    monkeypatch.setattr(access_log, "WAITING", 1000)
    os.mkfifo(tmp_path / "fifo")
    return tmp_path / "fifo"


def fill(log: AccessLog, lines: int) -> None:
    for number in range(lines):
        log.add(number=number, filler="x" * 100)


def test_a_blocked_reader_does_not_block_the_log_and_missing_lines_are_reported(
    blocked: Path, messages: Messages
) -> None:
    with (log := AccessLog(str(blocked))).opened(), blocked.open() as reader:
        log.add(number=-1, filler="x" * 70_000)  # more than the pipe holds
        written(log)  # the thread has taken the line and cannot write the whole of it
        fill(log, 1003)
        found = [json.loads(reader.readline())["number"] for _ in range(1001)]
        assert messages.next() == "the access log is written again; 3 requests are missing"
    assert found == [-1, *range(1000)]


def test_closing_the_log_does_not_wait_for_a_blocked_reader(blocked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_log, "CLOSE_SECONDS", 0.01)
    with (log := AccessLog(str(blocked))).opened():
        reader = blocked.open()
        fill(log, 1000)
    with reader:
        assert json.loads(reader.readline())["number"] == 0
