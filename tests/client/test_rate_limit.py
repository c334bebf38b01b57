from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlsync.client.connection import JSON
from dlsync.client.rate_limit import RateLimiter, urgently
from dlsync.client.response import Quoter, Response
from dlsync.errors import NotFound
from tests.builders.http import KEY, reader_of
from tests.builders.taps import tapped
from tests.builders.throttling import Clock, Limited, seconds_for, timeless

if TYPE_CHECKING:
    from tests.builders.taps import Asked, Onward

pytestmark = pytest.mark.anyio


class Crowd:
    """Many requests that try to be in flight at once."""

    def __init__(self, limiter: RateLimiter, many: int) -> None:
        self.under_way = 0
        self._limiter = limiter
        self._leave = asyncio.Semaphore(0)
        self._tasks = [asyncio.ensure_future(self._one()) for _ in range(many)]

    async def _one(self) -> None:
        async with self._limiter:
            self.under_way += 1
            await self._leave.acquire()
        self.under_way -= 1

    async def after(self, leaving: int = 0) -> int:
        """Return how many requests are in flight after ``leaving`` of them have ended."""
        for _ in range(leaving):
            self._leave.release()
        for _ in range(20):  # turns of the event loop, in which each task that can continue does
            await asyncio.sleep(0)
        return self.under_way

    async def end(self) -> None:
        await self.after(leaving=len(self._tasks))
        await asyncio.gather(*self._tasks)


async def room(limiter: RateLimiter) -> int:
    """Return how many requests may be in flight."""
    crowd = Crowd(limiter, 40)
    found = await crowd.after()
    await crowd.end()
    return found


def paced(rate: float | None = None, most: int = 16) -> tuple[RateLimiter, Clock]:
    clock = Clock()
    return RateLimiter(rate, most, clock=clock.read, sleep=clock.sleep), clock


def hear(limiter: RateLimiter, clock: Clock, answers: str, every: float = 0.0) -> None:
    """Report responses: a dot for each success, a cross for each 429 to a request sent after the last cut."""
    for answer in answers:
        clock.now += every
        if answer == ".":
            limiter.succeeded()
        else:
            limiter.throttled(limiter.cuts, 0)


async def turn(limiter: RateLimiter) -> None:
    """Send a request that is answered at once."""
    async with limiter:
        pass


async def turns(limiter: RateLimiter, clock: Clock, many: int) -> list[float]:
    """Send ``many`` requests, and return their waits."""
    clock.slept.clear()
    for _ in range(many):
        await turn(limiter)
    return clock.slept


# the rate that the user set


async def test_a_rate_spaces_requests_evenly() -> None:
    assert await turns(*paced(4), 4) == [0.25, 0.25, 0.25]


async def test_idle_time_shortens_the_next_wait_but_does_not_accumulate() -> None:
    limiter, clock = paced(1)
    await turn(limiter)
    clock.now += 10
    assert await turns(limiter, clock, 2) == [1.0]


async def test_without_a_rate_requests_do_not_wait() -> None:
    assert await turns(*paced(), 2) == []


async def test_the_rate_of_the_user_holds_even_if_the_server_accepts_more() -> None:
    limiter, clock = paced(4, most=1)
    hear(limiter, clock, "x", every=0.01)  # an interval that is shorter than the user's
    assert await turns(limiter, clock, 3) == [0.25, 0.25]


# urgent requests


async def test_an_urgent_request_ignores_the_rate_and_the_limit_of_requests_in_flight() -> None:
    limiter, clock = paced(1, most=1)
    crowd = Crowd(limiter, 3)
    assert await crowd.after() == 1
    with urgently(), limiter.request():
        await turns(limiter, clock, 2)
    assert clock.slept == []
    assert await crowd.after(leaving=1) == 1
    assert clock.slept == [1.0]
    await crowd.end()


async def test_an_urgent_request_waits_as_long_as_a_429_asks_for() -> None:
    limiter, clock = paced()
    limiter.throttled(limiter.cuts, 30)
    with urgently():
        assert await turns(limiter, clock, 2) == [30.0]


async def test_another_429_delays_an_urgent_request_that_already_waits() -> None:
    clock = Clock()

    async def throttled_meanwhile(seconds: float) -> None:
        if not clock.slept:
            limiter.throttled(0, 5)
        await clock.sleep(seconds)

    limiter = RateLimiter(1, 16, clock=clock.read, sleep=throttled_meanwhile)
    limiter.throttled(0, 2)
    with urgently():
        await turn(limiter)
    assert clock.slept == [2.0, 3.0]


@pytest.mark.parametrize("begun", [False, True])
async def test_other_requests_begin_only_after_all_urgent_requests_have_ended(begun: bool) -> None:
    asleep, wake = asyncio.Event(), asyncio.Event()

    async def sleep(_: float) -> None:
        asleep.set()
        await wake.wait()

    clock = Clock()
    limiter = RateLimiter(1, 16, clock=clock.read, sleep=sleep)
    await turn(limiter)
    other = asyncio.ensure_future(turn(limiter))
    if begun:
        await asleep.wait()
    with urgently(), limiter.request():
        with limiter.request():
            clock.now += 10
            wake.set()
        for _ in range(5):
            await asyncio.sleep(0)
        assert not other.done()
    await other


async def test_urgency_ends_with_its_block_and_holds_for_no_other_task() -> None:
    limiter, clock = paced(1)
    other = asyncio.ensure_future(turns(limiter, clock, 2))
    with urgently():
        await other
        await turn(limiter)
    assert clock.slept == [1.0]
    assert await turns(limiter, clock, 1) == [1.0]


