"""Merging live values into a file's document, with the file's order and spelling."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dlsync.diff.compare import compare
from dlsync.diff.merge import merge
from dlsync.resources import kind_of
from tests.builders.trees import criterion, dashboard, resource, rule, widget

if TYPE_CHECKING:
    from dlsync.model import Json


def merged(kind: str, desired: dict[str, Json], live: dict[str, Json]) -> dict[str, Json]:
    """Merge, and assert that the result has the same meaning as the live document."""
    result = merge(kind_of(kind), resource(f"{kind}/x", desired), live)
    one, other = resource(f"{kind}/x", result, body=b"ours"), resource(f"{kind}/x", live, body=b"theirs")
    assert compare(kind_of(kind), one, other).diff == ()
    return result


def test_a_changed_field_takes_the_live_value_in_its_own_place() -> None:
    assert list(merged("dashboard", {"title": "A", "period": 60}, {"period": 30, "title": "A"}).items()) == [
        ("title", "A"),
        ("period", 30),
    ]


def test_explicit_defaults_in_the_file_stay_if_the_live_side_means_the_same() -> None:
    desired: dict[str, Json] = {"title": "A", "locked": False, "annotations": None, "positions": []}
    assert merged("dashboard", desired, {"title": "B", "positions": []}) == {**desired, "title": "B"}


def test_another_live_value_replaces_an_explicit_default() -> None:
    assert merged("dashboard", {"title": "A", "locked": False}, {"title": "A", "locked": True})["locked"] is True


def test_a_field_removed_on_the_server_is_removed_from_the_file() -> None:
    assert merged("dashboard", {"title": "A", "period": 60}, {"title": "A"}) == {"title": "A"}


def test_fields_that_only_the_server_adds_are_not_written_into_the_file() -> None:
    assert merged("dashboard", {"title": "A"}, {"title": "B", "id": "1", "revision": 7}) == {"title": "B"}


def test_widgets_stay_in_the_file_s_order_and_a_moved_series_keeps_its_spelling() -> None:
    a, b, c = {**widget("a"), "zoom": 1}, widget("b"), widget("c")
    live_a = {**a, "color": "red"}
    assert merged("dashboard", dashboard(a, b), dashboard(c, b, live_a))["positions"] == [live_a, b, c]
    first: Json = {"metric": "x", "scope": {"tag": ["web"]}}
    ours: list[Json] = [first, {"metric": "y"}]
    theirs: list[Json] = [{"metric": "y"}, {"metric": "x", "scope": {"tag": "web"}}]
    written = merged("dashboard", dashboard(widget("a", series=ours)), dashboard(widget("a", series=theirs)))
    assert written["positions"][0]["series"] == [{"metric": "y"}, first]  # type: ignore[index,call-overload] # a list


def test_criteria_stay_in_the_file_s_order_and_new_ones_come_last() -> None:
    a, b, c = criterion("a.x"), criterion("b.x"), criterion("c.x")
    changed = criterion("b.x", threshold=5)
    assert merged("rule", rule(a, b), rule(c, changed, a))["criteria"] == [a, changed, c]


@pytest.mark.parametrize("kind_of_action", ["EMAIL", "WEBHOOK"])
def test_an_action_keeps_the_spelling_that_the_file_has(kind_of_action: str) -> None:
    nested: list[Json] = [{"type": kind_of_action, "details": {"emails": ["a@example.org"], "message": ""}}]
    live: list[Json] = [{"type": kind_of_action, "emails": ["b@example.org"], "url": "https://example.org/hook"}]
    assert merged("rule", rule(actions=nested), rule(actions=live))["actions"] == [
        {
            "type": kind_of_action,
            "details": {"message": "", "emails": ["b@example.org"], "url": "https://example.org/hook"},
        }
    ]


def test_a_live_value_of_another_type_replaces_the_whole_value() -> None:
    assert merged("dashboard", {"zoom": {"x": 1}}, {"zoom": [1]}) == {"zoom": [1]}
