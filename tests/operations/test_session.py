"""Sessions: clients of the account in the settings, and the lock of that account."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dlsync import operations
from dlsync.client import ReadClient
from dlsync.errors import Refused
from dlsync.operations.reporter import SILENT
from dlsync.operations.session import locked, writer

if TYPE_CHECKING:
    from dlsync.client import Client
    from dlsync.files.settings import Settings
    from tests.builders.trees import Account


def test_reading_gets_a_read_only_client_and_writing_a_client_that_can_write(live: Account) -> None:
    async def question(client: ReadClient) -> tuple[type, tuple[str, ...]]:
        return type(client), await client.annotations.streams()

    async def work(client: Client) -> str:
        return (await client.annotations.create("deploys", name="v24")).name

    assert asyncio.run(operations.reading(live.settings, question)) == (ReadClient, ())
    assert asyncio.run(operations.writing(live.settings, work)) == "v24"


def test_a_held_lock_is_refused_to_another_client_and_released_at_the_end(live: Account) -> None:
    async def twice() -> None:
        async with (
            writer(live.settings) as client,
            locked(client, "ann", 0.0, SILENT),
            writer(live.settings) as other,
        ):
            with pytest.raises(Refused):
                async with locked(other, "bob", 0.0, SILENT):
                    raise AssertionError("two hold it")

    asyncio.run(twice())
    assert live.plugins() == []


def test_an_exception_under_the_lock_releases_it(live: Account) -> None:
    async def failing() -> None:
        async with writer(live.settings) as client, locked(client, "ann", 0.0, SILENT):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(failing())
    assert live.plugins() == []


def test_the_lock_of_a_new_account_is_taken_after_the_account_is_created(live: Account) -> None:
    new: Settings = replace(live.settings, account="new")

    async def made() -> bool:
        async with writer(new) as client, locked(client, "ann", 0.0, SILENT) as lock:
            await client.accounts.create("new")
            await lock.require()
            return "dlsync-lock" in [one.name for one in await client.plugins.list()]

    assert asyncio.run(made())
