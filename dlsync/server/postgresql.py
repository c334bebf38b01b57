"""PostgreSQL as the server's database, which several servers can share."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext
from functools import partial
from typing import Any

import psycopg
from psycopg import IsolationLevel
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

from dlsync.errors import SettingsError
from dlsync.server.database import DatabaseError, ErrorCode, migrations
from dlsync.server.store import Row, Store

Connection = psycopg.AsyncConnection[DictRow]
SCHEMA = "dlsync"  # holds the tables
MIGRATIONS = migrations("postgresql")
MIGRATION_LOCK = int.from_bytes(b"dlsync")
CONNECTIONS = 16  # of one server
PATIENCE = 2  # s, to wait for a connection
TURN = 2  # s, to wait for other writes of this server
SESSION = (
    f"-c search_path={SCHEMA} -c statement_timeout=20s -c lock_timeout=4s -c idle_in_transaction_session_timeout=20s"
    " -c enable_seqscan=off"  # a scan of a whole table would conflict with all writes to it
)
PARAMETERS = {
    "application_name": "dlsync",
    "client_encoding": "UTF8",
    "connect_timeout": "3",
    "tcp_user_timeout": "5000",
}
WRITE = "BEGIN ISOLATION LEVEL SERIALIZABLE"
READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
# https://www.postgresql.org/docs/current/errcodes-appendix.html; a code wins over its class
CODES = {
    "40001": ErrorCode.CONTENDED,
    "40P01": ErrorCode.CONTENDED,
    "23": ErrorCode.CONTENDED,  # constraint: another transaction inserted or deleted a row meanwhile
    "55P03": ErrorCode.LOCKED,
    "57014": ErrorCode.LOCKED,  # statement_timeout
    "53100": ErrorCode.FULL,
    "54000": ErrorCode.TOO_LONG,
    "25006": ErrorCode.READ_ONLY,  # a standby
    "42501": ErrorCode.UNUSABLE,  # another user owns the tables
    "XX001": ErrorCode.DAMAGED,
    "XX002": ErrorCode.DAMAGED,
    "53300": ErrorCode.GONE,
    "08": ErrorCode.GONE,
    "57": ErrorCode.GONE,
}
_ESCAPES = str.maketrans({"\0": "\1\1", "\1": "\1\2"})  # PostgreSQL stores no NUL; this keeps the order


class Postgresql:
    """A pool of connections to PostgreSQL, each of which runs one transaction at a time.

    :param url: ``postgresql://user:password@host/database``; no message shows the password.
    :raises SettingsError: the URL is invalid.
    """

    def __init__(self, url: str) -> None:
        try:
            sent = {name: str(value) for name, value in conninfo_to_dict(url).items()}
        except psycopg.Error:  # its message quotes the URL
            reason = (
                "--db: expected postgresql://USER@HOST:PORT/DATABASE; it is not shown, since it may hold a password"
            )
            raise SettingsError(reason) from None
        self.name = f"postgresql://{sent.get('host', '')}/{sent.get('dbname', '')}"
        self._parameters = {**PARAMETERS, **sent, "options": f"{SESSION} {sent.get('options', '')}"}
        self._pool: AsyncConnectionPool[Connection]
        self._lock = asyncio.Lock()

    async def open(self) -> None:
        """Connect, and create or migrate the tables in the schema ``dlsync``.

        :raises DatabaseError: the database is unusable, or the schema belongs to another program or a later version.
        """
        with _translated(otherwise=ErrorCode.UNUSABLE):
            settings: dict[str, Any] = {**self._parameters, "options": f"-c search_path={SCHEMA}"}
            async with await psycopg.AsyncConnection.connect(row_factory=dict_row, **settings) as connection:
                await connection.set_isolation_level(IsolationLevel.READ_COMMITTED)  # sees migrations by others
                await _migrate(connection)
        self._pool = AsyncConnectionPool(
            kwargs={**self._parameters, "autocommit": True, "row_factory": dict_row},
            connection_class=psycopg.AsyncConnection[DictRow],
            open=False,
            min_size=1,
            max_size=CONNECTIONS,
            timeout=PATIENCE,
            reconnect_timeout=PATIENCE,  # then the next request connects, without the pool's growing pauses
        )
        await self._pool.open()

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.close()

    @asynccontextmanager
    async def transaction(self, *, write: bool) -> AsyncIterator[Store]:
        """Commit the writes of the block together, or undo them if it raises; reads see one snapshot."""
        done = False
        try:
            with _translated():
                async with self._turn() if write else nullcontext(), self._pool.connection() as connection:
                    await connection.execute(WRITE if write else READ)
                    try:
                        yield Store(partial(_execute, connection))
                    except psycopg.errors.ReadOnlySqlTransaction:
                        await connection.close()  # a new session may be able to write again
                        raise
                    done = True  # the end of the connection's block commits
        except (DatabaseError, asyncio.CancelledError) as error:  # cancelled when the server stops
            lost = not isinstance(error, DatabaseError) or error.code is ErrorCode.GONE
            if done and write and lost:
                raise DatabaseError(ErrorCode.UNCONFIRMED, error) from error
            raise

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Let writes of this server wait for each other: parallel ones would often conflict and be repeated."""
        try:
            async with asyncio.timeout(TURN):
                await self._lock.acquire()
        except TimeoutError as error:
            raise DatabaseError(ErrorCode.CONTENDED, f"other writes took {TURN} s") from error
        try:
            yield
        finally:
            self._lock.release()


