"""Pending writes: a later run recognises writes that an earlier run sent and did not confirm."""

from __future__ import annotations

import asyncio
import base64
import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlsync import operations
from dlsync.operations import ApplyOptions, apply_changes
from dlsync.operations.update_inventory import is_rounding
from dlsync.resources.selector import Targets
from dlsync.state import inventory_store
from dlsync.state.inventory import read
from tests.builders.applies import apply, changes, journals, managed, plan
from tests.builders.between import below, put_by_hand, refusing, through
from tests.builders.inventories import name_no_account
from tests.builders.trees import account, resource, write_tree

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dlsync.client import Client
    from dlsync.files.settings import Settings
    from dlsync.model import Json, Plan
    from dlsync.state.inventory import Inventory
    from tests.builders.between import Onward
    from tests.builders.http import Reply, Seen
    from tests.builders.trees import Account

    Answer = Callable[[Seen, Onward], Reply]

CPU = "title: Cpu\ncriteria:\n- {metric: cpu, condition: {threshold: %s, operator: greater}}\n"
KEEPER = {"rules/keeper.yaml": "title: Keeper\ncriteria: []\n"}
FIRST = {
    "dashboards/web.yaml": "title: Web\nperiod: 60\npositions: []\n",
    "rules/web.yaml": "title: Web\ncriteria: []\n",
    "plugins/disk.py": "1\n",
    "links.yaml": "disk: [all]\n",
    **KEEPER,
}
SECOND = {
    "dashboards/web.yaml": "title: Web\nperiod: 30\npositions: []\n",
    "rules/web.yaml": "title: Second\ncriteria: []\n",
    "plugins/disk.py": "2\n",
    "links.yaml": "disk: [db]\n",
}
THIRD = {
    "dashboards/web.yaml": "title: Web\nperiod: 10\npositions: []\n",
    "rules/web.yaml": "title: Third\ncriteria: []\n",
    "plugins/disk.py": "3\n",
    "links.yaml": "disk: [web]\n",
}
PLACES = pytest.mark.parametrize("place", ["account", "inventory.json"])


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "tree", {"dlsync.yaml": "org: acme\nmax_delete_percent: 100\n"})


def applied(live: Account, tree: Path, answer: Answer, **settings: Any) -> Plan | None:
    """Apply through a proxy server."""
    options = ApplyOptions(journals=journals(tree))
    done = through(live, answer, lambda to: operations.apply(tree, replace(to, **settings), options=options))
    name_no_account(tree / "inventory.json")
    return done


def applied_and_rolled_back(live: Account, tree: Path, answer: Answer, **settings: Any) -> Plan | None:
    """Apply through a proxy server, then roll that back through it."""
    options = ApplyOptions(journals=journals(tree))

    async def both(to: Settings) -> Plan | None:
        await operations.apply(tree, replace(to, **settings), options=options)
        return await operations.rollback(tree, replace(to, **settings), options=options)

    done = through(live, answer, both)
    name_no_account(tree / "inventory.json")
    return done


def killed_before_the_end(live: Account, tree: Path, place: str = "account") -> None:
    """Apply all changes, but omit the last write of the inventory, as a killed run does."""
    write, written = inventory_store.write, []

    async def first_only(client: Client, *rest: Any) -> None:
        written.append(1)
        if len(written) == 1:
            await write(client, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inventory_store, "write", first_only)
        done = apply(live, tree, inventory=place)
    assert {one.result for one in done.changes} == {"applied"}


def rounding(seen: Seen, onward: Onward) -> Reply:
    """Round the threshold in a request to two decimals."""
    return onward(body=re.sub(rb"80\.55\d+", b"80.55", seen.body))


def inventory(live: Account, tree: Path, place: str = "account") -> Inventory:
    return live.run(lambda client: inventory_store.read(client, replace(live.settings, inventory=place), tree))


def remove(tree: Path, *files: str) -> None:
    for file in files or FIRST.keys() - KEEPER.keys():
        (tree / file).unlink()


