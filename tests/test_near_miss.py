"""Messages describe values briefly and suggest similar names."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from dlsync import messages


@given(st.none() | st.booleans() | st.floats() | st.integers(-(10**18), 10**18))
def test_a_scalar_is_shown_as_json_and_null_as_empty(raw: float | None) -> None:
    assert messages.brief(raw) == ("empty" if raw is None else json.dumps(raw))


def test_a_list_or_a_mapping_is_shown_without_its_content() -> None:
    assert messages.brief(["secret"]) == "a list"
    assert messages.brief({"secret": 1}) == "a mapping"


def test_a_near_miss_is_found_regardless_of_case() -> None:
    assert messages.near_miss("Colour", ("row", "color")) == "color"
    assert messages.near_miss("email", ("EMAIL",)) == "EMAIL"


def test_a_name_unlike_all_candidates_has_no_near_miss() -> None:
    assert messages.near_miss("owner", ("title", "period")) is None
    assert messages.near_miss("title", ()) is None
