"""A database of the server: transactions, and errors that mean the same for each engine."""

from contextlib import AbstractAsyncContextManager
from enum import Enum, auto
from typing import Protocol

from dlsync.errors import SettingsError
from dlsync.server.store import Store


class Problem(Enum):
    """Why a database cannot do what it was asked."""

    LOCKED = auto()
    FULL = auto()
    DAMAGED = auto()
    UNUSABLE = auto()
    FOREIGN = auto()


TRANSIENT = frozenset({Problem.LOCKED})
HINTS = {
    Problem.LOCKED: "Another process has locked it: end that process, or wait for it.",
    Problem.FULL: "Free space on its disk.",
    Problem.DAMAGED: "Restore it from a backup, or recover it with `sqlite3 FILE .recover`.",
}
NEW_DATABASE = "Name a file that `dlsync serve` made, or one that does not exist yet."


class DatabaseError(Exception):
    """A database cannot do what it was asked; the transaction was undone."""

    def __init__(self, problem: Problem, reason: object) -> None:
        super().__init__(str(reason))
        self.problem = problem

    @property
    def transient(self) -> bool:
        """Whether the same transaction may succeed in a moment."""
        return self.problem in TRANSIENT


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


def settings_error(name: str, error: Exception) -> SettingsError:
    """Return the error of a server that cannot start with a database."""
    hint = HINTS.get(getattr(error, "problem", Problem.FOREIGN), NEW_DATABASE)
    return SettingsError(f"{name}: cannot be used as the server's database: {error}", hint=hint)
