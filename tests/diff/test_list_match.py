"""Pairing the items of two lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from dlsync.diff.list_match import ListMatching, Matching, all_but, identity, match, same, token

if TYPE_CHECKING:
    from dlsync.model import Json

BY_TITLE = ListMatching((identity("title"),))
A_SET = ListMatching((identity("title"),), ordered=False)
SMALL = st.lists(st.integers(0, 5), max_size=8)


def test_values_are_equal_if_they_have_the_same_meaning() -> None:
    assert same({"a": 5, "b": [1.0]}, {"b": [1], "a": 5.0})
    assert not same(1, True)
    assert not same("1", 1)
    assert not same([1, 2], [2, 1])
    assert token(2.5) == "2.5"


def test_an_item_with_one_changed_field_is_paired_with_its_old_version() -> None:
    found = match([{"title": "cpu", "color": "red"}], [{"title": "cpu", "color": "blue"}], BY_TITLE)
    assert found.pairs == ((0, 0),)
    assert not found.added
    assert not found.removed


def test_equal_items_pair_before_items_that_only_share_a_key() -> None:
    first: Json = {"title": "cpu", "row": 1}
    second: Json = {"title": "cpu", "row": 2}
    assert match([second, first], [first, second], BY_TITLE).pairs == ((0, 1), (1, 0))


def test_items_without_the_key_are_added_and_removed() -> None:
    found = match([{"row": 1}], [{"row": 2}], BY_TITLE)
    assert (found.pairs, found.added, found.removed) == ((), (0,), (0,))


def test_items_that_are_equal_except_for_the_key_pair_if_no_other_match_exists() -> None:
    rule = ListMatching((identity("metric"),), alike=(all_but("metric"),))
    live: list[Json] = [{"metric": "a", "tag": 1}, {"metric": "b", "tag": 2}, {"tag": 1}]
    found = match([{"metric": "a", "tag": 3}, {"metric": "c", "tag": 2}, "text"], live, rule)
    assert found == Matching(((0, 0), (1, 1)), (2,), (2,), frozenset(), frozenset({1}))


def test_an_item_pairs_first_with_an_equal_item_at_the_same_place() -> None:
    assert match([1, 5], [5, 5], ListMatching()).pairs == ((0, 0), (1, 1))
    assert match([5, 5], [1, 5], ListMatching()).pairs == ((0, 0), (1, 1))


def test_items_that_share_a_key_are_paired_by_their_neighbours() -> None:
    assert match(["x", "y", "x"], ["y", "x"], ListMatching()).pairs == ((1, 0), (2, 1))
    assert match(["y", "x"], ["x", "y", "x"], ListMatching()).pairs == ((0, 1), (1, 2))
    old: list[Json] = [{"title": "cpu", "row": row} for row in range(3)]
    assert match(old, [old[1], {"title": "cpu", "row": 9}], BY_TITLE).pairs == ((1, 0), (2, 1))
    assert match([{"title": "cpu", "row": 9}, old[1]], old, BY_TITLE).pairs == ((0, 0), (1, 1))


def test_without_a_key_different_items_are_paired_by_place() -> None:
    assert match([1, 5, 3], [1, 2, 3], ListMatching()).pairs == ((0, 0), (1, 1), (2, 2))


def test_one_item_brought_to_the_front_is_one_move() -> None:
    live: list[Json] = [{"title": name} for name in "abcdef"]
    desired = [live[5], *live[:5]]
    assert match(desired, live, BY_TITLE).moved == {0}


def test_the_order_of_a_set_is_no_move() -> None:
    found = match([1, 2, 3], [3, 1, 2], A_SET)
    assert (found.moved, found.added, found.removed) == (frozenset(), (), ())


def test_a_repeated_item_of_a_set_counts_once() -> None:
    assert match(["a", "a"], ["a"], A_SET).added == ()
    assert match(["b", "a"], ["a", "a", "b"], A_SET).removed == ()
    assert match(["c", "c"], [], A_SET).added == (0,)


@given(SMALL, SMALL)
def test_every_item_of_both_lists_is_paired_added_or_removed_exactly_once(desired: list[int], live: list[int]) -> None:
    found = match(desired, live, ListMatching())
    assert sorted([*(ours for ours, _ in found.pairs), *found.added]) == list(range(len(desired)))
    assert sorted([*(theirs for _, theirs in found.pairs), *found.removed]) == list(range(len(live)))


@given(st.permutations(range(7)))
def test_unmoved_items_keep_their_order_and_are_as_many_as_possible(order: list[int]) -> None:
    found = match(order, sorted(order), BY_TITLE)
    stayed = [live for ours, live in found.pairs if ours not in found.moved]
    assert stayed == sorted(stayed)
    longest = max(
        (len(run) for bits in range(2**7) if (run := [v for i, v in enumerate(order) if bits >> i & 1]) == sorted(run)),
    )
    assert len(stayed) == longest


@given(SMALL, SMALL)
def test_the_differences_of_two_sets_equal_those_of_python_sets(desired: list[int], live: list[int]) -> None:
    found = match(desired, live, A_SET)
    assert {desired[place] for place in found.added} == set(desired) - set(live)
    assert {live[place] for place in found.removed} == set(live) - set(desired)
