"""Clients of the account that the settings name, and its lock."""

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


def test_a_question_by_hand_gets_a_client_that_can_only_ask_and_work_one_that_can_write(live: Account) -> None:
    async def question(client: ReadClient) -> tuple[type, tuple[str, ...]]:
        return type(client), await client.annotations.streams()

    async def work(client: Client) -> str:
        return (await client.annotations.create("deploys", name="v24")).name

    assert asyncio.run(operations.reading(live.settings, question)) == (ReadClient, ())
    assert asyncio.run(operations.writing(live.settings, work)) == "v24"


def test_who_holds_the_lock_is_alone_and_gives_it_back(live: Account) -> None:
    async def second() -> None:
        async with writer(live.settings) as client, locked(client, "ann", 0.0, SILENT):
            raise AssertionError("two hold it")

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


def test_a_failure_under_the_lock_gives_it_back_too(live: Account) -> None:
    async def failing() -> None:
        async with writer(live.settings) as client, locked(client, "ann", 0.0, SILENT):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(failing())
    assert live.plugins() == []


def test_the_lock_of_an_account_that_is_only_being_made_is_taken_once_it_is_there(live: Account) -> None:
    new: Settings = replace(live.settings, account="new")

    async def made() -> bool:
        async with writer(new) as client, locked(client, "ann", 0.0, SILENT) as lock:
            await client.accounts.create("new")
            await lock.require()
            return "dlsync-lock" in [one.name for one in await client.plugins.list()]

    assert asyncio.run(made())