async def _execute(connection: Connection, sql: str, values: Sequence[Any]) -> tuple[Iterator[Row], int]:
    bound = [value.translate(_ESCAPES) if isinstance(value, str) else value for value in values]
    cursor = await connection.execute(sql.replace("?", "%s"), bound)
    rows = await cursor.fetchall() if cursor.description else []
    return map(_unescaped, rows), cursor.rowcount


def _unescaped(row: Row) -> Row:
    return {
        name: _original(value) if isinstance(value, str) and "\1" in value else value for name, value in row.items()
    }


def _original(text: str) -> str:
    return text.replace("\1\1", "\0").replace("\1\2", "\1")


@contextmanager
def _translated(*, otherwise: ErrorCode | None = None) -> Iterator[None]:
    """Raise DatabaseError for known errors of PostgreSQL.

    :param otherwise: the code for other errors of PostgreSQL; None raises them unchanged.
    """
    try:
        yield
    except psycopg.Error as error:
        state = error.sqlstate or ""
        code = CODES.get(state) or CODES.get(state[:2])
        if code is None and not state and isinstance(error, psycopg.OperationalError):
            code = ErrorCode.GONE  # no connection, or none free in the pool
        if (code := code or otherwise) is None:
            raise
        raise DatabaseError(code, " ".join(str(error).split())) from error


async def _migrate(connection: Connection) -> None:
    """Migrate the tables to the version of this program; of two servers that start together, only one does."""
    await connection.execute("SELECT pg_advisory_xact_lock(%s)", [MIGRATION_LOCK])
    if (encoding := await _value(connection, "SELECT current_setting('server_encoding') AS value")) != "UTF8":
        raise DatabaseError(ErrorCode.UNUSABLE, f"its encoding is {encoding}; create it with ENCODING 'UTF8'")
    if await _value(connection, "SELECT to_regnamespace(%s) IS NULL AS value", SCHEMA):
        await connection.execute(f"CREATE SCHEMA {SCHEMA}")
    tables = await _value(
        connection, "SELECT count(*) AS value FROM pg_class WHERE relnamespace = %s::regnamespace", SCHEMA
    )
    marked = await _value(connection, "SELECT to_regclass(%s) IS NOT NULL AS value", f"{SCHEMA}.migrations")
    if tables and not marked:
        raise DatabaseError(ErrorCode.FOREIGN, f"another program made its schema {SCHEMA}")
    version = await _value(connection, "SELECT max(version) AS value FROM migrations") if marked else 0
    if version > len(MIGRATIONS):
        raise DatabaseError(ErrorCode.FOREIGN, f"version {version} was written by a later dlsync")
    for number, script in enumerate(MIGRATIONS[version:], version + 1):
        await connection.execute(script.encode())
        await connection.execute("INSERT INTO migrations (version) VALUES (%s)", [number])


async def _value(connection: Connection, query: str, *values: object) -> Any:
    row: Mapping[str, Any] | None = await (await connection.execute(query.encode(), values)).fetchone()
    return row and row["value"]
