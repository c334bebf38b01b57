"""Behaviour that apply and rollback share: the lock, held changes and exit codes."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from dlsync.files import schema
from tests.builders.commands import (
    DASHBOARD,
    ENDING_SIGNALS,
    RULE,
    by_hand,
    command_line,
    dlsync,
    lock_by_hand,
    process_environment,
)
from tests.builders.trees import write_tree

if TYPE_CHECKING:
    import signal
    from pathlib import Path

EDITED = DASHBOARD.replace("Web", "Shop")


def started(*arguments: str | Path, env: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command_line(*arguments),
        env=process_environment(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


# the lock
def test_an_apply_to_a_locked_account_is_refused_with_the_owner_and_time_of_the_lock(
    tree: Path, env: dict[str, str]
) -> None:
    lock_by_hand(env)
    done = dlsync("apply", tree, "--auto-approve", "--lock-timeout", "0", env=env)
    assert (done.code, done.out, done.writes) == (4, "", [])
    assert done.err == (
        "error: another apply is going on: the account is locked by ann@there since 2026-11-25T10:10:10+00:00\n"
        "Wait for it with --lock-timeout SECONDS; if that process is dead, run `dlsync unlock`.\n"
    )


def test_the_second_of_two_concurrent_applies_waits_and_finds_no_changes(tree: Path, env: dict[str, str]) -> None:
    write_tree(tree, {f"dashboards/d{number}.yaml": DASHBOARD for number in range(40)})
    both = [started("apply", tree, "--auto-approve", env=env) for _ in range(2)]
    outs = sorted(one.communicate()[0] for one in both)
    assert [one.returncode for one in both] == [0, 0]
    assert outs[0].endswith("\nApplied: 43 created, 0 updated, 0 deleted, 0 failed.\n")
    assert outs[1].startswith("No changes. 43 resources on ")
    assert len(dlsync("history", tree).out.splitlines()) == 2


@pytest.mark.parametrize("number", ENDING_SIGNALS)
def test_a_signal_ends_the_wait_for_a_lock_and_keeps_the_lock_of_the_other_process(
    tree: Path, env: dict[str, str], number: signal.Signals
) -> None:
    lock_by_hand(env)
    with started("apply", tree, "--auto-approve", env=env) as waiting:
        assert waiting.stderr
        said = waiting.stderr.readline()
        waiting.send_signal(number)
        rest = waiting.stderr.read()
    assert said == ("The account is locked by ann@there since 2026-11-25T10:10:10+00:00; waiting for up to 90 s.\n")
    assert (waiting.returncode, rest) == (130, "Nothing was applied.\nInterrupted.\n")
    assert [one["name"] for one in by_hand(env, "GET", "plugins").json()] == ["dlsync-lock"]


def test_an_apply_refuses_a_plan_that_became_stale_during_the_question(
    tree: Path, env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def meanwhile(*_: object) -> bool:
        by_hand(env, "PUT", "dashboards/web", EDITED)
        return True

    monkeypatch.setattr("dlsync.cli.console.is_agreed", meanwhile)
    done = dlsync("apply", tree, env=env, typed="")
    assert (done.code, done.writes) == (4, [])
    assert done.err.startswith("error: the plan is stale: since it was made, dashboard/web changed")


# held changes
@pytest.fixture
def torn(applied: Path, env: dict[str, str]) -> Path:
    """A tree with a dashboard that changed in its file and on the server, and a rule that changed only in its file."""
    by_hand(env, "PUT", "dashboards/web", EDITED)
    titles = {"dashboards/web.yaml": DASHBOARD.replace("Web", "Ours"), "rules/load.yaml": RULE.replace("Load", "Loads")}
    return write_tree(applied, titles)


def test_an_apply_holds_a_conflict_applies_the_rest_and_exits_with_4(torn: Path, env: dict[str, str]) -> None:
    done = dlsync("apply", torn, "--auto-approve", env=env)
    assert done.code == 4
    assert done.out.endswith("Applied: 0 created, 1 updated, 0 deleted, 0 failed, 1 skipped.\n")
    assert by_hand(env, "GET", "dashboards/web").text == EDITED
    again = dlsync("apply", torn, env=env, typed="")
    assert (again.code, again.writes, again.err) == (4, [], "")  # no question: there is nothing to apply


def test_a_plan_with_only_held_changes_exits_with_2_under_detailed_exitcode(torn: Path, env: dict[str, str]) -> None:
    dlsync("apply", torn, "--auto-approve", env=env)
    done = dlsync("plan", torn, "--detailed-exitcode", "--format", "json", env=env)
    assert done.code == 2
    document = json.loads(done.out)
    assert schema.check("plan", document) == []
    assert document["summary"] == {"create": 0, "update": 0, "delete": 0, "unchanged": 2, "conflict": 1}
    (held,) = document["changes"]
    assert (held["cause"], held["diff"][0]["mover"]) == ("conflict", "conflict")
    assert "--on-conflict repo" in held["held"]


@pytest.mark.parametrize(("side", "title"), [("repo", "Ours"), ("live", "Shop")])
def test_on_conflict_repo_or_live_resolves_the_conflict(torn: Path, env: dict[str, str], side: str, title: str) -> None:
    assert dlsync("apply", torn, "--auto-approve", "--on-conflict", side, env=env).code == 0
    assert by_hand(env, "GET", "dashboards/web").text.startswith(f"title: {title}\n")
    assert dlsync("plan", torn, "--detailed-exitcode", env=env).code == 0


def test_edits_of_different_fields_are_merged_and_the_plan_lists_fields_kept_from_the_server(
    applied: Path, env: dict[str, str]
) -> None:
    by_hand(env, "PUT", "dashboards/web", EDITED)
    write_tree(applied, {"dashboards/web.yaml": f"{DASHBOARD}period: 60\n"})
    shown = dlsync("plan", applied, env=env).out
    assert '    = title: "Shop"  (stays as it was changed on the server)\n' in shown
    document = json.loads(dlsync("apply", applied, "--auto-approve", "--format", "json", env=env).out)
    assert schema.check("plan", document) == []
    (change,) = document["changes"]
    assert [(one["path"], one["mover"]) for one in (*change["diff"], *change["kept"])] == [
        (["period"], "repo"),
        (["title"], "drift"),
    ]
    assert "title: Shop" in by_hand(env, "GET", "dashboards/web").text


def test_a_renamed_file_is_a_create_and_a_delete_that_name_each_other(applied: Path, env: dict[str, str]) -> None:
    (applied / "rules/load.yaml").rename(applied / "rules/cpu.yaml")
    document = json.loads(dlsync("plan", applied, "--format", "json", env=env).out)
    assert schema.check("plan", document) == []
    assert [(one["action"], one.get("renamed_from"), one.get("renamed_to")) for one in document["changes"]] == [
        ("create", "load", None),
        ("delete", None, "cpu"),
    ]
    done = dlsync("apply", applied, "--auto-approve", env=env)
    assert "+ rule/cpu  create (renamed from load)  rules/cpu.yaml:1  applied\n" in done.out
    assert "- rule/load  delete (renamed to cpu)  applied\n" in done.out


def test_a_plan_counts_live_resources_that_match_their_files_as_resources_to_adopt(
    tree: Path, env: dict[str, str]
) -> None:
    by_hand(env, "PUT", "dashboards/web", DASHBOARD)
    document = json.loads(dlsync("plan", tree, "--format", "json", env=env).out)
    assert (schema.check("plan", document), document["adopted"]) == ([], ["dashboard/web"])
    assert "1 unchanged (1 to adopt)" in dlsync("plan", tree, env=env).out


def test_an_apply_holds_an_unmanaged_resource_that_differs_unless_adopt_is_given(
    tree: Path, env: dict[str, str]
) -> None:
    by_hand(env, "PUT", "dashboards/web", EDITED)
    assert dlsync("apply", tree, "--auto-approve", env=env).code == 4
    assert by_hand(env, "GET", "dashboards/web").text == EDITED
    assert dlsync("apply", tree, "--auto-approve", "--adopt", env=env).code == 0
    assert by_hand(env, "GET", "dashboards/web").text == DASHBOARD


# saved plans
def test_a_saved_plan_matches_its_schema_and_records_its_environment_and_conflict_option(
    torn: Path, env: dict[str, str], tmp_path: Path
) -> None:
    settings = "environments:\n  staging: {variables: {a: 1}}\n"
    write_tree(torn, {"dlsync.yaml": settings})
    kept = tmp_path / "plan.json"
    assert dlsync("plan", torn, "-e", "staging", "--on-conflict", "repo", "--out", kept, env=env).code == 0
    document = json.loads(kept.read_text(encoding="utf-8"))
    assert schema.check("plan", document) == []
    assert (document["made_with"]["environment"], document["made_with"]["on_conflict"]) == ("staging", "repo")
    other = dlsync("apply", kept, "-e", "production", "--auto-approve", env=env)
    assert (other.code, other.writes) == (1, [])
    assert dlsync("apply", kept, "--auto-approve", env=env).code == 0
    assert by_hand(env, "GET", "dashboards/web").text.startswith("title: Ours\n")
