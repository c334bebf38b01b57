"""Finding the item of a list that an item of an overlay changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dlsync.diff.merge_key import MergeKey

if TYPE_CHECKING:
    from dlsync.model import Json

TITLE = MergeKey(("title",))
CRITERION = MergeKey(("metric", "scope"))
SERIES = MergeKey(("metric",), ("scope",))


def places(key: MergeKey, base: list[Json], *overlay: Json) -> list[int | str | None]:
    return key.places(("items",), base, overlay, lambda value: "cpu" if value == "${var:x}" else value)


def of(metric: str, *tags: str) -> Json:
    return {"metric": metric, "scope": {"tag": [*tags]}}


def test_an_item_matches_the_base_item_with_the_same_values_of_its_key_fields() -> None:
    base = [of("a", "x"), of("b", "x"), of("b", "y", "z"), "odd"]
    assert places(CRITERION, base, {"metric": "a"}, of("b", "z", "y"), of("a", "other")) == [0, 2, None]
    assert places(CRITERION, base, {"metric": "b", "scope": {"tag": "x"}}) == [1]


def test_the_additional_key_fields_count_only_if_several_base_items_match() -> None:
    assert places(SERIES, [of("a", "x"), of("b", "x"), of("b", "y")], of("a", "other"), of("b", "y")) == [0, 2]
    assert places(SERIES, [of("b", "x"), of("b", "y")], of("b", "other")) == [None]


def test_items_are_compared_by_the_values_of_their_references() -> None:
    base: list[Json] = [{"title": "${var:x}"}, {"title": "net"}]
    assert places(TITLE, base, {"title": "cpu"}) == places(TITLE, base, {"title": "${var:x}"}) == [0]


def test_an_item_that_matches_several_base_items_is_an_error_with_a_fix() -> None:
    base = [of("a", "x"), of("a", "y")]
    several = "it matches 2 items of the base, `items[0]`, `items[1]`; "
    for key in (CRITERION, SERIES):
        assert places(key, base, {"metric": "a"}) == [f"{several}add its `scope`"]
    assert places(TITLE, [{"title": "a"}] * 2, {"title": "a"}) == [f"{several}make them differ in the base"]


def test_two_items_that_match_the_same_base_item_are_an_error() -> None:
    assert places(TITLE, [{"title": "a"}], {"title": "a"}, {"title": "a", "row": 1}) == [
        0,
        "it changes `items[0]`, as an item above it does; merge the two",
    ]


@pytest.mark.parametrize("item", [{"row": 1}, {"title": None}, "cpu", None])
def test_an_item_without_its_key_field_is_an_error(item: Json) -> None:
    assert places(TITLE, [{"title": "cpu"}], item) == [
        "an item of `items` needs a `title`, which names the item that it changes; add it"
    ]
