"""``dlsync drift``: shows changes on the server since the last apply."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.builders.commands import DASHBOARD, by_hand, dlsync
from tests.builders.trees import write_tree

if TYPE_CHECKING:
    from pathlib import Path

EDITED = DASHBOARD.replace("Web", "Shop")


def test_without_drift_the_number_of_resources_as_applied_is_printed(applied: Path, env: dict[str, str]) -> None:
    done = dlsync("drift", applied, env=env)
    account = env["DLSYNC_ACCOUNT"]
    assert done[:3] == (0, f"No drift: 3 managed resources on acme/{account}, as applied.\n", "")
    assert all(one.method == "GET" for one in done.asked)


def test_an_edit_on_the_server_is_shown_with_both_values_and_exits_with_2(applied: Path, env: dict[str, str]) -> None:
    by_hand(env, "PUT", "dashboards/web", EDITED)
    done = dlsync("drift", applied, env=env)
    assert (done.code, done.err) == (2, "")
    assert done.out == (
        "~ dashboard/web  update (changed on the server)  dashboards/web.yaml:1\n"
        '    ~ title: "Web" -> "Shop"   (line 1)\n'
        "\n"
        f"Drift: 1 resource on acme/{env['DLSYNC_ACCOUNT']} changed since applied, 2 as applied.\n"
    )
    shown = json.loads(dlsync("drift", applied, "--format", "json", env=env).out)
    assert shown["summary"] == {"drifted": 1, "unchanged": 2}
    assert [(one["cause"], one["diff"][0]["before"], one["diff"][0]["after"]) for one in shown["changes"]] == [
        ("drift", "Web", "Shop")
    ]


def test_a_delete_on_the_server_is_drift_and_a_change_of_a_file_is_not(applied: Path, env: dict[str, str]) -> None:
    by_hand(env, "DELETE", "dashboards/web")
    write_tree(applied, {"rules/load.yaml": "title: Loads\ncriteria: []\n"})
    done = dlsync("drift", applied, env=env)
    assert done.code == 2
    assert done.out.startswith("- dashboard/web  delete (deleted on the server)  dashboards/web.yaml\n\nDrift: 1 ")
    assert dlsync("drift", applied, "--target", "rule/*", env=env).code == 0


def test_a_broken_inventory_is_a_warning_and_settings_without_an_inventory_are_an_error(
    applied: Path, env: dict[str, str]
) -> None:
    by_hand(env, "PATCH", "plugins/dlsync-inventory", '{"content": "bm9uZQ=="}', "application/json")
    assert "the inventory is broken" in dlsync("drift", applied, env=env).err
    (warning,) = json.loads(dlsync("drift", applied, "--format", "json", env=env).out)["warnings"]
    assert "the inventory is broken" in warning["message"]
    write_tree(applied, {"dlsync.yaml": "inventory: none\n"})
    done = dlsync("drift", applied, env=env)
    assert (done.code, done.out, done.asked) == (1, "", ())
    assert "without a record of what was applied, dlsync cannot tell what changed since" in done.err
