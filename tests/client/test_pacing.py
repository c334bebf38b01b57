from __future__ import annotations

import pytest

from dlsync.client.pacing import Pacer

pytestmark = pytest.mark.anyio


class Clock:
    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def read(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


async def test_turns_are_evenly_spaced() -> None:
    clock = Clock()
    pacer = Pacer(4, clock=clock.read, sleep=clock.sleep)
    for _ in range(4):
        await pacer.turn()
    assert clock.slept == [0.25, 0.25, 0.25]


async def test_time_that_passed_by_itself_is_not_waited_for_again_nor_saved_up() -> None:
    clock = Clock()
    pacer = Pacer(1, clock=clock.read, sleep=clock.sleep)
    await pacer.turn()
    clock.now += 10
    await pacer.turn()
    await pacer.turn()
    assert clock.slept == [1.0]


async def test_without_a_rate_nobody_waits() -> None:
    clock = Clock()
    pacer = Pacer(None, clock=clock.read, sleep=clock.sleep)
    await pacer.turn()
    await pacer.turn()
    assert clock.slept == []
