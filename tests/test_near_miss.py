"""Places, values and near misses in words."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from dlsync import messages


@given(st.none() | st.booleans() | st.floats() | st.integers(-(10**18), 10**18))
def test_a_scalar_is_shown_as_in_json_and_nothing_as_empty(raw: float | None) -> None:
    assert messages.brief(raw) == ("empty" if raw is None else json.dumps(raw))


def test_of_a_list_or_a_mapping_only_that_it_is_one_is_told() -> None:
    assert messages.brief(["secret"]) == "a list"
    assert messages.brief({"secret": 1}) == "a mapping"


def test_a_near_miss_is_named_whatever_its_capitals() -> None:
    assert messages.near_miss("Colour", ("row", "color")) == "color"
    assert messages.near_miss("email", ("EMAIL",)) == "EMAIL"


def test_what_is_near_to_nothing_has_no_near_miss() -> None:
    assert messages.near_miss("owner", ("title", "period")) is None
    assert messages.near_miss("title", ()) is None
