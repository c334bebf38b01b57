"""``dlsync inventory``: lists the managed resources, and rebuilds their record."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest

from tests.builders.commands import DASHBOARD, RULE, by_hand, dlsync
from tests.builders.trees import write_tree

if TYPE_CHECKING:
    from pathlib import Path

MANAGED = ["dashboard/web", "plugin/disk", "rule/load"]


def listed(tree: Path, env: dict[str, str]) -> list[str]:
    return dlsync("inventory", "list", tree, env=env).out.splitlines()


def test_list_shows_applied_resources_and_no_unmanaged_resources(applied: Path, env: dict[str, str]) -> None:
    by_hand(env, "PUT", "dashboards/other", DASHBOARD)
    done = dlsync("inventory", "list", applied, env=env)
    assert (done.code, done.out.splitlines(), done.err) == (0, MANAGED, "")
    shown = json.loads(dlsync("inventory", "list", applied, "--format", "json", env=env).out)
    assert [f"{one['kind']}/{one['name']}" for one in shown["managed"]] == MANAGED


def test_list_of_an_account_without_an_apply_is_empty(tree: Path, env: dict[str, str]) -> None:
    assert dlsync("inventory", "list", tree, env=env)[:3] == (0, "", "")


def test_a_broken_inventory_is_a_warning_deletes_nothing_and_can_be_rebuilt(applied: Path, env: dict[str, str]) -> None:
    by_hand(env, "PATCH", "plugins/dlsync-inventory", '{"content": "bm9uZQ=="}', "application/json")
    by_hand(env, "PUT", "dashboards/web", DASHBOARD.replace("Web", "Shop"))
    (applied / "rules/load.yaml").unlink()
    done = dlsync("inventory", "list", applied, env=env)
    assert (done.code, done.out) == (0, "")
    assert done.err.startswith("warning: the inventory is broken: ")
    assert done.err.endswith("; run `dlsync inventory rebuild`\n")
    assert "0 to delete" in dlsync("plan", applied, env=env).out
    made = dlsync("inventory", "rebuild", applied, env=env)
    assert (made.code, made.err) == (0, "")
    assert made.out == (
        "managed plugin/disk\n"
        "left dashboard/web: it differs from its file; `dlsync adopt dashboard/web` takes it over, "
        "and the next plan shows how\n"
        "1 resource managed.\n"
    )
    assert made.writes == []
    assert listed(applied, env) == ["plugin/disk"]


def test_rebuild_restores_a_lost_inventory_and_prints_json(applied: Path, env: dict[str, str]) -> None:
    by_hand(env, "DELETE", "plugins/dlsync-inventory")
    shown = json.loads(dlsync("inventory", "rebuild", applied, "--format", "json", env=env).out)
    assert [f"{one['kind']}/{one['name']}" for one in shown["managed"]] == MANAGED
    assert (shown["left"], listed(applied, env)) == ([], MANAGED)


UNREAD = "the inventory's entries of rule/load, silence/x cannot be read, so these do not count as managed"


@pytest.fixture
def damaged(applied: Path, env: dict[str, str]) -> Path:
    """A tree whose inventory has a kind of a newer dlsync, and an invalid entry of a rule that was edited live."""
    record = recorded(env)
    entry = record["resources"]["dashboard/web"]
    record["resources"] |= {"rule/load": "zzz", "silence/x": entry}
    beside = {"pending": {"silence/y": f"create {entry}"}, "ids": {"silence/x": ["1"]}}
    content = base64.b64encode(json.dumps({**record, **beside}).encode()).decode()
    by_hand(env, "PATCH", "plugins/dlsync-inventory", json.dumps({"content": content}), "application/json")
    by_hand(env, "PUT", "rules/load", RULE.replace("Load", "Mine"))
    return applied


def recorded(env: dict[str, str]) -> dict[str, dict[str, str]]:
    found = by_hand(env, "GET", "plugins/dlsync-inventory").json()
    return json.loads(base64.b64decode(found["content"]))  # type: ignore[no-any-return] # what JSON holds


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        (("plan",), 0, "it exists on the server, differs from its file and is not managed"),
        (("drift",), 0, "No drift: 2 managed resources on"),
        (("export", "--check", "--managed"), 2, "~ rules/load.yaml\n"),
        (("accept", "--all-drift"), 0, "Nothing to do"),
        (("doctor",), 0, "unknown  inventory: "),
        (("inventory", "list"), 0, "dashboard/web\nplugin/disk\n"),
    ],
    ids=lambda one: one[0] if isinstance(one, tuple) else "",
)
def test_unreadable_inventory_entries_are_named_and_do_not_count_as_managed(
    damaged: Path, env: dict[str, str], command: tuple[str, ...], code: int, said: str
) -> None:
    done = dlsync(*command, damaged, env=env)
    assert (done.code, UNREAD in done.out + done.err) == (code, True)
    assert said in done.out


def test_an_apply_keeps_unreadable_inventory_entries_until_adopt_or_rebuild_replaces_them(
    damaged: Path, env: dict[str, str]
) -> None:
    before = recorded(env)
    write_tree(damaged, {"rules/new.yaml": RULE})
    by_hand(env, "PUT", "rules/load", RULE)  # equal to its file
    assert dlsync("apply", damaged, "--auto-approve", env=env).code == 0
    after = recorded(env)
    assert after["resources"].pop("rule/new")
    assert after == before
    assert dlsync("adopt", "rule/load", damaged, env=env).code == 0
    assert dlsync("inventory", "rebuild", damaged, env=env).code == 0
    assert listed(damaged, env) == ["dashboard/web", "plugin/disk", "rule/load", "rule/new"]
    assert not recorded(env).keys() & {"pending", "ids"}
    assert dlsync("plan", damaged, env=env).err == ""


def test_an_unreadable_inventory_entry_can_be_released(damaged: Path, env: dict[str, str]) -> None:
    assert dlsync("release", "rule/load", damaged, env=env).code == 0
    assert recorded(env)["resources"].keys() == {"dashboard/web", "plugin/disk", "silence/x"}


def test_an_inventory_of_a_newer_dlsync_is_a_problem_for_the_doctor(applied: Path, env: dict[str, str]) -> None:
    content = base64.b64encode(b'{"format_version": 2}').decode()
    by_hand(env, "PATCH", "plugins/dlsync-inventory", json.dumps({"content": content}), "application/json")
    done = dlsync("doctor", applied, env=env)
    assert (done.code, done.err) == (1, "")
    assert "problem  inventory: the inventory was written by a newer dlsync. Use that, or a newer one." in done.out
