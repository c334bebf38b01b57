from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlsync.client.pacing import Pacer
from tests.builders.throttling import Clock, Limited, seconds_for

pytestmark = pytest.mark.anyio


class Crowd:
    """Many that want to be under way at once."""

    def __init__(self, pacer: Pacer, many: int) -> None:
        self.under_way = 0
        self._pacer = pacer
        self._leave = asyncio.Semaphore(0)
        self._tasks = [asyncio.ensure_future(self._one()) for _ in range(many)]

    async def _one(self) -> None:
        async with self._pacer:
            self.under_way += 1
            await self._leave.acquire()
        self.under_way -= 1

    async def after(self, leaving: int = 0) -> int:
        """How many are under way after so many of them have ended."""
        for _ in range(leaving):
            self._leave.release()
        for _ in range(20):  # turns of the loop, in which whoever can goes on
            await asyncio.sleep(0)
        return self.under_way

    async def end(self) -> None:
        await self.after(leaving=len(self._tasks))
        await asyncio.gather(*self._tasks)


async def room(pacer: Pacer) -> int:
    """How many requests may be under way."""
    crowd = Crowd(pacer, 40)
    found = await crowd.after()
    await crowd.end()
    return found


def paced(rate: float | None = None, most: int = 16) -> tuple[Pacer, Clock]:
    clock = Clock()
    return Pacer(rate, most, clock=clock.read, sleep=clock.sleep), clock


def hear(pacer: Pacer, clock: Clock, answers: str, every: float = 0.0) -> None:
    """Have answers come, a dot for each that is right and a cross for each 429 to a request of after the last cut."""
    for answer in answers:
        clock.now += every
        if answer == ".":
            pacer.answered()
        else:
            pacer.refused(pacer.cuts, 0)


async def turns(pacer: Pacer, clock: Clock, many: int) -> list[float]:
    """How long each of the turns was waited for."""
    clock.slept.clear()
    for _ in range(many):
        await pacer.turn()
    return clock.slept


# the rate that the user set


async def test_turns_are_evenly_spaced() -> None:
    assert await turns(*paced(4), 4) == [0.25, 0.25, 0.25]


async def test_time_that_passed_by_itself_is_not_waited_for_again_nor_saved_up() -> None:
    pacer, clock = paced(1)
    await pacer.turn()
    clock.now += 10
    assert await turns(pacer, clock, 2) == [1.0]


async def test_without_a_rate_nobody_waits() -> None:
    assert await turns(*paced(), 2) == []


async def test_a_rate_is_a_limit_also_for_what_the_server_would_let() -> None:
    pacer, clock = paced(4)
    hear(pacer, clock, "x" + "." * 10 + "x", every=0.01)
    assert await turns(pacer, clock, 3) == [0.25, 0.25]


# the window


async def test_a_429_halves_how_many_are_under_way_but_one_may_always_be() -> None:
    pacer, clock = paced()
    found = [await room(pacer)]
    for _ in range(5):
        hear(pacer, clock, "x")
        found.append(await room(pacer))
    assert found == [16, 8, 4, 2, 1, 1]


async def test_all_429s_to_what_was_sent_before_a_cut_are_one_cut() -> None:
    pacer, _ = paced()
    before = pacer.cuts
    for _ in range(12):
        pacer.refused(before, 0)
    assert (pacer.cuts, await room(pacer)) == (1, 8)


async def test_each_window_of_answers_makes_room_for_one_more_up_to_all() -> None:
    pacer, clock = paced(most=8)
    hear(pacer, clock, "x")
    found = []
    for size in (5, 6, 7, 8, 100):  # one more than the window, which grows on the way
        hear(pacer, clock, "." * size)
        found.append(await room(pacer))
    assert found == [5, 6, 7, 8, 8]


async def test_those_under_way_go_on_after_a_cut_and_others_begin_once_there_is_room() -> None:
    pacer, clock = paced(most=4)
    crowd = Crowd(pacer, 9)
    assert await crowd.after() == 4
    hear(pacer, clock, "x")
    assert [await crowd.after(leaving=1) for _ in range(3)] == [3, 2, 2]
    hear(pacer, clock, "...")  # two, and the better part of a third
    assert await crowd.after() == 3
    await crowd.end()


async def test_who_gives_up_waiting_takes_no_room_away() -> None:
    pacer, clock = paced(most=2)
    hear(pacer, clock, "x")
    crowd = Crowd(pacer, 5)
    assert await crowd.after() == 1
    for task in crowd._tasks[1:]:
        task.cancel()
    assert await crowd.after(leaving=1) == 0
    assert await room(pacer) == 1


# what the server asks for


