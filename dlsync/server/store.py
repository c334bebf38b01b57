"""What the server keeps, in SQLite: a file that survives ``kill -9``, or memory that nobody else sees."""

from __future__ import annotations

import secrets
import sqlite3
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dlsync.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

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


class Store:
    """One connection: the event loop runs one request at a time on it, so nothing here needs a lock.

    :param path: the database file, made where it is missing; None keeps everything in memory.
    :raises SettingsError: the file cannot be opened, is no database, or is of a later version.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        try:
            self._connection = self._connect()
        except (OSError, sqlite3.Error) as error:
            raise SettingsError(
                f"{path}: cannot be used as the server's database: {error}",
                hint="Name a file that `dlsync serve` made, or one that is not there yet.",
            ) from error

    def _connect(self) -> sqlite3.Connection:
        if self.path is not None:
            self.path.touch(mode=0o600)  # a webhook's URL often is a secret: nobody else reads the file
        # isolation_level=None: the transactions are ours; check_same_thread: `running` closes from the caller's thread
        connection = sqlite3.connect(self.path or ":memory:", isolation_level=None, check_same_thread=False)
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")  # a 2xx outlives the power too, not only the process
        connection.execute("PRAGMA foreign_keys = ON")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise sqlite3.DatabaseError(f"version {version} was written by a later dlsync")
        if version < VERSION:
            migration = "".join(MIGRATIONS[version:])
            connection.executescript(f"BEGIN IMMEDIATE;{migration}PRAGMA user_version = {VERSION};COMMIT;")

    def close(self) -> None:
        """Write the log back into the file and let go of it."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make what is written inside whole: committed at the end, undone by an exception."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

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
