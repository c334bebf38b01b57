"""The access log: a line of JSON for each request, written by a thread so that requests do not wait for the disk."""

import errno
import json
import logging
import os
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from stat import S_ISREG
from threading import Event, Thread

from dlsync.errors import SettingsError

STDERR = "-"
WAITING = 10_000  # lines in memory; more are dropped
PAUSE = 0.1  # s, between two writes: writing each line by itself would cost as much as the requests
CLOSE_SECONDS = 2  # for the last lines, when the server stops
LOG = logging.getLogger("dlsync.server")
_ESCAPES = str.maketrans({"\x7f": "\\u007f", "#": "\\u0023"})  # DEL, and the start of some CI runners' commands


def line_of(fields: Mapping[str, object]) -> str:
    """Return fields as one line of JSON, in ASCII without control characters."""
    return json.dumps(fields, separators=(",", ":")).translate(_ESCAPES)


class AccessLog:
    """Append lines to a file, and create it again after it was moved. Lines that cannot be written are dropped.

    :param path: the file, or ``-`` for stderr.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._lines: deque[str] = deque()
        self._closing = Event()
        self._descriptor, self._failing = 2, False  # 2 is stderr
        self._dropped = self._failed = self._reported = 0  # lines: dropped by the event loop, and by the thread

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Write lines in this block.

        :raises SettingsError: the file cannot be written, or is no access log.
        """
        try:
            self._open()
        except OSError as error:
            problem = f"{self._path}: cannot be the access log: {error.strerror}"
            raise SettingsError(problem, hint="Name another file for --access-log.") from error
        thread = Thread(target=self._write_until_closed, name="dlsync-access-log", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._closing.set()
            thread.join(CLOSE_SECONDS)  # not for ever: stderr may be a pipe without a reader

    def add(self, **fields: object) -> None:
        """Append a line; see :func:`line_of`."""
        if len(self._lines) < WAITING:
            self._lines.append(line_of(fields))
        else:
            self._dropped += 1

    def _write_until_closed(self) -> None:
        closing = False
        while not closing:
            closing = self._closing.wait(PAUSE)
            if lines := [self._lines.popleft() for _ in range(len(self._lines))]:
                self._try_to_write(lines)
        if self._path != STDERR:
            os.close(self._descriptor)

    def _try_to_write(self, lines: list[str]) -> None:
        try:
            self._write("".join(f"{line}\n" for line in lines).encode())
        except OSError as error:
            self._failed += len(lines)
            if not self._failing:
                LOG.error("the access log misses requests until it can be written: %s", error)  # noqa: TRY400 -- a line
            self._failing = True
            return
        self._failing = False
        if missing := self._dropped + self._failed - self._reported:
            LOG.error("the access log is written again; %d requests are missing", missing)
            self._reported += missing

    def _write(self, lines: bytes) -> None:
        if self._path != STDERR and self._is_moved():
            before = self._descriptor
            self._open()
            os.close(before)
        written = os.write(self._descriptor, lines)
        if written < len(lines):  # the disk became full
            os.ftruncate(self._descriptor, os.lseek(self._descriptor, 0, os.SEEK_CUR) - written)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _is_moved(self) -> bool:
        try:
            return not os.path.samestat(Path(self._path).stat(), os.fstat(self._descriptor))
        except FileNotFoundError:
            return True

    def _open(self) -> None:
        if self._path == STDERR:
            return
        descriptor = os.open(self._path, os.O_APPEND | os.O_CREAT | os.O_RDWR, 0o640)
        if S_ISREG(os.fstat(descriptor).st_mode) and os.pread(descriptor, 1, 0) not in {b"", b"{"}:
            os.close(descriptor)
            raise OSError(errno.EEXIST, "it holds something else")
        self._descriptor = descriptor
