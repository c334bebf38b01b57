"""A partial document applied to a base, and undone."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import pytest
from hypothesis import given

from dlsync.diff.patch import apply_patch, unapply_patch
from dlsync.resources import kind_of
from tests.builders.accounts import DASHBOARDS, RULES
from tests.builders.plans import removed, replaced
from tests.builders.trees import criterion, dashboard, rule, widget

if TYPE_CHECKING:
    from dlsync.model import Json

DASHBOARD, RULE = kind_of("dashboard"), kind_of("rule")
WEB = dashboard(widget("cpu"), widget("disk"))


def series(metric: str, tag: Json = "web", **fields: Json) -> dict[str, Json]:
    return {"metric": metric, "scope": {"tag": tag}, **fields}


# RFC 7386, appendix A: its examples that are mappings


@pytest.mark.parametrize(
    ("base", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_mappings_merge_as_the_rfc_has_it(
    base: dict[str, Json], patch: dict[str, Json], result: dict[str, Json]
) -> None:
    kept = copy.deepcopy((base, patch))
    assert apply_patch(DASHBOARD, base, patch).document == result
    assert (base, patch) == kept


# items


def test_a_widget_is_the_one_of_its_title_and_a_new_one_is_appended() -> None:
    patched = apply_patch(DASHBOARD, WEB, {"positions": [widget("net", color=None), {"title": "disk", "color": "red"}]})
    assert patched.document == dashboard(widget("cpu"), widget("disk", color="red"), widget("net"))
    assert patched.appended == {("positions", 2)}
    assert patched.origin(("positions", 1, "color")) == ("positions", 1, "color")
    assert patched.origin(("positions", 2, "row")) == ("positions", 0, "row")
    assert patched.origin(("positions", 1, "row")) is None
    assert patched.faults == ()


def test_a_series_is_the_one_of_its_metric_and_its_scope_tells_apart_those_of_one_metric() -> None:
    base = dashboard(widget("cpu", series=[series("a"), series("a", "db"), series("b")]))
    overlay: dict[str, Json] = {
        "positions": [{"title": "cpu", "series": [series("a", ["db"], x=1), series("b", "eu"), series("a", "new")]}]
    }
    patched = apply_patch(DASHBOARD, base, overlay)
    assert patched.document == dashboard(
        widget("cpu", series=[series("a"), series("a", ["db"], x=1), series("b", "eu"), series("a", "new")])
    )


def test_an_item_that_cannot_be_placed_is_a_fault_at_its_place_and_changes_nothing() -> None:
    patched = apply_patch(RULE, rule(criterion("a")), {"criteria": [criterion("b"), {"scope": {}}]})
    assert patched.faults == (
        (("criteria", 1), "an item of `criteria` needs a `metric`, which names the item that it changes; add it"),
    )
    assert patched.document == rule(criterion("a"), criterion("b"))


def test_other_lists_and_what_is_no_list_are_replaced_whole() -> None:
    base = rule(criterion("a"), actions=[{"emails": ["a"]}, {"emails": ["b"]}])
    patched = apply_patch(RULE, base, {"actions": [{"emails": ["c"]}], "criteria": {"metric": None, "odd": 1}})
    assert patched.document == {"title": "Web", "actions": [{"emails": ["c"]}], "criteria": {"odd": 1}}
    assert patched.origin(("actions", 0, "emails", 0)) == ("actions", 0, "emails", 0)
    assert apply_patch(DASHBOARD, {"title": "a"}, {"positions": [1]}).document == {"title": "a", "positions": [1]}
    assert apply_patch(DASHBOARD, {"positions": [1]}, {"positions": [widget("a")]}).document["positions"] == [
        1,
        widget("a"),
    ]


def test_what_differs_comes_from_the_overlay_or_not() -> None:
    patched = apply_patch(RULE, rule(criterion("a")), {"title": "x", "description": None, "criteria": [criterion("b")]})
    assert patched.origin_of(replaced(("title",), "live", "x")) == ("title",)
    assert patched.origin_of(removed(("description",), "live")) == ("description",)
    # the live position is no position in the document
    assert patched.origin_of(removed(("criteria", 1), {})) is None
    assert patched.origin_of(replaced(("criteria", 1, "metric"), "c", "b")) == ("criteria", 0, "metric")


# lifting off


def lifted(target: dict[str, Json], overlay: dict[str, Json], base: dict[str, Json]) -> dict[str, Json]:
    return unapply_patch(DASHBOARD, base, overlay, target)


def test_what_the_overlay_does_not_touch_is_lifted_into_the_base() -> None:
    base = {**WEB, "locked": True, "gone": 1}
    overlay: dict[str, Json] = {
        "period": 60,
        "locked": None,
        "extra": {"a": 1},
        "positions": [{"title": "disk", "color": "red"}, widget("net")],
    }
    target: dict[str, Json] = {
        **dashboard(widget("new"), widget("disk", color="red", row=9), widget("net"), title="Live", period=60),
        "extra": {"a": 1},
        "zoom": 1,
    }
    assert lifted(target, overlay, base) == {
        **dashboard(widget("new"), widget("disk", row=9), title="Live"),
        "locked": True,
        "zoom": 1,
    }


def test_a_base_item_is_kept_where_the_target_has_something_else_in_its_place() -> None:
    overlay: dict[str, Json] = {"positions": [{"title": "cpu", "series": [{"metric": "cpu.load", "x": 1}]}]}
    patched = apply_patch(DASHBOARD, WEB, overlay).document
    assert lifted(patched, overlay, WEB) == WEB
    assert lifted({**patched, "positions": "none"}, overlay, WEB) == WEB


@given(DASHBOARDS, DASHBOARDS)
def test_what_was_laid_can_be_lifted(base: dict[str, Json], overlay: dict[str, Json]) -> None:
    patched = apply_patch(DASHBOARD, base, overlay)
    assert (
        apply_patch(DASHBOARD, unapply_patch(DASHBOARD, base, overlay, patched.document), overlay).document
        == patched.document
    )


@given(RULES, RULES)
def test_an_overlay_laid_twice_is_laid_once(base: dict[str, Json], overlay: dict[str, Json]) -> None:
    once = apply_patch(RULE, base, overlay)
    if not once.faults and not apply_patch(RULE, once.document, overlay).faults:
        assert apply_patch(RULE, once.document, overlay).document == once.document
