"""``dlsync export --commit``: commits the live resources, and nothing else, in real repositories."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING

import pytest

from dlsync.files.writer import FileChange
from dlsync.model import Address
from dlsync.operations.export_commit import message
from tests.builders.commands import DASHBOARD, TREE, Outcome, Served, by_hand, dlsync
from tests.builders.plans import TARGET
from tests.builders.repositories import CONFIGURATION, commit_all, git, repository
from tests.builders.trees import tree_files, write_tree

if TYPE_CHECKING:
    from pathlib import Path

LIVE = "title: Shop\npositions: []\n"
WEB = "dashboards/web.yaml"


@pytest.fixture
def env(server: Served) -> dict[str, str]:
    return {**server.account(), **CONFIGURATION}


@pytest.fixture
def repo(tmp_path: Path, env: dict[str, str]) -> Path:
    """A repository whose files were committed and then applied."""
    root = repository(write_tree(tmp_path / 'a repo\'s "files"', {**TREE, ".gitignore": ".dlsync/\n"}))
    assert dlsync("apply", root, "--auto-approve", env=env).code == 0
    return root


def export(root: Path, env: dict[str, str], *options: str) -> Outcome:
    return dlsync("export", root, "--commit", *options, env=env)


def work_files(root: Path) -> dict[str, bytes]:
    return {file: content for file, content in tree_files(root).items() if not file.startswith(".git/")}


def log(root: Path) -> list[str]:
    return git(root, "log", "--format=%s").splitlines()


def test_an_export_makes_one_commit_that_lists_the_changes_and_the_next_export_makes_none(
    repo: Path, env: dict[str, str]
) -> None:
    by_hand(env, "PUT", "dashboards/web", LIVE)
    by_hand(env, "PUT", "dashboards/my%20new%20%22one%22", DASHBOARD)
    by_hand(env, "DELETE", "rules/load")
    done = export(repo, env, "--mirror")
    assert (done.code, done.err) == (0, "")
    commit = git(repo, "rev-parse", "HEAD")
    assert done.out.endswith(
        f"1 file created, 1 updated, 1 deleted; 1 resource unchanged.\nCommitted as {commit[:12]}.\n"
    )
    body = "+ dashboards/my new %22one%22.yaml\n~ dashboards/web.yaml\n- rules/load.yaml"
    subject = f"Export acme/{env['DLSYNC_ACCOUNT']}: 1 created, 1 updated, 1 deleted"
    assert git(repo, "log", "-1", "--format=%B").strip() == f"{subject}\n\n{body}"
    assert git(repo, "log", "-1", "--format=%an <%ae>") == "Ada <ada@example.org>"
    assert git(repo, "status", "--porcelain") == ""
    assert git(repo, "show", f"HEAD:{WEB}") == LIVE.strip()
    again = export(repo, env, "--mirror", "--format", "json")
    assert (again.code, json.loads(again.out)["commit"], len(log(repo))) == (0, None, 2)


def test_check_commits_nothing_and_needs_no_repository(tmp_path: Path, env: dict[str, str], repo: Path) -> None:
    by_hand(env, "PUT", "dashboards/web", LIVE)
    assert export(repo, env, "--check").code == export(tmp_path / "new", env, "--check").code == 2
    assert log(repo) == ["first"]


def test_a_target_is_committed_alone(repo: Path, env: dict[str, str]) -> None:
    by_hand(env, "PUT", "dashboards/web", LIVE)
    by_hand(env, "PUT", "dashboards/other", DASHBOARD)
    assert export(repo, env, "--target", "dashboard/other").code == 0
    assert git(repo, "show", "--name-only", "--format=") == "dashboards/other.yaml"


def test_other_changes_stay_out_of_the_commit_and_keep_their_staged_state(repo: Path, env: dict[str, str]) -> None:
    write_tree(repo, {"rules/load.yaml": "title: Mine\ncriteria: []\n", "staged.txt": "1\n", "loose.txt": "1\n"})
    git(repo, "add", "staged.txt", "rules/load.yaml")
    write_tree(repo, {"staged.txt": "2\n"})
    before = git(repo, "status", "--porcelain")
    by_hand(env, "PUT", "dashboards/web", LIVE)
    by_hand(env, "PUT", "dashboards/other", DASHBOARD)
    done = export(repo, env)
    assert (done.code, done.err) == (
        0,
        "warning: rule/load: its file is not applied yet; run `dlsync apply`, then export again\n",
    )
    assert git(repo, "show", "--name-only", "--format=") == f"dashboards/other.yaml\n{WEB}"
    assert git(repo, "status", "--porcelain") == before


@pytest.mark.parametrize("how", ["staged", "loose", "deleted", "untracked"])
def test_a_file_with_changes_that_are_not_committed_is_not_overwritten(
    repo: Path, env: dict[str, str], how: str
) -> None:
    if how == "untracked":
        git(repo, "rm", "--quiet", "--cached", WEB)
        git(repo, "commit", "--quiet", "--message=second")
    elif how == "deleted":
        (repo / WEB).unlink()
    else:
        write_tree(repo, {WEB: f"# mine\n{DASHBOARD}"})
    if how == "staged":
        git(repo, "add", WEB)
    by_hand(env, "PUT", "dashboards/web", LIVE)
    by_hand(env, "PUT", "dashboards/another", DASHBOARD)
    before, commits = work_files(repo), log(repo)
    options = ["--target", "dashboard/*"]
    if how == "deleted":  # the delete is not applied either, and the export reports that first
        assert "dashboard/web: its file is gone, and that is not applied yet" in export(repo, env, *options).err
        return
    done = export(repo, env, *options)
    assert (done.code, done.out) == (4, "")
    assert done.err.endswith(
        f"error: not committed, so it is not overwritten: {WEB}; nothing was written\n"
        "Commit or discard the changes first.\n"
    )
    assert (work_files(repo), log(repo)) == (before, commits)


@pytest.mark.parametrize("is_backup", [False, True])
def test_a_file_that_a_killed_run_left_uncommitted_is_named(
    repo: Path, env: dict[str, str], tmp_path: Path, is_backup: bool
) -> None:
    root = repository(tmp_path / "backup") if is_backup else repo
    assert not is_backup or export(root, env).code == 0
    by_hand(env, "PUT", "dashboards/web", LIVE)
    write_tree(root, {WEB: LIVE})
    done = export(root, env)
    assert done.err == (
        "warning: dashboard/web: its file has changes that are not committed, as by a run that was killed; "
        "commit or discard them\n"
    )
    assert done.out.endswith(": 2 resources unchanged, 1 left out: not applied or committed yet.\n")
    commit_all(root, "by hand")
    assert export(root, env).err == ""


def test_a_file_of_many_resources_that_is_not_committed_is_named_once(repo: Path, env: dict[str, str]) -> None:
    write_tree(repo, {"links.yaml": "disk: [one, two]\n"})
    assert dlsync("apply", repo, "--auto-approve", env=env).code == 0
    assert export(repo, env).err.count("not committed") == 1


@pytest.mark.parametrize("action", ["update", "delete"])
@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("assume-unchanged", "marked assume-unchanged"),
        ("skip-worktree", "marked skip-worktree, or not in the sparse checkout"),
        ("both", "marked assume-unchanged and skip-worktree"),
        ("ignored", "ignored, or in a submodule: export into that"),
        ("submodule", "ignored, or in a submodule: export into that"),
    ],
)
def test_a_file_whose_changes_git_hides_is_named_and_not_overwritten(
    repo: Path, env: dict[str, str], how: str, reason: str, action: str
) -> None:
    if how == "ignored":
        git(repo, "rm", "--quiet", "--cached", WEB)
        write_tree(repo, {".gitignore": f".dlsync/\n{WEB}\n"})
        commit_all(repo, "second")
    elif how == "submodule":
        inner = repository(write_tree(repo.parent / "inner", {"web.yaml": DASHBOARD}))
        git(repo, "rm", "--quiet", WEB)
        git(repo, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner), "dashboards")
        commit_all(repo, "second")
    else:
        for mark in ("assume-unchanged", "skip-worktree") if how == "both" else (how,):
            git(repo, "update-index", f"--{mark}", WEB)
    write_tree(repo, {WEB: f"# mine\n{DASHBOARD}"})
    by_hand(env, "DELETE" if action == "delete" else "PUT", "dashboards/web", "" if action == "delete" else LIVE)
    by_hand(env, "PUT", "rules/new", "title: New\ncriteria: []\n")
    before, commits, status = work_files(repo), log(repo), git(repo, "status", "--porcelain")
    done = export(repo, env, "--mirror")
    named = f"error: git does not show its changes, so it is not overwritten: {WEB} ({reason}); nothing was written\n"
    assert (done.code, done.out, named in done.err) == (4, "", True)
    assert (work_files(repo), log(repo), git(repo, "status", "--porcelain")) == (before, commits, status)


def test_an_assume_unchanged_file_that_the_export_does_not_change_is_accepted(repo: Path, env: dict[str, str]) -> None:
    git(repo, "update-index", "--assume-unchanged", "rules/load.yaml")
    write_tree(repo, {"later.txt": "1\n"})
    git(repo, "add", "--intent-to-add", "later.txt")
    by_hand(env, "PUT", "dashboards/web", LIVE)
    assert export(repo, env).code == 0
    assert git(repo, "show", "--name-only", "--format=") == WEB
    assert git(repo, "status", "--porcelain") == " A later.txt"


def test_a_new_file_outside_of_a_sparse_checkout_is_refused(repo: Path, env: dict[str, str]) -> None:
    git(repo, "sparse-checkout", "set", "rules")
    by_hand(env, "PUT", "dashboards/other", DASHBOARD)
    before = work_files(repo)
    done = export(repo, env, "--target", "dashboard/other")
    assert (done.code, work_files(repo), git(repo, "status", "--porcelain")) == (1, before, "")
    assert done.err.endswith("dashboards/other.yaml\nFix what git reports, then export again.\n")


def test_a_file_outside_of_the_sparse_checkout_is_a_warning_that_suggests_no_apply(
    repo: Path, env: dict[str, str]
) -> None:
    git(repo, "sparse-checkout", "set", "plugins", "rules")
    by_hand(env, "PUT", "dashboards/web", LIVE)
    done = export(repo, env, "--mirror")
    assert done.err == (
        "warning: dashboard/web: its file is gone or not checked out; "
        "run `git sparse-checkout disable`, then export again\n"
    )
    account = env["DLSYNC_ACCOUNT"]
    assert (
        done.out
        == f"Nothing to commit of acme/{account}: 2 resources unchanged, 1 left out: not applied or committed yet.\n"
    )
    git(repo, "sparse-checkout", "disable")
    assert export(repo, env, "--mirror").code == 0
    assert git(repo, "show", "--name-only", "--format=") == WEB


def test_a_resource_in_a_submodule_that_is_not_checked_out_is_left_out_with_a_warning(
    repo: Path, env: dict[str, str], tmp_path: Path
) -> None:
    pack = {"package.yaml": "title: Shared\n", "dashboards/shared.yaml": DASHBOARD}
    shared = repository(write_tree(tmp_path / "shared", pack))
    git(repo, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", shared.as_uri(), "packs/shared")
    commit_all(repo, "second")
    assert dlsync("apply", repo, "--auto-approve", env=env).code == 0
    git(repo, "submodule", "--quiet", "deinit", "--all")
    assert export(repo, env, "--mirror").err == (
        "warning: dashboard/shared: its file is gone or not checked out; "
        "run `git submodule update --init`, then export again\n"
    )


def test_a_failed_signature_leaves_files_and_index_unchanged(repo: Path, env: dict[str, str]) -> None:
    git(repo, "config", "gpg.program", "no-such-program")
    by_hand(env, "PUT", "dashboards/web", LIVE)
    before = work_files(repo)
    done = export(repo, {**env, "GIT_CONFIG_VALUE_1": "true"})
    assert (done.code, work_files(repo), git(repo, "status", "--porcelain")) == (1, before, "")
    assert done.err.endswith("fatal: failed to write commit object\nFix what git reports, then export again.\n")


def test_files_with_unapplied_changes_are_left_out_and_named(repo: Path, env: dict[str, str]) -> None:
    write_tree(
        repo, {WEB: "title: Wanted\npositions: []\n", "dashboards/new.yaml": DASHBOARD, "dashboards/own.yaml": LIVE}
    )
    (repo / "plugins" / "disk.sh").unlink()
    commit_all(repo, "not applied")
    by_hand(env, "PUT", "dashboards/own", DASHBOARD)
    by_hand(env, "PUT", "rules/load", "title: Live\ncriteria: []\n")
    done = export(repo, env, "--mirror")
    assert done.code == 0
    assert [line.split(";")[0] for line in done.err.splitlines()] == [
        "warning: dashboard/new: its file was never applied",
        "warning: dashboard/own: its file was never applied",
        "warning: dashboard/web: its file is not applied yet",
        "warning: plugin/disk: its file is gone, and that is not applied yet",
    ]
    assert git(repo, "show", "--name-only", "--format=") == "rules/load.yaml"


def test_an_export_after_a_committed_accept_makes_no_commit(repo: Path, env: dict[str, str]) -> None:
    by_hand(env, "PUT", "dashboards/web", LIVE)
    assert dlsync("accept", repo, "--all-drift", env=env).code == 0
    commit_all(repo, "accepted")
    done = export(repo, env, "--mirror")
    assert (done.code, done.err, len(log(repo))) == (0, "", 2)


def test_a_separate_backup_repository_gets_all_live_resources(repo: Path, env: dict[str, str], tmp_path: Path) -> None:
    backup = repository(tmp_path / "backup")
    assert export(backup, env, "--mirror").code == 0
    write_tree(repo, {WEB: LIVE})
    (repo / "rules" / "load.yaml").unlink()
    commit_all(repo, "second")
    assert dlsync("apply", repo, "--auto-approve", env=env).code == 0
    done = export(backup, env, "--mirror")
    assert (done.code, done.err) == (0, "")
    assert git(backup, "log", "-1", "--format=%b") == "~ dashboards/web.yaml\n- rules/load.yaml"


def test_an_account_without_an_apply_is_backed_up(tmp_path: Path, env: dict[str, str]) -> None:
    by_hand(env, "PUT", "dashboards/web", DASHBOARD)
    backup = repository(tmp_path / "backup")
    for text in (DASHBOARD, LIVE):
        by_hand(env, "PUT", "dashboards/web", text)
        assert export(backup, env).code == 0
    assert len(log(backup)) == 3


def test_a_likely_secret_and_a_lost_reference_are_not_committed(repo: Path, env: dict[str, str]) -> None:
    write_tree(repo, {WEB: "title: ${env:TITLE}\npositions: []\n"})
    commit_all(repo, "second")
    env["TITLE"] = "sesame-open"
    assert dlsync("apply", repo, "--auto-approve", env=env).code == 0
    by_hand(env, "PUT", "dashboards/web", "title: other\npositions: []\n")
    rule = "title: Load\ncriteria: []\nactions:\n  - emails: [a@acme.net]\n    message: https://chat.acme.net/hooks/a3d5f7h9j1l2n4p6q8s0t2v4w6\n"
    by_hand(env, "PUT", "rules/load", rule)
    done = export(repo, env)
    assert (done.code, len(log(repo))) == (3, 2)
    assert "error: dashboard/web: not written, because a live value would replace `${env:TITLE}`" in done.err
    assert "error: rule/load: not written into rules/load.yaml: `actions[0].message` looks like a secret" in done.err
    assert "a3d5f7" not in done.out + done.err


def test_an_export_outside_of_a_repository_fails_before_any_request_or_write(
    tmp_path: Path, env: dict[str, str]
) -> None:
    env["GIT_CEILING_DIRECTORIES"] = str(tmp_path)
    done = export(tmp_path / "new", env)
    assert (done.code, done.asked) == (1, ())
    assert done.err.startswith(f"error: {tmp_path / 'new'} cannot be committed: fatal: not a git repository")
    assert done.err.endswith("Run `git init` there, or leave out --commit.\n")
    assert not (tmp_path / "new").exists()


def test_a_repository_that_git_refuses_is_an_error_with_the_reason_of_git(repo: Path, env: dict[str, str]) -> None:
    done = export(repo, {**env, "GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"})
    assert (done.code, done.asked) == (1, ())
    assert "cannot be committed: fatal: detected dubious ownership in repository" in done.err
    assert done.err.endswith("Fix what git reports, then export again.\n")


def test_without_git_the_error_says_to_install_git(tmp_path: Path, env: dict[str, str]) -> None:
    done = export(tmp_path, {**env, "PATH": str(tmp_path)})
    assert (done.code, done.err.splitlines()[-1]) == (1, "Install git.")


@pytest.mark.parametrize("operation", ["merge", "rebase", "cherry-pick", "revert", "stash"])
def test_an_unfinished_git_operation_is_an_error_that_says_what_to_do(
    repo: Path, env: dict[str, str], operation: str
) -> None:
    git(repo, "switch", "--quiet", "--create", "other")
    write_tree(repo, {"note.txt": "theirs\n"})
    commit_all(repo, "other")
    git(repo, "switch", "--quiet", "main")
    write_tree(repo, {"note.txt": "ours\n"})
    commit_all(repo, "ours")
    if operation == "stash":
        write_tree(repo, {"note.txt": "stashed\n"})
        git(repo, "stash")
        write_tree(repo, {"note.txt": "newer\n"})
        commit_all(repo, "newer")
    arguments = {"revert": ["HEAD~1"], "stash": ["pop"]}.get(operation, ["other"])
    if operation == "revert":
        write_tree(repo, {"note.txt": "newer\n"})
        commit_all(repo, "newer")
    git(repo, operation, *arguments, check=False)
    done = export(repo, env)
    assert (done.code, done.asked) == (1, ())
    assert "is in the middle of a merge, rebase, revert or bisection\nFinish or abort it; `git -C" in done.err


def test_without_an_author_nothing_is_written(repo: Path, env: dict[str, str]) -> None:
    git(repo, "config", "--unset", "user.name")
    git(repo, "config", "--unset", "user.email")
    git(repo, "config", "user.useConfigOnly", "true")
    by_hand(env, "PUT", "dashboards/web", LIVE)
    before = work_files(repo)
    done = export(repo, env)
    assert (done.code, work_files(repo), git(repo, "status", "--porcelain")) == (1, before, "")
    assert "error: git did not commit, and the files are as they were: Author identity unknown" in done.err
    assert "git config" in done.err


def hook(repo: Path, name: str, script: str) -> None:
    path = repo / ".git" / "hooks" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_hooks_run_and_a_failing_hook_leaves_files_and_index_unchanged(repo: Path, env: dict[str, str]) -> None:
    write_tree(repo, {"staged.txt": "1\n"})
    (repo / "plugins" / "disk.sh").chmod(0o755)
    commit_all(repo, "executable")
    write_tree(repo, {"staged.txt": "2\n"})
    git(repo, "add", "staged.txt")
    by_hand(env, "PUT", "dashboards/web", LIVE)
    by_hand(env, "PUT", "dashboards/other", DASHBOARD)
    by_hand(env, "DELETE", "plugins/disk")
    hook(repo, "pre-commit", "printf 'no\\n::error::no\\n\\033[31mhttps://ada:hunter2@example.org\\n' >&2; exit 1")
    before, status = work_files(repo), git(repo, "status", "--porcelain")
    done = export(repo, env, "--mirror")
    assert (done.code, done.out) == (1, "")
    assert "error: git did not commit, and the files are as they were: no\n\\x3a:error::no\n" in done.err
    assert not any(bad in done.err for bad in ("hunter2", "\x1b"))
    assert (work_files(repo), git(repo, "status", "--porcelain")) == (before, status)
    assert os.access(repo / "plugins" / "disk.sh", os.X_OK)
    hook(repo, "pre-commit", "exit 0")
    hook(repo, "commit-msg", 'echo "Ticket: 1" >> "$1"')
    assert export(repo, env, "--mirror").code == 0
    assert git(repo, "log", "-1", "--format=%B").endswith("Ticket: 1")
    assert git(repo, "status", "--porcelain") == status


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("name", ["pre-commit", "post-commit"])
def test_an_interrupt_during_a_hook_leaves_the_export_undone_or_committed(
    repo: Path, env: dict[str, str], tmp_path: Path, name: str, number: signal.Signals
) -> None:
    write_tree(repo, {"staged.txt": "1\n"})
    git(repo, "add", "staged.txt")
    by_hand(env, "PUT", "dashboards/web", LIVE)
    by_hand(env, "PUT", "dashboards/other", DASHBOARD)
    by_hand(env, "DELETE", "plugins/disk")
    os.mkfifo(tmp_path / "wait")
    hook(repo, name, f"kill -{number} {os.getpid()}; read line < '{tmp_path}/wait'")
    before, status = work_files(repo), git(repo, "status", "--porcelain")
    done = export(repo, env, "--mirror")
    (tmp_path / "wait").write_text("go on\n")
    assert (done.code, done.out, done.err) == (130, "", "Interrupted.\n")
    is_committed = name == "post-commit"
    assert (work_files(repo) != before, len(log(repo)) == 2) == (is_committed, is_committed)
    assert git(repo, "status", "--porcelain") == status
    hook(repo, name, "exit 0")
    assert export(repo, env, "--mirror").code == 0
    assert (len(log(repo)), git(repo, "status", "--porcelain")) == (2, status)


def test_a_killed_git_loses_nothing_and_the_next_export_says_what_to_do(repo: Path, env: dict[str, str]) -> None:
    by_hand(env, "PUT", "dashboards/web", LIVE)
    hook(repo, "pre-commit", "kill -KILL $PPID")
    before = work_files(repo)
    done = export(repo, env)
    assert (done.code, work_files(repo)) == (1, before)
    assert "git did not commit, and the files are as they were: git was ended by SIGKILL\n" in done.err
    again = export(repo, env)
    assert (again.code, again.err.splitlines()[-1]) == (4, "Commit or discard the changes first.")
    (repo / ".git" / "index.lock").unlink()
    hook(repo, "pre-commit", "exit 0")
    git(repo, "reset", "--quiet", "--hard")
    assert export(repo, env).code == 0


def test_a_commit_succeeds_when_its_post_commit_hook_kills_git(repo: Path, env: dict[str, str]) -> None:
    by_hand(env, "PUT", "dashboards/web", LIVE)
    hook(repo, "post-commit", "kill -TERM $PPID")
    done = export(repo, env)
    assert (done.code, done.err, git(repo, "status", "--porcelain")) == (0, "", "")
    assert f"Committed as {git(repo, 'rev-parse', 'HEAD')[:12]}." in done.out


def test_a_new_file_that_git_ignores_is_refused(repo: Path, env: dict[str, str]) -> None:
    write_tree(repo, {".gitignore": ".dlsync/\nother.*\n"})
    commit_all(repo, "second")
    by_hand(env, "PUT", "dashboards/other", DASHBOARD)
    done = export(repo, env)
    assert done.code == 1
    assert "are ignored by one of your .gitignore files:\ndashboards/other.yaml\n" in done.err
    assert git(repo, "status", "--porcelain") == ""
    assert not (repo / "dashboards" / "other.yaml").exists()


def test_an_export_into_a_new_subfolder_handles_names_that_look_like_git_patterns(
    tmp_path: Path, env: dict[str, str]
) -> None:
    root = repository(tmp_path / "all")
    for name in ("%5Ba%5D%20%27b%27", "%3Aweb", "-x"):
        by_hand(env, "PUT", f"dashboards/{name}", DASHBOARD)
    write_tree(root, {"dashboards/a.yaml": "not ours\n"})
    done = export(root / "sub folder" / "acme", env)
    assert done.code == 0
    assert len(git(root, "show", "--name-only", "-z", "--format=").strip("\0").split("\0")) == 3
    assert git(root, "status", "--porcelain") == "?? dashboards/"


def test_the_first_commit_of_a_repository_may_be_an_export(tmp_path: Path, env: dict[str, str]) -> None:
    root = repository(tmp_path / "new")
    git(root, "update-ref", "-d", "HEAD")
    by_hand(env, "PUT", "dashboards/web", DASHBOARD)
    hook(root, "pre-commit", "exit 1")
    done = export(root, env)
    assert (done.code, git(root, "status", "--porcelain")) == (1, "")
    assert "the files are as they were: git ended with code 1" in done.err
    hook(root, "pre-commit", "exit 0")
    assert export(root, env).code == 0
    assert len(log(root)) == 1


def test_line_endings_that_git_converts_are_not_a_change(repo: Path, env: dict[str, str]) -> None:
    git(repo, "config", "core.autocrlf", "true")
    for file in TREE:
        (repo / file).unlink()
    git(repo, "checkout", "--", ".")
    assert b"\r\n" in (repo / "plugins" / "disk.sh").read_bytes()
    backup = repository(repo.parent / "backup")
    git(backup, "config", "core.autocrlf", "true")
    assert export(backup, env).code == 0
    for file in TREE:
        (backup / file).unlink()
    git(backup, "checkout", "--", ".")
    done = export(backup, env)
    assert done.err == ""
    assert (done.code, len(log(backup)), git(backup, "status", "--porcelain")) == (0, 2, "")
    by_hand(env, "PUT", "dashboards/web", LIVE)
    assert export(backup, env).code == 0
    assert git(backup, "show", "--numstat", "--format=") == f"1\t1\t{WEB}"


@pytest.fixture
def clone(repo: Path, tmp_path: Path) -> Path:
    """A shallow clone, with an upstream, of a bare remote."""
    remote, clone = tmp_path / "remote.git", tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--bare", str(repo), str(remote))
    git(tmp_path, "clone", "--quiet", "--depth=1", remote.as_uri(), str(clone))
    git(clone, "config", "user.name", "Ada")
    git(clone, "config", "user.email", "ada@example.org")
    return clone


def test_push_sends_the_commit_to_the_upstream_and_the_next_export_retries_a_failed_push(
    clone: Path, env: dict[str, str], tmp_path: Path
) -> None:
    remote = tmp_path / "remote.git"
    git(clone, "config", "push.default", "nothing")
    git(clone, "switch", "--quiet", "--create", "local.name", "--track", "origin/main")
    by_hand(env, "PUT", "dashboards/web", LIVE)
    assert export(clone, env, "--push").code == 0
    assert git(remote, "rev-parse", "main") == git(clone, "rev-parse", "HEAD")
    hook_file = remote / "hooks" / "pre-receive"
    hook_file.parent.mkdir(exist_ok=True)
    hook_file.write_text("#!/bin/sh\necho no >&2; exit 1\n")
    hook_file.chmod(0o755)
    by_hand(env, "PUT", "dashboards/other", DASHBOARD)
    done = export(clone, env, "--push")
    assert done.code == 1
    assert f"error: commit {git(clone, 'rev-parse', 'HEAD')[:12]} is not pushed: " in done.err
    assert done.err.endswith(
        "The commit stays: fix what git reports (`git pull --rebase` if the branch moved), then export again.\n"
    )
    hook_file.unlink()
    assert export(clone, env, "--push").code == 0
    assert git(remote, "rev-parse", "main") == git(clone, "rev-parse", "HEAD")


def test_a_branch_that_moved_on_the_remote_is_pushed_after_a_pull(
    repo: Path, clone: Path, env: dict[str, str], tmp_path: Path
) -> None:
    write_tree(repo, {"note.txt": "theirs\n"})
    commit_all(repo, "theirs")
    git(repo, "push", "--quiet", str(tmp_path / "remote.git"), "main")
    by_hand(env, "PUT", "dashboards/web", LIVE)
    for _ in range(2):
        done = export(clone, env, "--push")
        assert (done.code, len(log(clone)), "[rejected]" in done.err) == (1, 2, True)
    git(clone, "pull", "--quiet", "--rebase")
    assert export(clone, env, "--push").code == 0
    assert git(tmp_path / "remote.git", "log", "--format=%s", "main").splitlines()[1:] == ["theirs", "first"]


def test_the_first_commit_is_pushed_to_an_empty_remote(tmp_path: Path, env: dict[str, str]) -> None:
    git(tmp_path, "init", "--quiet", "--bare", "remote.git")
    git(tmp_path, "clone", "--quiet", "remote.git", "clone")
    for name in ("user.name", "user.email"):
        git(tmp_path / "clone", "config", name, "ada@example.org")
    by_hand(env, "PUT", "dashboards/web", LIVE)
    assert export(tmp_path / "clone", env, "--push").code == 0
    assert len(log(tmp_path / "remote.git")) == 1


def test_in_a_linked_worktree_its_own_branch_gets_the_commit(repo: Path, env: dict[str, str]) -> None:
    other = repo.parent / "other"
    git(repo, "worktree", "add", "--quiet", "-b", "other", str(other))
    by_hand(env, "PUT", "dashboards/web", LIVE)
    assert export(other, env).code == 0
    assert (len(log(other)), len(log(repo)), git(repo, "status", "--porcelain")) == (2, 1, "")


def test_an_export_inside_a_hook_of_another_repository_commits_only_to_its_own(
    repo: Path, env: dict[str, str], tmp_path: Path
) -> None:
    """For the hook of a linked worktree, git names the repository in environment variables."""
    other = repository(write_tree(tmp_path / "other", {"a.txt": "1\n"}))
    by_hand(env, "PUT", "dashboards/web", LIVE)
    hooked = {"GIT_DIR": f"{other}/.git", "GIT_INDEX_FILE": f"{other}/.git/index", "GIT_PREFIX": ""}
    assert export(repo, {**env, **hooked}).code == 0
    assert (len(log(repo)), git(repo, "status", "--porcelain")) == (2, "")
    assert (log(other), git(other, "status", "--porcelain")) == (["first"], "")


def test_git_dir_and_git_work_tree_choose_the_repository_of_the_commit(
    repo: Path, env: dict[str, str], tmp_path: Path
) -> None:
    (repo / ".git").rename(tmp_path / "bare.git")
    by_hand(env, "PUT", "dashboards/web", LIVE)
    named = {"GIT_DIR": str(tmp_path / "bare.git"), "GIT_WORK_TREE": str(repo)}
    assert export(repo, {**env, **named}).code == 0
    assert len(log(tmp_path / "bare.git")) == 2


@pytest.mark.parametrize("lock", ["index.lock", "HEAD.lock", "refs/heads/main.lock"])
def test_a_git_lock_left_by_a_crash_is_named_and_files_and_index_stay_unchanged(
    repo: Path, env: dict[str, str], lock: str
) -> None:
    by_hand(env, "PUT", "dashboards/web", LIVE)
    before = work_files(repo)
    (repo / ".git" / lock).touch()
    done = export(repo, env)
    assert (done.code, work_files(repo), git(repo, "status", "--porcelain")) == (1, before, "")
    assert "error: git did not commit, and the files are as they were: fatal: " in done.err
    assert f".git/{lock}': File exists.\n" in done.err
    (repo / ".git" / lock).unlink()
    assert export(repo, env).code == 0
    assert git(repo, "status", "--porcelain") == ""


def test_changes_that_a_hook_stages_are_committed_and_leave_nothing_staged(repo: Path, env: dict[str, str]) -> None:
    by_hand(env, "PUT", "dashboards/web", LIVE)
    hook(repo, "pre-commit", f"echo '# formatted' >> {WEB}; git add {WEB}")
    assert export(repo, env).code == 0
    assert (git(repo, "show", f"HEAD:{WEB}")[-11:], git(repo, "status", "--porcelain")) == ("# formatted", "")


def test_push_without_an_upstream_says_what_to_do(clone: Path, env: dict[str, str]) -> None:
    git(clone, "switch", "--quiet", "--create", "other")
    done = export(clone, env, "--push")
    assert (done.code, done.asked) == (1, ())
    assert done.err.startswith(
        "error: --push has no upstream branch: fatal: no upstream configured for branch 'other'\n"
    )
    assert done.err.endswith("Run `git switch BRANCH`, or once `git push --set-upstream REMOTE BRANCH`.\n")
    git(clone, "switch", "--quiet", "--detach")
    assert "fatal: HEAD does not point to a branch" in export(clone, env, "--push").err
    by_hand(env, "PUT", "dashboards/web", LIVE)
    assert export(clone, env).code == 0
    assert log(clone)[0].startswith("Export acme/")


def test_push_without_commit_is_refused(repo: Path, env: dict[str, str]) -> None:
    done = dlsync("export", repo, "--push", env=env)
    assert (done.code, done.err) == (1, "error: --push pushes a commit\nGive --commit too.\n")


def test_a_link_inside_of_the_directory_is_followed_and_its_target_committed(
    tmp_path: Path, env: dict[str, str]
) -> None:
    root = repository(write_tree(tmp_path / "linked", {"shared/web.yaml": DASHBOARD, "dashboards/x/.keep": ""}))
    (root / WEB).symlink_to("../shared/web.yaml")
    commit_all(root, "second")
    by_hand(env, "PUT", "dashboards/web", LIVE)
    assert export(root, env).code == 0
    assert git(root, "show", "--name-only", "--format=") == "shared/web.yaml"
    hook(root, "pre-commit", "exit 1")
    by_hand(env, "DELETE", "dashboards/web")
    gone = ("--mirror", "--target", "dashboard/web")
    assert export(root, env, *gone).code == 1
    assert ((root / WEB).is_symlink(), git(root, "status", "--porcelain")) == (True, "")
    hook(root, "pre-commit", "exit 0")
    assert export(root, env, *gone).code == 0
    assert git(root, "show", "--name-status", "--format=") == f"D\t{WEB}"


@pytest.mark.parametrize(
    "name",
    ["[skip ci]", "closes #1", "@all", "skip-checks:true", "fixes GH-1", "***NO_CI***", "a\n\nCo-authored-by: b"],
)
def test_names_in_a_commit_message_trigger_no_action_of_a_code_host(name: str) -> None:
    text = message(TARGET, [FileChange(Address("dashboard", name), "create", f"dashboards/{name}.yaml", b"")])
    assert name not in text
    assert len(text.splitlines()) == 3
    assert not {"[", "#", "@", "*"} & {*text}
    assert "GH-1" not in text


def test_git_takes_no_line_of_a_message_for_a_comment(repo: Path, env: dict[str, str]) -> None:
    git(repo, "config", "core.commentChar", "~")
    git(repo, "config", "commit.cleanup", "strip")
    by_hand(env, "PUT", "dashboards/web", LIVE)
    assert export(repo, env).code == 0
    assert git(repo, "log", "-1", "--format=%b").strip() == f"~ {WEB}"


def test_a_commit_message_lists_at_most_100_changes() -> None:
    changes = [FileChange(Address("rule", f"{one}"), "delete", f"rules/{one}.yaml", None) for one in range(150)]
    lines = message(TARGET, changes).splitlines()
    assert lines[0] == "Export acme/default: 150 deleted"
    assert (len(lines), lines[-1]) == (103, "and 50 more")
