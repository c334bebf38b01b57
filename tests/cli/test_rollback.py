"""``dlsync rollback``: reverts a run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from dlsync.files import schema
from tests.builders.commands import DASHBOARD, by_hand, dlsync
from tests.builders.trees import write_tree

if TYPE_CHECKING:
    from pathlib import Path

EDITED = DASHBOARD.replace("Web", "Shop")


@pytest.fixture
def changed(applied: Path, env: dict[str, str]) -> Path:
    """A tree whose last run changed the dashboard's title."""
    write_tree(applied, {"dashboards/web.yaml": EDITED})
    assert dlsync("apply", applied, "--auto-approve", env=env).code == 0
    return applied


def web(env: dict[str, str]) -> str:
    return by_hand(env, "GET", "dashboards/web").text


def run_ids(tree: Path) -> list[str]:
    return [one["run"] for one in json.loads(dlsync("history", tree, "--format", "json").out)["runs"]]


def test_rollback_shows_the_last_run_asks_and_reverts_it(changed: Path, env: dict[str, str]) -> None:
    assert dlsync("rollback", changed, env=env, typed="n\n").code == 1
    assert web(env) == EDITED
    done = dlsync("rollback", changed, env=env, typed="y\n")
    assert done.code == 0
    assert '~ title: "Shop" -> "Web"' in done.out
    assert done.out.endswith("Applied: 0 created, 1 updated, 0 deleted, 0 failed.\n")
    assert web(env) == DASHBOARD


def test_rollback_names_the_reverted_run_and_skips_runs_without_changes(changed: Path, env: dict[str, str]) -> None:
    run = run_ids(changed)[0]
    assert dlsync("apply", changed, "--auto-approve", env=env).out.startswith("No changes. ")
    lines = (changed / f".dlsync/runs/{run}.jsonl").read_text(encoding="utf-8").splitlines()
    skipped = run.replace("Z-", "Z-f")[:-1]
    results = [{**json.loads(line), "how": "skipped"} if '"result"' in line else json.loads(line) for line in lines]
    results[0]["run"]["id"] = skipped
    text = "".join(json.dumps(line) + "\n" for line in results)
    (changed / f".dlsync/runs/{skipped}.jsonl").write_text(text, encoding="utf-8")
    done = dlsync("rollback", changed, "--auto-approve", env=env)
    assert (done.code, web(env)) == (0, DASHBOARD)
    assert f"skipping run {skipped}, which changed nothing\nreverting run {run} (apply, " in done.err


def interrupted(tree: Path) -> str:
    """Write the journal of a latest run that ended before its first change, and return its id."""
    folder = tree / ".dlsync/runs"
    run = run_ids(tree)[0]
    first = json.loads((folder / f"{run}.jsonl").read_text(encoding="utf-8").splitlines()[0])
    first["run"]["id"] = run.replace("Z-", "Z-f")[:-1]
    (folder / f"{first['run']['id']}.jsonl").write_text(f"{json.dumps(first)}\n", encoding="utf-8")
    return str(first["run"]["id"])


def test_after_a_run_interrupted_before_its_first_change_rollback_requires_a_run_id(
    changed: Path, env: dict[str, str]
) -> None:
    run, last = run_ids(changed)[0], interrupted(changed)
    done = dlsync("rollback", changed, "--auto-approve", env=env)
    assert done.code == 4
    assert f"the last run {last} was interrupted before it changed anything" in done.err
    assert f"`dlsync rollback {run}`" in done.err
    assert dlsync("rollback", run, changed, "--auto-approve", env=env).code == 0
    assert web(env) == DASHBOARD


def test_rollback_names_the_interrupted_run_before_the_reverted_run(changed: Path, env: dict[str, str]) -> None:
    run, earlier = run_ids(changed)
    file = changed / f".dlsync/runs/{earlier}.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines()
    file.write_text("".join(f"{line}\n" for line in lines if '"end"' not in line), encoding="utf-8")
    done = dlsync("rollback", changed, "--auto-approve", env=env)
    assert done.code == 0
    assert f"reverting run {run} (apply, " in done.err
    assert "a run that had no changes, or was stopped during its plan, left nothing to revert" in done.err
    assert f"the run {earlier} before it was interrupted, and stays; revert it next with" in done.err


