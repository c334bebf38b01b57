"""The access log: a line of JSON for each request, written by a thread, so that no request waits for a disk."""

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
WAITING = 10_000  # lines, if requests are faster than what the lines are written to
PAUSE = 0.1  # s, between two writes: a thread that wrote each line at once would cost as much as the requests
CLOSE_SECONDS = 2  # for the last lines, when the server stops
LOG = logging.getLogger("dlsync.server")
_ESCAPES = str.maketrans({"\x7f": "\\u007f", "#": "\\u0023"})  # DEL, and what commands of some CI runners begin with


def line_of(fields: Mapping[str, object]) -> str:
    """Return fields as JSON in a line of ASCII without control characters."""
    return json.dumps(fields, separators=(",", ":")).translate(_ESCAPES)


class AccessLog:
    """Appends lines to a file, and makes it anew if it was moved away. Lines that it cannot write are missing.

    :param path: the file, or ``-`` for stderr.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._lines: deque[str] = deque()
        self._closing = Event()
        self._descriptor, self._failing = 2, False  # stderr
        self._dropped = self._failed = self._reported = 0  # lines; of the event loop, and of the thread

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Write lines as long as the block lasts.

        :raises SettingsError: the file cannot be written, or holds something else than an access log.
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
            thread.join(CLOSE_SECONDS)  # and no longer: stderr may be a pipe that nobody reads

    def add(self, **fields: object) -> None:
        """Append the fields as a line of ASCII without control characters."""
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