async def test_nobody_is_given_a_turn_before_the_server_wants_to_be_asked_again() -> None:
    pacer, clock = paced()
    pacer.refused(0, 7)
    assert await turns(pacer, clock, 3) == [7.0]


async def test_a_turn_that_is_waited_for_already_is_put_off_too() -> None:
    clock = Clock()
    pacer = Pacer(1, 16, clock=clock.read, sleep=clock.sleep)

    async def told_meanwhile(seconds: float) -> None:
        if not clock.slept:
            pacer.refused(0, 5)
        await clock.sleep(seconds)

    pacer._sleep = told_meanwhile
    await pacer.turn()
    await pacer.turn()
    assert clock.slept == [1.0, 4.0]


# the rate that the server lets


async def test_after_one_cut_there_is_no_rate_for_nothing_is_known() -> None:
    pacer, clock = paced()
    hear(pacer, clock, "...x", every=0.1)
    assert await turns(pacer, clock, 3) == []


async def test_the_rate_is_half_of_what_came_between_two_cuts() -> None:
    pacer, clock = paced()
    hear(pacer, clock, "x" + "." * 9 + "x", every=0.1)  # nine in one second
    assert await turns(pacer, clock, 3) == pytest.approx([2 / 9, 2 / 9])


async def test_a_cut_between_which_nothing_came_leaves_the_measure_going_on() -> None:
    pacer, clock = paced()
    hear(pacer, clock, "xxxx.x", every=0.1)  # one in half a second
    assert await turns(pacer, clock, 2) == pytest.approx([1.0])


async def test_what_was_a_rest_or_a_wait_that_was_asked_for_is_not_measured() -> None:
    pacer, clock = paced()
    hear(pacer, clock, "x..", every=0.5)
    pacer.refused(0, 20)
    clock.now += 20
    hear(pacer, clock, ".", every=0.5)
    hear(pacer, clock, "x", every=3600)  # taken for a second
    assert await turns(pacer, clock, 2) == pytest.approx([2 * (0.5 + 0.5 + 0.5 + 1.0) / 3])


async def test_the_rate_comes_back_stays_and_then_grows_ever_faster_until_it_is_no_limit() -> None:
    pacer, clock = paced()
    hear(pacer, clock, "x.x", every=1)  # one in two seconds
    found = []
    for answers in (0, 8, 8, 8, 8, 16):
        hear(pacer, clock, "." * answers)
        await pacer.turn()
        found += await turns(pacer, clock, 1)
    assert found == pytest.approx([4.0, 2 / 0.9375, 2.0, 2 / 1.0625, 2 / 1.5, 2 / 5])
    hear(pacer, clock, "." * 200)
    await pacer.turn()
    assert await turns(pacer, clock, 3) == []


async def test_the_longer_a_429_has_us_wait_the_later_the_next_is_risked() -> None:
    pacer, clock = paced()
    hear(pacer, clock, "x" + "." * 9, every=0.1)
    clock.now += 0.1
    pacer.refused(pacer.cuts, 10)  # during which nine tenths of a hundred would have come
    clock.now += 10
    hear(pacer, clock, "." * 16)
    await pacer.turn()
    assert await turns(pacer, clock, 1) == pytest.approx([2 / 9], rel=0.1)
    hear(pacer, clock, "." * (8 * 90 - 16))
    await pacer.turn()
    assert await turns(pacer, clock, 1) == pytest.approx([1 / 9], rel=0.01)


# against servers


SERVERS = st.builds(
    Limited,
    st.sampled_from([0.001, 0.02, 0.2]),
    at_once=st.integers(1, 20),
    after=st.sampled_from(["", "1"]),
) | st.builds(
    Limited,
    st.sampled_from([0.001, 0.02, 0.2]),
    rate=st.integers(1, 200),
    burst=st.integers(1, 50),
    after=st.sampled_from(["", "1"]),
)


@given(SERVERS, st.integers(1, 150), st.integers(1, 32))
def test_whatever_a_server_lets_all_requests_end_right_and_few_are_refused(
    server: Limited, requests: int, workers: int
) -> None:
    seconds_for(server, requests, workers)
    assert sorted(server.done, key=int) == [str(number) for number in range(requests)]
    assert server.refused <= 4 * workers + requests / 2


@pytest.mark.parametrize("after", ["", "1"])
@pytest.mark.parametrize(
    ("server", "least"), [(Limited(0.1, at_once=4), 300 * 0.1 / 4), (Limited(0.1, rate=50, burst=50), 250 / 50)]
)
def test_a_limit_is_made_nearly_all_of(server: Limited, least: float, after: str) -> None:
    holds = 5 if after else 0  # for the seconds that it has us wait while it is found out
    assert seconds_for(replace(server, after=after, done=[]), 300, 32) < 1.5 * least + holds
