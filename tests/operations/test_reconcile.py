"""Reconciliation: desired, live and recorded resources become changes with their causes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given

from dlsync.diff.compare import compare
from dlsync.diff.digests import Unreadable
from dlsync.operations.reconcile import (
    BOTH_MOVED,
    GONE_AND_MOVED,
    MASKED,
    MOVED_AND_GONE,
    NOT_MANAGED,
    RENAMED_AND_MOVED,
    UNDECIDED,
    UNREADABLE,
    ConflictPolicy,
    Reconciliation,
    reconcile,
)
from dlsync.resources import SourceFile, kind_of
from dlsync.state import inventory
from dlsync.state.inventory import Inventory
from tests.builders.inventories import SALT, entry, recorded
from tests.builders.plans import added
from tests.builders.sides import sides
from tests.builders.trees import by_address, dashboard, resource, rule

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from dlsync.model import Address, Resource
    from tests.builders.sides import Sides


def reconciled(
    desired: Mapping[Address, Resource],
    live: Mapping[Address, Resource],
    deletes: Collection[Address] = (),
) -> Reconciliation:
    """Reconcile without an inventory."""
    return reconcile(desired, live, inventory.empty(kept=False), deletes=deletes)


def linked(plugin: str, *tags: str) -> Resource:
    """A link as ``links.yaml`` defines it."""
    ((found,), _) = kind_of("link").read([SourceFile("links.yaml", f"{plugin}: [{', '.join(tags)}]\n".encode())])
    return found


def test_fields_that_an_update_would_drop_are_named() -> None:
    ours, theirs = resource("dashboard/web", dashboard()), resource("dashboard/web", dashboard(zoom=2))
    outcome = reconciled(by_address(ours), by_address(theirs))
    assert outcome.unknown_fields == {ours.address: (("zoom",),)}
    assert outcome.unchanged == 1


def test_a_live_resource_that_matches_its_file_needs_no_inventory_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    web = resource("dashboard/web", dashboard())
    applied = recorded(web)
    asked: list[Address] = []
    monkeypatch.setattr(Inventory, "entry", lambda _, address: asked.append(address))
    assert reconcile(by_address(web), by_address(web), applied).unchanged == 1
    assert not asked


def test_changes_are_in_apply_order_and_deletes_follow_in_reverse_order() -> None:
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
    outcome = reconciled(desired, live, [address for address in live if address.name == "gone"])
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


def test_a_live_resource_that_is_not_pruned_stays() -> None:
    outcome = reconciled({}, by_address(resource("rule/r", rule())))
    assert (outcome.changes, outcome.unchanged, outcome.unknown_fields) == ([], 0, {})


# with an inventory

WEB = resource("dashboard/web", dashboard(period=60), file="dashboards/web.yaml")
RENAMED = resource("dashboard/web", dashboard(period=60, title="Fleet"), file="dashboards/web.yaml")
BY_HAND = resource("dashboard/web", dashboard(period=5))
BOTH = resource("dashboard/web", dashboard(period=5, title="Fleet"))
OTHER = resource("dashboard/web", dashboard(period=7, title="Fleet"), file="dashboards/web.yaml")


def told(
    base: Resource | None,
    desired: Resource | None,
    live: Resource | None,
    decisions: ConflictPolicy = UNDECIDED,
    *,
    seen: Resource | None = None,
) -> Reconciliation:
    """Reconcile one resource that was last applied as the base."""
    known = recorded()
    if base:
        known = known.changed({base.address: entry(base, seen)})
    return reconcile(
        by_address(desired) if desired else {},
        by_address(live) if live else {},
        known,
        deletes=by_address(live) if live else (),
        decisions=decisions,
    )


def brief(outcome: Reconciliation) -> list[tuple[str, str, str]]:
    return [(one.action, one.cause, one.held) for one in outcome.changes]


ADOPT, REPO, LIVE = ConflictPolicy(adopt=True), ConflictPolicy(on_conflict="repo"), ConflictPolicy(on_conflict="live")


@pytest.mark.parametrize(
    ("base", "desired", "live", "decisions", "expected"),
    [
        pytest.param(None, WEB, None, UNDECIDED, [("create", "new", "")], id="new"),
        pytest.param(WEB, WEB, None, UNDECIDED, [("create", "drift", "")], id="deleted by hand"),
        pytest.param(
            WEB,
            RENAMED,
            None,
            UNDECIDED,
            [("create", "conflict", MOVED_AND_GONE % WEB.address)],
            id="edited and deleted",
        ),
        pytest.param(WEB, RENAMED, None, REPO, [("create", "conflict", "")], id="edited and deleted, the files win"),
        pytest.param(WEB, RENAMED, None, LIVE, [], id="edited and deleted, the server wins"),
        pytest.param(None, None, WEB, UNDECIDED, [("delete", "repo", "")], id="in no file and not managed"),
        pytest.param(WEB, None, WEB, UNDECIDED, [("delete", "repo", "")], id="its file is gone"),
        pytest.param(WEB, None, BY_HAND, UNDECIDED, [("delete", "conflict", GONE_AND_MOVED)], id="gone and edited"),
        pytest.param(WEB, None, BY_HAND, REPO, [("delete", "conflict", "")], id="gone and edited, the files win"),
        pytest.param(WEB, None, BY_HAND, LIVE, [], id="gone and edited, the server wins"),
        pytest.param(WEB, RENAMED, WEB, UNDECIDED, [("update", "repo", "")], id="edited in the files"),
        pytest.param(WEB, WEB, BY_HAND, UNDECIDED, [("update", "drift", "")], id="edited by hand"),
        pytest.param(WEB, WEB, BY_HAND, LIVE, [("update", "drift", "")], id="a hand edit alone is no conflict"),
        pytest.param(WEB, OTHER, BY_HAND, UNDECIDED, [("update", "conflict", BOTH_MOVED)], id="edited in both"),
        pytest.param(WEB, OTHER, BY_HAND, REPO, [("update", "conflict", "")], id="edited in both, the files win"),
        pytest.param(
            WEB, OTHER, BY_HAND, LIVE, [("update", "repo", "")], id="edited in both, the server wins its part"
        ),
        pytest.param(None, WEB, BY_HAND, UNDECIDED, [("update", "new", NOT_MANAGED)], id="not managed and different"),
        pytest.param(None, WEB, BY_HAND, ADOPT, [("update", "new", "")], id="adopted"),
        pytest.param(WEB, WEB, WEB, UNDECIDED, [], id="no change"),
        pytest.param(WEB, BOTH, BOTH, UNDECIDED, [], id="the same edit in both"),
    ],
)
def test_each_change_has_its_cause_and_a_conflict_is_held_until_a_side_is_chosen(
    base: Resource | None,
    desired: Resource | None,
    live: Resource | None,
    decisions: ConflictPolicy,
    expected: list[tuple[str, str, str]],
) -> None:
    assert brief(told(base, desired, live, decisions)) == expected


def test_a_manual_edit_is_kept_and_merged_with_a_file_change_of_another_field() -> None:
    outcome = told(WEB, RENAMED, BY_HAND)
    (change,) = outcome.changes
    assert [(one.path, one.mover) for one in change.diff] == [(("title",), "repo")]
    assert [(one.path, one.mover) for one in change.kept] == [(("period",), "drift")]
    assert outcome.kept == {WEB.address: change.kept}
    assert compare(kind_of("dashboard"), outcome.effective[WEB.address], BOTH).diff == ()


def test_with_on_conflict_live_only_the_conflicting_field_keeps_its_live_value() -> None:
    outcome = told(WEB, OTHER, BY_HAND, LIVE)
    assert [one.path for one in outcome.changes[0].diff] == [("title",)]
    assert [one.path for one in outcome.kept[WEB.address]] == [("period",)]
    assert outcome.effective[WEB.address].document["period"] == 5


def test_with_on_conflict_live_nothing_is_sent_if_every_difference_is_a_conflict() -> None:
    desired = resource("dashboard/web", dashboard(period=7))
    outcome = told(WEB, desired, BY_HAND, LIVE)
    assert (outcome.changes, outcome.unchanged, outcome.effective) == ([], 1, {})
    assert [one.mover for one in outcome.kept[WEB.address]] == ["conflict"]


def test_a_manual_edit_that_an_earlier_apply_kept_is_kept_again() -> None:
    outcome = told(WEB, WEB, BY_HAND, seen=BY_HAND)
    assert (outcome.changes, outcome.unchanged) == ([], 1)
    assert [one.mover for one in outcome.kept[WEB.address]] == ["kept"]


@pytest.mark.parametrize(
    ("desired", "seen"),
    [
        pytest.param(WEB, BY_HAND, id="kept by an earlier apply"),
        pytest.param(RENAMED, None, id="beside a change of the files"),
    ],
)
def test_with_on_conflict_repo_no_manual_edit_is_kept(desired: Resource, seen: Resource | None) -> None:
    outcome = told(WEB, desired, BY_HAND, REPO, seen=seen)
    assert (outcome.kept, outcome.effective) == ({}, {})
    assert ("period",) in [one.path for one in outcome.changes[0].diff]


def test_only_unmanaged_resources_that_match_their_files_are_adopted() -> None:
    assert told(None, WEB, WEB).adopted == [WEB.address]
    assert told(WEB, WEB, WEB).adopted == []
    assert reconciled(by_address(WEB), by_address(WEB)).adopted == []


def test_an_account_is_never_adopted_into_the_inventory() -> None:
    team = resource("account/team", {})
    outcome = told(None, team, team)
    assert (outcome.changes, outcome.adopted, outcome.unchanged) == ([], [], 1)


def test_a_differing_resource_with_an_unreadable_entry_counts_as_not_managed() -> None:
    known = Inventory(SALT, {WEB.address: "x:!"})
    outcome = reconcile(by_address(WEB), by_address(BY_HAND), known)
    assert brief(outcome) == [("update", "new", NOT_MANAGED)]


def test_an_update_of_a_managed_resource_names_the_fields_that_it_would_drop() -> None:
    live = resource("dashboard/web", dashboard(period=60, zoom=2))
    assert told(WEB, RENAMED, live).unknown_fields == {WEB.address: (("zoom",),)}


# renames


def test_a_create_and_a_delete_of_the_same_content_are_one_rename() -> None:
    desired = by_address(resource("rule/new", rule()), resource("rule/other", rule(title="Other")))
    live = by_address(resource("rule/old", rule()), resource("rule/older", rule()))
    outcome = reconciled(desired, live, live)
    assert {(str(one.address), one.renamed) for one in outcome.changes} == {
        ("rule/new", "old"),
        ("rule/other", ""),
        ("rule/old", "new"),
        ("rule/older", ""),
    }


def test_resources_of_different_kinds_or_in_a_shared_file_are_not_a_rename() -> None:
    live = by_address(resource("dashboard/old", {"title": "Web"}), resource("link/old", {"tags": ["a"]}))
    desired = by_address(resource("rule/new", {"title": "Web"}), linked("new", "a"))
    assert not any(one.renamed for one in reconciled(desired, live, live).changes)


RULE = resource("rule/new", rule())
EDITED = resource("rule/old", rule(title="Edited"))


def renamed(live: Resource, decisions: ConflictPolicy = UNDECIDED) -> Reconciliation:
    """Reconcile a rule that was edited on the server under its old name after its file was renamed."""
    known = recorded(resource("rule/old", rule()))
    return reconcile(by_address(RULE), by_address(live), known, deletes=[live.address], decisions=decisions)


def test_a_rename_of_a_resource_edited_on_the_server_holds_its_delete() -> None:
    made = renamed(EDITED).changes
    assert [(one.action, one.cause, one.held, one.renamed) for one in made] == [
        ("create", "conflict", "", "old"),  # a later step holds the create together with the delete
        ("delete", "conflict", RENAMED_AND_MOVED % "rule/old", "new"),
    ]


def test_with_on_conflict_repo_a_rename_has_the_content_of_the_file() -> None:
    outcome = renamed(EDITED, REPO)
    assert [(one.action, one.held, one.renamed) for one in outcome.changes] == [
        ("create", "", "old"),
        ("delete", "", "new"),
    ]
    assert (outcome.effective, outcome.kept) == ({}, {})


def test_with_on_conflict_live_a_rename_has_the_content_of_the_server() -> None:
    outcome = renamed(EDITED, LIVE)
    assert [(one.action, one.held, one.renamed) for one in outcome.changes] == [
        ("create", "", "old"),
        ("delete", "", "new"),
    ]
    assert outcome.effective[RULE.address].document["title"] == "Edited"
    assert [one.before for one in outcome.kept[RULE.address]] == ["Edited"]
    assert [one.before for one in outcome.changes[0].kept] == ["Edited"]


def test_a_rename_to_a_file_that_contains_the_server_edit_is_not_held() -> None:
    known = recorded(resource("rule/old", rule(title="As it was")))
    live = resource("rule/old", rule())
    made = reconcile(by_address(RULE), by_address(live), known, deletes=[live.address]).changes
    assert [(one.held, one.renamed) for one in made] == [("", "old"), ("", "new")]


def test_a_rename_with_a_masked_server_edit_is_held_even_with_on_conflict_live() -> None:
    live = resource("rule/old", rule(title=Unreadable("***")))
    assert [one.held for one in renamed(live, LIVE).changes] == ["", MASKED]


def test_a_rename_of_an_unreadable_resource_is_held_with_that_reason() -> None:
    live = replace(resource("rule/old", {}), unreadable="no YAML")
    assert [(one.renamed, one.held) for one in renamed(live, LIVE).changes] == [
        ("old", ""),
        ("new", UNREADABLE % "no YAML"),
    ]
    assert [(one.renamed, one.held) for one in renamed(live, REPO).changes] == [("old", ""), ("new", "")]


# generated edits


@given(sides())
def test_an_apply_keeps_independent_edits_of_both_sides_and_the_next_plan_is_empty(found: Sides) -> None:
    kind = kind_of("dashboard")
    outcome = told(found.base, found.desired, found.live)
    assert not any(one.held for one in outcome.changes)
    sent = outcome.effective.get(found.base.address, found.desired)
    kept = bool(outcome.kept)
    then = sent if outcome.changes else found.live
    if found.repo:
        assert [one for one in compare(kind, then, found.both).diff if not one.moved] == []
    again = told(found.desired, found.desired, then, seen=then if kept else None)
    assert (again.changes, again.unchanged) == ([], 1)
