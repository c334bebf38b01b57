"""``dlsync apply``: shows the plan, asks, and changes the server to match the files."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import subprocess
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from dlsync.files import schema
from tests.builders.between import forwarded
from tests.builders.commands import (
    DASHBOARD,
    ENDING_SIGNALS,
    Piped,
    Served,
    Terminal,
    by_hand,
    command_line,
    dlsync,
    environment,
    misbehaving,
    process_environment,
    served,
)
from tests.builders.http import Misbehaviour, Reply, Seen, by_request, json_reply
from tests.builders.trees import write_tree

if TYPE_CHECKING:
    import signal
    from pathlib import Path

Replies = dict[str, Reply | Callable[[Seen], Reply]]
APPLIED = "Applied: 3 created, 0 updated, 0 deleted, 0 failed.\n"


def changes(env: dict[str, str], tree: Path) -> int:
    return len(json.loads(dlsync("plan", tree, "--format", "json", env=env).out)["changes"])


def test_apply_prints_the_plan_and_the_results_on_stdout(tree: Path, env: dict[str, str]) -> None:
    done = dlsync("apply", tree, "--auto-approve", env=env)
    assert (done.code, done.err) == (0, "")
    plan, results = done.out.split("Plan: 3 to create, 0 to update, 0 to delete, 0 unchanged.\n")
    assert "+ rule/load  create  rules/load.yaml:1\n" in plan
    assert "+ rule/load  create  rules/load.yaml:1  applied\n" in results
    assert results.endswith(APPLIED)
    assert changes(env, tree) == 0


def test_an_apply_without_changes_says_so_and_asks_no_question(tree: Path, env: dict[str, str]) -> None:
    dlsync("apply", tree, "--auto-approve", env=env)
    done = dlsync("apply", tree, env=env, typed="")
    assert (done.code, done.writes, done.err) == (0, [], "")
    assert done.out.startswith("No changes. 3 resources on acme/")


@pytest.mark.parametrize("answer", ["y\n", "Yes\n", " y \n"])
def test_the_answer_yes_applies_the_plan(tree: Path, env: dict[str, str], answer: str) -> None:
    done = dlsync("apply", tree, env=env, typed=answer)
    assert done.code == 0
    assert done.err == f"Apply this to acme/{env['DLSYNC_ACCOUNT']} at {env['DLSYNC_URL']}? [y/N] "
    assert done.out.endswith(APPLIED)


@pytest.mark.parametrize("answer", ["n\n", "\n", "", "yess\n", "y es\n"])
def test_any_other_answer_applies_nothing(tree: Path, env: dict[str, str], answer: str) -> None:
    done = dlsync("apply", tree, env=env, typed=answer)
    assert (done.code, done.writes) == (1, [])
    assert done.err.endswith("Nothing was applied.\n")
    assert changes(env, tree) == 3


@pytest.mark.parametrize(
    "missing", [{}, {"closed": True}, {"typed": "y\n", "err": Piped()}], ids=["stdin", "closed stdin", "stderr"]
)
def test_without_a_terminal_apply_shows_the_plan_and_applies_nothing(
    tree: Path, env: dict[str, str], missing: dict[str, Any]
) -> None:
    done = dlsync("apply", tree, env=env, **missing)
    assert (done.code, done.writes) == (1, [])
    assert done.out.endswith("Plan: 3 to create, 0 to update, 0 to delete, 0 unchanged.\n")
    question = f"Apply this to acme/{env['DLSYNC_ACCOUNT']} at {env['DLSYNC_URL']}?"
    hint = "Give --auto-approve where the answer is yes."
    assert done.err == f"error: there is no terminal to ask on: {question}\n{hint}\n"


@pytest.mark.parametrize("missing", ["nope.json", "nope"])
def test_a_missing_path_is_reported_before_the_missing_terminal(
    tmp_path: Path, env: dict[str, str], missing: str
) -> None:
    assert dlsync("apply", tmp_path / missing, env=env).err.startswith(f"error: {tmp_path / missing} does not exist\n")


def test_json_is_one_document_with_results_and_the_plan_goes_to_stderr(tree: Path, env: dict[str, str]) -> None:
    write_tree(tree, {"dashboards/web.yaml": f"{DASHBOARD}colour: red\n"})
    done = dlsync("apply", tree, "--auto-approve", "--format", "json", env=env)
    document = json.loads(done.out)
    assert schema.check("plan", document) == []
    assert [(one["kind"], one["result"], one["error"]) for one in document["changes"]] == [
        ("plugin", "applied", None),
        ("dashboard", "applied", None),
        ("rule", "applied", None),
    ]
    assert "+ rule/load  create" in done.err
    assert done.err.count("colour") == 2  # as a field of the new dashboard, and in the warning


def test_json_of_an_apply_without_changes_is_a_document_with_the_warnings(tree: Path, env: dict[str, str]) -> None:
    write_tree(tree, {"dlsync.yaml": "purne: all\n"})
    dlsync("apply", tree, "--auto-approve", env=env)
    done = dlsync("apply", tree, "--auto-approve", "--format", "json", env=env)
    document = json.loads(done.out)
    message = "`purne`: did you mean `prune`?"
    place = {"file": "dlsync.yaml", "line": 1, "column": 1}
    warning = {"severity": "warning", "code": "unknown-field", **place, "message": message}
    assert (document["changes"], document["warnings"], done.err) == ([], [warning], "")
    assert schema.check("plan", document) == []


def test_json_and_stderr_have_the_warning_of_a_failed_annotation(tree: Path, env: dict[str, str]) -> None:
    write_tree(tree, {"dlsync.yaml": "annotate: ..\n"})
    done = dlsync("apply", tree, "--auto-approve", "--format", "json", env=env)
    (warning,) = json.loads(done.out)["warnings"]
    assert warning["message"].startswith("no annotation was posted to the stream")
    assert warning["message"] in done.err


def test_a_warning_is_printed_once(tree: Path, env: dict[str, str]) -> None:
    write_tree(tree, {"dlsync.yaml": "purne: all\n"})
    assert dlsync("apply", tree, "--auto-approve", env=env).out.count("purne") == 1
    assert dlsync("apply", tree, "--auto-approve", env=env).out.count("purne") == 1


def test_an_apply_with_failed_changes_exits_with_3(tree: Path) -> None:
    def no_scripts(request: Seen) -> Reply:
        is_ours = b'"dlsync-' in request.body
        return json_reply({}, 200) if is_ours else json_reply({"error": "no scripts on Sundays"}, 400)

    replies: Replies = {
        "GET plugins": json_reply([]),
        "GET plugins/dlsync-inventory": json_reply({}, 404),
        "GET dashboards": json_reply([]),
        "GET rules": json_reply([]),
        "GET /api/v1/orgs/acme/accounts": json_reply([{"id": "1", "name": "default", "agent_keys": []}]),
        "GET rules/load": Reply(200, b"title: Load\ncriteria: []\n", (("Content-Type", "application/yaml"),)),
        "PUT rules/load": Reply(204),
        "POST plugins": no_scripts,
        "DELETE plugins/dlsync-lock": Reply(204),
        "PUT dashboards/web": json_reply({"error": "too pretty"}, 400),
    }
    with misbehaving(by_request(replies, otherwise=json_reply({}, 404))) as server:
        done = dlsync("apply", tree, "--auto-approve", "--format", "json", env=environment(server.url))
    assert done.code == 3
    results = {one["kind"]: one for one in json.loads(done.out)["changes"]}
    assert [results[kind]["result"] for kind in ("plugin", "dashboard")] == ["failed", "failed"]
    assert "too pretty" in results["dashboard"]["error"]


def test_the_delete_guard_refuses_the_apply_before_any_write(tmp_path: Path, env: dict[str, str]) -> None:
    for number in range(10):
        by_hand(env, "PUT", f"dashboards/d{number}", DASHBOARD)
    write_tree(tmp_path, {"dlsync.yaml": "prune: all\n", "dashboards/d1.yaml": DASHBOARD})
    done = dlsync("apply", tmp_path, "--auto-approve", env=env)
    assert (done.code, done.writes) == (4, [])
    assert done.out.count("- dashboard/d") == 9
    assert "9 of 10 resources (90 %), more than the 30 % that `max_delete_percent` allows" in done.err
    document = json.loads(dlsync("apply", tmp_path, "--auto-approve", "--format", "json", env=env).out)
    assert (len(document["changes"]), len(document["refused"])) == (9, 1)
    for output in ("text", "json", "markdown"):
        shown = dlsync("plan", tmp_path, "--detailed-exitcode", "--format", output, env=env)
        assert shown.code == 1
        assert "90 %" in shown.out.replace("&#37;", "%")
        assert "dashboard/d9" in shown.out.replace("&#47;", "/") or '"d9"' in shown.out


def test_an_empty_tree_that_would_delete_is_refused(tmp_path: Path, env: dict[str, str]) -> None:
    by_hand(env, "PUT", "dashboards/web", DASHBOARD)
    write_tree(tmp_path, {"dlsync.yaml": "prune: all\n"})
    done = dlsync("apply", tmp_path, "--auto-approve", env=env)
    assert (done.code, done.writes) == (4, [])
    assert "\n- dashboard/web  delete\n" in done.out
    assert "the files hold no resources, and the plan would delete 1" in done.err


@pytest.mark.parametrize("typed", [None, "y\n"])
def test_each_reason_of_a_refusal_is_printed_once_on_its_own_line(
    tmp_path: Path, env: dict[str, str], typed: str | None
) -> None:
    for number in range(10):
        by_hand(env, "PUT", f"dashboards/d{number}", DASHBOARD)
    write_tree(tmp_path, {"dlsync.yaml": "prune: all\n"})
    done = dlsync("apply", tmp_path, *([] if typed else ["--auto-approve"]), env=env, typed=typed)
    assert (done.code, done.writes) == (4, [])
    assert "Plan: " in done.out.splitlines()[-1]
    assert [line.partition(": ")[2][:30] for line in done.err.splitlines() if "refused: " in line] == [
        "the plan is refused: the files",
        "it would delete 10 of 10 resou",
    ]


# saved plans
def test_a_saved_plan_finds_its_tree_by_relative_path_in_another_working_directory(
    tree: Path, env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    kept = tmp_path / "kept" / "plan.json"
    assert dlsync("plan", tree.name, "--target", "rule/*", "--out", kept, env=env).code == 0
    runner = tmp_path / "another runner"
    runner.mkdir()
    tree.rename(runner / tree.name)
    monkeypatch.chdir(runner)
    done = dlsync("apply", kept, "--auto-approve", env=env)
    assert (done.code, done.writes[-1].rpartition("/")[2]) == (0, "load")
    assert done.out.endswith("Applied: 1 created, 0 updated, 0 deleted, 0 failed.\n")


def test_a_stale_saved_plan_is_refused_and_names_the_changed_resource(
    tree: Path, env: dict[str, str], tmp_path: Path
) -> None:
    dlsync("plan", tree, "--out", tmp_path / "plan.json", env=env)
    by_hand(env, "PUT", "dashboards/web", DASHBOARD)
    done = dlsync("apply", tmp_path / "plan.json", "--auto-approve", env=env)
    assert (done.code, done.out, done.writes) == (4, "", [])
    assert done.err == "error: the plan is stale: since it was made, dashboard/web changed\nPlan and review again.\n"


@pytest.mark.parametrize("output", ["text", "json", "github"])
def test_a_stale_saved_plan_without_changes_warns_succeeds_and_records_nothing(
    tree: Path, env: dict[str, str], tmp_path: Path, output: str
) -> None:
    assert dlsync("apply", tree, "--auto-approve", env=env).code == 0
    dlsync("plan", tree, "--out", tmp_path / "plan.json", env=env)
    write_tree(tree, {"rules/load.yaml": "title: Other\ncriteria: []\n", "dlsync.yaml": "max_delete_percent: 0\n"})
    (tree / "dashboards/web.yaml").unlink()
    planned = dlsync("plan", tree, env=env).out
    done = dlsync("apply", tmp_path / "plan.json", "--auto-approve", "--format", output, env=env)
    assert (done.code, done.writes) == (0, [])
    said = "the plan is stale: the files changed since it was made; it has no changes, so there is nothing to apply\n"
    if output == "github":
        assert done.err.startswith(f"{said}warning: rule/load: ")
        assert [line.partition(", ")[0] for line in done.out.splitlines()] == [
            "::warning title=not-in-plan::rule/load: the files ask for its update",
            "::warning title=not-in-plan::dashboard/web: the files ask for its delete",
        ]
        return
    assert done.err == said
    if output == "json":
        made = json.loads(done.out)
        assert (made["changes"], made["refused"]) == ([], [])
        named = [(one["code"], one["message"].partition(", ")[0]) for one in made["warnings"]]
        assert named == [
            ("not-in-plan", "rule/load: the files ask for its update"),
            ("not-in-plan", "dashboard/web: the files ask for its delete"),
        ]
    else:
        assert done.out.startswith("warning: rule/load: the files ask for its update, which is not in the saved plan")
        assert "\nNo changes. " in done.out
    assert dlsync("plan", tree, env=env).out == planned


def test_a_plan_of_a_revert_that_predates_the_reverted_apply_warns_and_records_nothing(
    tree: Path, env: dict[str, str], tmp_path: Path
) -> None:
    assert dlsync("apply", tree, "--auto-approve", env=env).code == 0
    first = {"rules/load.yaml": (tree / "rules/load.yaml").read_text()}
    write_tree(tree, {"rules/load.yaml": "title: Other\ncriteria: []\n"})
    dlsync("plan", tree, "--out", tmp_path / "merged.json", env=env)
    write_tree(tree, first)
    dlsync("plan", tree, "--out", tmp_path / "revert.json", env=env)
    write_tree(tree, {"rules/load.yaml": "title: Other\ncriteria: []\n"})
    assert dlsync("apply", tmp_path / "merged.json", "--auto-approve", env=env).code == 0
    write_tree(tree, first)
    planned = dlsync("plan", tree, env=env).out
    done = dlsync("apply", tmp_path / "revert.json", "--auto-approve", "--format", "github", env=env)
    assert done.code == 0
    assert done.out.startswith("::warning title=not-in-plan::rule/load: the files ask for its update, which is not in")
    assert dlsync("plan", tree, env=env).out == planned
    assert "changed on the server" not in planned


def test_format_github_prints_annotations_on_stdout_and_the_text_on_stderr(tree: Path, env: dict[str, str]) -> None:
    text = dlsync("apply", tree, "--auto-approve", "--format", "github", env=env)
    assert (text.code, text.out) == (0, "")
    assert "+ dashboard/web " in text.err
    assert "Applied: 3 created" in text.err
    rules = {f"rules/r{number}.yaml": "title: Other\ncriteria: []\n" for number in range(20)}
    write_tree(tree, rules)
    assert dlsync("apply", tree, "--auto-approve", env=env).code == 0
    for file in rules:
        (tree / file).unlink()
    refused = dlsync("apply", tree, "--auto-approve", "--format", "github", env=env)
    assert (refused.code, refused.writes) == (4, [])
    assert refused.out.startswith("::error title=run-failed::the plan is refused: ")
    assert "- rule/r1 " in refused.err


@pytest.mark.parametrize("journal", [[], ["--journal", "kept"]])
def test_a_saved_plan_that_was_applied_is_refused_with_the_run_that_applied_it(
    tree: Path, env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, journal: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    dlsync("plan", tree, "--out", "plan.json", env=env)
    command = ["apply", "plan.json", "--auto-approve", *journal]
    assert dlsync(*command, env=env).code == 0
    (run,) = json.loads(dlsync("history", tree, *journal, "--format", "json").out)["runs"]
    write_tree(tree, {"rules/more.yaml": "title: More\ncriteria: []\n"})
    again = dlsync(*command, env=env)
    assert (again.code, again.out, again.writes) == (4, "", [])
    said = f"error: the saved plan has been applied already, by run {run['run']} ({run['started']})\n"
    assert again.err == f"{said}For what has changed since, make a new plan.\n"
    (tree / "rules/more.yaml").unlink()
    elsewhere = dlsync(*command, "--journal", "elsewhere", env=env)
    assert "changed, so none of its changes is left to apply\n" in elsewhere.err


def test_a_saved_plan_whose_secret_changed_is_refused_with_the_name_of_the_variable(
    tree: Path, env: dict[str, str], tmp_path: Path
) -> None:
    write_tree(tree, {"rules/load.yaml": "title: ${env:TITLE}\ncriteria: []\n"})
    dlsync("plan", tree, "--out", tmp_path / "plan.json", env={**env, "TITLE": "first s3cret"})
    done = dlsync("apply", tmp_path / "plan.json", "--auto-approve", env={**env, "TITLE": "other s3cret"})
    assert (done.code, done.out, done.writes) == (4, "", [])
    said = "error: the plan is stale: since it was made, the value of ${env:TITLE} in rule/load changed\n"
    assert done.err == f"{said}Plan and review again.\n"


def test_a_saved_plan_whose_secret_has_its_former_value_again_is_refused_with_the_variable(
    tree: Path, env: dict[str, str], tmp_path: Path
) -> None:
    write_tree(tree, {"rules/load.yaml": "title: ${env:TITLE}\ncriteria: []\n"})
    first, other = {**env, "TITLE": "first s3cret"}, {**env, "TITLE": "other s3cret"}
    dlsync("apply", tree, "--auto-approve", env=first)
    dlsync("plan", tree, "--out", tmp_path / "plan.json", env=other)
    done = dlsync("apply", tmp_path / "plan.json", "--auto-approve", env=first)
    assert (done.code, done.out, done.writes) == (4, "", [])
    said = "since it was made, the value of ${env:TITLE} in rule/load changed, so none of its changes is left to apply"
    assert done.err == f"error: the plan is stale: {said}\nPlan and review again.\n"


def test_an_apply_of_a_saved_plan_refuses_the_option_target(tree: Path, env: dict[str, str], tmp_path: Path) -> None:
    dlsync("plan", tree, "--out", tmp_path / "plan.json", env=env)
    done = dlsync("apply", tmp_path / "plan.json", "--auto-approve", "--target", "rule/*", env=env)
    assert (done.code, done.asked) == (1, ())
    assert done.err == (
        "error: a saved plan is applied with the options that it was made with\n"
        "Leave out --target, --adopt, --on-conflict and --delete-account, or give the directory.\n"
    )


def test_a_saved_plan_applied_in_another_directory_is_an_error_that_says_so(
    tree: Path, env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hint = "If the plan was made in another directory, change to that one; else plan and review again.\n"
    monkeypatch.chdir(tree)
    dlsync("plan", "--out", "../plan.json", env=env)
    other = write_tree(tmp_path / "other", {"plugins/else.sh": "1"})
    monkeypatch.chdir(other)
    done = dlsync("apply", "../plan.json", "--auto-approve", env=env)
    assert (done.code, done.out, done.asked) == (1, "", ())
    said = "error: the saved plan was made from dashboards/web.yaml, which is not in this directory\n"
    assert done.err == said + hint
    write_tree(other, {"dashboards/web.yaml": "title: Other\npositions: []\n"})
    done = dlsync("apply", "../plan.json", "--auto-approve", env=env)
    assert (done.code, done.out, done.writes) == (4, "", [])
    assert done.err.splitlines(keepends=True)[1] == (
        f"Files in this directory are not those that the plan was made from. {hint}"
    )


def test_a_saved_plan_whose_tree_is_gone_is_an_error_that_names_it(
    tree: Path, env: dict[str, str], tmp_path: Path
) -> None:
    dlsync("plan", tree, "--out", tmp_path / "plan.json", env=env)
    tree.rename(tmp_path / "moved")
    done = dlsync("apply", tmp_path / "plan.json", "--auto-approve", env=env)
    assert (done.code, done.asked) == (1, ())
    assert f"made from the directory {tree}, which does not exist\n" in done.err


def test_a_file_that_is_no_plan_is_an_error(tree: Path, env: dict[str, str]) -> None:
    done = dlsync("apply", tree / "rules/load.yaml", "--auto-approve", env=env)
    assert (done.code, done.asked) == (1, ())
    assert "load.yaml is not a plan: it is not JSON\nMake it with `dlsync plan --out FILE`.\n" in done.err


# at a real terminal
def at_a_terminal(tree: Path, env: dict[str, str], answer: bytes | signal.Signals, **more: str) -> tuple[int, str]:
    """Run an apply on a pseudo-terminal, answer its question, and return its exit code and its output."""
    master, slave = pty.openpty()
    with subprocess.Popen(
        command_line("apply", tree),
        env=process_environment({**env, "TERM": "xterm", **more}),
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    ) as running:
        os.close(slave)
        shown = b""
        try:
            with suppress(OSError):  # Linux fails a read from a terminal that no process has open
                while chunk := os.read(master, 65536):
                    shown += chunk
                    if b"[y/N] " in shown and answer:
                        os.write(master, answer) if isinstance(answer, bytes) else running.send_signal(answer)
                        answer = b""
        except BaseException:  # a test that times out would wait for the process for ever
            running.kill()
            raise
        os.close(master)
    return running.returncode, shown.decode().replace("\r\n", "\n")


def test_at_a_terminal_apply_prints_in_colour_asks_and_applies(tree: Path, env: dict[str, str]) -> None:
    code, shown = at_a_terminal(tree, env, b"y\n")
    assert code == 0
    assert "\x1b[32m+ plugin/disk" in shown
    assert re.search(r"\? \[y/N\] y\n(?s:.*)Applied: 3 created", shown)
    assert changes(env, tree) == 0


def test_at_a_terminal_the_answer_no_applies_nothing_and_no_color_disables_colours(
    tree: Path, env: dict[str, str]
) -> None:
    code, shown = at_a_terminal(tree, env, b"n\n", NO_COLOR="1")
    assert code == 1
    assert shown.endswith("? [y/N] n\nNothing was applied.\n")
    assert "\x1b" not in shown
    assert changes(env, tree) == 3


def test_the_end_of_input_at_the_question_counts_as_no(tree: Path, env: dict[str, str]) -> None:
    code, shown = at_a_terminal(tree, env, b"\x04")
    assert code == 1
    assert shown.endswith("Nothing was applied.\n")


@pytest.mark.parametrize("number", ENDING_SIGNALS)
def test_a_signal_at_the_question_ends_the_apply_at_once(
    tree: Path, env: dict[str, str], number: signal.Signals
) -> None:
    code, shown = at_a_terminal(tree, env, number)
    assert code == 130
    assert shown.endswith("Nothing was applied.\nInterrupted.\n")
    assert changes(env, tree) == 3


@pytest.mark.parametrize("number", ENDING_SIGNALS)
@pytest.mark.parametrize(("at", "applied"), [("PUT load", 2), ("PATCH dlsync-inventory", 3)])
def test_a_signal_while_applying_releases_the_lock_and_says_how_much_was_applied(
    tree: Path, env: dict[str, str], number: signal.Signals, at: str, applied: int
) -> None:
    def answer(seen: Seen) -> Reply:
        method, name = at.split()
        if seen.method == method and name in seen.target:
            os.kill(os.getpid(), number)
            return Reply(misbehaviour=Misbehaviour.HANG)
        return forwarded(env["DLSYNC_URL"], seen)

    with misbehaving(answer) as proxy:
        done = dlsync("apply", tree, "--auto-approve", env={**env, "DLSYNC_URL": proxy.url})
    assert done.code == 130
    count = "3 of 3 changes applied" if applied == 3 else "At least 2 of 3 changes applied, 1 more may have been"
    rest = "check and record them" if "3 of 3" in count else "apply the rest"
    said = f"{count}. Run the same command again to {rest}.\n"
    assert done.err == f"{said}Interrupted.\n"
    listed = "3 applied" if applied == 3 else "at least 2 of 3 applied, 1 more may have been, interrupted"
    assert listed in dlsync("history", tree).out
    (run,) = json.loads(dlsync("history", tree, "--format", "json").out)["runs"]
    assert (run["planned"], run["summary"].get("applied")) == (3, applied)
    assert "dlsync-lock" not in by_hand(env, "GET", "plugins").text
    assert dlsync("apply", tree, "--auto-approve", env=env).code == 0
    assert changes(env, tree) == 0


@pytest.mark.parametrize("command", ["plan", "apply --auto-approve", "drift", "export --check"])
def test_an_interrupted_command_prints_a_json_document_with_the_error(
    tree: Path, env: dict[str, str], command: str
) -> None:
    def answer(seen: Seen) -> Reply:
        if seen.method == "GET" and seen.target.endswith("/rules"):  # each command sends this request once
            os.kill(os.getpid(), ENDING_SIGNALS[0])
            return Reply(misbehaviour=Misbehaviour.HANG)
        return forwarded(env["DLSYNC_URL"], seen)

    with misbehaving(answer) as proxy:
        done = dlsync(*command.split(), tree, "--format", "json", env={**env, "DLSYNC_URL": proxy.url})
    assert done.code == 130
    assert json.loads(done.out) == {"format_version": 1, "error": "interrupted", "problems": []}


def test_an_interrupt_after_an_apply_without_changes_says_that_nothing_was_applied(
    tree: Path, env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(operation: Coroutine[object, object, object]) -> None:
        asyncio.run(operation)
        raise KeyboardInterrupt

    assert dlsync("apply", tree, "--auto-approve", env=env).code == 0
    monkeypatch.setattr("dlsync.cli.console.run", interrupted)
    done = dlsync("apply", tree, "--auto-approve", env=env)
    assert (done.code, done.err) == (130, "Nothing was applied.\nInterrupted.\n")


@pytest.mark.parametrize("failure", [BrokenPipeError, NameError], ids=["closed stdout", "half-imported module"])
def test_an_interrupt_exits_with_130_even_if_no_document_can_be_printed(
    tree: Path, env: dict[str, str], monkeypatch: pytest.MonkeyPatch, failure: type[Exception]
) -> None:
    def gone(*_: object) -> None:
        raise failure

    def interrupted(operation: Coroutine[object, object, object]) -> None:
        operation.close()
        raise KeyboardInterrupt

    monkeypatch.setattr("dlsync.cli.console.run", interrupted)
    monkeypatch.setattr("dlsync.cli.console.write_stdout", gone)
    done = dlsync("apply", tree, "--auto-approve", "--format", "json", env=env)
    assert (done.code, done.err) == (130, "Nothing was applied.\nInterrupted.\n")


def test_the_answer_no_prints_a_json_document_with_the_error(tree: Path, env: dict[str, str]) -> None:
    done = dlsync("apply", tree, "--format", "json", env=env, typed="n\n")
    assert (done.code, done.writes) == (1, [])
    assert json.loads(done.out) == {"format_version": 1, "error": "nothing was applied", "problems": []}


def test_the_question_escapes_control_characters(tree: Path, server: Served) -> None:
    done = dlsync("apply", tree, env=server.account("a\x1b[2J"), typed="n\n")
    assert done.err.startswith("Apply this to acme/a\\x1b[2J at http://")
    assert "\x1b" not in done.err + done.out


def test_the_progress_bar_is_drawn_only_on_a_terminal(
    tree: Path, env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dlsync.cli.terminal._PATIENCE", -1.0)
    assert "Applying" in dlsync("apply", tree, "--auto-approve", env=env, err=Terminal()).err
    assert dlsync("apply", tree, "--auto-approve", env=env).err == ""


def test_an_interrupt_at_the_question_applies_nothing_and_suggests_no_second_run(
    tree: Path, env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(Terminal, "readline", interrupted)
    done = dlsync("apply", tree, env=env, typed="")
    assert (done.code, done.writes, done.err.rpartition("[y/N] ")[2]) == (
        130,
        [],
        "Nothing was applied.\nInterrupted.\n",
    )


# accounts and links


def test_an_account_is_deleted_where_the_command_line_or_the_saved_plan_names_it(
    tree: Path, tmp_path: Path, env: dict[str, str]
) -> None:
    old = f"{env['DLSYNC_ACCOUNT']}-old"
    for how in ("plan", "line"):
        assert dlsync("accounts", "create", old, env=env).code == 0
        doomed = ["--delete-account", old]
        kept = tmp_path / f"{how}.json"
        shown = dlsync("plan", tree, *doomed, "--out", kept, env=env)
        assert f"- account/{old}  delete" in shown.out
        given = [kept] if how == "plan" else [tree, *doomed]
        assert f"- account/{old}  delete  applied" in dlsync("apply", *given, "--auto-approve", env=env).out
        assert old not in dlsync("accounts", "list", env=env).out


def test_delete_account_refuses_the_current_account_and_accounts_that_the_files_name(
    tree: Path, env: dict[str, str]
) -> None:
    write_tree(tree, {"dlsync.yaml": "accounts: [kept]\n"})
    for name in (env["DLSYNC_ACCOUNT"], "kept"):
        done = dlsync("apply", tree, "--delete-account", name, "--auto-approve", env=env)
        assert (done.code, done.out, done.writes) == (1, "", [])


def test_an_operation_that_the_server_lacks_is_skipped_with_a_manual_step_and_exit_code_3(tmp_path: Path) -> None:
    write_tree(tmp_path, {"plugins/disk.sh": "echo\n", "links.yaml": "disk: [all]\n"})
    with served(documented_only=True) as server:
        done = dlsync("apply", tmp_path, "--auto-approve", env=server.account())
    assert done.code == 3
    assert (
        "skipped: this server cannot create links: link plugin `disk` to the tag all by hand"
        in done.out.splitlines()[-3]
    )
    assert done.out.splitlines()[-1] == "Applied: 1 created, 0 updated, 0 deleted, 0 failed, 1 skipped."


def test_a_live_resource_that_cannot_be_read_does_not_fail_the_others(
    applied: Path, env: dict[str, str], tmp_path: Path
) -> None:
    def answer(seen: Seen) -> Reply:
        is_broken = seen.method == "GET" and seen.target.endswith("/rules/load")
        return Reply(200, b"title: .inf\n") if is_broken else forwarded(env["DLSYNC_URL"], seen)

    write_tree(applied, {"dashboards/web.yaml": "title: New\npositions: []\n"})
    with misbehaving(answer) as server:
        through = {**env, "DLSYNC_URL": server.url}
        planned = dlsync("plan", applied, env=through)
        done = dlsync("apply", applied, "--auto-approve", env=through)
        exported = dlsync("export", tmp_path / "copy", env=through)
    held = "held: the live resource cannot be read (what the server sent is not YAML: 1:8: found .inf; "
    assert (planned.code, held in planned.out) == (0, True)
    assert (done.code, "1 updated, 0 deleted, 1 failed" in done.out) == (3, True)
    assert (exported.code, "1 not written" in exported.out) == (3, True)
    assert exported.err.startswith("error: rule/load: what the server sent is not YAML")


def test_a_rename_of_a_resource_edited_on_the_server_is_held_even_if_its_secret_changed(
    tree: Path, env: dict[str, str], tmp_path: Path
) -> None:
    rule = "title: {}\ndescription: {}\ncriteria: []\n"
    write_tree(tree, {"rules/load.yaml": rule.format("Load", "${env:TITLE}")})
    dlsync("apply", tree, "--auto-approve", env={**env, "TITLE": "first s3cret"})
    edited = write_tree(tmp_path, {"edited.yaml": rule.format("Edited", "first s3cret")}) / "edited.yaml"
    assert dlsync("rules", "update", "load", edited, env=env).code == 0
    (tree / "rules/load.yaml").rename(tree / "rules/new.yaml")
    rotated = {**env, "TITLE": "other s3cret"}
    done = dlsync("apply", tree, "--auto-approve", env=rotated)
    assert (done.code, done.writes) == (4, [])
    assert dlsync("accept", "rule/load", tree, env=rotated).code == 0
    assert (tree / "rules/new.yaml").read_text() == rule.format("Edited", "${env:TITLE}")
    assert dlsync("apply", tree, "--auto-approve", env=rotated).code == 0
    assert dlsync("rules", "get", "new", env=env).out == rule.format("Edited", "other s3cret")


def test_a_second_apply_of_a_partly_failed_saved_plan_applies_the_rest(
    tree: Path, env: dict[str, str], tmp_path: Path
) -> None:
    refused: list[Seen] = []

    def answer(seen: Seen) -> Reply:
        if seen.method == "PUT" and seen.target.endswith("/rules/load") and not refused:
            refused.append(seen)
            return json_reply({"error": "not now"}, 400)
        return forwarded(env["DLSYNC_URL"], seen)

    with misbehaving(answer) as proxy:
        to = {**env, "DLSYNC_URL": proxy.url}
        assert dlsync("plan", tree, "--out", tmp_path / "plan.json", env=to).code == 0
        applied = [dlsync("apply", tmp_path / "plan.json", "--auto-approve", env=to) for _ in range(3)]
    assert [one.code for one in applied] == [3, 0, 4]
    assert "Applied: 2 created, 0 updated, 0 deleted, 1 failed." in applied[0].out
    assert "Applied: 1 created, 0 updated, 0 deleted, 0 failed." in applied[1].out
    assert "has been applied already" in applied[2].err
