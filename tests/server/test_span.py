from __future__ import annotations

import json
import re
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException

from dlsync.server.refusals import Refusals
from dlsync.server.span import MOST_ANSWERED, MOST_POINTS, PERIOD, RESOLUTION, USUAL_POINTS, one, times_of

NOW = 1_455_027_939
DURATIONS = ["period", "period[duration]"]


def query(**parameters: object) -> QueryParams:
    return QueryParams({name: str(value) for name, value in parameters.items()})


def refused(parameters: QueryParams, series: int = 1) -> str:
    with pytest.raises(HTTPException) as caught:
        times_of(parameters, NOW, series)
    assert caught.value.status_code == 422
    return str(json.loads(bytes(Refusals("changeme").answer(caught.value).body))["error"])


@given(
    resolution=st.integers(1, 10**6),
    points=st.integers(1, MOST_POINTS),
    less=st.integers(0, 10**6),
    end=st.integers(1, 10**11),
)
def test_points_are_a_resolution_apart_and_fill_the_period(resolution: int, points: int, less: int, end: int) -> None:
    period = points * resolution - less % resolution
    asked = query(**{"resolution": resolution, "period[duration]": period, "period[end]": end})
    times = times_of(asked, NOW, 1)
    assert len(times) == points
    assert all(time % resolution == 0 for time in (times[0], times[-1]))
    assert times[-1] <= end < times[-1] + resolution
    assert times.step == resolution


@given(st.integers(1, 10**12 - 1), st.sampled_from(DURATIONS))
def test_without_a_resolution_any_period_has_an_answer(period: int, name: str) -> None:
    times = times_of(query(**{name: period}), NOW, 1)
    assert times.step == max(RESOLUTION, ceil(period / USUAL_POINTS))
    assert len(times) == ceil(period / times.step)


def test_the_last_hour_by_the_minute_is_what_nobody_needs_to_ask_for() -> None:
    times = times_of(query(), NOW, 1)
    assert (len(times), times.step) == (PERIOD // 60, 60)
    assert times[-1] <= NOW < times[-1] + 60


@pytest.mark.parametrize("others", [["period[duration]"], ["period[end]"], ["period[duration]", "period[end]"]])
def test_period_and_the_forms_with_brackets_are_not_mixed(others: list[str]) -> None:
    reason = refused(query(period=60, **dict.fromkeys(others, 60)))
    assert reason.startswith("period: cannot be mixed with period[duration] and period[end]")


@pytest.mark.parametrize("name", [*DURATIONS, "period[end]", "resolution"])
@pytest.mark.parametrize("value", ["", "0", "-60", "1.5", "1h", "60 ", "٣", "1_000", "9" * 13, "NaN"])
def test_what_is_no_whole_number_of_seconds_is_named(name: str, value: str) -> None:
    assert refused(query(**{name: value})) == f"{name}: expected a whole number of seconds, 1 or more, not {value!r}"


@given(st.integers(1, 3000), st.integers(MOST_POINTS + 1, 10**9))
def test_a_resolution_that_is_too_fine_is_refused_with_one_that_is_not(series: int, period: int) -> None:
    reason = refused(query(period=period, resolution=1), series)
    fitting = re.search(r"a resolution of (\d+) s or more", reason)
    assert fitting
    times = times_of(query(period=period, resolution=fitting[1]), NOW, series)
    assert len(times) <= MOST_POINTS
    assert len(times) * series <= MOST_ANSWERED


def test_a_parameter_may_come_twice_alike() -> None:
    assert one(QueryParams("source=a&source=a"), "source") == "a"


def test_a_parameter_with_two_values_is_refused() -> None:
    with pytest.raises(HTTPException, match="source: expected once, not with 2 values"):
        one(QueryParams("source=a&source=b"), "source")
