from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from itertools import chain, count, repeat
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlsync.client.retry import AttemptError, Attempts, Cause, Retry
from dlsync.errors import ApiError, BadAnswer, ServerFault, Unreachable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

pytestmark = pytest.mark.anyio


class Sleeper:
    def __init__(self) -> None:
        self.waits: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.waits.append(seconds)


def failing(times: float, cause: Cause = "broken", after: str = "") -> Callable[[int], Awaitable[int]]:
    async def attempt(number: int) -> int:
        if number <= times:
            status = {"status": 503, "failed": 500, "throttled": 429}.get(cause)
            error = ServerFault if status else Unreachable
            raise AttemptError(
                "the last thing", cause, error=error, status=status, retry_after=after, hint="look there"
            )
        return number

    return attempt


async def run(
    retry: Retry,
    attempt: Callable[[int], Awaitable[int]],
    responses: Callable[[], int] = lambda: 0,
    *,
    repeatable: bool = True,
    is_down: bool = False,
) -> int:
    attempts = Attempts(retry, "GET /x", repeatable, responses(), is_down)
    for number in count(1):
        try:
            return await attempt(number)
        except AttemptError as error:
            await retry.sleep(attempts.next_wait(error, responses()))
    raise AssertionError


async def failure_of(
    retry: Retry, attempt: Callable[[int], Awaitable[int]], *, repeatable: bool = True, is_down: bool = False
) -> ApiError:
    with pytest.raises(ApiError) as caught:
        await run(retry, attempt, repeatable=repeatable, is_down=is_down)
    return caught.value


async def test_the_first_success_is_the_result_and_the_attempts_are_numbered() -> None:
    sleeper = Sleeper()
    assert await run(Retry(sleep=sleeper), failing(3)) == 4
    assert len(sleeper.waits) == 3


async def test_waits_are_random_below_a_bound_that_doubles_up_to_the_longest() -> None:
    sleeper = Sleeper()
    await run(Retry(base=1, longest=5, ceiling=100, sleep=sleeper, random=lambda: 0.5), failing(5))
    assert sleeper.waits == [0.5, 1.0, 2.0, 2.5, 2.5]


async def test_a_server_that_is_down_is_reported_after_five_attempts_and_about_two_seconds() -> None:
    sleeper = Sleeper()
    error = await failure_of(Retry(sleep=sleeper, random=lambda: 0.5), failing(99, "refused"))
    assert isinstance(error, Unreachable)
    assert error.message == "GET /x: no usable answer after 5 attempts and 2.2 s of waiting; the last: the last thing"
    assert (error.request, error.status, error.hint) == ("GET /x", None, "look there")


async def test_a_server_that_answered_before_is_retried_for_as_long_as_a_restart_takes() -> None:
    sleeper = Sleeper()
    with pytest.raises(Unreachable, match=r"after 10 attempts and 20\.6 s"):
        await run(Retry(sleep=sleeper, random=lambda: 0.5), failing(99, "refused"), responses=lambda: 1)


async def test_timeouts_are_retried_fewer_times_than_other_errors() -> None:
    error = await failure_of(Retry(sleep=Sleeper()), failing(99, "timeout"))
    assert "3 attempts" in error.message


@pytest.mark.parametrize(
    ("cause", "attempts"),
    [("broken", 1), ("timeout", 1), ("failed", 1), ("refused", 5), ("status", 10), ("throttled", 10)],
)
async def test_an_unrepeatable_request_is_retried_only_if_it_was_surely_not_carried_out(
    cause: Cause, attempts: int
) -> None:
    retry = Retry(sleep=Sleeper(), random=lambda: 0.0)
    error = await failure_of(retry, failing(99, cause), repeatable=False)
    assert f"after {attempts} attempt" in error.message


@pytest.mark.parametrize(
    ("causes", "may_be_done"),
    [(["refused"], False), (["throttled"], False), (["broken"], True), (["broken", "refused"], True)],
)
async def test_an_error_says_whether_any_attempt_may_have_been_carried_out(
    causes: list[Cause], may_be_done: bool
) -> None:
    left = [*causes]

    async def attempt(number: int) -> int:
        return await failing(99, left.pop(0) if len(left) > 1 else left[0])(number)

    assert (await failure_of(Retry(sleep=Sleeper()), attempt)).may_be_done is may_be_done


