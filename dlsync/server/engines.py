"""The database that ``--db`` names."""

from pathlib import Path

from dlsync.errors import DlsyncError, SettingsError
from dlsync.server.database import Database
from dlsync.server.sqlite import Sqlite

SCHEMES = ("postgresql://", "postgres://")


def database_of(db: Path | str | None, *, must_exist: bool = False) -> Database:
    """Return a database, not opened yet: the SQLite file or PostgreSQL's of a URL, or one in memory for None.

    :param must_exist: do not take a file that is not there.
    :raises SettingsError: the URL is none of PostgreSQL, or the file does not exist.
    :raises DlsyncError: the packages for PostgreSQL are missing.
    """
    if not isinstance(db, str) or "://" not in db:
        if must_exist and not (db and Path(db).exists()):
            raise SettingsError(f"{db}: there is no such file")
        return Sqlite(None if db is None else Path(db))
    if not db.startswith(SCHEMES):
        raise SettingsError("--db: expected a file or postgresql://USER@HOST:PORT/DATABASE")  # it may hold a password
    try:
        from dlsync.server.postgresql import Postgresql
    except ImportError as error:
        hint = "Get it with: pip install 'dlsync[server,postgresql]'"
        raise DlsyncError("PostgreSQL needs the packages psycopg and psycopg-pool", hint=hint) from error
    return Postgresql(db)
