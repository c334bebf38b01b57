"""Drift: what changed on the server since the last apply."""

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


def test_changes_of_the_files_since_the_last_apply_are_no_drift(live: Account, tree: Path) -> None:
    apply(live, tree)
    write_tree(tree, {"rules/web.yaml": MINE, "rules/new.yaml": MINE})
    (tree / "dashboards/web.yaml").unlink()
    found = drift(live, tree)
    assert (found.changes, found.unchanged, found.warnings) == ((), 3, ())
    assert not found


def test_resources_that_were_never_applied_are_not_in_the_drift(live: Account, tree: Path) -> None:
    live.has(resource("rule/web", MINE), resource("rule/other", MINE))
    found = drift(live, tree)
    assert (found.changes, found.unchanged) == ((), 0)


def test_drift_lists_each_field_of_a_manual_edit_with_the_applied_and_the_live_value(live: Account, tree: Path) -> None:
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


def test_drift_shows_only_the_server_s_change_without_its_old_value_if_the_file_changed_too(
    live: Account, tree: Path
) -> None:
    write_tree(tree, {"dashboards/web.yaml": "title: Web\nperiod: 60\npositions: []\n"})
    apply(live, tree)
    live.has(resource("dashboard/web", "title: Mine\nperiod: 60\npositions: []\n"))
    write_tree(tree, {"dashboards/web.yaml": "title: Ours\nperiod: 90\npositions: []\n"})
    assert fields(drift(live, tree)) == [("title", "replace", None, "Mine")]


def test_an_edit_is_drift_even_without_a_file_and_a_delete_is_drift_only_with_a_file(live: Account, tree: Path) -> None:
    apply(live, tree)
    live.lacks("rule/web", "plugin/disk")
    live.has(resource("dashboard/web", dashboard()))
    (tree / "plugins/disk.py").unlink()
    (tree / "dashboards/web.yaml").unlink()
    found = drift(live, tree)
    assert changes_of(found) == ["update dashboard/web", "delete rule/web"]
    # plugin/disk was deleted on both sides: a plan contains no change of it, and an apply forgets it
    assert [str(one) for one in plan(live, tree).warnings] == []
    assert found.unchanged == 0


def changes_of(found: Drift) -> list[str]:
    return [f"{one.action} {one.address}" for one in found.changes]


def test_fields_that_the_server_adds_are_no_drift(tree: Path) -> None:
    with account(decorate=True) as live:
        apply(live, tree)
        assert not drift(live, tree)


def test_a_manual_edit_that_an_apply_kept_is_drift_until_it_is_accepted(live: Account, tree: Path) -> None:
    write_tree(tree, {"dashboards/web.yaml": "title: Web\nperiod: 60\npositions: []\n"})
    apply(live, tree)
    live.has(resource("dashboard/web", "title: Web\nperiod: 90\npositions: []\n"))
    write_tree(tree, {"dashboards/web.yaml": "title: New\nperiod: 60\npositions: []\n"})
    apply(live, tree)
    assert fields(drift(live, tree)) == [("period", "replace", 60, 90)]
    asyncio.run(operations.accept(tree, live.settings, Targets()))
    assert not drift(live, tree)


def test_targets_limit_the_drift_but_prune_and_protect_do_not(live: Account, tree: Path) -> None:
    apply(live, tree)
    live.has(resource("rule/web", MINE), resource("dashboard/web", dashboard()))
    found = drift(live, tree, "rule/*", prune="none", protect=("rule/*",))
    assert (changes_of(found), found.unchanged) == (["update rule/web"], 0)


def test_drift_does_not_reveal_a_secret_that_was_replaced_on_the_server(live: Account, tree: Path) -> None:
    write_tree(tree, {"rules/web.yaml": "title: ${env:TITLE}\ncriteria: []\n"})
    environ = {"TITLE": "s3cret value"}
    apply(live, tree, environ=environ)
    live.has(resource("rule/web", MINE))
    found = drift(live, tree, environ=environ)
    assert changes_of(found) == ["update rule/web"]
    assert "s3cret" not in repr(found)


def test_a_broken_inventory_causes_a_warning(live: Account, tree: Path) -> None:
    live.has(resource(INVENTORY, "{"))
    found = drift(live, tree)
    assert not found
    (warning,) = found.warnings
    assert "dlsync inventory rebuild" in warning.message


def test_drift_warns_about_an_unreadable_inventory_entry_and_does_not_count_its_resource(
    live: Account, tree: Path
) -> None:
    apply(live, tree)
    record = live.run(lambda client: client.plugins.get("dlsync-inventory")).content.decode()
    entry = next(line for line in record.splitlines() if '"rule/web": ' in line)
    live.lacks(INVENTORY)
    live.has(resource(INVENTORY, record.replace(entry, '"rule/web": "nonsense"')), resource("rule/web", MINE))
    found = drift(live, tree)
    assert (found.changes, found.unchanged) == ((), 2)
    assert "the inventory's entries of rule/web cannot be read" in found.warnings[0].message


def test_drift_without_an_inventory_is_an_error(live: Account, tree: Path) -> None:
    with pytest.raises(SettingsError, match="dlsync cannot tell what changed since"):
        drift(live, tree, inventory="none")


def test_an_apply_reverts_drift(live: Account, tree: Path) -> None:
    apply(live, tree)
    live.has(resource("rule/web", MINE))
    assert changes_of(drift(live, tree)) == ["update rule/web"]
    assert changes(apply(live, tree)) == ["update rule/web drift applied"]
    assert not drift(live, tree)
    assert not plan(live, tree)
