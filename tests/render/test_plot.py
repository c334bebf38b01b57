"""Series as a plot in the terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlsync.client.metrics import Metric
from dlsync.client.series import Point, Series, Source
from dlsync.render import plot
from tests.builders.commands import Terminal
from tests.builders.plans import any_text, assert_harmless

if TYPE_CHECKING:
    from collections.abc import Sequence

NOON = 1467806400  # 2016-07-06T12:00:00Z


def series(name: str, points: Sequence[tuple[int, float]], unit: str = "%") -> Series:
    return Series(Metric("base.cpu"), Source("a1", name), tuple(Point(*one) for one in points), unit)


def test_a_plot_has_its_values_its_unit_its_times_and_its_agents() -> None:
    up, down = [(NOON + 60 * n, float(n)) for n in range(60)], [(NOON + 60 * n, 59.0 - n) for n in range(60)]
    text = plot.render([series("web-1", up), series("web-2", down)], width=80, color=False)
    assert "(%)" in text.splitlines()[0]
    assert text.index(" 61.95 |") < text.index(" 29.5 |") < text.index(" -2.95 |")  # a bit beyond 59 and 0
    assert "12:00" in text
    assert "(UTC)" in text
    assert text.endswith("web-1\n⠤⠤ web-2\n")
    assert "\x1b" not in text


def test_the_axis_of_several_days_has_dates() -> None:
    text = plot.render([series("web-1", [(NOON + 86_400 * n, 1.0) for n in range(7)])], width=80, color=False)
    assert "07-06" in text
    assert "12:00" not in text


def test_equal_values_are_drawn_in_the_middle_of_the_axis() -> None:
    text = plot.render([series("web-1", [(NOON, 7.5), (NOON + 60, 7.5)])], width=80, color=False)
    assert "8.25 |" in text
    assert "6.75 |" in text
    assert " 0 |" in plot.render([series("web-1", [(NOON, 0.0), (NOON + 60, 0.0)])], width=80, color=False)


def test_a_single_point_is_drawn() -> None:
    assert "12:00" in plot.render([series("", [(NOON, 5)], "")], width=80, color=False)
    assert plot.render([series("", [(NOON, 5)], "")], width=80, color=False).endswith(" a1\n")


def test_a_plot_has_colours_only_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.delenv("NO_COLOR", raising=False)
    points = [(NOON, 1.0), (NOON + 60, 2.0)]
    assert "\x1b[" in plot.render([series("web-1", points)], width=80, color=True)
    assert "\x1b[" not in plot.render([series("web-1", points)], width=80, color=False)


@given(
    st.lists(
        st.builds(
            series,
            any_text(),
            st.lists(
                st.tuples(st.integers() | st.just(10**400), st.floats(allow_nan=False, allow_infinity=False)),
                min_size=1,
                max_size=5,
            ),
            any_text(),
        ),
        min_size=1,
        max_size=3,
    ),
    st.integers(40, 120),
)
def test_hostile_series_are_drawn_and_harmless_on_a_terminal(found: list[Series], width: int) -> None:
    assert_harmless(plot.render(found, width=width, color=False))


@pytest.mark.parametrize(("time", "text"), [(NOON, "2016-07-06T12:00:00Z"), (10**20, "100000000000000000000")])
def test_a_time_is_iso_8601_or_a_number_if_it_is_beyond_the_calendar(time: int, text: str) -> None:
    assert plot.time_text(time) == text