def test_a_run_whose_changes_were_all_skipped_cannot_be_reverted(changed: Path, env: dict[str, str]) -> None:
    for journal in (changed / ".dlsync/runs").iterdir():
        journal.write_text(journal.read_text(encoding="utf-8").replace('"applied"', '"skipped"'), encoding="utf-8")
    done = dlsync("rollback", changed, "--auto-approve", env=env)
    assert (done.code, done.asked) == (1, ())
    assert "has changed acme/" in done.err


def test_without_a_terminal_rollback_shows_the_changes_and_reverts_nothing(changed: Path, env: dict[str, str]) -> None:
    done = dlsync("rollback", changed, env=env)
    assert (done.code, done.writes) == (1, [])
    assert "~ dashboard/web  update" in done.out
    assert done.err.endswith("?\nGive --auto-approve where the answer is yes.\n")
    assert web(env) == EDITED


def test_a_rollback_is_a_run_that_can_be_reverted(changed: Path, env: dict[str, str]) -> None:
    for expected in (DASHBOARD, EDITED):
        done = dlsync("rollback", changed, "--auto-approve", "--format", "json", env=env)
        assert (done.code, web(env)) == (0, expected)
        assert schema.check("plan", json.loads(done.out)) == []


def test_a_second_rollback_continues_an_interrupted_rollback(changed: Path, env: dict[str, str]) -> None:
    run = run_ids(changed)[0]
    dlsync("rollback", changed, "--auto-approve", env=env)
    journal = changed / f".dlsync/runs/{run_ids(changed)[0]}.jsonl"
    journal.write_text("".join(journal.read_text(encoding="utf-8").splitlines(keepends=True)[:2]), encoding="utf-8")
    assert dlsync("rollback", changed, "--auto-approve", env=env).out.startswith("No changes. ")
    assert dlsync("rollback", run, changed, "--auto-approve", env=env).out.startswith("No changes. ")
    assert web(env) == DASHBOARD


def test_rollback_of_a_named_run_holds_later_changes_unless_on_conflict_is_repo(
    changed: Path, env: dict[str, str]
) -> None:
    first = run_ids(changed)[1]
    done = dlsync("rollback", first, changed, "--auto-approve", env=env)
    assert done.code == 4
    assert "held: " in done.out
    assert web(env) == EDITED
    taken = dlsync("rollback", first, changed, "--auto-approve", "--on-conflict", "repo", env=env)
    assert (taken.code, taken.out.splitlines()[-1]) == (0, "Applied: 0 created, 0 updated, 1 deleted, 0 failed.")
    assert by_hand(env, "GET", "plugins").json()[0]["name"] == "dlsync-inventory"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["20261125T101010Z-0a1b2c"], 'has the id "20261125T101010Z-0a1b2c"'),
        (["20261125T101010Z-0a1b2c", "20261125T101010Z-0a1b2d"], "expected one run and one folder at most"),
        (["../no such"], "no run has the id '../no such', and it is not a folder"),
        (["2nosuch"], "no run has the id '2nosuch'\n"),
    ],
)
def test_an_invalid_run_id_is_an_error_before_any_request(
    changed: Path, env: dict[str, str], arguments: list[str], message: str
) -> None:
    folder = [changed] if arguments[0][0] == "2" else []
    done = dlsync("rollback", *arguments, *folder, "--auto-approve", env=env)
    assert (done.code, done.out, done.asked) == (1, "", ())
    assert message in done.err
    assert "`dlsync history` lists" in done.err or "`dlsync history DIR` lists" in done.err


def test_rollback_of_an_account_without_runs_is_an_error(tree: Path, env: dict[str, str]) -> None:
    done = dlsync("rollback", tree, "--auto-approve", env=env)
    assert (done.code, done.out, done.asked) == (1, "", ())
    assert "has changed acme/" in done.err