def test_a_final_error_still_says_that_an_earlier_attempt_may_have_been_carried_out() -> None:
    attempts = Attempts(Retry(), "PUT /x", repeatable=True, responses=0)
    attempts.next_wait(AttemptError("reset", "broken"), 0)
    with pytest.raises(Unreachable) as caught:
        attempts.next_wait(AttemptError("the certificate is not trusted"), 0)
    assert caught.value.may_be_done


async def test_a_refused_connection_to_a_server_known_to_be_down_is_not_retried() -> None:
    sleeper = Sleeper()
    retry = Retry(sleep=sleeper)
    assert "after 1 attempt;" in (await failure_of(retry, failing(99, "refused"), is_down=True)).message
    assert sleeper.waits == []
    assert await run(retry, failing(3, "broken"), is_down=True) == 4


async def test_a_persistent_503_is_a_server_fault() -> None:
    error = await failure_of(Retry(sleep=Sleeper(), attempts=1), failing(99, "status"))
    assert isinstance(error, ServerFault)
    assert error.status == 503
    assert "after 1 attempt;" in error.message


async def test_each_wait_is_the_longer_of_retry_after_and_backoff() -> None:
    sleeper = Sleeper()
    await run(Retry(sleep=sleeper, base=4, random=lambda: 1.0), failing(2, "status", "5"))
    assert sleeper.waits == [5.0, 8.0]


async def test_a_retry_after_beyond_the_ceiling_is_an_error_at_once_and_says_so() -> None:
    sleeper = Sleeper()
    error = await failure_of(Retry(sleep=sleeper), failing(99, "status", "120"))
    assert sleeper.waits == []
    assert "it asks to wait for 120 s, more than the 30 s left of 30 s" in error.message


@given(
    st.floats(0, 1),
    st.floats(0, 60),
    st.sampled_from(["", "0", "7", "1000"]),
    st.sampled_from(["broken", "status", "throttled"]),
)
def test_all_waits_together_never_exceed_the_ceiling(luck: float, ceiling: float, after: str, cause: Cause) -> None:
    sleeper = Sleeper()
    retry = Retry(attempts=50, ceiling=ceiling, sleep=sleeper, random=lambda: luck)
    asyncio.run(failure_of(retry, failing(99, cause, after)))
    assert sum(sleeper.waits) <= ceiling + 1e-9


async def test_a_throttled_request_is_retried_while_other_requests_make_progress() -> None:
    got_on = count()
    assert await run(Retry(sleep=Sleeper()), failing(99, "throttled"), lambda: next(got_on)) == 100


async def test_attempts_of_a_throttled_request_count_from_the_last_progress_of_other_requests() -> None:
    sleeper = Sleeper()
    got_on = chain(range(51), repeat(50))
    with pytest.raises(ServerFault, match=r"after 10 attempts and 9\.0 s of waiting"):
        await run(Retry(sleep=sleeper, random=lambda: 0.0), failing(999, "throttled", "1"), lambda: next(got_on))
    assert len(sleeper.waits) == 58


@pytest.mark.parametrize(("cause", "attempts"), [("broken", 10), ("timeout", 3), ("failed", 4), ("status", 10)])
async def test_progress_of_other_requests_adds_no_attempts_after_other_faults(cause: Cause, attempts: int) -> None:
    got_on = count()
    with pytest.raises(ApiError, match=f"after {attempts} attempts"):
        await run(Retry(sleep=Sleeper(), random=lambda: 0.0), failing(99, cause), lambda: next(got_on))


async def test_a_permanent_error_is_not_retried() -> None:
    attempts = Attempts(Retry(), "GET /x", repeatable=True, responses=0)
    with pytest.raises(BadAnswer, match=r"^GET /x: too large$"):
        attempts.next_wait(AttemptError("too large", error=BadAnswer), 0)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("", 0),
        ("17", 17),
        ("9" * 5000, 999_999_999),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 37),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 37),
        ("Sun Nov  6 08:49:37 1994", 37),
        ("Sun, 06 Nov 1994 08:48:00 GMT", 0),
        ("-5", 0),
        ("1.5", 0),
        ("²", 0),
        ("soon", 0),
    ],
)
def test_retry_after_is_seconds_or_any_http_date_and_an_invalid_value_means_no_wait(
    header: str, seconds: float
) -> None:
    now = datetime(1994, 11, 6, 8, 49, tzinfo=UTC).timestamp()
    assert Retry(now=lambda: now).seconds(header) == seconds


@given(st.text(max_size=40))
def test_any_text_of_retry_after_gives_a_wait_of_zero_or_more(header: str) -> None:
    assert Retry(now=lambda: 0.0).seconds(header) >= 0
