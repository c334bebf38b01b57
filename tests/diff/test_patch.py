"""Applying an overlay to a base, and removing it again."""

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
def test_mappings_merge_as_in_rfc_7386(base: dict[str, Json], patch: dict[str, Json], result: dict[str, Json]) -> None:
    kept = copy.deepcopy((base, patch))
    assert apply_patch(DASHBOARD, base, patch).document == result
    assert (base, patch) == kept


# items


def test_a_widget_is_matched_by_its_title_and_a_new_widget_is_appended() -> None:
    patched = apply_patch(DASHBOARD, WEB, {"positions": [widget("net", color=None), {"title": "disk", "color": "red"}]})
    assert patched.document == dashboard(widget("cpu"), widget("disk", color="red"), widget("net"))
    assert patched.appended == {("positions", 2)}
    assert patched.origin(("positions", 1, "color")) == ("positions", 1, "color")
    assert patched.origin(("positions", 2, "row")) == ("positions", 0, "row")
    assert patched.origin(("positions", 1, "row")) is None
    assert patched.faults == ()


def test_a_series_is_matched_by_its_metric_and_by_its_scope_if_several_have_that_metric() -> None:
    base = dashboard(widget("cpu", series=[series("a"), series("a", "db"), series("b")]))
    overlay: dict[str, Json] = {
        "positions": [{"title": "cpu", "series": [series("a", ["db"], x=1), series("b", "eu"), series("a", "new")]}]
    }
    patched = apply_patch(DASHBOARD, base, overlay)
    assert patched.document == dashboard(
        widget("cpu", series=[series("a"), series("a", ["db"], x=1), series("b", "eu"), series("a", "new")])
    )


def test_an_item_without_its_key_is_an_error_at_its_path_and_changes_nothing() -> None:
    patched = apply_patch(RULE, rule(criterion("a")), {"criteria": [criterion("b"), {"scope": {}}]})
    assert patched.faults == (
        (("criteria", 1), "an item of `criteria` needs a `metric`, which names the item that it changes; add it"),
    )
    assert patched.document == rule(criterion("a"), criterion("b"))


def test_lists_without_a_key_and_values_of_another_type_are_replaced_whole() -> None:
    base = rule(criterion("a"), actions=[{"emails": ["a"]}, {"emails": ["b"]}])
    patched = apply_patch(RULE, base, {"actions": [{"emails": ["c"]}], "criteria": {"metric": None, "odd": 1}})
    assert patched.document == {"title": "Web", "actions": [{"emails": ["c"]}], "criteria": {"odd": 1}}
    assert patched.origin(("actions", 0, "emails", 0)) == ("actions", 0, "emails", 0)
    assert apply_patch(DASHBOARD, {"title": "a"}, {"positions": [1]}).document == {"title": "a", "positions": [1]}
    assert apply_patch(DASHBOARD, {"positions": [1]}, {"positions": [widget("a")]}).document["positions"] == [
        1,
        widget("a"),
    ]


def test_the_origin_of_a_difference_is_its_path_in_the_overlay() -> None:
    patched = apply_patch(RULE, rule(criterion("a")), {"title": "x", "description": None, "criteria": [criterion("b")]})
    assert patched.origin_of(replaced(("title",), "live", "x")) == ("title",)
    assert patched.origin_of(removed(("description",), "live")) == ("description",)
    # the position in the live list is no position in the document
    assert patched.origin_of(removed(("criteria", 1), {})) is None
    assert patched.origin_of(replaced(("criteria", 1, "metric"), "c", "b")) == ("criteria", 0, "metric")


# removing an overlay


def lifted(target: dict[str, Json], overlay: dict[str, Json], base: dict[str, Json]) -> dict[str, Json]:
    return unapply_patch(DASHBOARD, base, overlay, target)


def test_live_values_that_the_overlay_does_not_set_go_into_the_base() -> None:
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


def test_a_base_value_is_kept_if_the_target_has_another_value_in_its_place() -> None:
    overlay: dict[str, Json] = {"positions": [{"title": "cpu", "series": [{"metric": "cpu.load", "x": 1}]}]}
    patched = apply_patch(DASHBOARD, WEB, overlay).document
    assert lifted(patched, overlay, WEB) == WEB
    assert lifted({**patched, "positions": "none"}, overlay, WEB) == WEB


@given(DASHBOARDS, DASHBOARDS)
def test_an_overlay_that_is_removed_and_applied_again_gives_the_same_document(
    base: dict[str, Json], overlay: dict[str, Json]
) -> None:
    patched = apply_patch(DASHBOARD, base, overlay)
    assert (
        apply_patch(DASHBOARD, unapply_patch(DASHBOARD, base, overlay, patched.document), overlay).document
        == patched.document
    )


@given(RULES, RULES)
def test_an_overlay_applied_twice_gives_the_same_document_as_applied_once(
    base: dict[str, Json], overlay: dict[str, Json]
) -> None:
    once = apply_patch(RULE, base, overlay)
    if not once.faults and not apply_patch(RULE, once.document, overlay).faults:
        assert apply_patch(RULE, once.document, overlay).document == once.document