def test_one_inventory_request_announces_all_writes_before_the_first_write(live: Account, tree: Path) -> None:
    write_tree(tree, FIRST)
    writes: list[str] = []
    announcements: list[Inventory] = []

    def answer(seen: Seen, onward: Onward) -> Reply:
        sent = f"{seen.target} {seen.body!r}"
        if seen.method != "GET" and "dlsync-lock" not in sent:
            writes.append("inventory" if "dlsync-inventory" in sent else "resource")
            if writes[-1] == "resource" and not announcements:
                to = live.settings
                url = f"{to.url}/orgs/{to.org}/accounts/{to.account}/plugins/dlsync-inventory"
                record = httpx2.get(url, headers={"Authorization": f"Bearer {to.key}"}).json()
                announcements.append(read(base64.b64decode(record["content"])))
        return onward()

    applied(live, tree, answer)
    assert writes == ["inventory", *["resource"] * 5, "inventory"]
    assert {str(one): write.action for one, write in announcements[0].pending.items()} == dict.fromkeys(
        ["dashboard/web", "link/disk", "plugin/disk", "rule/keeper", "rule/web"], "create"
    )
    assert [*announcements[0]] == []
    assert inventory(live, tree).pending == {}


@PLACES
def test_resources_of_a_killed_run_are_deleted_after_their_files_are_removed(
    live: Account, tree: Path, place: str
) -> None:
    write_tree(tree, KEEPER)
    apply(live, tree, inventory=place)
    write_tree(tree, FIRST)
    killed_before_the_end(live, tree, place)
    remove(tree)
    assert sorted(changes(apply(live, tree, inventory=place))) == [
        "delete dashboard/web repo applied",
        "delete link/disk repo applied",
        "delete plugin/disk repo applied",
        "delete rule/web repo applied",
    ]
    assert [str(one) for one in inventory(live, tree, place)] == ["rule/keeper"]
    assert inventory(live, tree, place).pending == {}


@PLACES
def test_a_file_change_after_a_killed_run_is_not_a_conflict(live: Account, tree: Path, place: str) -> None:
    write_tree(tree, FIRST)
    apply(live, tree, inventory=place)
    write_tree(tree, SECOND)
    killed_before_the_end(live, tree, place)
    assert drifted(live, tree, place) == []
    write_tree(tree, THIRD)
    made = apply(live, tree, inventory=place)
    assert {(one.cause, one.result) for one in made.changes} == {("repo", "applied")}
    assert len(made.changes) == 4


def drifted(live: Account, tree: Path, place: str) -> list[str]:
    found = asyncio.run(operations.drift(tree, replace(live.settings, inventory=place)))
    return [str(one.address) for one in found.changes]


def test_a_resource_that_a_killed_run_deleted_can_be_created_with_new_content(live: Account, tree: Path) -> None:
    write_tree(tree, FIRST)
    apply(live, tree)
    remove(tree)
    killed_before_the_end(live, tree)
    write_tree(tree, SECOND)
    assert {(one.action, one.cause, one.held) for one in plan(live, tree).changes} == {("create", "new", "")}


def test_a_manual_edit_after_a_failed_write_is_still_a_conflict(live: Account, tree: Path) -> None:
    write_tree(tree, FIRST)
    apply(live, tree)
    write_tree(tree, SECOND)
    done = applied(live, tree, refusing("PUT rules/web", 503))
    assert "update rule/web repo failed" in changes(done)
    assert {str(one): write.action for one, write in inventory(live, tree).pending.items()} == {"rule/web": "update"}
    put_by_hand(live, "rules/web", "title: Mine\ncriteria: []\n")
    assert changes(plan(live, tree)) == ["update rule/web conflict held"]
    live.has(resource("rule/web", FIRST["rules/web.yaml"]))
    assert changes(apply(live, tree)) == ["update rule/web repo applied"]
    assert inventory(live, tree).pending == {}


def test_an_update_interrupted_between_its_requests_is_not_drift(live: Account, tree: Path) -> None:
    write_tree(tree, FIRST)
    apply(live, tree)
    write_tree(tree, SECOND)

    def answer(seen: Seen, onward: Onward) -> Reply:
        cut = below(seen).startswith("DELETE links/")
        return replace(onward("/nowhere"), status=400) if cut else onward()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(apply_changes, "verify", killed)
        with pytest.raises(SystemExit):
            applied(live, tree, answer)
    link = live.live("link/disk")
    assert link
    assert link.document["tags"] == ["all", "db"]
    assert drifted(live, tree, "account") == []
    remove(tree)
    done = apply(live, tree)
    assert {(one.action, one.cause, one.result) for one in done.changes} == {("delete", "repo", "applied")}


