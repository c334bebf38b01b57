"""``dlsync doctor``, from the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.builders.commands import dlsync
from tests.builders.trees import write_tree

if TYPE_CHECKING:
    from pathlib import Path


def test_doctor_reports_that_all_is_well_and_hides_the_key(tree: Path, env: dict[str, str]) -> None:
    done = dlsync("doctor", tree, env=env)
    assert (done.code, done.err, done.writes) == (0, "", [])
    assert f"account              {env['DLSYNC_ACCOUNT']} " in done.out
    assert "key                  set " in done.out
    assert done.out.endswith("All is well.\n")
    assert "changeme" not in done.out


def test_a_problem_exits_with_1_and_hides_the_key(tree: Path, env: dict[str, str]) -> None:
    done = dlsync("doctor", tree, env={**env, "DLSYNC_API_KEY": "another-key"})
    assert (done.code, done.err) == (1, "")
    assert "problem  key: GET /orgs/acme/accounts: the server does not accept the API key" in done.out
    assert "another-key" not in done.out
    found = json.loads(dlsync("doctor", tree, "--format", "json", env={}).out)
    assert (found["well"], found["checks"][0]["status"]) == (False, "problem")


def test_doctor_names_the_option_or_variable_that_each_setting_comes_from(
    tree: Path, env: dict[str, str], tmp_path: Path
) -> None:
    write_tree(tmp_path, {"key": env.pop("DLSYNC_API_KEY")})
    given = dlsync("doctor", tree, "--api-key-file", tmp_path / "key", "--format", "json", env=env)
    sources = {one["name"]: one["source"] for one in json.loads(given.out)["settings"]}
    assert (given.code, sources["key"], sources["url"]) == (0, "--api-key-file", "DLSYNC_URL")
