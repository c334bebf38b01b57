from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlsync.client.instants import instant


def test_a_time_as_the_documentation_writes_it_is_aware() -> None:
    assert instant("2016-07-06T10:47:46.951Z") == datetime(2016, 7, 6, 10, 47, 46, 951_000, UTC)


def test_a_zone_is_kept_and_without_one_it_is_utc() -> None:
    assert instant("2016-07-06T10:47:46+02:00") == datetime(2016, 7, 6, 10, 47, 46, tzinfo=timezone(timedelta(hours=2)))
    assert instant("2016-07-06T10:47:46") == datetime(2016, 7, 6, 10, 47, 46, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "now", "1455027939.5", "2016-13-01T00:00:00Z"])
def test_what_is_no_time_is_none(text: str) -> None:
    assert instant(text) is None


@given(st.text())
def test_no_text_is_a_crash(text: str) -> None:
    found = instant(text)
    assert found is None or found.tzinfo
