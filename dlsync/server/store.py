"""The tables of the server in SQLite: a file that survives ``kill -9``, or memory. All SQL is here."""

import json
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from dlsync.errors import SettingsError

APPLICATION_ID = int.from_bytes(b"dlsy")  # in the header of the file, https://sqlite.org/fileformat.html
UNMARKED_TABLES = frozenset({"accounts", "agents", "annotations", "documents", "links", "orgs", "plugins"})
STARTUP_LOCK_SECONDS = 5
SCHEMA = """
CREATE TABLE orgs (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE accounts (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, org TEXT NOT NULL REFERENCES orgs ON DELETE CASCADE,
    name TEXT NOT NULL, agent_key TEXT NOT NULL, UNIQUE (org, name));
CREATE TABLE documents (
    id TEXT PRIMARY KEY, account TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    kind TEXT NOT NULL, name TEXT NOT NULL, text BLOB NOT NULL, view TEXT NOT NULL, mute INTEGER NOT NULL DEFAULT 0,
    UNIQUE (account, kind, name));
CREATE TABLE plugins (
    id TEXT PRIMARY KEY, account TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE, name TEXT NOT NULL,
    content BLOB NOT NULL, extension TEXT NOT NULL, description TEXT NOT NULL, interval INTEGER NOT NULL,
    params TEXT NOT NULL, shell_args TEXT NOT NULL, type TEXT NOT NULL, pack TEXT NOT NULL, UNIQUE (account, name));
CREATE TABLE links (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,
    account TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    plugin TEXT NOT NULL REFERENCES plugins ON DELETE CASCADE, tags TEXT NOT NULL);
CREATE INDEX links_of_plugin ON links (plugin);
CREATE INDEX links_of_account ON links (account);
CREATE TABLE agents (
    id TEXT NOT NULL, account TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE, document TEXT NOT NULL,
    PRIMARY KEY (account, id)) WITHOUT ROWID;
CREATE TABLE annotations (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,
    account TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    stream TEXT NOT NULL, name TEXT NOT NULL, description TEXT NOT NULL, start_time TEXT NOT NULL);
CREATE INDEX annotations_of_stream ON annotations (account, stream);
"""
STREAMS_AND_EXTRA_FIELDS = """
CREATE TABLE streams (
    account TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE, name TEXT NOT NULL,
    PRIMARY KEY (account, name)) WITHOUT ROWID;
INSERT INTO streams SELECT DISTINCT account, stream FROM annotations;
ALTER TABLE annotations ADD COLUMN extra TEXT NOT NULL DEFAULT '{}';
ALTER TABLE agents ADD COLUMN tags TEXT NOT NULL DEFAULT '["all"]';
UPDATE agents SET tags = document -> '$.tags';
ALTER TABLE agents ADD COLUMN expired TEXT NOT NULL DEFAULT '[]';
"""
PLUGIN_FIELDS = """
ALTER TABLE plugins ADD COLUMN extra TEXT NOT NULL DEFAULT '{}';
"""
MIGRATIONS = (SCHEMA, STREAMS_AND_EXTRA_FIELDS, PLUGIN_FIELDS)  # the N-th turns a file of version N into N + 1
VERSION = len(MIGRATIONS)
JSON_COLUMNS = frozenset({"document", "expired", "extra", "tags"})
HINTS = {
    sqlite3.SQLITE_BUSY: "Another process has locked it: end that process, or wait for it.",
    sqlite3.SQLITE_FULL: "Free space on its disk.",
    sqlite3.SQLITE_CORRUPT: "Restore it from a backup, or recover it with `sqlite3 FILE .recover`.",
    sqlite3.SQLITE_NOTADB: "Name a file that `dlsync serve` made, or one that does not exist yet.",
}

Row = dict[str, Any]


def new_id() -> str:
    """Return an id as the documentation shows them: 24 hex digits."""
    return secrets.token_hex(12)


def is_locked(error: sqlite3.Error) -> bool:
    """Return whether another process has locked the file."""
    return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY  # the higher bits of the code say how


