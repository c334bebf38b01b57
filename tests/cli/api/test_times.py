"""Parsing of durations and times in options."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer import BadParameter

from dlsync.cli.api.series import duration, moment

SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


@given(st.integers(1, 10**9 - 1), st.sampled_from(sorted(SECONDS)))
def test_a_duration_is_a_number_of_seconds_or_of_a_larger_unit(number: int, unit: str) -> None:
    assert duration(f"{number}{unit}") == number * SECONDS[unit]


@pytest.mark.parametrize("text", ["", "0", "0h", "-1", "1.5h", "1y", "h", "1 h", "9" * 10, "\u0661h"])
def test_any_other_text_is_not_a_duration(text: str) -> None:
    with pytest.raises(BadParameter, match="is no duration"):
        duration(text)


@given(st.integers(0, 32_472_144_000))
def test_a_moment_is_unix_seconds_or_iso_8601(seconds: int) -> None:
    time = datetime.fromtimestamp(seconds, UTC)
    assert moment(str(seconds)) == moment(time.isoformat()) == seconds


@pytest.mark.parametrize("text", ["", "now", "2016-13-01", "-5", "9" * 13, "0001-01-01T00:00:00"])
def test_any_other_text_is_not_a_moment(text: str) -> None:
    with pytest.raises(BadParameter, match="is no time"):
        moment(text)
