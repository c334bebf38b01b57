"""Which item of a list an item of an overlay means."""

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


def test_an_item_means_the_one_that_agrees_with_it_in_the_fields_that_it_gives() -> None:
    base = [of("a", "x"), of("b", "x"), of("b", "y", "z"), "odd"]
    assert places(CRITERION, base, {"metric": "a"}, of("b", "z", "y"), of("a", "other")) == [0, 2, None]
    assert places(CRITERION, base, {"metric": "b", "scope": {"tag": "x"}}) == [1]


def test_what_tells_items_apart_counts_only_where_several_agree() -> None:
    assert places(SERIES, [of("a", "x"), of("b", "x"), of("b", "y")], of("a", "other"), of("b", "y")) == [0, 2]
    assert places(SERIES, [of("b", "x"), of("b", "y")], of("b", "other")) == [None]


def test_items_are_compared_by_what_they_stand_for() -> None:
    base: list[Json] = [{"title": "${var:x}"}, {"title": "net"}]
    assert places(TITLE, base, {"title": "cpu"}) == places(TITLE, base, {"title": "${var:x}"}) == [0]


def test_an_item_that_means_several_is_a_fault_that_says_how_to_tell_them_apart() -> None:
    base = [of("a", "x"), of("a", "y")]
    several = "it matches 2 items of the base, `items[0]`, `items[1]`; "
    for key in (CRITERION, SERIES):
        assert places(key, base, {"metric": "a"}) == [f"{several}add its `scope`"]
    assert places(TITLE, [{"title": "a"}] * 2, {"title": "a"}) == [f"{several}make them differ in the base"]


def test_two_items_that_mean_one_are_a_fault() -> None:
    assert places(TITLE, [{"title": "a"}], {"title": "a"}, {"title": "a", "row": 1}) == [
        0,
        "it changes `items[0]`, as an item above it does; merge the two",
    ]


@pytest.mark.parametrize("item", [{"row": 1}, {"title": None}, "cpu", None])
def test_an_item_that_does_not_say_which_one_it_means_is_a_fault(item: Json) -> None:
    assert places(TITLE, [{"title": "cpu"}], item) == [
        "an item of `items` needs a `title`, which names the item that it changes; add it"
    ]
