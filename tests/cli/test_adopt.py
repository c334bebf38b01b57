"""``dlsync adopt``: takes live resources into management."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.builders.commands import DASHBOARD, by_hand, dlsync, lock_by_hand

if TYPE_CHECKING:
    from pathlib import Path

EDITED = DASHBOARD.replace("Web", "Shop")


def test_adopt_makes_a_live_resource_managed_and_a_plan_shows_its_differences(tree: Path, env: dict[str, str]) -> None:
    by_hand(env, "PUT", "dashboards/web", EDITED)
    assert "held: it exists on the server" in dlsync("plan", tree, env=env).out
    done = dlsync("adopt", "dashboard/web", tree, env=env)
    assert done[:3] == (0, "adopted dashboard/web\n1 resource adopted.\n", "")
    assert done.writes == []
    assert by_hand(env, "GET", "dashboards/web").text == EDITED
    assert '~ title: "Shop" -> "Web"' in dlsync("plan", tree, env=env).out
    assert "held" not in dlsync("plan", tree, env=env).out


def test_a_named_resource_that_cannot_be_adopted_is_an_error_with_the_reason(
    applied: Path, env: dict[str, str]
) -> None:
    by_hand(env, "PUT", "dashboards/other", DASHBOARD)
    done = dlsync("adopt", "dashboard/web", "dashboard/other", "rule/none", applied, env=env)
    assert (done.code, done.err) == (1, "")
    assert done.out == (
        "left dashboard/other: it is in no file, so the next apply would delete it; "
        "if it is live, `dlsync export --target dashboard/other` writes one\n"
        "left dashboard/web: it is managed already\n"
        "left rule/none: it is in no file, so the next apply would delete it; "
        "if it is live, `dlsync export --target rule/none` writes one\n"
        "0 resources adopted.\n"
    )
    assert dlsync("adopt", "dashboard/*", "rule/none", applied, env=env).code == 1


def test_adopting_a_managed_resource_again_succeeds(applied: Path, env: dict[str, str]) -> None:
    """This happens after a run that was killed when it had written the inventory."""
    done = dlsync("adopt", "dashboard/web", "rule/*", applied, env=env)
    assert done[:3] == (
        0,
        "left dashboard/web: it is managed already\nleft rule/load: it is managed already\n0 resources adopted.\n",
        "",
    )


def test_json_lists_the_adopted_and_the_left_resources(tree: Path, env: dict[str, str]) -> None:
    by_hand(env, "PUT", "dashboards/web", EDITED)
    done = dlsync("adopt", "*/*", tree, "--format", "json", env=env)
    assert done.code == 0
    assert json.loads(done.out) == {
        "format_version": 1,
        "adopted": [{"kind": "dashboard", "name": "web"}],
        "left": [
            {"kind": "plugin", "name": "disk", "reason": "it does not exist on the server; `dlsync apply` creates it"},
            {"kind": "rule", "name": "load", "reason": "it does not exist on the server; `dlsync apply` creates it"},
        ],
    }


def test_adopt_is_refused_while_the_account_is_locked(tree: Path, env: dict[str, str]) -> None:
    by_hand(env, "PUT", "dashboards/web", EDITED)
    lock_by_hand(env)
    done = dlsync("adopt", "dashboard/web", tree, "--lock-timeout", "0", env=env)
    assert (done.code, done.out, done.writes) == (4, "", [])
    assert "the account is locked by ann@there since 2026-11-25T10:10:10+00:00" in done.err
