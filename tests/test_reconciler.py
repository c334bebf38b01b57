"""Desired, live and recorded, to changes with their causes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlsync.kinds import kind_of
from dlsync.model import Address
from dlsync.ownership import inventory
from dlsync.reconciler import Outcome, reconcile
from tests.builders.plans import added
from tests.builders.trees import by_address, dashboard, resource, rule

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dlsync.model import Resource


def reconciled(
    desired: Mapping[Address, Resource],
    live: Mapping[Address, Resource],
    prunes: Callable[[Address], bool] = lambda _: False,
) -> Outcome:
    """Without a record of what was applied."""
    return reconcile(kind_of, desired, live, inventory.empty(kept=False), prunes=prunes)


def test_fields_that_an_update_would_drop_are_named() -> None:
    ours, theirs = resource("dashboard/web", dashboard()), resource("dashboard/web", dashboard(zoom=2))
    outcome = reconciled(by_address(ours), by_address(theirs))
    assert outcome.unseen == {ours.address: (("zoom",),)}
    assert outcome.unchanged == 1


def test_changes_come_in_the_order_of_an_apply_and_deletes_in_the_opposite_one_at_the_end() -> None:
    desired = by_address(
        resource("rule/b", rule()),
        resource("rule/a", rule()),
        resource("dashboard/x", dashboard()),
        resource("plugin/p", "1"),
    )
    live = by_address(
        resource("dashboard/x", dashboard(period=60)),
        resource("plugin/gone", "2"),
        resource("rule/gone", rule()),
        resource("dashboard/kept", dashboard()),
    )
    outcome = reconciled(desired, live, lambda address: address.name == "gone")
    assert [(change.action, str(change.address)) for change in outcome.changes] == [
        ("create", "plugin/p"),
        ("update", "dashboard/x"),
        ("create", "rule/a"),
        ("create", "rule/b"),
        ("delete", "rule/gone"),
        ("delete", "plugin/gone"),
    ]


def test_a_change_points_at_the_line_of_the_file() -> None:
    text = "# ours\ntitle: Web\npositions:\n  - title: cpu\n    # the fleet's colour\n    color: red\n"
    ours = resource("dashboard/web", text, file="dashboards/web.yaml")
    theirs = resource("dashboard/web", {"title": "Web", "positions": [{"title": "cpu", "color": "blue", "icon": True}]})
    (change,) = reconciled(by_address(ours), by_address(theirs)).changes
    assert (change.file, change.line) == ("dashboards/web.yaml", 4)
    assert [(one.path[-1], one.line) for one in change.diff] == [("color", 6), ("icon", 4)]


def test_a_new_resource_shows_all_of_its_fields() -> None:
    ours = resource("rule/r", "title: Web\ncriteria: []\n", file="rules/r.yaml")
    (change,) = reconciled(by_address(ours), {}).changes
    assert (change.action, change.cause, change.file, change.line) == ("create", "new", "rules/r.yaml", 1)
    assert change.diff == (added(("title",), "Web"), added(("criteria",), []))


def test_what_is_not_pruned_stays() -> None:
    outcome = reconciled({}, by_address(resource("rule/r", rule())))
    assert (outcome.changes, outcome.unchanged) == ([], 0)
    assert Address("rule", "r") not in outcome.unseen
