"""The server's data in SQLite: a file that survives ``kill -9``, or memory."""

from __future__ import annotations

import secrets
import sqlite3
import uuid
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from dlsync.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

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
STREAMS_AND_KEPT_FIELDS = """
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
MIGRATIONS = (SCHEMA, STREAMS_AND_KEPT_FIELDS, PLUGIN_FIELDS)  # the one at index N turns a file of version N into N + 1
VERSION = len(MIGRATIONS)

Row = sqlite3.Row


def new_id() -> str:
    """Return an id as the documentation shows them: 24 hex digits."""
    return secrets.token_hex(12)


def is_locked(error: sqlite3.Error) -> bool:
    """Whether another process has locked the file; SQLite's extended codes say how, in the higher bits."""
    return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY


def unusable(path: Path | None, error: OSError | sqlite3.Error) -> SettingsError:
    """Return the error that says why a file cannot be the server's database, and what to do about it."""
    hints = {
        sqlite3.SQLITE_BUSY: "Another process has locked it: end that process, or wait for it.",
        sqlite3.SQLITE_FULL: "Free space on its disk.",
        sqlite3.SQLITE_CORRUPT: "Restore it from a backup, or recover it with `sqlite3 FILE .recover`.",
    }
    hint = hints.get(getattr(error, "sqlite_errorcode", None) or sqlite3.SQLITE_NOTADB)
    return SettingsError(
        f"{path}: cannot be used as the server's database: {error}",
        hint=hint or "Name a file that `dlsync serve` made, or one that does not exist yet.",
    )


class Store:
    """One connection. The event loop runs one request at a time on it, so nothing here needs a lock.

    :param path: the database file, made where it is missing; None keeps everything in memory.
    :raises SettingsError: the file cannot be opened, is damaged, is of another program or of a later version.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        try:
            self._connection = self._connect()
        except (OSError, sqlite3.Error) as error:
            raise unusable(path, error) from error

    def _connect(self) -> sqlite3.Connection:
        if self.path is not None:
            _make_private(self.path)
            # immutable: SQLite neither locks the file nor makes others beside it, as long as it may be a foreign one
            with closing(sqlite3.connect(f"{self.path.absolute().as_uri()}?immutable=1", uri=True)) as untouched:
                _refuse_foreign(untouched)
        # isolation_level=None: the transactions are ours; check_same_thread: `running` closes from the caller's thread
        connection = sqlite3.connect(
            self.path or ":memory:", STARTUP_LOCK_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        application, version = _refuse_foreign(connection)
        if (problem := connection.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            raise _error(problem, sqlite3.SQLITE_CORRUPT)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")  # a 2xx outlives the power too, not only the process
        connection.execute("PRAGMA foreign_keys = ON")
        if (application, version) != (APPLICATION_ID, VERSION):
            marks = f"PRAGMA application_id = {APPLICATION_ID};PRAGMA user_version = {VERSION};"
            connection.executescript(f"BEGIN IMMEDIATE;{''.join(MIGRATIONS[version:])}{marks}COMMIT;")

    def stop_waiting_for_locks(self) -> None:
        """Raise an error for a locked file at once from now on, instead of blocking the event loop."""
        self._connection.execute("PRAGMA busy_timeout = 0")

    def close(self) -> None:
        """Write the log back into the file and let go of it."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make what is written inside whole: committed at the end, undone by an exception."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:  # SQLite itself may have undone it, as on a full disk
                self._connection.execute("ROLLBACK")
            raise

    def rows(self, sql: str, *values: Any) -> list[Row]:
        """Return all rows of a query."""
        return self._connection.execute(sql, values).fetchall()

    def row(self, sql: str, *values: Any) -> Row | None:
        """Return the first row of a query, or None."""
        row: Row | None = self._connection.execute(sql, values).fetchone()
        return row

    def write(self, sql: str, *values: Any) -> int:
        """Run a statement and return how many rows it touched."""
        return self._connection.execute(sql, values).rowcount

    def write_fields(self, sql: str, fields: Mapping[str, Any]) -> None:
        """Run a statement with named parameters."""
        self._connection.execute(sql, fields)

    def add_org(self, name: str) -> str:
        """Return the id of the organisation, made where it is missing."""
        self.write("INSERT INTO orgs VALUES (?, ?) ON CONFLICT DO NOTHING", new_id(), name)
        (org,) = self.rows("SELECT id FROM orgs WHERE name = ?", name)
        return str(org["id"])

    def account_id(self, org: str, name: str) -> str:
        """Return the id of an account of the organisation of that id; empty without such an account."""
        row = self.row("SELECT id FROM accounts WHERE org = ? AND name = ?", org, name)
        return "" if row is None else str(row["id"])

    def add_account(self, org: str, name: str) -> bool:
        """Make an account in the organisation of that id; False where its name is taken."""
        sql = "INSERT INTO accounts (id, org, name, agent_key) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
        return self.write(sql, new_id(), org, name, str(uuid.uuid4())) > 0


def _make_private(path: Path) -> None:
    if not path.exists():
        path.touch(mode=0o600)  # a webhook's URL often is a secret
    if not path.is_file():
        raise OSError("it is not a regular file")


def _refuse_foreign(connection: sqlite3.Connection) -> tuple[int, int]:
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


def _error(message: str, code: int) -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError(message)
    error.sqlite_errorcode = code
    return error