def test_a_targeted_apply_confirms_only_the_pending_writes_of_its_targets(live: Account, tree: Path) -> None:
    write_tree(tree, {**FIRST})
    killed_before_the_end(live, tree)
    write_tree(tree, SECOND)
    apply(live, tree, "rule/web")
    assert "dashboard/web" in map(str, inventory(live, tree).pending)
    assert managed(live, tree) == ["rule/web"]
    write_tree(tree, THIRD)
    assert {one.cause for one in plan(live, tree).changes} == {"repo"}


def test_a_released_resource_is_no_longer_claimed_by_a_pending_write(live: Account, tree: Path) -> None:
    write_tree(tree, FIRST)
    killed_before_the_end(live, tree)
    taken = asyncio.run(operations.release(tree, live.settings, Targets(("rule/web",))))
    assert [str(one) for one in taken.taken] == ["rule/web"]
    remove(tree)
    apply(live, tree)
    assert live.live("rule/web")
    assert live.live("dashboard/web") is None


# a server that stores another value than dlsync sent


@PLACES
def test_a_rule_with_a_rounded_value_is_reported_managed_and_deleted_with_its_file(
    live: Account, tree: Path, place: str
) -> None:
    write_tree(tree, {**KEEPER, "rules/cpu.yaml": CPU % "80.5551"})
    for action, cause in (("create", "new"), ("update", "repo"), ("update", "repo")):
        done = applied(live, tree, rounding, inventory=place)
        assert f"{action} rule/cpu {cause} failed" in changes(done)
        assert done
        assert done.changes[0].error == (
            "the server did not keep what was sent: `criteria[0].condition.threshold` is 80.55 (sent 80.5551)"
        )
    assert drifted(live, tree, place) == []
    remove(tree, "rules/cpu.yaml")
    assert changes(apply(live, tree, inventory=place)) == ["delete rule/cpu repo applied"]
    assert [str(one) for one in inventory(live, tree, place)] == ["rule/keeper"]


def test_a_value_that_the_server_rounds_in_an_update_is_not_a_conflict(live: Account, tree: Path) -> None:
    write_tree(tree, {**KEEPER, "rules/cpu.yaml": CPU % "70"})
    apply(live, tree)
    for number in ("80.5551", "80.55512"):
        write_tree(tree, {"rules/cpu.yaml": CPU % number})
        assert changes(applied(live, tree, rounding)) == ["update rule/cpu repo failed"]
    write_tree(tree, {"rules/cpu.yaml": CPU % "80.55"})
    assert changes(apply(live, tree)) == []
    put_by_hand(live, "rules/cpu", CPU % "1")
    assert drifted(live, tree, "account") == ["rule/cpu"]


def test_a_rounded_create_of_a_killed_run_is_managed_by_the_next_run(live: Account, tree: Path) -> None:
    write_tree(tree, KEEPER)
    apply(live, tree)
    write_tree(tree, {"rules/cpu.yaml": CPU % "80.5551"})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(apply_changes, "verify", killed)
        with pytest.raises(SystemExit):
            applied(live, tree, rounding)
    assert changes(plan(live, tree)) == ["update rule/cpu drift"]
    assert changes(applied(live, tree, rounding)) == ["update rule/cpu drift failed"]
    remove(tree, "rules/cpu.yaml")
    assert changes(apply(live, tree)) == ["delete rule/cpu repo applied"]


def test_a_rounded_update_of_a_killed_run_is_not_a_conflict_but_a_manual_edit_is(live: Account, tree: Path) -> None:
    write_tree(tree, {**KEEPER, "rules/cpu.yaml": CPU % "70"})
    apply(live, tree)
    write_tree(tree, {"rules/cpu.yaml": CPU % "80.5551"})
    killed_at_its_verification(live, tree, rounding)
    assert changes(applied(live, tree, rounding)) == ["update rule/cpu repo failed"]
    killed_at_its_verification(live, tree, rounding)
    put_by_hand(live, "rules/cpu", CPU % "75")
    assert changes(plan(live, tree)) == ["update rule/cpu conflict held"]


