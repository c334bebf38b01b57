"""The sources of settings, and the options that all commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.builders.commands import dlsync, misbehaving
from tests.builders.http import json_reply
from tests.builders.trees import write_tree

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("command", ["plan", "apply", "export"])
def test_missing_settings_are_named_with_the_places_to_give_them(tree: Path, command: str) -> None:
    done = dlsync(command, tree, *(["--auto-approve"] if command == "apply" else []))
    assert (done.code, done.out, done.asked) == (1, "", ())
    assert done.err.startswith("error: missing settings: url, org, account, key; give\n")
    assert "  url: --url, DLSYNC_URL or `url` in dlsync.yaml\n" in done.err


@pytest.mark.parametrize("command", ["validate", "plan", "apply", "export"])
def test_options_stand_before_or_after_the_directory(tree: Path, env: dict[str, str], command: str) -> None:
    options = ["--format", "json", *(["--auto-approve"] if command == "apply" else [])]
    before, after = dlsync(command, *options, tree, env=env), dlsync(command, tree, *options, env=env)
    assert (before.code, after.code) == (0, 0)
    assert before.out.startswith('{\n  "format_version": 1')
    assert after.out.startswith('{\n  "format_version": 1')


def test_the_directory_defaults_to_the_current_directory(
    tree: Path, env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tree)
    assert dlsync("validate").out == "3 resources: 0 errors, 0 warnings.\n"
    assert "Plan: 3 to create" in dlsync("plan", env=env).out


def test_an_option_overrides_an_environment_variable_which_overrides_the_settings_file(
    tree: Path, env: dict[str, str]
) -> None:
    write_tree(tree, {"dlsync.yaml": "account: from-file\n"})
    unnamed = {name: value for name, value in env.items() if name != "DLSYNC_ACCOUNT"}
    assert "'from-file'" in dlsync("plan", tree, env=unnamed).err
    assert "'from-environment'" in dlsync("plan", tree, env={**env, "DLSYNC_ACCOUNT": "from-environment"}).err
    options = ["--account", env["DLSYNC_ACCOUNT"], "--org", "acme", "--url", env["DLSYNC_URL"]]
    assert dlsync("plan", tree, *options, env={**env, "DLSYNC_ACCOUNT": "from-environment"}).code == 0


def test_an_environment_of_the_file_is_chosen_by_name(tree: Path, env: dict[str, str]) -> None:
    account = env.pop("DLSYNC_ACCOUNT")
    write_tree(tree, {"dlsync.yaml": f"environments: {{live: {{account: {account}}}}}\n"})
    assert dlsync("plan", tree, "-e", "live", env=env).code == 0
    assert dlsync("plan", tree, env={**env, "DLSYNC_ENVIRONMENT": "live"}).code == 0
    assert "did you mean `live`?" in dlsync("plan", tree, "--environment", "life", env=env).err


def test_a_variable_that_overrides_the_account_of_an_environment_is_a_warning(tree: Path, env: dict[str, str]) -> None:
    write_tree(tree, {"dlsync.yaml": 'environments: {"live\\n::error": {account: other}}\n'})
    done = dlsync("plan", tree, "-e", "live\n::error", env=env)
    assert done.code == 0
    assert done.err == (
        'warning: DLSYNC_ACCOUNT is used in place of the `account` of the environment "live\\n::error": '
        "to use that, unset DLSYNC_ACCOUNT\n"
    )
    assert "DLSYNC" not in dlsync("plan", tree, "-e", "live\n::error", "--account", env["DLSYNC_ACCOUNT"], env=env).err


def test_the_option_api_key_file_gives_the_key(tree: Path, env: dict[str, str], tmp_path: Path) -> None:
    write_tree(tmp_path, {"key": f"{env.pop('DLSYNC_API_KEY')}\n"})
    assert dlsync("plan", tree, "--api-key-file", tmp_path / "key", env=env).code == 0
    assert "cannot be read" in dlsync("plan", tree, "--api-key-file", tmp_path / "nowhere", env=env).err


def test_plain_http_to_another_machine_is_refused(tree: Path, env: dict[str, str]) -> None:
    done = dlsync("plan", tree, "--url", "http://monitoring.example/api/v1", env=env)
    assert (done.code, done.asked) == (1, ())
    assert "plain HTTP" in done.err


def test_the_option_insecure_allows_plain_http_to_another_machine(tree: Path, env: dict[str, str]) -> None:
    with misbehaving(json_reply({}, 404)) as proxy:
        env["HTTP_PROXY"] = f"http://127.0.0.1:{proxy.port}"  # stands for the other machine
        done = dlsync("plan", tree, "--url", "http://monitoring.example/api/v1", "--insecure", env=env)
    assert "plain HTTP" not in done.err
    assert {request.headers["host"] for request in proxy.seen} == {"monitoring.example"}


@pytest.mark.parametrize("command", ["validate", "plan", "apply", "export"])
@pytest.mark.parametrize(
    ("place", "words"), [("nowhere", "does not exist"), ("file", "is a file; expected a directory")]
)
def test_a_missing_directory_or_a_file_in_its_place_is_reported_before_any_other_error(
    tmp_path: Path, command: str, place: str, words: str
) -> None:
    write_tree(tmp_path, {"file": ""})
    done = dlsync(command, tmp_path / place, *(["--auto-approve"] if command == "apply" else []))
    if (command, place) == ("export", "nowhere"):  # an export creates its directory
        assert "missing settings" in done.err
    elif (command, place) == ("apply", "file"):  # an apply takes a file for a saved plan
        assert "is not a plan" in done.err
    else:
        assert done.err == (
            f"error: {tmp_path / place} {words}\nGive the directory that holds dashboards/, rules/ or plugins/.\n"
        )
    assert (done.code, done.out, (tmp_path / "nowhere").exists()) == (1, "", False)


def test_a_path_that_is_too_long_is_an_error_and_not_a_bug_report(env: dict[str, str]) -> None:
    done = dlsync("apply", "x" * 5000, "--auto-approve", env=env)
    assert (done.code, done.err.rpartition(": ")[2]) == (1, "File name too long\n")
    assert "bug" not in done.err
