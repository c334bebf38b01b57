"""``dlsync inventory``: what is managed, and the record of it made anew."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.builders.commands import DASHBOARD, by_hand, dlsync

if TYPE_CHECKING:
    from pathlib import Path

MANAGED = ["dashboard/web", "plugin/disk", "rule/load"]


def listed(tree: Path, env: dict[str, str]) -> list[str]:
    return dlsync("inventory", "list", tree, env=env).out.splitlines()


def test_what_was_applied_is_listed_and_what_is_beside_it_is_not(applied: Path, env: dict[str, str]) -> None:
    by_hand(env, "PUT", "dashboards/other", DASHBOARD)
    done = dlsync("inventory", "list", applied, env=env)
    assert (done.code, done.out.splitlines(), done.err) == (0, MANAGED, "")
    shown = json.loads(dlsync("inventory", "list", applied, "--format", "json", env=env).out)
    assert [f"{one['kind']}/{one['name']}" for one in shown["managed"]] == MANAGED


def test_an_account_that_nothing_was_applied_to_has_none(tree: Path, env: dict[str, str]) -> None:
    assert dlsync("inventory", "list", tree, env=env)[:3] == (0, "", "")


def test_a_record_that_is_broken_is_said_deletes_nothing_and_is_made_anew(applied: Path, env: dict[str, str]) -> None:
    by_hand(env, "PATCH", "plugins/dlsync-inventory", '{"content": "bm9uZQ=="}', "application/json")
    by_hand(env, "PUT", "dashboards/web", DASHBOARD.replace("Web", "Shop"))
    (applied / "rules/load.yaml").unlink()
    done = dlsync("inventory", "list", applied, env=env)
    assert (done.code, done.out) == (0, "")
    assert done.err == "the inventory is broken; `dlsync inventory rebuild` makes a new one\n"
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


def test_a_record_that_is_lost_is_made_anew_as_json_too(applied: Path, env: dict[str, str]) -> None:
    by_hand(env, "DELETE", "plugins/dlsync-inventory")
    shown = json.loads(dlsync("inventory", "rebuild", applied, "--format", "json", env=env).out)
    assert [f"{one['kind']}/{one['name']}" for one in shown["managed"]] == MANAGED
    assert (shown["left"], listed(applied, env)) == ([], MANAGED)