def test_a_manual_edit_next_to_a_rounded_value_is_drift(live: Account, tree: Path) -> None:
    write_tree(tree, {**KEEPER, "rules/cpu.yaml": CPU % "70"})
    apply(live, tree)
    write_tree(tree, {"rules/cpu.yaml": CPU % "80.5551"})
    killed_at_its_verification(live, tree, rounding)
    put_by_hand(live, "rules/cpu", (CPU % "80.55").replace("Cpu", "Mine"))
    assert drifted(live, tree, "account") == ["rule/cpu"]


@given(number=st.floats(-1e9, 1e9), decimals=st.integers(0, 9))
def test_a_rounded_number_is_recognised(number: float, decimals: int) -> None:
    assert is_rounding(number, round(number, decimals))
    assert not is_rounding(number, round(number, decimals) + 2)


@pytest.mark.parametrize("other", [True, "80.55", None, 80.54, 80.7, 82, math.inf])
def test_no_other_value_is_a_rounded_number(other: Json) -> None:
    assert not is_rounding(80.5551, other)
    assert not is_rounding(other, 80.5551)


def test_a_delete_interrupted_between_its_requests_is_finished_by_the_next_apply(live: Account, tree: Path) -> None:
    write_tree(tree, {**KEEPER, "plugins/disk.py": "1\n"})
    apply(live, tree)

    async def link_by_hand(client: Client) -> None:
        for tag in ("all", "db", "web"):
            await client.links.create("disk", [tag])

    live.run(link_by_hand)
    write_tree(tree, {"links.yaml": "disk: [all, db, web]\n"})
    apply(live, tree)
    remove(tree, "plugins/disk.py", "links.yaml")
    deleted: list[str] = []

    def answer(seen: Seen, onward: Onward) -> Reply:
        if below(seen).startswith("DELETE links/"):
            deleted.append(seen.target)
            if len(deleted) > 1:
                return replace(onward("/nowhere"), status=400)
        return onward()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(apply_changes, "verify", killed)
        with pytest.raises(SystemExit):
            applied(live, tree, answer)
    link = live.live("link/disk")
    assert link
    assert link.document["tags"] == ["db", "web"]
    assert drifted(live, tree, "account") == []
    done = apply(live, tree)
    assert {(one.action, one.cause, one.result) for one in done.changes} == {("delete", "repo", "applied")}


def killed_at_its_verification(live: Account, tree: Path, answer: Answer) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(apply_changes, "verify", killed)
        with pytest.raises(SystemExit):
            applied(live, tree, answer)


async def killed(*_: object) -> None:
    raise SystemExit


@pytest.mark.parametrize("place", ["account", "inventory.json", "none"])
def test_a_rollback_deletes_a_created_rule_whose_value_the_server_rounded(
    live: Account, tree: Path, place: str
) -> None:
    write_tree(tree, {**KEEPER, "rules/cpu.yaml": CPU % "80.5551"})
    back = applied_and_rolled_back(live, tree, rounding, inventory=place)
    assert changes(back) == ["delete rule/cpu repo applied", "delete rule/keeper repo applied"]
    assert [*inventory(live, tree, place)] == []


def test_a_resource_that_a_rollback_failed_to_delete_stays_managed(live: Account, tree: Path) -> None:
    write_tree(tree, KEEPER)
    apply(live, tree)
    write_tree(tree, {"rules/cpu.yaml": CPU % "80"})
    back = applied_and_rolled_back(live, tree, refusing("DELETE rules/cpu"))
    assert changes(back) == ["delete rule/cpu repo failed"]
    remove(tree, "rules/cpu.yaml")
    assert changes(apply(live, tree)) == ["delete rule/cpu repo applied"]


