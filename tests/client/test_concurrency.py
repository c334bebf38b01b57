"""Functions that run several coroutines at once."""

from __future__ import annotations

import asyncio

import pytest

from dlsync.client.concurrency import both, gather, map_concurrently
from dlsync.errors import ServerFault


def test_gather_returns_the_results_in_the_order_of_its_arguments() -> None:
    async def after(turns: int) -> int:
        for _ in range(turns):
            await asyncio.sleep(0)
        return turns

    assert asyncio.run(gather(after(turns) for turns in (3, 1, 2))) == [3, 1, 2]


def test_gather_cancels_the_rest_at_the_first_failure_and_raises_that_failure() -> None:
    ended: list[str] = []

    async def waits() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("waits")

    async def fails() -> None:
        raise ServerFault("no")

    with pytest.raises(ServerFault, match="no"):
        asyncio.run(gather([waits(), fails()]))
    assert ended == ["waits"]


def test_both_returns_both_results_whichever_coroutine_ends_first() -> None:
    async def one(turns: int) -> int:
        for _ in range(turns):
            await asyncio.sleep(0)
        return turns

    async def other() -> str:
        return "other"

    assert asyncio.run(both(one(3), other())) == (3, "other")
    assert asyncio.run(both(other(), one(3))) == ("other", 3)


def test_both_ends_if_either_coroutine_fails() -> None:
    async def waits() -> None:
        await asyncio.Event().wait()

    async def fails() -> None:
        raise ServerFault("no")

    for pair in ((waits, fails), (fails, waits)):
        with pytest.raises(ServerFault, match="no"):
            asyncio.run(both(*(one() for one in pair)))


def test_map_concurrently_processes_each_item_once_with_no_more_at_a_time_than_workers() -> None:
    at_work, most = 0, 0
    done: list[int] = []

    async def work(item: int) -> None:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        for _ in range(item % 3):
            await asyncio.sleep(0)
        at_work -= 1
        done.append(item)

    asyncio.run(map_concurrently(work, range(20), workers=4))
    assert sorted(done) == list(range(20))
    assert most == 4


def test_map_concurrently_stops_at_the_first_failure() -> None:
    done: list[int] = []

    async def work(item: int) -> None:
        await asyncio.sleep(0)
        if item == 2:
            raise ServerFault("no")
        done.append(item)

    with pytest.raises(ServerFault, match="no"):
        asyncio.run(map_concurrently(work, range(100), workers=2))
    assert len(done) < 4
