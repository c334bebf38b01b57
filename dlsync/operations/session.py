"""Open clients of the account in the settings, read its inventory and hold its lock."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TypeVar

from dlsync import __version__
from dlsync.client import Client, ReadClient
from dlsync.errors import AccountNotFound
from dlsync.files.settings import Settings
from dlsync.operations.reporter import Reporter
from dlsync.resources import all_kinds
from dlsync.state import inventory_store
from dlsync.state.inventory import Inventory
from dlsync.state.lock import Lock

C = TypeVar("C", bound=ReadClient)
T = TypeVar("T")


def reader(settings: Settings) -> ReadClient:
    """Return a client that can only read; ``async with`` opens it. Raise a SettingsError for a bad URL, name or key."""
    return _client(ReadClient, settings)


def writer(settings: Settings) -> Client:
    """Return a client that can also write; see :func:`reader`."""
    return _client(Client, settings)


def _client(of: type[C], settings: Settings) -> C:
    return of(
        url=settings.url,
        org=settings.org,
        account=settings.account,
        key=settings.key,
        concurrency=settings.concurrency,
        requests_per_second=settings.requests_per_second,
        insecure=settings.insecure,
        user_agent=f"dlsync/{__version__}",
    )


async def reading(settings: Settings, question: Callable[[ReadClient], Awaitable[T]]) -> T:
    """Call a function with a client that can only read, and return its result."""
    async with reader(settings) as client:
        return await question(client)


async def writing(settings: Settings, work: Callable[[Client], Awaitable[T]]) -> T:
    """Call a function with a client that can write, and return its result."""
    async with writer(settings) as client:
        return await work(client)


async def read_inventory(client: ReadClient, settings: Settings, root: Path) -> Inventory:
    """Read the inventory of an account, with what this version cannot read set apart; see ``inventory_store``."""
    return (await inventory_store.read(client, settings, root)).without_unreadable({kind.name for kind in all_kinds()})


@asynccontextmanager
async def locked(client: Client, owner: str, max_wait: float, reporter: Reporter) -> AsyncIterator[Lock]:
    """Hold the lock of the account; if the account does not exist yet, take the lock with the first write in it.

    :param owner: see :func:`dlsync.operations.run_owner.run_owner`.
    :param max_wait: seconds to wait for another holder.
    :param reporter: gets the holder that it waits for.
    :raises Refused: another run holds the lock.
    """
    lock = Lock(client, owner, max_wait, reporter.notify)
    try:
        with suppress(AccountNotFound):
            await lock.acquire()
        yield lock
    finally:
        await lock.release()