def test_an_urgent_request_can_wait_for_the_account_that_another_request_looks_up() -> None:
    async def answer(request: Asked, _: Onward) -> Response:
        status = 200 if request.path.endswith("/accounts") else 404
        return Response(status, {"content-type": JSON}, b'[{"name": "default"}]', str(request), Quoter(KEY))

    async def run() -> float:
        loop = asyncio.get_running_loop()
        client = tapped(reader_of("http://127.0.0.1:1"), answer)
        client._connection._limiter = RateLimiter(1, 1, clock=loop.time)
        async with client, asyncio.timeout(60):
            ordinary = asyncio.ensure_future(client.plugins.get("a"))
            await asyncio.sleep(0.5)  # its second request, for the account, waits for a turn until 1.0
            with urgently(), pytest.raises(NotFound):
                await client.plugins.get("b")
            with pytest.raises(NotFound):
                await ordinary
        assert client.requests == 3
        return loop.time()

    assert timeless(run) < 2


# the window: the limit of requests in flight


async def test_a_429_halves_the_number_of_requests_in_flight_down_to_one() -> None:
    limiter, clock = paced()
    found = [await room(limiter)]
    for _ in range(5):
        hear(limiter, clock, "x")
        found.append(await room(limiter))
    assert found == [16, 8, 4, 2, 1, 1]


async def test_all_429s_to_requests_sent_before_a_cut_count_as_one_cut() -> None:
    limiter, _ = paced()
    before = limiter.cuts
    for _ in range(12):
        limiter.throttled(before, 0)
    assert (limiter.cuts, await room(limiter)) == (1, 8)


async def test_each_window_of_successes_allows_another_request_in_flight_up_to_the_maximum() -> None:
    limiter, clock = paced(most=8)
    hear(limiter, clock, "x")
    found = []
    for size in (5, 6, 7, 8, 100):  # one more than the window, which grows on the way
        hear(limiter, clock, "." * size)
        found.append(await room(limiter))
    assert found == [5, 6, 7, 8, 8]


async def test_after_a_cut_requests_in_flight_continue_and_others_wait_for_room() -> None:
    limiter, clock = paced(most=4)
    crowd = Crowd(limiter, 9)
    assert await crowd.after() == 4
    hear(limiter, clock, "x")
    assert [await crowd.after(leaving=1) for _ in range(3)] == [3, 2, 2]
    hear(limiter, clock, "...")  # one more than the window, which grows on the way
    assert await crowd.after() == 3
    await crowd.end()


async def test_a_cancelled_wait_does_not_reduce_the_number_of_requests_in_flight() -> None:
    limiter, clock = paced(most=2)
    hear(limiter, clock, "x")
    crowd = Crowd(limiter, 5)
    assert await crowd.after() == 1
    for task in crowd._tasks[1:]:
        task.cancel()
    assert await crowd.after(leaving=1) == 0
    assert await room(limiter) == 1


# the wait that the server asks for


async def test_no_request_begins_before_the_wait_that_a_429_asks_for_has_passed() -> None:
    limiter, clock = paced()
    limiter.throttled(0, 7)
    assert await turns(limiter, clock, 3) == [7.0]


async def test_a_429_also_delays_a_request_that_already_waits() -> None:
    clock = Clock()
    limiter = RateLimiter(1, 16, clock=clock.read, sleep=clock.sleep)

    async def told_meanwhile(seconds: float) -> None:
        if not clock.slept:
            limiter.throttled(0, 5)
        await clock.sleep(seconds)

    limiter._sleep = told_meanwhile
    await turn(limiter)
    await turn(limiter)
    assert clock.slept == [1.0, 4.0]


# the rate that the server accepts


async def test_a_429_with_several_requests_in_flight_sets_no_interval() -> None:
    limiter, clock = paced()
    hear(limiter, clock, "xxxx")
    assert await turns(limiter, clock, 3) == []


async def test_with_one_request_in_flight_each_429_doubles_the_interval() -> None:
    limiter, clock = paced(most=1)
    found = []
    for _ in range(4):
        hear(limiter, clock, "x")
        await turn(limiter)
        found += await turns(limiter, clock, 1)
    assert found == pytest.approx([0.05, 0.1, 0.2, 0.4])


async def test_successes_first_shorten_the_interval_to_none_and_then_widen_the_window() -> None:
    limiter, clock = paced(most=2)
    hear(limiter, clock, "xx.")
    await turn(limiter)
    assert await turns(limiter, clock, 1) == pytest.approx([0.0475])
    assert await room(limiter) == 1
    hear(limiter, clock, "." * 65)
    await turn(limiter)
    assert await turns(limiter, clock, 3) == []
    assert await room(limiter) == 2


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
def test_all_requests_succeed_and_few_are_refused_under_any_limit_of_a_server(
    server: Limited, requests: int, workers: int
) -> None:
    seconds_for(server, requests, workers)
    assert sorted(server.done, key=int) == [str(number) for number in range(requests)]
    assert server.refused <= 6 * workers + requests / 2


@pytest.mark.parametrize("after", ["", "1"])
@pytest.mark.parametrize(
    ("server", "least"), [(Limited(0.1, at_once=4), 300 * 0.1 / 4), (Limited(0.1, rate=50, burst=50), 250 / 50)]
)
def test_requests_use_nearly_the_whole_limit_of_a_server(server: Limited, least: float, after: str) -> None:
    holds = 5 if after else 0  # seconds of Retry-After until the client has found the limit
    assert seconds_for(replace(server, after=after, done=[]), 300, 32) < 1.5 * least + holds
