"""Choose the engine for ``--db``."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from dlsync.errors import DlsyncError, SettingsError
from dlsync.server.database import Database, opened, transact
from dlsync.server.sqlite import Sqlite
from dlsync.server.store import Store

SCHEMES = ("postgresql://", "postgres://")
HINT = "Give --db, or set DLSYNC_DB, as for the server."
PATIENCE = 5  # s, for a server that uses the database
T = TypeVar("T")


def database_of(db: Path | str | None, *, must_exist: bool = False) -> Database:
    """Return a closed database: PostgreSQL for a URL, SQLite for a file, or SQLite in memory for None.

    :param must_exist: refuse None and a missing file.
    :raises SettingsError: the URL is not for PostgreSQL, or the file does not exist.
    :raises DlsyncError: the packages for PostgreSQL are missing.
    """
    if not isinstance(db, str) or "://" not in db:
        if must_exist and not db:
            raise SettingsError("no database is given, and the memory of a server cannot be read", hint=HINT)
        if must_exist and not Path(str(db)).exists():
            raise SettingsError(f"{db}: there is no such file")
        return Sqlite(None if db is None else Path(db))
    if not db.startswith(SCHEMES):
        raise SettingsError("--db: expected a file or postgresql://USER@HOST:PORT/DATABASE")  # it may hold a password
    try:
        from dlsync.server.postgresql import Postgresql
    except ImportError as error:
        hint = "Run pip install 'SOURCE[server,postgresql]', where SOURCE is a checkout or a wheel of dlsync."
        raise DlsyncError("PostgreSQL needs the packages psycopg and psycopg-pool", hint=hint) from error
    return Postgresql(db)


async def perform_in(db: str | None, perform: Callable[[Store], Awaitable[T]], *, write: bool = True) -> T:
    """Call a function in a transaction of a database that a server may be using.

    :raises SettingsError: the database does not exist or cannot be used.
    """
    database = database_of(db, must_exist=True)
    async with opened(database):
        return await transact(database, perform, write=write, seconds=PATIENCE)
