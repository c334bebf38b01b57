"""A database of the server: transactions, and errors that mean the same for each engine."""

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
PAUSE = 0.04  # s, at most, between two attempts at a transaction that another one is in the way of


class ErrorCode(Enum):
    """Why a database cannot do what it was asked."""

    LOCKED = auto()
    CONTENDED = auto()  # another transaction changed the same at the same time
    GONE = auto()  # it cannot be reached
    UNCONFIRMED = auto()  # it went while it stored the transaction
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
    ErrorCode.TOO_LONG: "PostgreSQL takes names and ids of up to 2,600 bytes: delete what has a longer one.",
    ErrorCode.READ_ONLY: "Let the server's user write: to the file and its folder, or to PostgreSQL's primary.",
    ErrorCode.DAMAGED: "Restore it from a backup, or recover it with `sqlite3 FILE .recover`.",
}
NEW_DATABASE = "Name a database that `dlsync serve` made, or a new one, where the server's user can write."


def migrations(engine: str) -> tuple[str, ...]:
    """Return the SQL of each version of an engine's tables; each needs the one before."""
    folder = Path(__file__).with_name("migrations") / engine
    return tuple(path.read_text("utf-8") for path in sorted(folder.glob("*.sql")))


class DatabaseError(Exception):
    """A database cannot do what it was asked; the transaction was undone, but for ``UNCONFIRMED``."""

    def __init__(self, code: ErrorCode, reason: object) -> None:
        super().__init__(str(reason))
        self.code = code

    @property
    def transient(self) -> bool:
        """Whether the same transaction may succeed in a moment."""
        return self.code in TRANSIENT


class Database(Protocol):
    """An engine with the tables of the server. It is used in one event loop."""

    name: str

    async def open(self) -> None:
        """Connect, and create or migrate the tables.

        :raises DatabaseError: the database cannot be used, is of another program or of a later version.
        """

    async def close(self) -> None:
        """Close all connections."""

    def transaction(self, *, write: bool) -> AbstractAsyncContextManager[Store]:
        """Commit the writes of the block together, or undo them if it raises; reads see one moment.

        :raises DatabaseError: the database cannot do it.
        """


@asynccontextmanager
async def opened(database: Database) -> AsyncIterator[None]:
    """Open a database as long as the block lasts.

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
    """Perform something in a transaction, again as long as another process or request is in its way.

    :param seconds: for how long it is tried again.
    :raises DatabaseError: the database cannot do it.
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
        await asyncio.sleep(random.uniform(0, PAUSE))  # noqa: S311 -- keeps two processes from meeting again
