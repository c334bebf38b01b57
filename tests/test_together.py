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


def test_both_gives_each_result_its_own_type() -> None:
    async def number() -> int:
        return 1

    async def text() -> str:
        return "a"

    assert asyncio.run(both(number(), text())) == (1, "a")
