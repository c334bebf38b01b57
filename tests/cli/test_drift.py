"""``dlsync drift``: what was changed on the server since it was applied."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.builders.commands import DASHBOARD, by_hand, dlsync
from tests.builders.trees import write_tree

if TYPE_CHECKING:
    from pathlib import Path

EDITED = DASHBOARD.replace("Web", "Shop")


def test_without_any_it_says_how_much_is_as_it_was_applied(applied: Path, env: dict[str, str]) -> None:
    done = dlsync("drift", applied, env=env)
    account = env["DLSYNC_ACCOUNT"]
    assert done[:3] == (0, f"No drift: 3 managed resources on acme/{account}, as applied.\n", "")
    assert all(one.method == "GET" for one in done.asked)


def test_a_hand_edit_is_shown_from_what_was_applied_to_what_is_live_and_is_an_exit_code(
    applied: Path, env: dict[str, str]
) -> None:
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


def test_what_was_deleted_by_hand_has_drifted_and_a_change_of_the_files_has_not(
    applied: Path, env: dict[str, str]
) -> None:
    by_hand(env, "DELETE", "dashboards/web")
    write_tree(applied, {"rules/load.yaml": "title: Loads\ncriteria: []\n"})
    done = dlsync("drift", applied, env=env)
    assert done.code == 2
    assert done.out.startswith("- dashboard/web  delete (deleted on the server)  dashboards/web.yaml\n\nDrift: 1 ")
    assert dlsync("drift", applied, "--target", "rule/*", env=env).code == 0


def test_a_record_that_is_broken_is_said_and_a_tree_that_wants_none_is_an_error(
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
