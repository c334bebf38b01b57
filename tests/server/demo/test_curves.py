from __future__ import annotations

from itertools import pairwise
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlsync.server.demo.catalogue import (
    DAY,
    HOUR,
    level,
    load,
    nightly,
    noise,
    one_of,
    ramp,
    rest,
    rhythm,
    share,
    state,
    tidy,
    trouble,
    wobble,
)

SEEDS = st.integers(0, 2**32 - 1)
TIMES = st.integers(0, 10**11)
MONDAY = 1_772_409_600  # 2026-03-02, 0:00
CALM = load(10, 110, spread=0)


@given(SEEDS, TIMES)
def test_noise_stays_between_minus_one_and_one(seed: int, time: int) -> None:
    assert -1 <= noise(seed, time) < 1
    assert 0 <= share(seed, time) < 1
    assert -1 <= wobble(seed, time) <= 1


@given(SEEDS)
def test_noise_has_no_drift_and_no_autocorrelation(seed: int) -> None:
    values = [noise(seed, time) for time in range(MONDAY, MONDAY + 2000)]
    assert abs(mean(values)) < 0.1
    assert abs(mean(a * b for a, b in pairwise(values))) < 0.1


@given(TIMES)
def test_rhythm_and_trouble_stay_between_0_and_1(time: int) -> None:
    assert 0 <= rhythm(time) <= 1
    assert 0 <= trouble(time) <= 1


def test_a_shop_is_empty_at_night_busy_at_noon_and_busiest_in_the_evening() -> None:
    hours = [rhythm(MONDAY + hour * HOUR) for hour in range(24)]
    assert hours[1:5] == [0] * 4
    assert hours.index(max(hours)) in {18, 19, 20}
    assert hours[12] > 2 * hours[6] > 0


def test_fridays_are_the_busiest_days_and_saturdays_the_calmest() -> None:
    noons = [rhythm(MONDAY + day * DAY + 12 * HOUR) for day in range(7)]
    assert noons.index(max(noons)) == 4
    assert noons.index(min(noons)) == 5
    assert noons == [rhythm(MONDAY + (7 + day) * DAY + 12 * HOUR) for day in range(7)]


@given(st.integers(0, 40_000))
def test_each_day_has_one_incident_by_daylight(day: int) -> None:
    bad = [minute for minute in range(24 * 60) if trouble(day * DAY + minute * 60) > 0]
    assert bad == [*range(bad[0], bad[-1] + 1)]
    assert 19 <= len(bad) <= 51
    assert 7 * 60 <= bad[0] < bad[-1] <= 21 * 60
    assert max(trouble(day * DAY + minute * 60) for minute in bad) >= 0.75


@given(SEEDS, TIMES)
def test_a_load_follows_the_rhythm_within_its_noise(seed: int, time: int) -> None:
    level = 10 + 100 * rhythm(time)
    assert CALM(seed, time) == tidy(level, 1)
    assert abs(load(10, 110, spread=0.1, digits=6)(seed, time) - level) <= 0.1 * level + 1e-6


@given(SEEDS, TIMES)
def test_a_load_is_never_negative_nor_above_its_maximum(seed: int, time: int) -> None:
    assert load(0, 1, hurt=-50)(seed, time) >= 0
    assert load(90, 100, hurt=80, most=100)(seed, time) <= 100


@given(SEEDS, TIMES)
def test_an_incident_raises_the_load_while_it_lasts(seed: int, time: int) -> None:
    assert load(10, 110, hurt=1000, spread=0)(seed, time) - CALM(seed, time) == pytest.approx(
        1000 * trouble(time), abs=0.2
    )


@given(SEEDS)
def test_a_ramp_rises_evenly_and_starts_over(seed: int) -> None:
    days = [ramp(0, 100, 10)(seed, MONDAY + day * DAY) for day in range(11)]
    steps = [round(after - before) for before, after in pairwise(days)]
    assert sorted(steps) == [-90] + [10] * 9
    assert days[0] == days[-1]


@given(SEEDS, SEEDS, TIMES)
def test_a_ramp_that_is_not_apart_starts_over_on_all_hosts_at_once(seed: int, other: int, time: int) -> None:
    curve = ramp(0, 24, 1, apart=False)
    assert curve(seed, time) == curve(other, time)
    assert curve(seed, MONDAY) == 0


@pytest.mark.parametrize(("second", "value"), [(-1, 5), (0, 0), (600, 600), (1199, 1199), (1200, 5)])
def test_a_nightly_job_is_measured_between_its_start_and_its_end(second: int, value: float) -> None:
    curve = nightly(hour=2, length=1200, quiet=5, busy=5, spread=0)
    assert curve(1, MONDAY + 2 * HOUR + second) == value


@given(SEEDS, st.integers(0, DAY - 1))
def test_the_age_of_a_nightly_job_is_the_seconds_since_its_start(seed: int, second: int) -> None:
    since = second - 2 * HOUR
    expected = since if 0 <= since < 1200 else 5
    assert nightly(hour=2, length=1200, quiet=5, busy=5, spread=0)(seed, MONDAY + second) == expected


@given(SEEDS, TIMES)
def test_a_level_moves_by_its_noise_alone(seed: int, time: int) -> None:
    assert level(200)(seed, time) == 200
    assert 9 <= level(10, spread=0.1, digits=2)(seed, time) <= 11


def test_hosts_have_different_curves() -> None:
    assert [one_of([{"start": n, "end": n, "days": 1} for n in (1, 2)])(seed, MONDAY) for seed in range(4)] == [
        1,
        2,
        1,
        2,
    ]


def test_the_rest_is_the_unused_part_of_the_total() -> None:
    assert rest(level(25), 200)(0, MONDAY) == 150


@pytest.mark.parametrize(("value", "code"), [(0, 0), (79, 0), (80, 1), (94, 1), (95, 2), (100, 2)])
def test_a_state_is_the_exit_code_for_a_value(value: int, code: int) -> None:
    assert state(level(value), 80, 95)(0, MONDAY) == code


def test_tidy_rounds_a_number_and_writes_whole_numbers_without_a_point() -> None:
    assert [repr(tidy(2.718, digits)) for digits in (0, 1, 2)] == ["3", "2.7", "2.72"]
