"""Copy everything from one database of the server to another, and back up a SQLite file."""

from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from dlsync.errors import DlsyncError, SettingsError
from dlsync.server.database import DatabaseError, opened
from dlsync.server.engines import database_of
from dlsync.server.sqlite import Sqlite
from dlsync.server.store import Row, Store

# each table after those that it refers to, with the order of its rows
TABLES = {
    "orgs": "id",
    "accounts": "seq",
    "documents": "id",
    "plugins": "id",
    "links": "seq",
    "agents": "account, id",
    "streams": "account, name",
    "annotations": "seq",
    "api_keys": "name",
    "audit": "seq",
}


@dataclass(frozen=True, slots=True)
class CopiedTable:
    """A table of both databases.

    :param digest: of its rows, equal in both databases.
    """

    name: str
    rows: int
    digest: str


async def copy(source: str, target: str) -> list[CopiedTable]:
    """Copy everything to an empty database in one transaction, and compare the digests of both.

    :param source: a file or a URL, as for ``dlsync serve --db``; ``target`` likewise.
    :raises SettingsError: a database cannot be used, a server still uses the source's file, or the target is not empty.
    :raises DlsyncError: the target differs afterwards; nothing is kept.
    """
    read, write = database_of(source, must_exist=True), database_of(target)
    async with opened(read), read.transaction(write=False) as store:
        content = await _content(store)
    if isinstance(read, Sqlite) and read.is_in_use():
        hint = "Stop it first: later changes would be only in the old database."
        raise SettingsError(f"{read.name}: a server or another program uses it; nothing was copied", hint=hint)
    async with opened(write), write.transaction(write=True) as store:
        if await store.rows("orgs", "id") or await store.rows("api_keys", "name"):
            raise SettingsError(f"{write.name}: has content already", hint="Copy to a new database.")
        for table, rows in content.items():
            for row in rows:
                await store.insert(table, **row)
        tables, stored = _tables(content), _tables(await _content(store))
        if differing := [table.name for table, other in zip(tables, stored, strict=True) if table != other]:
            names = ", ".join(differing)
            raise DlsyncError(f"{write.name} would differ from {read.name} in {names}; nothing was copied")
        return tables


def backup(db: str | None, file: Path) -> dict[str, int]:
    """Copy the database file of a server, which may be running, to a new file.

    :returns: the number of rows of each table of resources.
    :raises SettingsError: the database is no SQLite file, or one of the files cannot be used.
    """
    database = database_of(db, must_exist=True)
    if not isinstance(database, Sqlite):
        raise SettingsError(f"{database.name}: is no SQLite file", hint="Back PostgreSQL up with pg_dump.")
    try:
        return database.backup(file)
    except DatabaseError as error:
        raise SettingsError(f"{database.name}: cannot be backed up: {error}") from error


async def _content(store: Store) -> dict[str, list[Row]]:
    """Return the rows of all tables, without ``seq``, which each database counts itself."""
    content = {table: await store.rows(table, order=order) for table, order in TABLES.items()}
    return {table: [{k: v for k, v in row.items() if k != "seq"} for row in rows] for table, rows in content.items()}


def _tables(content: dict[str, list[Row]]) -> list[CopiedTable]:
    return [CopiedTable(table, len(rows), _digest(rows)) for table, rows in content.items()]


def _digest(rows: list[Row]) -> str:
    digest = blake2b(digest_size=8)
    for row in rows:
        digest.update(repr(sorted(row.items())).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()
