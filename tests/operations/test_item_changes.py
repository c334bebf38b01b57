"""Changes of list items in a plan and in the drift: both sides of each item, with its sentence and its place."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlsync.files.redaction import HIDDEN, Redaction
from dlsync.model import Place
from dlsync.operations.plan import item_changes
from dlsync.resources import kind_of
from tests.builders.applies import apply, plan
from tests.builders.plans import any_json
from tests.builders.trees import criterion, dashboard, resource, rule, widget, write_tree
from tests.operations.test_drift import drift

if TYPE_CHECKING:
    from pathlib import Path

    from dlsync.model import ItemChange, Json
    from tests.builders.trees import Account

NO_SECRETS = Redaction({})


def items(kind: str, before: dict[str, Json] | None, after: dict[str, Json] | None) -> tuple[ItemChange, ...]:
    live, desired = (None if side is None else resource(f"{kind}/x", side) for side in (before, after))
    return item_changes(kind_of(kind), live, desired, NO_SECRETS)


def test_each_widget_is_marked_as_moved_changed_added_or_removed() -> None:
    before = dashboard(widget("same"), widget("moved"), widget("changed"), widget("both"), widget("old"))
    after = dashboard(
        widget("same"),
        widget("moved", row=3),
        widget("changed", color="red"),
        widget("both", col=3, color="red"),
        widget("new", row=9, type="status", series=[]),
    )
    found = items("dashboard", before, after)
    titles = [(one.after or one.before, one.mark) for one in found]
    assert [(item.title, mark) for item, mark in titles if item] == [
        ("same", ""),
        ("moved", "moved"),
        ("changed", "changed"),
        ("both", "moved and changed"),
        ("new", "added"),
        ("old", "removed"),
    ]
    assert found[1].before
    assert found[1].after
    assert (found[1].before.place, found[1].after.place) == (Place(1, 1, 2, 2), Place(3, 1, 2, 2))
    assert found[4].after
    assert (found[4].after.label, found[4].after.sentence) == ("status", "new, status")


@pytest.mark.parametrize("cell", [0, 501, "1", 1.5, True, None])
def test_a_widget_outside_the_grid_has_no_place(cell: Json) -> None:
    (found,) = items("dashboard", None, dashboard(widget("x", row=cell)))
    assert found.after
    assert (found.after.title, found.after.place) == ("x", None)


def test_a_rule_lists_its_criteria_and_actions_even_if_they_do_not_differ() -> None:
    action: Json = {"emails": ["ops@example.org"]}
    found = items("rule", rule(criterion("a"), actions=[action]), rule(criterion("a", 80), actions=[action]))
    assert [(one.section, one.mark, one.after and one.after.sentence) for one in found] == [
        ("criteria", "changed", "a is above 80 for 2 min on tag web"),
        ("actions", "", "emails ops@example.org"),
    ]


def test_plugins_and_unreadable_resources_have_no_item_changes() -> None:
    assert items("plugin", {"content": "a"}, {"content": "b"}) == ()
    unreadable = replace(resource("rule/x", rule()), unreadable="not a mapping")
    assert item_changes(kind_of("rule"), unreadable, resource("rule/x", rule(criterion("a"))), NO_SECRETS) == ()


@given(st.lists(any_json(), max_size=3), st.lists(any_json(), max_size=3))
def test_items_of_any_json_type_get_a_valid_mark(before: list[Json], after: list[Json]) -> None:
    for section in ("positions", "criteria"):
        kind = "dashboard" if section == "positions" else "rule"
        found = items(kind, {section: before}, {section: after})
        assert {one.mark for one in found} <= {"", "added", "removed", "moved", "changed", "moved and changed"}


def sentences(found: tuple[ItemChange, ...]) -> list[tuple[str | None, str | None]]:
    return [(one.before.sentence if one.before else None, one.after.sentence if one.after else None) for one in found]


def put(tree: Path, threshold: int) -> None:
    write_tree(tree, {"rules/load.yaml": json.dumps(rule(criterion("a", threshold)))})


ABOVE_90, ABOVE_80 = "a is above 90 for 2 min on tag web", "a is above 80 for 2 min on tag web"


def test_a_plan_describes_list_items_of_created_updated_and_deleted_resources(live: Account, tree: Path) -> None:
    put(tree, 90)
    assert sentences(planned(live, tree)) == [(None, ABOVE_90)]
    apply(live, tree)
    put(tree, 80)
    assert sentences(planned(live, tree)) == [(ABOVE_90, ABOVE_80)]
    (tree / "rules/load.yaml").unlink()
    assert sentences(planned(live, tree)) == [(ABOVE_90, None)]


def planned(live: Account, tree: Path) -> tuple[ItemChange, ...]:
    return next(one for one in plan(live, tree).changes if str(one.address) == "rule/load").items()


def test_drift_shows_items_from_the_applied_to_the_live_side_if_the_file_is_unchanged(
    live: Account, tree: Path
) -> None:
    put(tree, 90)
    apply(live, tree)
    live.has(resource("rule/load", rule(criterion("a", 80))))
    (change,) = drift(live, tree).changes
    assert sentences(change.items()) == [(ABOVE_90, ABOVE_80)]
    put(tree, 70)
    (change,) = drift(live, tree).changes
    assert change.items() == ()


def test_a_live_value_in_place_of_a_secret_is_hidden(live: Account, tree: Path) -> None:
    hook = "https://hooks.example.org/"
    write_tree(
        tree, {"rules/load.yaml": json.dumps(rule(actions=[{"type": "WEBHOOK", "url": f"{hook}${{env:HOOK}}"}]))}
    )
    live.has(resource("rule/load", rule(actions=[{"type": "WEBHOOK", "url": f"{hook}by-hand"}])))
    found = next(
        one for one in plan(live, tree, environ={"HOOK": "s3cret"}).changes if str(one.address) == "rule/load"
    ).items()
    assert sentences(found) == [(f'"{HIDDEN}"', f"calls {hook}${{env:HOOK}}")]
    assert "by-hand" not in repr(found)
    assert "s3cret" not in repr(found)
