"""The operations adopt, release, rebuild, accept and unlock."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dlsync import operations
from dlsync.errors import DlsyncError, Refused, SettingsError
from dlsync.operations.manage import ManageResult
from dlsync.operations.reporter import SILENT
from dlsync.operations.session import locked, writer
from dlsync.resources.selector import Targets
from tests.builders.applies import FILES, apply, changes, managed, plan
from tests.builders.trees import address, dashboard, resource, rule, write_tree

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from dlsync.model import Address
    from dlsync.state.lock import LockInfo
    from tests.builders.trees import Account

INVENTORY = "dlsync-inventory"
AT_ONCE = 0.0  # s


def adopt(live: Account, tree: Path, *targets: str) -> ManageResult:
    return asyncio.run(operations.adopt(tree, live.settings, Targets(targets), AT_ONCE))


def release(live: Account, tree: Path, *targets: str) -> ManageResult:
    return asyncio.run(operations.release(tree, live.settings, Targets(targets), AT_ONCE))


def rebuild(live: Account, tree: Path) -> ManageResult:
    return asyncio.run(operations.rebuild(tree, live.settings, AT_ONCE))


def taken(*names: str) -> tuple[Address, ...]:
    return tuple(map(address, names))


# adopt


def test_adopt_changes_no_resource_and_the_next_plan_updates_it_from_its_file(live: Account, tree: Path) -> None:
    hand = resource("dashboard/web", dashboard())
    live.has(hand, resource("rule/web", FILES["rules/web.yaml"]), resource("rule/other", rule()))
    done = adopt(live, tree, "dashboard/*", "rule/other", "rule/web", "plugin/disk")
    assert done.taken == taken("dashboard/web", "rule/web")
    assert [(str(one), reason.partition(";")[0]) for one, reason in done.left] == [
        ("plugin/disk", "it does not exist on the server"),
        ("rule/other", "it is in no file, so the next apply would delete it"),
    ]
    assert live.live("dashboard/web") == hand
    assert managed(live, tree) == ["dashboard/web", "rule/web"]
    assert changes(plan(live, tree)) == ["create plugin/disk new", "update dashboard/web repo"]


def test_adopt_skips_resources_that_are_managed_already(live: Account, tree: Path) -> None:
    apply(live, tree)
    live.has(resource("rule/web", rule(description="mine")))
    assert adopt(live, tree) == ManageResult(
        (), tuple((one, "it is managed already") for one in taken("dashboard/web", "plugin/disk", "rule/web"))
    )
    assert changes(plan(live, tree)) == ["update rule/web drift"]


def test_adopt_ignores_accounts(live: Account, tree: Path) -> None:
    write_tree(tree, {"dlsync.yaml": "accounts: [default]\n"})
    assert adopt(live, tree, "account/*") == ManageResult(())
    assert live.plugins() == []


# release


def test_a_released_resource_stays_and_no_plan_deletes_it(live: Account, tree: Path) -> None:
    apply(live, tree)
    (tree / "rules/web.yaml").unlink()
    assert release(live, tree, "rule/*", "rule/none") == ManageResult(
        taken("rule/web"), ((address("rule/none"), "it is not managed"),)
    )
    assert managed(live, tree) == ["dashboard/web", "plugin/disk"]
    assert not plan(live, tree)
    assert live.live("rule/web")


def test_a_release_without_a_match_writes_nothing(live: Account, tree: Path) -> None:
    assert release(live, tree, "rule/*") == ManageResult(())
    assert live.plugins() == []


# rebuild


@pytest.mark.parametrize("lost", ["broken", "deleted"])
def test_rebuild_records_the_live_resources_that_match_their_files(live: Account, tree: Path, lost: str) -> None:
    apply(live, tree)
    live.lacks(f"plugin/{INVENTORY}")
    if lost == "broken":
        live.has(resource(f"plugin/{INVENTORY}", "{"))
    live.has(resource("rule/web", rule(description="mine")))
    done = rebuild(live, tree)
    assert done.taken == taken("dashboard/web", "plugin/disk")
    assert [(str(one), reason.partition(";")[0]) for one, reason in done.left] == [
        ("rule/web", "it differs from its file")
    ]
    assert managed(live, tree) == ["dashboard/web", "plugin/disk"]


def test_rebuild_replaces_a_broken_inventory_even_if_no_resource_is_live(live: Account, tree: Path) -> None:
    live.has(resource(f"plugin/{INVENTORY}", "{"))
    assert rebuild(live, tree) == ManageResult(())
    assert managed(live, tree) == []
    assert not [one for one in plan(live, tree).warnings if "inventory" in one.message]


def test_rebuild_keeps_the_readable_entries_of_an_inventory(live: Account, tree: Path) -> None:
    apply(live, tree)
    live.has(resource("rule/web", rule(description="mine")))
    assert rebuild(live, tree).taken == taken("dashboard/web", "plugin/disk", "rule/web")
    assert changes(plan(live, tree)) == ["update rule/web drift"]


# adopt, release and rebuild


@pytest.mark.parametrize("work", [adopt, release, rebuild])
def test_adopt_release_and_rebuild_are_refused_while_another_run_holds_the_lock(
    live: Account, tree: Path, work: Callable[[Account, Path], ManageResult]
) -> None:
    apply(live, tree)

    async def meanwhile() -> None:
        async with writer(live.settings) as client, locked(client, "ann", 0.0, SILENT):
            await asyncio.to_thread(work, live, tree)

    with pytest.raises(Refused):
        asyncio.run(meanwhile())
    assert len(managed(live, tree)) == 3


@pytest.mark.parametrize("work", [adopt, release, rebuild])
def test_adopt_release_and_rebuild_without_an_inventory_are_errors(
    live: Account, tree: Path, work: Callable[[Account, Path], ManageResult]
) -> None:
    live = replace(live, settings=replace(live.settings, inventory="none"))
    with pytest.raises(SettingsError, match="nothing is managed"):
        work(live, tree)
    assert managed(live, tree) == []


# accept


def accept(live: Account, tree: Path, *targets: str, check: bool = False) -> list[str]:
    made = asyncio.run(operations.accept(tree, live.settings, Targets(targets), check=check))
    return [f"{one.action} {one.file}" for one in made.files]


def test_accept_writes_a_manual_edit_into_the_files_and_with_check_only_reports_it(live: Account, tree: Path) -> None:
    apply(live, tree)
    live.has(resource("rule/web", "title: Mine\ncriteria: []\n"))
    assert accept(live, tree, check=True) == ["update rules/web.yaml"]
    assert (tree / "rules/web.yaml").read_text() == FILES["rules/web.yaml"]
    assert accept(live, tree) == ["update rules/web.yaml"]
    assert (tree / "rules/web.yaml").read_text() == "title: Mine\ncriteria: []\n"
    assert not plan(live, tree)
    with pytest.raises(DlsyncError, match="no resource matches `rule/none`"):
        accept(live, tree, "rule/none")


# unlock


def unlock(live: Account, agree: Callable[[LockInfo], bool]) -> LockInfo | None:
    return asyncio.run(operations.unlock(live.settings, agree))


def test_unlock_removes_the_lock_only_after_confirmation(live: Account) -> None:
    asked: list[LockInfo] = []

    def refuse(holder: LockInfo) -> bool:
        asked.append(holder)
        return False

    async def locked_and(work: Callable[[], Awaitable[object]]) -> None:
        async with writer(live.settings) as client, locked(client, "ann", 0.0, SILENT):
            await work()

    async def both_ways() -> None:
        assert await operations.unlock(live.settings, refuse) == asked[0]
        assert "dlsync-lock" in await asyncio.to_thread(live.plugins)
        assert await operations.unlock(live.settings, lambda _: True) == asked[0]
        assert await asyncio.to_thread(live.plugins) == []

    asyncio.run(locked_and(both_ways))
    assert unlock(live, lambda _: 1 / 0 > 0) is None