def test_a_kept_manual_edit_stays_kept_next_to_a_rounded_value(live: Account, tree: Path) -> None:
    write_tree(tree, {**KEEPER, "rules/cpu.yaml": CPU % "70"})
    apply(live, tree)
    put_by_hand(live, "rules/cpu", (CPU % "70").replace("Cpu", "Mine"))
    write_tree(tree, {"rules/cpu.yaml": CPU % "80.5551"})
    for _ in range(2):
        done = applied(live, tree, rounding)
        assert changes(done) == ["update rule/cpu repo failed"]
        assert done
        assert [one.path for one in done.changes[0].kept] == [("title",)]
    rule = live.live("rule/cpu")
    assert rule
    assert rule.document["title"] == "Mine"


# writes that the server rejects or another client makes


def test_a_rejected_create_is_not_pending(live: Account, tree: Path) -> None:
    write_tree(tree, {**KEEPER, "rules/cpu.yaml": CPU % "80"})
    assert "create rule/cpu new failed" in changes(applied(live, tree, refusing("PUT rules/cpu", 422)))
    assert inventory(live, tree).pending == {}
    put_by_hand(live, "rules/cpu", CPU % "1")
    assert changes(plan(live, tree)) == ["update rule/cpu new held"]


def test_a_create_that_took_effect_despite_a_rejection_is_managed(live: Account, tree: Path) -> None:
    write_tree(tree, {**KEEPER, "rules/cpu.yaml": CPU % "80"})

    def answer(seen: Seen, onward: Onward) -> Reply:
        reply = onward()
        return replace(reply, status=422) if below(seen) == "PUT rules/cpu" else reply

    applied(live, tree, answer)
    remove(tree, "rules/cpu.yaml")
    assert changes(apply(live, tree)) == ["delete rule/cpu repo applied"]


def test_a_create_rejected_at_its_second_request_is_managed_and_finished_by_the_next_apply(tree: Path) -> None:
    write_tree(tree, {"rules/cpu.yaml": CPU % "80"})
    with account(post_before_put=True) as live:
        done = applied(live, tree, refusing("PUT rules/cpu", 422, after=1))
        assert changes(done) == ["create rule/cpu new failed"]
        created = live.live("rule/cpu")
        assert created
        assert created.document == {}  # as the first request, a POST, creates it
        assert changes(apply(live, tree)) == ["update rule/cpu drift applied"]


def test_a_plugin_created_by_another_client_during_the_apply_is_not_managed(live: Account, tree: Path) -> None:
    write_tree(tree, {**KEEPER, "plugins/disk.py": "1\n"})

    def answer(seen: Seen, onward: Onward) -> Reply:
        if below(seen) == "POST plugins" and b'"disk"' in seen.body:
            onward(body=seen.body.replace(b'"MQo="', b'"Mgo="'))
        return onward()

    assert "create plugin/disk new failed" in changes(applied(live, tree, answer))
    assert inventory(live, tree).pending == {}
    assert changes(plan(live, tree)) == ["update plugin/disk new held"]


def test_a_rejected_write_stays_pending_if_its_resource_cannot_be_read(live: Account, tree: Path) -> None:
    write_tree(tree, {**KEEPER, "rules/cpu.yaml": CPU % "80"})
    rejected: list[str] = []

    def answer(seen: Seen, onward: Onward) -> Reply:
        if below(seen) == "PUT rules/cpu":
            rejected.append("")
            return replace(onward("/nowhere"), status=422)
        return replace(onward("/nowhere"), status=400) if rejected and below(seen) == "GET rules/cpu" else onward()

    applied(live, tree, answer)
    assert [str(one) for one in inventory(live, tree).pending] == ["rule/cpu"]


def test_an_export_of_managed_resources_includes_those_of_a_killed_run(
    live: Account, tree: Path, tmp_path: Path
) -> None:
    write_tree(tree, FIRST)
    killed_before_the_end(live, tree)
    put_by_hand(live, "rules/other", "title: Other\ncriteria: []\n")
    made = asyncio.run(operations.export(tmp_path / "new", live.settings, managed=True))
    assert {file.file for file in made.files} == {*FIRST, "plugins/disk.meta.yaml"}
    named = operations.export(tmp_path / "b", live.settings, managed=True, targets=Targets(("rule/keeper",)))
    assert [file.file for file in asyncio.run(named).files] == ["rules/keeper.yaml"]
