"""Which item became which."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dlsync.yamlfile.matching import match, same

if TYPE_CHECKING:
    from dlsync.model import Json


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        (["a", "b"], ["b", "a"], [1, 0]),
        (["a", "a"], ["a", "a", "a"], [0, 1, None]),
        ([{"title": "A", "row": 1}, {"title": "B"}], [{"title": "B", "row": 9}, {"title": "A", "row": 1}], [1, 0]),
        ([{"metric": "m", "a": 1}], [{"metric": "m", "a": 2}, {"name": "m"}], [0, None]),
        (["a", "b", "c"], ["a", "x", "c"], [0, 1, 2]),
        ([1, "b"], ["x", 2], [None, None]),
    ],
)
def test_items_are_found_by_equality_then_name_then_place(
    old: list[Json], new: list[Json], found: list[int | None]
) -> None:
    assert match(old, new) == found


@pytest.mark.parametrize(
    ("one", "other", "are"),
    [(1, True, False), (1, 1.0, False), ({"a": 1, "b": [2]}, {"b": [2], "a": 1}, True), ([1], [True], False)],
)
def test_values_are_the_same_as_json_has_them(one: Json, other: Json, are: bool) -> None:
    assert same(one, other) is are
