"""SQLite as the server's database: in a file that survives ``kill -9``, or in memory."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from os.path import realpath
from pathlib import Path
from time import monotonic
from typing import Any

from dlsync.errors import SettingsError
from dlsync.server.database import DatabaseError, ErrorCode, migrations
from dlsync.server.store import Row, Store

APPLICATION_ID = int.from_bytes(b"dlsy")  # in the header of the file, https://sqlite.org/fileformat.html
UNMARKED_TABLES = frozenset({"accounts", "agents", "annotations", "documents", "links", "orgs", "plugins"})
COUNTS = """
SELECT (SELECT count(*) FROM accounts) AS accounts, (SELECT count(*) FROM documents) AS "dashboards and rules",
    (SELECT count(*) FROM plugins) AS plugins, (SELECT count(*) FROM links) AS links
"""  # only tables that exist in each version
APPLICATION = """
SELECT application_id, user_version, (SELECT json_group_array(name) FROM sqlite_schema WHERE type = 'table')
FROM pragma_application_id, pragma_user_version
"""  # one statement, because another process may migrate the file
STARTUP_LOCK_SECONDS = 5
LOCK_PAUSE = 0.02  # s, between two attempts to open a file
MIGRATIONS = migrations("sqlite")  # the N-th migrates a file from version N - 1 to N
VERSION = len(MIGRATIONS)
CODES = {  # https://sqlite.org/rescode.html; an extended code wins over its primary one
    sqlite3.SQLITE_BUSY: ErrorCode.LOCKED,
    sqlite3.SQLITE_FULL: ErrorCode.FULL,
    sqlite3.SQLITE_IOERR_WRITE: ErrorCode.FULL,  # such as a quota
    sqlite3.SQLITE_IOERR_SHMSIZE: ErrorCode.FULL,
    sqlite3.SQLITE_CORRUPT: ErrorCode.DAMAGED,
    sqlite3.SQLITE_NOTADB: ErrorCode.FOREIGN,
    sqlite3.SQLITE_IOERR: ErrorCode.UNUSABLE,
    sqlite3.SQLITE_READONLY: ErrorCode.READ_ONLY,
    sqlite3.SQLITE_CANTOPEN: ErrorCode.UNUSABLE,
}


class Sqlite:
    """A connection to SQLite. Its transactions never wait, so the event loop runs one at a time.

    :param path: the database file, created if it is missing; None keeps everything in memory.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.name = str(path)
        self._path = path
        self._log = Path(f"{realpath(path)}-wal") if path else None  # SQLite follows a link

    async def open(self) -> None:
        """Open the file, and create or migrate its tables.

        :raises DatabaseError: the file is unreadable or damaged, or belongs to another program or a later version.
        """
        deadline = monotonic() + STARTUP_LOCK_SECONDS
        while True:
            try:
                self._open()
            except DatabaseError as error:  # SQLite does not wait for each kind of lock
                if error.code is not ErrorCode.LOCKED or monotonic() >= deadline:
                    raise
            else:
                return
            await asyncio.sleep(LOCK_PAUSE)

    def _open(self) -> None:
        with _translated(otherwise=ErrorCode.UNUSABLE):
            if self._path is not None:
                _check_file(self._path)
            # isolation_level=None: this class begins and ends transactions itself
            self.connection = sqlite3.connect(
                self._path.absolute() if self._path else ":memory:",  # SQLite takes `file:x.db` for a URI
                timeout=STARTUP_LOCK_SECONDS / 10,
                isolation_level=None,
                check_same_thread=False,
            )
            try:
                self._migrate()
            except BaseException:
                self.connection.close()
                raise
            self._opened = self._identity()
            # from now on, a locked file is an error at once, because waiting would block the event loop
            self.connection.execute("PRAGMA busy_timeout = 0")

    def _migrate(self) -> None:
        _check_application(self.connection)
        if (problem := self.connection.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            raise DatabaseError(ErrorCode.DAMAGED, problem)
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("PRAGMA synchronous = FULL")  # changes survive a power failure
        self.connection.execute("PRAGMA foreign_keys = ON")
        with self._transaction("BEGIN IMMEDIATE"):  # keeps other processes from migrating too
            application, version = _check_application(self.connection)
            for statement in "".join(MIGRATIONS[version:]).split(";\n"):  # not ";" alone, which triggers contain
                self.connection.execute(statement)
            if (application, version) != (APPLICATION_ID, VERSION):
                self.connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                self.connection.execute(f"PRAGMA user_version = {VERSION}")

    def is_in_use(self) -> bool:
        """Return whether another program has the closed file open: the last to close it removes the log."""
        return self._log is not None and self._log.exists()

    def backup(self, file: Path) -> dict[str, int]:
        """Copy everything to a new file; call it without :meth:`open`, even while a server uses the file.

        :returns: the number of rows of each table of resources.
        :raises DatabaseError: the source cannot be read, or belongs to another program.
        :raises SettingsError: the new file exists, or cannot be written.
        """
        with _translated(otherwise=ErrorCode.UNUSABLE), closing(sqlite3.connect(Path(self.name).absolute())) as source:
            _check_application(source)
            try:
                file.touch(mode=0o600, exist_ok=False)
            except OSError as error:
                raise SettingsError(f"{file}: cannot be written: {error.strerror}", hint="Name a new file.") from error
            try:
                with closing(sqlite3.connect(file.absolute())) as target:
                    source.backup(target)
                    counts = target.execute(COUNTS)
                    return dict(zip((column[0] for column in counts.description), counts.fetchone(), strict=True))
            except BaseException:
                file.unlink()
                raise

    async def close(self) -> None:
        """Write the log back into the file and close it."""
        self.connection.close()

    @asynccontextmanager
    async def transaction(self, *, write: bool) -> AsyncIterator[Store]:
        """Commit the writes of the block together, or undo them if it raises; reads see one snapshot."""
        if self._identity() != self._opened:  # SQLite would write to a log that is lost
            reason = f"{self.name} or its -wal was moved or replaced while open; put it back, or start the server again"
            raise DatabaseError(ErrorCode.GONE, reason)
        with _translated(), self._transaction("BEGIN IMMEDIATE" if write else "BEGIN"):
            yield Store(self._execute)

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[None]:
        self.connection.execute(begin)
        try:
            yield
            self.connection.execute("COMMIT")
        except BaseException:
            if self.connection.in_transaction:  # on a full disk, SQLite has rolled it back already
                self.connection.execute("ROLLBACK")
            raise

    def _identity(self) -> list[tuple[int, int]]:
        """Return device and inode of the file and its log; an empty list if one of them is missing."""
        with suppress(OSError):
            found = [file.stat() for file in (self._path, self._log) if file]
            return [(status.st_dev, status.st_ino) for status in found]
        return []

    async def _execute(self, sql: str, values: Sequence[Any]) -> tuple[Iterator[Row], int]:
        cursor = self.connection.execute(sql, values)
        names = [column[0] for column in cursor.description or ()]
        return (dict(zip(names, row, strict=True)) for row in cursor), cursor.rowcount


@contextmanager
def _translated(*, otherwise: ErrorCode | None = None) -> Iterator[None]:
    """Raise DatabaseError for known errors of SQLite.

    :param otherwise: the code for other errors of SQLite and the file system; None raises them unchanged.
    """
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        sqlite_code = getattr(error, "sqlite_errorcode", -1)  # Python's own errors have none
        code = CODES.get(sqlite_code) or CODES.get(sqlite_code & 0xFF) or otherwise  # the low byte is the primary code
        if code is None:
            raise
        raise DatabaseError(code, error) from error


def _check_file(path: Path) -> None:
    if not path.exists():
        path.touch(mode=0o600)  # URLs of webhooks are often secret
    if not path.is_file():
        raise OSError("it is not a regular file")
    # immutable, unless a process has it open: SQLite neither locks a file that may be foreign nor creates others by it
    mode = "mode=ro" if path.with_name(f"{path.name}-wal").exists() else "immutable=1"
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True)) as connection:
            _check_application(connection)
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_CORRUPT:  # may be a concurrent write; `quick_check` finds damage
            raise


def _check_application(connection: sqlite3.Connection) -> tuple[int, int]:
    """Return the application id and the version of a database.

    :raises DatabaseError: another program or a later dlsync made it.
    """
    application, version, names = connection.execute(APPLICATION).fetchone()
    tables = set(json.loads(names))
    unmarked = (application, version, tables) in ((0, 0, set()), (0, 1, UNMARKED_TABLES))
    if application != APPLICATION_ID and not unmarked:
        raise DatabaseError(ErrorCode.FOREIGN, "another program made it")
    if version > VERSION:
        raise DatabaseError(ErrorCode.FOREIGN, f"version {version} was written by a later dlsync")
    return application, version