@contextmanager
def usable(path: Path | None) -> Iterator[None]:
    """Raise SettingsError with a hint for a file that cannot be the server's database."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        hint = HINTS.get(getattr(error, "sqlite_errorcode", 0), HINTS[sqlite3.SQLITE_NOTADB])
        raise SettingsError(f"{path}: cannot be used as the server's database: {error}", hint=hint) from error


class Store:
    """A connection to the database, on which the event loop runs one request at a time.

    The names of tables and columns are constants of the operations, and values are bound. Columns with JSON are read
    and written as values.

    :param path: the database file, created if it is missing; None keeps everything in memory.
    :raises SettingsError: the file cannot be opened, is damaged, is of another program or of a later version.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        with usable(path):
            if path is not None:
                _check_file(path)
            # isolation_level=None: the transactions are ours; check_same_thread: `running` closes in another thread
            self.connection = sqlite3.connect(
                path or ":memory:", timeout=STARTUP_LOCK_SECONDS, isolation_level=None, check_same_thread=False
            )
            try:
                self._migrate()
            except BaseException:
                self.connection.close()
                raise

    def _migrate(self) -> None:
        application, version = _check_application(self.connection)
        if (problem := self.connection.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            error = sqlite3.DatabaseError(problem)
            error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise error
        self.connection.row_factory = sqlite3.Row
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("PRAGMA synchronous = FULL")  # a 2xx survives a power failure
        self.connection.execute("PRAGMA foreign_keys = ON")
        if (application, version) != (APPLICATION_ID, VERSION):
            marks = f"PRAGMA application_id = {APPLICATION_ID};PRAGMA user_version = {VERSION};"
            self.connection.executescript(f"BEGIN IMMEDIATE;{''.join(MIGRATIONS[version:])}{marks}COMMIT;")

    def fail_if_locked(self) -> None:
        """Raise an error for a locked file at once from now on, instead of blocking the event loop."""
        self.connection.execute("PRAGMA busy_timeout = 0")

    def close(self) -> None:
        """Write the log back into the file and close it."""
        self.connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit the writes of the block together, or undo them if it raises."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.connection.execute("COMMIT")
        except BaseException:
            if self.connection.in_transaction:  # SQLite itself ends it on a full disk
                self.connection.execute("ROLLBACK")
            raise

    def rows(self, table: str, columns: str = "*", order: str = "", **where: Any) -> list[Row]:
        """Return the rows whose columns have the values of ``where``."""
        ordered = f" ORDER BY {order}" if order else ""
        sql = f"SELECT {columns} FROM {table}{_conditions(where)}{ordered}"  # noqa: S608 -- names are constants
        return [_decoded(row) for row in self.connection.execute(sql, [*where.values()])]

    def row(self, table: str, columns: str = "*", **where: Any) -> Row | None:
        """Return the row whose columns have the values of ``where``, or None."""
        return next(iter(self.rows(table, columns, **where)), None)

    def insert(self, table: str, **values: Any) -> bool:
        """Insert a row; return False if a row with its key exists."""
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        sql = f"INSERT INTO {table} ({names}) VALUES ({marks}) ON CONFLICT DO NOTHING"  # noqa: S608 -- as above
        return self.connection.execute(sql, _encoded(values)).rowcount > 0

    def update(self, table: str, values: Row, **where: Any) -> None:
        """Set columns of the rows whose columns have the values of ``where``."""
        settings = ", ".join(f"{name} = ?" for name in values)
        sql = f"UPDATE {table} SET {settings}{_conditions(where)}"  # noqa: S608 -- as above
        self.connection.execute(sql, [*_encoded(values), *where.values()])

    def delete(self, table: str, **where: Any) -> bool:
        """Delete the rows whose columns have the values of ``where``; return whether any existed."""
        sql = f"DELETE FROM {table}{_conditions(where)}"  # noqa: S608 -- as above
        return self.connection.execute(sql, [*where.values()]).rowcount > 0


def _conditions(where: Row) -> str:
    return " WHERE " + " AND ".join(f"{name} = ?" for name in where) if where else ""


def _encoded(values: Row) -> list[Any]:
    return [json.dumps(value) if name in JSON_COLUMNS else value for name, value in values.items()]


def _decoded(row: sqlite3.Row) -> Row:
    columns = zip(row.keys(), row, strict=True)
    return {name: json.loads(value) if name in JSON_COLUMNS else value for name, value in columns}


def _check_file(path: Path) -> None:
    if not path.exists():
        path.touch(mode=0o600)  # a webhook's URL often is a secret
    if not path.is_file():
        raise OSError("it is not a regular file")
    # immutable: SQLite neither locks a file that may be foreign nor creates others beside it
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?immutable=1", uri=True)) as connection:
        _check_application(connection)


def _check_application(connection: sqlite3.Connection) -> tuple[int, int]:
    """Return the application id and the version of a database.

    :raises sqlite3.DatabaseError: another program made it, or a later dlsync.
    """
    application, version = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")
    )
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    unmarked = (application, version, tables) in ((0, 0, set()), (0, 1, UNMARKED_TABLES))
    if application != APPLICATION_ID and not unmarked:
        raise sqlite3.DatabaseError("another program made it")
    if version > VERSION:
        raise sqlite3.DatabaseError(f"version {version} was written by a later dlsync")
    return application, version
