"""What was changed on the server since it was applied."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from dlsync import operations
from dlsync.errors import SettingsError
from dlsync.resources.selector import Targets
from tests.builders.applies import apply, changes, plan
from tests.builders.trees import account, dashboard, resource, write_tree

if TYPE_CHECKING:
    from pathlib import Path

    from dlsync.operations.drift import Drift
    from tests.builders.trees import Account

MINE = "title: Mine\ncriteria: []\n"
INVENTORY = "plugin/dlsync-inventory"


def drift(live: Account, tree: Path, *targets: str, **settings: Any) -> Drift:
    chosen = replace(live.settings, **settings)
    return asyncio.run(operations.drift(tree, chosen, targets=Targets(targets)))


def fields(found: Drift) -> list[tuple[object, ...]]:
    return [(str(one.path[0]), one.op, one.before, one.after) for change in found.changes for one in change.diff]


def test_what_is_as_it_was_applied_has_not_drifted_whatever_the_files_say_by_now(live: Account, tree: Path) -> None:
    apply(live, tree)
    write_tree(tree, {"rules/web.yaml": MINE, "rules/new.yaml": MINE})
    (tree / "dashboards/web.yaml").unlink()
    found = drift(live, tree)
    assert (found.changes, found.unchanged, found.warnings) == ((), 3, ())
    assert not found


def test_nothing_is_known_of_what_was_never_applied(live: Account, tree: Path) -> None:
    live.has(resource("rule/web", MINE), resource("rule/other", MINE))
    found = drift(live, tree)
    assert (found.changes, found.unchanged) == ((), 0)


def test_a_hand_edit_is_told_field_by_field_from_what_was_applied_to_what_is_live(live: Account, tree: Path) -> None:
    write_tree(tree, {"dashboards/web.yaml": "title: Web\nperiod: 60\npositions: []\n"})
    apply(live, tree)
    live.has(resource("dashboard/web", "title: Mine\nlocked: true\npositions: []\n"))
    found = drift(live, tree)
    (change,) = found.changes
    assert (str(change.address), change.action, change.cause, change.file) == (
        "dashboard/web",
        "update",
        "drift",
        "dashboards/web.yaml",
    )
    assert sorted(fields(found)) == [
        ("locked", "add", None, True),
        ("period", "remove", 60, None),
        ("title", "replace", "Web", "Mine"),
    ]
    assert found.unchanged == 2


def test_of_what_both_sides_moved_only_the_server_s_part_is_told_and_not_what_was_applied(
    live: Account, tree: Path
) -> None:
    write_tree(tree, {"dashboards/web.yaml": "title: Web\nperiod: 60\npositions: []\n"})
    apply(live, tree)
    live.has(resource("dashboard/web", "title: Mine\nperiod: 60\npositions: []\n"))
    write_tree(tree, {"dashboards/web.yaml": "title: Ours\nperiod: 90\npositions: []\n"})
    assert fields(drift(live, tree)) == [("title", "replace", None, "Mine")]


def test_what_is_gone_from_the_server_or_has_no_file_any_more_has_drifted_and_what_is_gone_on_both_sides_has_not(
    live: Account, tree: Path
) -> None:
    apply(live, tree)
    live.lacks("rule/web", "plugin/disk")
    live.has(resource("dashboard/web", dashboard()))
    (tree / "plugins/disk.py").unlink()
    (tree / "dashboards/web.yaml").unlink()
    found = drift(live, tree)
    assert changes_of(found) == ["update dashboard/web", "delete rule/web"]
    # both sides agree on plugin/disk, so that a plan has nothing to do with it and an apply forgets it
    assert [str(one) for one in plan(live, tree).warnings] == []
    assert found.unchanged == 0


def changes_of(found: Drift) -> list[str]:
    return [f"{one.action} {one.address}" for one in found.changes]


def test_what_the_server_added_by_itself_is_no_drift(tree: Path) -> None:
    with account(decorate=True) as live:
        apply(live, tree)
        assert not drift(live, tree)


def test_what_was_kept_beside_a_change_of_the_files_is_drift_until_it_is_accepted(live: Account, tree: Path) -> None:
    write_tree(tree, {"dashboards/web.yaml": "title: Web\nperiod: 60\npositions: []\n"})
    apply(live, tree)
    live.has(resource("dashboard/web", "title: Web\nperiod: 90\npositions: []\n"))
    write_tree(tree, {"dashboards/web.yaml": "title: New\nperiod: 60\npositions: []\n"})
    apply(live, tree)
    assert fields(drift(live, tree)) == [("period", "replace", 60, 90)]
    asyncio.run(operations.accept(tree, live.settings, Targets()))
    assert not drift(live, tree)


def test_targets_narrow_it_and_pruning_and_protection_do_not(live: Account, tree: Path) -> None:
    apply(live, tree)
    live.has(resource("rule/web", MINE), resource("dashboard/web", dashboard()))
    found = drift(live, tree, "rule/*", prune="none", protect=("rule/*",))
    assert (changes_of(found), found.unchanged) == (["update rule/web"], 0)


def test_a_former_secret_is_not_told(live: Account, tree: Path) -> None:
    write_tree(tree, {"rules/web.yaml": "title: ${env:TITLE}\ncriteria: []\n"})
    environ = {"TITLE": "s3cret value"}
    apply(live, tree, environ=environ)
    live.has(resource("rule/web", MINE))
    found = drift(live, tree, environ=environ)
    assert changes_of(found) == ["update rule/web"]
    assert "s3cret" not in repr(found)


def test_a_broken_inventory_is_warned_of(live: Account, tree: Path) -> None:
    live.has(resource(INVENTORY, "{"))
    found = drift(live, tree)
    assert not found
    (warning,) = found.warnings
    assert "dlsync inventory rebuild" in warning.message


def test_a_resource_whose_entry_cannot_be_read_is_named_and_not_taken_for_as_applied(live: Account, tree: Path) -> None:
    apply(live, tree)
    record = live.run(lambda client: client.plugins.get("dlsync-inventory")).content.decode()
    entry = next(line for line in record.splitlines() if '"rule/web": ' in line)
    live.lacks(INVENTORY)
    live.has(resource(INVENTORY, record.replace(entry, '"rule/web": "nonsense"')), resource("rule/web", MINE))
    found = drift(live, tree)
    assert (found.changes, found.unchanged) == ((), 2)
    assert "the inventory's entries of rule/web cannot be read" in found.warnings[0].message


def test_without_a_record_nobody_knows(live: Account, tree: Path) -> None:
    with pytest.raises(SettingsError, match="dlsync cannot tell what changed since"):
        drift(live, tree, inventory="none")


def test_what_drifted_is_what_an_apply_takes_back(live: Account, tree: Path) -> None:
    apply(live, tree)
    live.has(resource("rule/web", MINE))
    assert changes_of(drift(live, tree)) == ["update rule/web"]
    assert changes(apply(live, tree)) == ["update rule/web drift applied"]
    assert not drift(live, tree)
    assert not plan(live, tree)
