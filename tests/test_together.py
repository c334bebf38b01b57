"""Waiting for several things at once."""

from __future__ import annotations

import asyncio

import pytest

from dlsync.errors import ServerFault
from dlsync.together import both, together


def test_together_keeps_the_order_of_what_it_was_given() -> None:
    async def after(turns: int) -> int:
        for _ in range(turns):
            await asyncio.sleep(0)
        return turns

    assert asyncio.run(together(after(turns) for turns in (3, 1, 2))) == [3, 1, 2]


def test_the_first_failure_ends_the_others_and_is_raised_bare() -> None:
    ended: list[str] = []

    async def waits() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("waits")

    async def fails() -> None:
        raise ServerFault("no")

    with pytest.raises(ServerFault, match="no"):
        asyncio.run(together([waits(), fails()]))
    assert ended == ["waits"]


def test_both_returns_what_each_does_whichever_is_done_first() -> None:
    async def one(turns: int) -> int:
        for _ in range(turns):
            await asyncio.sleep(0)
        return turns

    async def other() -> str:
        return "other"

    assert asyncio.run(both(one(3), other())) == (3, "other")
    assert asyncio.run(both(other(), one(3))) == ("other", 3)


def test_the_failure_of_either_ends_both() -> None:
    async def waits() -> None:
        await asyncio.Event().wait()

    async def fails() -> None:
        raise ServerFault("no")

    for pair in ((waits, fails), (fails, waits)):
        with pytest.raises(ServerFault, match="no"):
            asyncio.run(both(*(one() for one in pair)))
