"""The database of the server: transactions, and the same errors for each engine."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from enum import Enum, auto
from pathlib import Path
from typing import Protocol, TypeVar

from dlsync.errors import SettingsError
from dlsync.server.store import Store

T = TypeVar("T")
PAUSE = 0.04  # s, at most, between two attempts at a transaction


class ErrorCode(Enum):
    """Why a database refuses a transaction."""

    LOCKED = auto()
    CONTENDED = auto()  # another transaction changed the same rows at the same time
    GONE = auto()  # it cannot be reached
    UNCONFIRMED = auto()  # the connection broke during the commit
    FULL = auto()
    TOO_LONG = auto()
    DAMAGED = auto()
    READ_ONLY = auto()
    UNUSABLE = auto()
    FOREIGN = auto()


TRANSIENT = frozenset({ErrorCode.LOCKED, ErrorCode.CONTENDED, ErrorCode.GONE})
HINTS = {
    ErrorCode.LOCKED: "Another process has locked it: end that process, or wait for it.",
    ErrorCode.GONE: "Start it, create the database with createdb, or correct the URL of --db or DLSYNC_DB.",
    ErrorCode.FULL: "Free space on its disk.",
    ErrorCode.TOO_LONG: "PostgreSQL allows names and ids of up to 2,600 bytes: delete longer ones.",
    ErrorCode.READ_ONLY: "Let the server's user write to the file and its folder, or use PostgreSQL's primary.",
    ErrorCode.DAMAGED: "Restore it from a backup, or recover it with `sqlite3 FILE .recover`.",
}
NEW_DATABASE = "Name a database that `dlsync serve` created, or a new one, where the server's user can write."


def migrations(engine: str) -> tuple[str, ...]:
    """Return the SQL of the migrations of an engine, in the order of their versions."""
    folder = Path(__file__).with_name("migrations") / engine
    return tuple(path.read_text("utf-8") for path in sorted(folder.glob("*.sql")))


class DatabaseError(Exception):
    """A database refused a transaction and undid it; after ``UNCONFIRMED``, it may be stored."""

    def __init__(self, code: ErrorCode, reason: object) -> None:
        super().__init__(str(reason))
        self.code = code

    @property
    def transient(self) -> bool:
        """Whether the same transaction may succeed a moment later."""
        return self.code in TRANSIENT


class Database(Protocol):
    """An engine with the tables of the server, for one event loop."""

    name: str

    async def open(self) -> None:
        """Connect, and create or migrate the tables.

        :raises DatabaseError: the database cannot be used, or belongs to another program or a later version.
        """

    async def close(self) -> None:
        """Close all connections."""

    def transaction(self, *, write: bool) -> AbstractAsyncContextManager[Store]:
        """Commit the writes of the block together, or undo them if it raises; reads see one snapshot.

        :raises DatabaseError: the database refuses it.
        """


@asynccontextmanager
async def opened(database: Database) -> AsyncIterator[None]:
    """Open a database in this block.

    :raises SettingsError: it cannot be used, or a transaction of the block failed.
    """
    try:
        await database.open()
        try:
            yield
        finally:
            await database.close()
    except DatabaseError as error:
        problem = f"{database.name}: cannot be used as the server's database: {error}"
        raise SettingsError(problem, hint=HINTS.get(error.code, NEW_DATABASE)) from error


async def transact(database: Database, perform: Callable[[Store], Awaitable[T]], *, write: bool, seconds: float) -> T:
    """Call a function in a transaction, and again after a conflict with another process or request.

    :param seconds: how long to repeat it.
    :raises DatabaseError: the database refuses it.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while True:
        try:
            async with database.transaction(write=write) as store:
                return await perform(store)
        except DatabaseError as error:
            if not error.transient or loop.time() >= deadline:
                raise
        await asyncio.sleep(random.uniform(0, PAUSE))  # noqa: S311 -- so that two processes do not collide again
