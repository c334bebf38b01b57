"""Comparing files and server: differences in meaning, each at its smallest path."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlsync.diff.compare import compare
from dlsync.diff.list_match import anywhere
from dlsync.files import schema
from dlsync.resources import kind_of
from tests.builders.accounts import DASHBOARDS, RULES
from tests.builders.plans import added, moved, removed, replaced
from tests.builders.trees import criterion, dashboard, resource, rule, widget

if TYPE_CHECKING:
    from dlsync.model import FieldChange, Json, Path


def differences(address: str, desired: dict[str, Json], live: dict[str, Json]) -> tuple[FieldChange, ...]:
    one, other = resource(address, desired, body=b"ours"), resource(address, live, body=b"theirs")
    return compare(kind_of(one.kind), one, other).diff


def of_dashboards(desired: dict[str, Json], live: dict[str, Json]) -> tuple[FieldChange, ...]:
    return differences("dashboard/web", desired, live)


def of_rules(desired: dict[str, Json], live: dict[str, Json]) -> tuple[FieldChange, ...]:
    return differences("rule/web", desired, live)


@pytest.mark.parametrize(
    ("desired", "live"),
    [
        pytest.param({"title": "A", "period": 60}, {"period": 60, "title": "A"}, id="key order"),
        pytest.param({"title": "A", "locked": False}, {"title": "A"}, id="a default spelled out"),
        pytest.param({"title": "A"}, {"title": "A", "annotations": []}, id="a default filled in by the server"),
        pytest.param({"title": "A", "annotations": None}, {"title": "A"}, id="null where a default is known"),
        pytest.param({"title": "A", "period": None}, {"title": "A"}, id="null, dropped by the server"),
        pytest.param(
            {"positions": [{"row": 1}]}, {"positions": [{"row": 1, "title": None}]}, id="null, added by the server"
        ),
        pytest.param({"annotations": ["a", "b"]}, {"annotations": ["b", "a"]}, id="the order of a set"),
        pytest.param({"period": 60}, {"period": 60.0}, id="a whole number as a float"),
        pytest.param({"title": "A"}, {"title": "A", "name": "web", "id": "1"}, id="fields of the server"),
        pytest.param({"title": "A"}, {"title": "A", "revision": 7}, id="a field of the server that no schema knows"),
    ],
)
def test_documents_with_the_same_meaning_have_no_difference(desired: dict[str, Json], live: dict[str, Json]) -> None:
    assert of_dashboards(desired, live) == ()


def with_nulls(draw: st.DrawFn, kind: str, value: Json, path: Path = ()) -> Json:
    """Return the value with null in some of the absent fields that may be null."""
    if isinstance(value, list):
        return [with_nulls(draw, kind, item, (*path, place)) for place, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    absent = schema.known_at(kind, anywhere(path)).nullable - value.keys()
    nulls = dict.fromkeys(draw(st.sets(st.sampled_from(sorted(absent)))) if absent else ())
    return {**{name: with_nulls(draw, kind, item, (*path, name)) for name, item in value.items()}, **nulls}


@st.composite
def filled(draw: st.DrawFn) -> tuple[str, dict[str, Json], dict[str, Json]]:
    kind = draw(st.sampled_from(["dashboard", "rule"]))
    document = draw(DASHBOARDS if kind == "dashboard" else RULES)
    nulls = with_nulls(draw, kind, document)
    assert isinstance(nulls, dict)
    return kind, document, nulls


@given(filled())
def test_null_is_no_difference_to_a_field_that_is_absent(found: tuple[str, dict[str, Json], dict[str, Json]]) -> None:
    kind, document, nulls = found
    assert differences(f"{kind}/web", document, nulls) == differences(f"{kind}/web", nulls, document) == ()


def test_null_in_a_field_that_must_not_be_null_is_a_difference() -> None:
    assert of_dashboards({"title": None}, {}) == (added(("title",), None),)


def test_a_repeated_item_of_a_set_counts_once() -> None:
    assert of_dashboards({"annotations": ["a", "a"]}, {"annotations": ["a", "b"]}) == (
        removed(("annotations", 1), "b"),
    )


def test_a_single_tag_equals_a_list_of_that_tag() -> None:
    alone, listed = criterion("a.b"), criterion("a.b")
    alone["scope"], listed["scope"] = {"tag": "web"}, {"tag": ["web"]}
    assert of_rules(rule(alone), rule(listed)) == ()


def test_the_order_of_criteria_of_actions_and_of_addresses_is_no_difference() -> None:
    one, other = criterion("a.b"), criterion("c.d")
    mails: list[Json] = [{"emails": ["x@example.org", "y@example.org"], "message": "m"}, {"emails": ["z@example.org"]}]
    swapped: list[Json] = [
        {"emails": ["z@example.org"]},
        {"emails": ["y@example.org", "x@example.org"], "message": "m"},
    ]
    assert of_rules(rule(one, other, actions=mails), rule(other, one, actions=swapped)) == ()


def test_the_two_spellings_of_an_e_mail_action_are_equal() -> None:
    flat: list[Json] = [{"emails": ["x@example.org"], "message": "m"}]
    nested: list[Json] = [
        {"type": "EMAIL", "details": {"emails": ["x@example.org"], "message": "m", "status": "delivered"}}
    ]
    assert of_rules(rule(criterion("a.b"), actions=flat), rule(criterion("a.b"), actions=nested)) == ()


def test_a_changed_field_is_reported_at_its_path() -> None:
    desired, live = dashboard(widget("cpu", color="red")), dashboard(widget("cpu", color="blue"))
    assert of_dashboards(desired, live) == (replaced(("positions", 0, "color"), "blue", "red"),)


def test_true_differs_from_the_number_one() -> None:
    assert of_dashboards({"locked": True}, {"locked": 1}) == (replaced(("locked",), 1, True),)


def test_fields_that_only_one_side_has_are_added_and_removed() -> None:
    assert of_dashboards({"title": "A"}, {"period": 60}) == (added(("title",), "A"), removed(("period",), 60))


def test_a_field_of_a_condition_that_the_file_lacks_is_removed() -> None:
    desired, live = criterion("a.b"), criterion("a.b", jitter=3)
    assert of_rules(rule(desired), rule(live)) == (removed(("criteria", 0, "condition", "jitter"), 3),)


def test_a_series_brought_to_the_front_is_one_move() -> None:
    series: list[Json] = [{"metric": name} for name in ("cpu", "memory", "disk", "load")]
    ours, theirs = (dashboard(widget("all", series=one)) for one in ([series[3], *series[:3]], series))
    assert of_dashboards(ours, theirs) == (moved(("positions", 0, "series", 0), 3, 0),)


@given(
    st.lists(st.sampled_from("abc").map(widget), max_size=4).flatmap(
        lambda one: st.tuples(st.just(one), st.permutations(one))
    )
)
def test_the_order_of_widgets_is_no_difference(both: tuple[list[dict[str, Json]], list[dict[str, Json]]]) -> None:
    assert of_dashboards(dashboard(*both[0]), dashboard(*both[1])) == ()


def test_a_second_equal_widget_is_a_difference() -> None:
    cpu = widget("cpu")
    assert of_dashboards(dashboard(cpu, cpu), dashboard(cpu)) == (added(("positions", 1), cpu),)
    assert of_dashboards(dashboard(cpu), dashboard(cpu, cpu)) == (removed(("positions", 1), cpu),)


def test_widgets_with_the_same_title_are_matched_by_their_position_on_the_grid() -> None:
    ours, theirs = ([widget("cpu", row=row, color=color) for row in (1, 2)] for color in ("red", "blue"))
    assert of_dashboards(dashboard(*ours), dashboard(*theirs[::-1])) == (
        replaced(("positions", 0, "color"), "blue", "red"),
        replaced(("positions", 1, "color"), "blue", "red"),
    )


def test_a_new_metric_is_one_change_of_a_criterion_or_a_series() -> None:
    ours, theirs = ([criterion("a.b", 5), criterion(name)] for name in ("new.x", "old.x"))
    path: Path = ("criteria", 1, "metric")
    assert of_rules(rule(*ours), rule(*theirs[::-1])) == (replaced(path, "old.x", "new.x"),)
    path = ("positions", 0, "series", 0, "metric")
    shown: list[list[Json]] = [[{"metric": name, "scope": {"tag": "web"}}] for name in ("new.x", "old.x")]
    assert of_dashboards(*(dashboard(widget("cpu", series=one)) for one in shown)) == (
        replaced(path, "old.x", "new.x"),
    )


def test_a_widget_moved_on_the_grid_differs_only_in_its_position() -> None:
    desired = dashboard(widget("cpu", row=3, col=5), widget("memory"))
    assert of_dashboards(desired, dashboard(widget("memory"), widget("cpu"))) == (
        replaced(("positions", 0, "row"), 1, 3),
        replaced(("positions", 0, "col"), 1, 5),
    )


def test_a_widget_with_a_new_title_is_matched_by_its_content() -> None:
    old = widget("cpu")
    new = {**copy.deepcopy(old), "title": "processor"}
    assert of_dashboards(dashboard(new), dashboard(old)) == (replaced(("positions", 0, "title"), "cpu", "processor"),)


def test_a_new_widget_in_the_middle_is_one_addition() -> None:
    a, b, c = widget("a"), widget("b", row=2), widget("c", row=3)
    assert of_dashboards(dashboard(a, b, c), dashboard(a, c)) == (added(("positions", 1), b),)


def test_a_field_unknown_to_the_schema_is_compared_if_the_file_has_it() -> None:
    assert of_dashboards({"zoom": {"x": 1}}, {"zoom": {"x": 1, "y": 2}}) == (removed(("zoom", "y"), 2),)


def test_documents_with_the_same_bytes_are_not_compared() -> None:
    one = resource("dashboard/web", {"title": "A"}, body=b"same")
    other = resource("dashboard/web", {"title": "B"}, body=b"same")
    assert compare(kind_of("dashboard"), one, other).diff == ()


def test_a_plugin_with_the_same_script_can_differ_in_its_settings() -> None:
    ours: dict[str, Json] = {"content": "x", "extension": "py", "interval": 60}
    theirs: dict[str, Json] = {"content": "x", "extension": "py", "interval": 90, "type": "SCRIPT"}
    one, other = resource("plugin/p", ours), resource("plugin/p", theirs)
    assert compare(kind_of("plugin"), one, other).diff == (replaced(("interval",), 90, 60),)


def test_a_comparison_modifies_neither_document() -> None:
    desired, live = dashboard(widget("a"), annotations=["x"]), dashboard(widget("b"), locked=False)
    kept = copy.deepcopy((desired, live))
    of_dashboards(desired, live)
    assert (desired, live) == kept
