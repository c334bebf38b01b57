"""``dlsync release``: ends the management of resources and leaves them live."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.builders.commands import DASHBOARD, by_hand, dlsync

if TYPE_CHECKING:
    from pathlib import Path


def test_a_released_resource_stays_live_when_its_file_is_deleted(applied: Path, env: dict[str, str]) -> None:
    done = dlsync("release", "dashboard/*", applied, env=env)
    assert done[:3] == (0, "released dashboard/web\n1 resource released.\n", "")
    assert done.writes == []
    (applied / "dashboards/web.yaml").unlink()
    assert dlsync("apply", applied, "--auto-approve", env=env).code == 0
    assert by_hand(env, "GET", "dashboards/web").text == DASHBOARD


def test_releasing_an_unmanaged_resource_changes_nothing_and_succeeds(applied: Path, env: dict[str, str]) -> None:
    done = dlsync("release", "dashboard/none", applied, env=env)
    assert done[:3] == (0, "left dashboard/none: it is not managed\n0 resources released.\n", "")
    assert dlsync("release", "dashboard/none", "rule/load", applied, env=env).code == 0


@pytest.mark.parametrize("command", ["adopt", "release", "accept", "plan", "apply", "drift", "export", "render"])
def test_each_glob_must_match_a_resource(applied: Path, env: dict[str, str], command: str) -> None:
    """The rule holds for arguments and for the option --target."""
    targets = ["rule/loda*", "dashboard/*"]
    if command not in {"adopt", "release", "accept"}:
        targets = [one for target in targets for one in ("--target", target)]
    options = ["--auto-approve"] if command == "apply" else []
    done = dlsync(command, *targets, *options, applied, env=env)
    assert (done.code, done.out) == (1, "")
    assert done.err == "error: no resource matches `rule/loda*`\nDid you mean rule/load?\n"


def test_release_succeeds_when_no_resource_is_managed(tree: Path, env: dict[str, str]) -> None:
    done = dlsync("release", "*/*", tree, env=env)
    assert done[:3] == (0, "0 resources released.\n", "")


def test_release_without_resources_is_an_error_with_an_example(applied: Path, env: dict[str, str]) -> None:
    done = dlsync("release", applied, env=env)
    assert (done.code, done.out, done.asked) == (1, "", ())
    assert done.err == "error: no resources are named\nFor example: dashboard/web-*; all are '*/*'.\n"
