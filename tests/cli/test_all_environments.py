"""``--all-environments``: one summary, one exit code."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from dlsync.operations.comment import ALL, marker
from tests.builders.commands import DASHBOARD, by_hand, dlsync, lock_by_hand
from tests.builders.trees import write_tree

if TYPE_CHECKING:
    from pathlib import Path

    from tests.builders.commands import Served


@pytest.fixture
def staging(server: Served) -> dict[str, str]:
    return server.account()


@pytest.fixture
def production(server: Served) -> dict[str, str]:
    return server.account()


@pytest.fixture
def env(server: Served) -> dict[str, str]:
    """The variables that both environments share."""
    return {name: value for name, value in server.account().items() if name != "DLSYNC_ACCOUNT"}


@pytest.fixture
def tree(tree: Path, staging: dict[str, str], production: dict[str, str]) -> Path:
    settings = f"""\
environments:
  staging: {{account: {staging["DLSYNC_ACCOUNT"]}, variables: {{title: Staging}}}}
  production: {{account: {production["DLSYNC_ACCOUNT"]}, variables: {{title: Web}}}}
"""
    return write_tree(
        tree,
        {
            "dlsync.yaml": settings,
            "dashboards/web.yaml": DASHBOARD,
            "overlays/staging/dashboards/web.yaml": "title: ${var:title}\n",
        },
    )


def title(account: dict[str, str]) -> str:
    return by_hand(account, "GET", "dashboards/web").text.partition("\n")[0]


def test_each_environment_is_planned_and_then_all_are_summed_up(tree: Path, env: dict[str, str]) -> None:
    done = dlsync("plan", tree, "--all-environments", env=env)
    assert (done.code, done.err, done.writes) == (0, "", [])
    first, second = done.out.index("Environment staging:\n\n"), done.out.index("Environment production:\n\n")
    assert first < done.out.index("+ dashboard/web") < second
    assert done.out.endswith(
        "\nAll environments:\n"
        "  staging     3 to create, 0 to update, 0 to delete, 0 unchanged\n"
        "  production  3 to create, 0 to update, 0 to delete, 0 unchanged\n"
        "Total: 6 to create, 0 to update, 0 to delete, 0 unchanged.\n"
    )
    assert dlsync("plan", tree, "--all-environments", "--detailed-exitcode", env=env).code == 2


def test_each_environment_is_applied_with_its_own_overlay_and_variables(
    tree: Path, env: dict[str, str], staging: dict[str, str], production: dict[str, str]
) -> None:
    done = dlsync("apply", tree, "--all-environments", "--auto-approve", env=env)
    assert (done.code, done.err) == (0, "")
    assert done.out.endswith("Total: 6 created, 0 updated, 0 deleted, 0 failed.\n")
    assert (title(staging), title(production)) == ("title: Staging", "title: Web")
    again = dlsync("plan", tree, "--all-environments", "--detailed-exitcode", env=env)
    assert (again.code, again.out.count("No changes.")) == (0, 2)


def test_a_failed_environment_does_not_stop_the_others(
    tree: Path, env: dict[str, str], production: dict[str, str]
) -> None:
    write_tree(tree, {"overlays/staging/dashboards/web.yaml": "period: long\n"})
    plan = dlsync("plan", tree, "--all-environments", "--detailed-exitcode", env=env)
    assert plan.code == 1
    assert "  staging     failed: 1 error in the files\n  production  3 to create" in plan.out
    assert "overlays/staging/dashboards/web.yaml:1:1: error: `period` is" in plan.err
    assert "error: environment staging: 1 error in the files\n" in plan.err
    apply = dlsync("apply", tree, "--all-environments", "--auto-approve", "--format", "json", env=env)
    assert (apply.code, title(production)) == (1, "title: Web")
    document = json.loads(apply.out)
    failed = document["environments"]["staging"]
    assert failed["error"] == "1 error in the files"
    assert [one["file"] for one in failed["problems"]] == ["overlays/staging/dashboards/web.yaml"]
    assert [one["result"] for one in document["environments"]["production"]["changes"]] == ["applied"] * 3
    assert document["summary"]["failed"] == 1


def test_json_is_one_document(tree: Path, env: dict[str, str]) -> None:
    document = json.loads(dlsync("plan", tree, "--all-environments", "--format", "json", env=env).out)
    assert list(document["environments"]) == ["staging", "production"]
    expected = {"create": 6, "update": 0, "delete": 0, "unchanged": 0, "conflict": 0, "failed": 0, "refused": 0}
    assert document["summary"] == expected


def test_markdown_is_one_comment(tree: Path, env: dict[str, str]) -> None:
    out = dlsync("plan", tree, "--all-environments", "--format", "markdown", env=env).out
    assert out.startswith(f"{marker('', ALL)}### <code>staging</code>\n\n**dlsync plan** for ")
    assert out.count("**dlsync plan**") == 2


def test_the_markdown_comment_lists_the_file_errors_of_a_failed_environment(tree: Path, env: dict[str, str]) -> None:
    write_tree(tree, {"overlays/staging/dashboards/web.yaml": "period: long\n"})
    done = dlsync("plan", tree, "--all-environments", "--format", "markdown", env=env)
    assert done.out.removeprefix(marker("", ALL)).startswith(
        "### <code>staging</code>\n\n**dlsync plan failed**: <code>1 error in the files</code>\n\n"
        "- error: <code>overlays/staging/dashboards/web.yaml:1:1: "
    )


def test_apply_asks_for_each_environment_and_the_answer_no_skips_only_that_environment(
    tree: Path, env: dict[str, str], production: dict[str, str]
) -> None:
    done = dlsync("apply", tree, "--all-environments", env=env, typed="n\ny\n")
    assert done.code == 1
    assert "  staging     failed: not approved\n  production  3 created" in done.out
    assert title(production) == "title: Web"


def test_json_reports_an_environment_that_was_not_approved_as_failed(tree: Path, env: dict[str, str]) -> None:
    done = dlsync("apply", tree, "--all-environments", "--format", "json", env=env, typed="n\ny\n")
    environments = json.loads(done.out)["environments"]
    assert (done.code, environments["staging"]["error"]) == (1, "not approved")
    assert [one["result"] for one in environments["production"]["changes"]] == ["applied"] * 3


def test_a_refused_environment_sets_exit_code_4(tree: Path, env: dict[str, str], staging: dict[str, str]) -> None:
    for number in range(12):
        by_hand(staging, "PUT", f"rules/r{number}", "title: R\ncriteria: []\n")
    settings = (tree / "dlsync.yaml").read_text(encoding="utf-8")
    write_tree(tree, {"dlsync.yaml": f"prune: all\n{settings}"})
    done = dlsync("apply", tree, "--all-environments", "--auto-approve", env=env)
    assert done.code == 4
    assert "  staging     refused by an apply\n" in done.out


def test_options_apply_to_each_environment_and_a_held_or_locked_environment_sets_exit_code_4(
    tree: Path, env: dict[str, str], staging: dict[str, str]
) -> None:
    by_hand(staging, "PUT", "dashboards/web", "title: By hand\npositions: []\n")
    held = dlsync("apply", tree, "--all-environments", "--auto-approve", env=env)
    assert held.code == 4
    assert "  staging     2 created, 0 updated, 0 deleted, 0 failed, 1 skipped\n" in held.out
    lock_by_hand(staging)
    decided = ["--all-environments", "--auto-approve", "--adopt", "--on-conflict", "repo"]
    locked = dlsync("apply", tree, *decided, "--lock-timeout", "0", env=env)
    assert locked.code == 4
    assert "  staging     failed: another apply is going on: the account is locked by ann@there" in locked.out
    assert "  production  no changes, 3 unchanged\n" in locked.out
    dlsync("unlock", tree, "-e", "staging", "--yes", env=env)
    assert (dlsync("apply", tree, *decided, env=env).code, title(staging)) == (0, "title: Staging")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["plan", "-e", "staging"], "--all-environments and --environment exclude each other"),
        (["apply", "--auto-approve", "-e", "staging"], "--all-environments and --environment exclude each other"),
        (["plan", "--target", "x"], "`x` names no resources"),
    ],
)
def test_environment_and_invalid_targets_are_refused_with_all_environments(
    tree: Path, env: dict[str, str], arguments: list[str], message: str
) -> None:
    done = dlsync(*arguments, tree, "--all-environments", env=env)
    assert (done.code, done.out, done.asked) == (1, "", ())
    assert message in done.err


def test_out_saves_a_plan_per_environment_and_each_is_applied_by_itself(
    tree: Path, env: dict[str, str], tmp_path: Path
) -> None:
    kept = tmp_path / "plans"
    assert dlsync("plan", tree, "--all-environments", "--out", kept, env=env).code == 0
    assert sorted(file.name for file in kept.iterdir()) == ["production.json", "staging.json"]
    done = dlsync("apply", kept / "staging.json", "--auto-approve", env=env)
    assert (done.code, done.err) == (0, "")
    for options in ([], ["--all-environments"]):
        whole = dlsync("apply", kept, "--auto-approve", *options, env={})
        words = f"{kept} holds saved plans, not files of dlsync"
        commands = ", ".join(f"`dlsync apply {kept / name}.json`" for name in ("production", "staging"))
        hint = f"Apply each plan by itself, in your order: {commands}."
        assert (whole.code, whole.err) == (1, f"error: {words}\n{hint}\n")


def test_a_failed_environment_removes_its_saved_plan_of_an_earlier_run(
    tree: Path, env: dict[str, str], tmp_path: Path
) -> None:
    kept = tmp_path / "plans"
    dlsync("plan", tree, "--all-environments", "--out", kept, env=env)
    write_tree(tree, {"overlays/staging/dashboards/web.yaml": "period: long\n"})
    assert dlsync("plan", tree, "--all-environments", "--out", kept, env=env).code == 1
    assert [file.name for file in kept.iterdir()] == ["production.json"]


def test_applying_a_saved_plan_to_all_environments_is_refused(tree: Path, env: dict[str, str]) -> None:
    file = tree / "plan.json"
    assert dlsync("plan", tree, "-e", "staging", "--out", file, env=env).code == 0
    done = dlsync("apply", file, "--all-environments", "--auto-approve", env=env)
    assert (done.code, done.out) == (1, "")
    assert "a saved plan is for one environment" in done.err


@pytest.mark.parametrize(
    ("made", "was"), [(["-e", "staging"], 'environment "staging"'), ([], "no environment")], ids=["another", "none"]
)
def test_a_saved_plan_of_another_environment_is_refused_with_its_environment(
    tree: Path, env: dict[str, str], staging: dict[str, str], made: list[str], was: str
) -> None:
    file = tree / "plan.json"
    assert dlsync("plan", tree, *made, "--out", file, env=env | staging).code == 0
    done = dlsync("apply", file, "-e", "production", "--auto-approve", env=env | staging)
    assert (done.code, done.out, done.writes) == (4, "", [])
    assert done.err.endswith(
        f'error: the saved plan is for {was}, not for environment "production"\nPlan and review again.\n'
    )


@pytest.mark.parametrize(("settings", "message"), [("", "has no `environments`"), ("prune: some\n", "`prune` is")])
def test_all_environments_with_no_environments_or_invalid_settings_is_an_error(
    tmp_path: Path, env: dict[str, str], settings: str, message: str
) -> None:
    write_tree(tmp_path, {"dlsync.yaml": settings})
    done = dlsync("plan", tmp_path, "--all-environments", env=env)
    assert (done.code, done.out) == (1, "")
    assert message in done.err


@pytest.mark.parametrize("command", [["plan"], ["apply", "--auto-approve"]])
@pytest.mark.parametrize("source", ["--account", "DLSYNC_ACCOUNT"])
def test_one_account_for_several_environments_is_refused_before_any_request(
    tree: Path, env: dict[str, str], staging: dict[str, str], command: list[str], source: str
) -> None:
    account = staging["DLSYNC_ACCOUNT"]
    option = [source, account] if source == "--account" else []
    done = dlsync(*command, tree, "--all-environments", *option, env=env if option else {**env, source: account})
    assert (done.code, done.out, done.asked) == (1, "", ())
    assert done.err == (
        "error: the environments `staging` and `production` are for the same account: "
        f"acme/{account} at {env['DLSYNC_URL']}\n"
        f"Leave out {source}, which environments cannot override, or choose one with --environment.\n"
    )
    assert dlsync("plan", tree, "-e", "production", *option, env={**env, "DLSYNC_ACCOUNT": account}).code == 0
