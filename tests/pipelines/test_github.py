"""The pipelines of GitHub that ``dlsync init --ci github`` writes: bash runs their steps on a server."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Any, cast

import pytest

from dlsync import __version__
from dlsync.files import scaffold, yaml
from tests.builders.code_hosts import CodeHosts
from tests.builders.commands import ROOT, by_hand, dlsync, misbehaving
from tests.builders.gh import REPOSITORY
from tests.builders.repositories import commit_all, git, repository
from tests.builders.trees import write_tree
from tests.builders.workflows import WORKFLOW, Context, Runner, holds, substitute

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.untraced

ACTION = ROOT / "action.yml"
DASHBOARD = "dashboards/hosts.yaml"
ANEW = "un this workflow by hand"


@pytest.fixture
def runner(tmp_path: Path, env: dict[str, str]) -> Runner:
    """A repository that was started by ``dlsync init --ci github`` and applied, with an origin."""
    root = tmp_path / "work"
    assert dlsync("init", root, "--ci", "github").code == 0
    settings = {"url": env["DLSYNC_URL"], "account": env["DLSYNC_ACCOUNT"]}
    edit(root, "dlsync.yaml", **settings)
    repository(root)
    git(tmp_path, "init", "--quiet", "--bare", "origin.git")
    git(root, "remote", "add", "origin", str(tmp_path / "origin.git"))
    git(root, "push", "--quiet", "origin", "main")
    assert dlsync("apply", root, "--auto-approve", env=env).code == 0
    return Runner(tmp_path / "runner", root, {"DLSYNC_API_KEY": "changeme"})


@pytest.fixture
def host(runner: Runner) -> Iterator[CodeHosts]:
    """The comments of the pull request."""
    host = CodeHosts()
    with misbehaving(host.answer) as server:
        runner.env["GITHUB_API_URL"] = server.url
        yield host


def edit(root: Path, file: str, **fields: str) -> None:
    text = (root / file).read_text()
    for name, value in fields.items():
        text = re.sub(rf"(?m)^{name}: .*$", f"{name}: {value}", text)
    (root / file).write_text(text)


def parsed(file: Path) -> Any:
    return yaml.parse(file.read_bytes())


def branch_with(runner: Runner, title: str) -> str:
    """Commit a change to a branch, and return the commit."""
    git(runner.workspace, "switch", "--quiet", "--force-create", "change", "main")
    edit(runner.workspace, DASHBOARD, title=title)
    commit_all(runner.workspace, f"Call it {title}")
    return git(runner.workspace, "rev-parse", "HEAD")


def merge(runner: Runner, head: str, *runs: int, repository: str = REPOSITORY) -> None:
    """Merge the branch of pull request 12 as GitHub does, which knows the runs of its commit, the latest first."""
    git(runner.workspace, "switch", "--quiet", "main")
    git(runner.workspace, "merge", "--quiet", "--no-ff", "--message=Merge", "change")
    merged = git(runner.workspace, "rev-parse", "HEAD")
    of = {"full_name": repository}
    pull = {"merged_at": "2026-11-29", "merge_commit_sha": merged, "head": {"sha": head, "repo": of}}
    pulls = [{**pull, "number": number, "base": {"ref": base}} for number, base in ((13, "release"), (12, "main"))]
    runner.write(pulls=pulls, runs=[{"id": run, "head_sha": head, "head_repository": of} for run in runs])


def title(env: dict[str, str]) -> str:
    return cast("dict[str, str]", yaml.parse(by_hand(env, "GET", "dashboards/hosts").content))["title"]


def test_the_reviewed_plan_is_applied_once_after_the_merge(
    runner: Runner, host: CodeHosts, env: dict[str, str]
) -> None:
    head = branch_with(runner, "Machines")
    assert runner.run("validate", "pull_request", fork=True).succeeded
    done = runner.run("plan", "pull_request")
    assert done.succeeded
    run = runner.runs
    assert runner.artifacts(run) == ["plan-12", "plan.html"]
    assert (runner.root / f"artifacts/{run}/plan.html/plan.html").read_text().startswith("<!doctype html>")
    [note] = host.notes
    assert "1 to update" in note.body
    assert "(<https://github.example/artifacts/plan.html>)" in note.body
    assert "1 to update" in done.summary

    merge(runner, head, run)
    done = runner.run("apply")
    assert done.succeeded, done.log
    assert "0 created, 1 updated, 0 deleted" in done.log
    assert title(env) == "Machines"
    assert runner.artifacts(runner.runs) == ["journal-1"]

    done = runner.run("apply")
    assert not done.succeeded
    assert "none of its changes is left to apply" in done.log
    assert ANEW in done.log
    assert set((runner.root / "pip.log").read_text().splitlines()) == {
        f"install --quiet --disable-pip-version-check dlsync=={__version__}"
    }


def test_a_plan_of_an_outdated_base_is_refused_until_a_run_by_hand_plans_anew(
    runner: Runner, host: CodeHosts, env: dict[str, str]
) -> None:
    head = branch_with(runner, "Machines")
    assert runner.run("plan", "pull_request").succeeded
    run = runner.runs
    git(runner.workspace, "switch", "--quiet", "main")
    edit(runner.workspace, "rules/host-overloaded.yaml", title="Another")
    commit_all(runner.workspace, "Merge another request first")
    merge(runner, head, run)
    before = title(env)

    done = runner.run("apply")
    assert (done.succeeded, title(env)) == (False, before)
    assert ANEW in done.log

    done = runner.run("apply", "workflow_dispatch")
    assert (done.succeeded, title(env)) == (True, "Machines")
    assert "0 created, 2 updated" in done.log


def test_an_empty_plan_applies_nothing_and_warns_of_changes_of_another_merge(
    runner: Runner, host: CodeHosts, env: dict[str, str]
) -> None:
    git(runner.workspace, "switch", "--quiet", "--create", "change")
    (runner.workspace / "README.md").write_text("words\n")
    commit_all(runner.workspace, "Only words")
    head = git(runner.workspace, "rev-parse", "HEAD")
    assert runner.run("plan", "pull_request").succeeded
    run = runner.runs
    git(runner.workspace, "switch", "--quiet", "main")
    edit(runner.workspace, DASHBOARD, title="Another")
    commit_all(runner.workspace, "Merge another request first, which is not applied yet")
    merge(runner, head, run)
    before = title(env)
    done = runner.run("apply")
    assert (done.succeeded, title(env)) == (True, before), done.log
    assert "it has no changes, so there is nothing to apply" in done.log
    assert "warning: dashboard/hosts: the files ask for its update, which is not in the saved plan" in done.log
    assert "\n::warning title=not-in-plan::dashboard/hosts: the files ask for its update, which is not in" in done.log


def test_the_plan_of_another_pull_request_with_the_same_commit_is_not_applied(
    runner: Runner, host: CodeHosts, env: dict[str, str]
) -> None:
    head = branch_with(runner, "Machines")
    assert runner.run("plan", "pull_request").succeeded
    edit(runner.workspace, DASHBOARD, title="On another base")
    assert runner.run("plan", "pull_request", pull=13).succeeded
    git(runner.workspace, "checkout", "--quiet", ".")
    merge(runner, head, 2, 1)
    done = runner.run("apply")
    assert (done.succeeded, title(env)) == (True, "Machines"), done.log

    shutil.rmtree(runner.root / "artifacts/1")
    done = runner.run("apply")
    assert not done.succeeded
    assert "no artifact plan-12" in done.log


def test_a_plan_that_fails_is_shown_and_nothing_is_applied(
    runner: Runner, host: CodeHosts, env: dict[str, str]
) -> None:
    head = branch_with(runner, "[")
    done = runner.run("validate", "pull_request")
    assert not done.succeeded
    assert f"::error file={DASHBOARD},line=" in done.log
    done = runner.run("plan", "pull_request")
    assert not done.succeeded
    assert DASHBOARD in host.notes[0].body
    run = runner.runs
    assert runner.artifacts(run) == ["plan.html"]
    merge(runner, head, run)
    edit(runner.workspace, DASHBOARD, title="Mended")
    before = title(env)
    done = runner.run("apply")
    assert (done.succeeded, title(env)) == (False, before)
    assert "no artifact plan-12" in done.log


def test_a_pull_request_of_a_fork_passes_without_a_plan_and_its_artifact_is_not_used(
    runner: Runner, env: dict[str, str]
) -> None:
    head = branch_with(runner, "Machines")
    done = runner.run("plan", "pull_request", fork=True)
    assert (done.ran, done.succeeded) == (True, True), done.log
    assert "::notice::The pull request of a fork gets no secrets: it is only validated" in done.log
    assert runner.artifacts(runner.runs) == []
    forged = runner.root / "artifacts" / str(runner.runs) / "plan-12"
    forged.mkdir(parents=True)
    (forged / "plan.json").write_text("forged")
    merge(runner, head, runner.runs, repository="fork/monitoring")
    done = runner.run("apply")
    assert (done.succeeded, title(env)) == (True, "Machines"), done.log


@pytest.mark.parametrize("chosen", ["{artifact}", ". --adopt", ". --target=dashboard/*"])
def test_a_plan_of_another_folder_or_with_options_is_not_applied(
    runner: Runner, env: dict[str, str], monkeypatch: pytest.MonkeyPatch, chosen: str
) -> None:
    head = branch_with(runner, "Machines")
    artifact = runner.root / "artifacts/7/plan-12"
    shutil.copytree(runner.workspace, artifact, ignore=shutil.ignore_patterns(".git", ".dlsync"))
    edit(artifact, DASHBOARD, title="Forged")
    monkeypatch.chdir(runner.workspace)
    arguments = chosen.format(artifact=artifact).split()
    assert dlsync("plan", *arguments, "--out", artifact / "plan.json", env=env).code == 0
    merge(runner, head, 7)
    before = title(env)
    done = runner.run("apply")
    assert (done.succeeded, title(env)) == (False, before)
    assert "the artifact plan-12 is not a plan that this workflow made" in done.log


NEWER = [{"sha": "of-a-later-merge"}]


def test_a_retry_of_an_old_merge_does_not_undo_a_later_merge(
    runner: Runner, host: CodeHosts, env: dict[str, str]
) -> None:
    head = branch_with(runner, "Machines")
    assert runner.run("plan", "pull_request").succeeded
    merge(runner, head, 1)
    runner.write(newest=NEWER)
    assert runner.run("apply").succeeded
    assert title(env) == "Machines"
    edit(runner.workspace, DASHBOARD, title="Hosts")  # a later merge reverts it
    assert dlsync("apply", runner.workspace, "--auto-approve", env=env).code == 0
    git(runner.workspace, "checkout", "--quiet", ".")
    done = runner.run("apply", attempt=2)
    assert (done.succeeded, title(env)) == (False, "Hosts"), done.log
    assert "this run is of an older commit than main has, and nothing is applied" in done.log


@pytest.mark.parametrize("event", ["push", "workflow_dispatch"])
def test_the_files_of_an_old_commit_are_not_applied_without_a_plan(
    runner: Runner, env: dict[str, str], event: str
) -> None:
    edit(runner.workspace, DASHBOARD, title="Old")
    commit_all(runner.workspace, "An old commit")
    runner.write(newest=NEWER)
    done = runner.run("apply", event)
    assert (done.succeeded, title(env)) == (False, "Hosts"), done.log
    assert ANEW in done.log


@pytest.mark.parametrize(("ref", "runs"), [("refs/heads/main", True), ("refs/tags/main", False)])
def test_a_tag_with_the_name_of_the_default_branch_is_not_applied(written: Path, ref: str, *, runs: bool) -> None:
    event = {"repository": {"default_branch": "main"}}
    github = Context(event_name="workflow_dispatch", ref=ref, ref_name="main", event=event)
    jobs = {name: job for name, job in parsed(written / WORKFLOW)["jobs"].items() if name.startswith("apply")}
    assert {holds(job["if"], {"github": github}, failed=False) for job in jobs.values()} == {runs}


def test_the_apply_step_replaces_its_shell_by_dlsync_to_receive_a_cancellation(tmp_path: Path) -> None:
    """GitHub sends SIGINT only to the process of the step, and ends all processes 10 seconds later."""
    [script] = [step["run"] for step in parsed(ACTION)["runs"]["steps"] if step.get("id") == "apply"]
    (tmp_path / "dlsync").write_text("#!/bin/sh\necho $$\n")
    (tmp_path / "dlsync").chmod(0o755)
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    with subprocess.Popen(
        ["bash", "-eo", "pipefail", "-c", script], env=env, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.communicate()[0] == f"{process.pid}\n"


def test_the_nightly_drift_job_opens_one_issue_and_closes_it_without_drift(runner: Runner, env: dict[str, str]) -> None:
    assert not runner.run("drift").ran
    assert runner.run("drift", "schedule").succeeded
    assert runner.state["issues"] == []
    live = by_hand(env, "GET", "dashboards/hosts").text
    for name in ("By hand", "By hand again"):
        by_hand(env, "PUT", "dashboards/hosts", re.sub("title: Hosts", f"title: {name}", live))
        assert runner.run("drift", "schedule").succeeded
        [issue] = runner.state["issues"]
        assert (issue["title"], issue["open"]) == ("dlsync: drift", True)
        assert f'"{name}"' in issue["body"]
        assert "\n    " in issue["body"]
        assert "`dlsync accept --all-drift` writes it into the files, `dlsync apply` reverts it." in issue["body"]
    by_hand(env, "PUT", "dashboards/hosts", live)
    assert runner.run("drift", "schedule").succeeded
    assert [one["open"] for one in runner.state["issues"]] == [False]


def test_the_nightly_backup_job_keeps_one_pull_request_with_one_commit(runner: Runner, env: dict[str, str]) -> None:
    of_a_fork = {"number": 1, "open": True, "isCrossRepository": True, "head": "dlsync/backup"}
    runner.write(requests=[of_a_fork])

    def backup() -> tuple[list[dict[str, Any]], str]:
        git(runner.workspace, "switch", "--quiet", "main")
        git(runner.workspace, "fetch", "--quiet", "--prune")
        done = runner.run("backup", "schedule")
        assert done.succeeded, done.log
        untouched, *requests = runner.state["requests"]
        assert untouched == of_a_fork
        return requests, git(runner.workspace, "ls-remote", "origin", "refs/heads/dlsync/backup")

    assert backup() == ([], "")
    live = by_hand(env, "GET", "dashboards/hosts").text
    by_hand(env, "PUT", "dashboards/hosts", re.sub("title: Hosts", "title: By hand", live))
    [request], pushed = backup()
    assert (request["head"], request["base"], request["open"]) == ("dlsync/backup", "main", True)
    assert request["title"].endswith(": 1 updated")
    assert f"~ {DASHBOARD}" in request["body"]
    assert backup() == ([request], pushed)

    by_hand(env, "PUT", "rules/more", "title: More\ncriteria: []\n")
    [request], again = backup()
    assert again != pushed
    assert "+ rules/more.yaml" in request["body"]
    assert git(runner.workspace, "rev-list", "--count", "origin/main..HEAD") == "1"

    by_hand(env, "DELETE", "rules/more")
    by_hand(env, "PUT", "dashboards/hosts", live)
    [request], gone = backup()
    assert (request["open"], gone) == (False, "")


@pytest.mark.parametrize("title", ["By hand", "Hosts"], ids=["more to push", "nothing left to push"])
def test_the_nightly_backup_job_keeps_the_commits_of_a_person(runner: Runner, env: dict[str, str], title: str) -> None:
    live = by_hand(env, "GET", "dashboards/hosts").text
    by_hand(env, "PUT", "dashboards/hosts", re.sub("title: Hosts", "title: First", live))
    assert runner.run("backup", "schedule").succeeded
    git(runner.workspace, "config", "user.email", "ada@example.org")
    write_tree(runner.workspace, {"README.md": "words\n"})
    commit_all(runner.workspace, "by a person")
    git(runner.workspace, "push", "--quiet", "origin", "HEAD:dlsync/backup")
    pushed = git(runner.workspace, "ls-remote", "origin", "dlsync/backup")
    git(runner.workspace, "switch", "--quiet", "main")
    git(runner.workspace, "fetch", "--quiet")
    by_hand(env, "PUT", "dashboards/hosts", re.sub("title: Hosts", f"title: {title}", live))
    done = runner.run("backup", "schedule")
    assert "::error::the branch dlsync/backup has commits of others" in done.log
    assert (done.succeeded, git(runner.workspace, "ls-remote", "origin", "dlsync/backup")) == (False, pushed)
    assert runner.state["requests"][0]["open"]


def test_each_environment_has_its_plan_its_apply_and_its_issue(tmp_path: Path, env: dict[str, str]) -> None:
    root = tmp_path / "work"
    name = env["DLSYNC_ACCOUNT"]
    assert dlsync("init", root, "--ci", "github", "--environments", f"{name},other").code == 0
    edit(root, "dlsync.yaml", url=env["DLSYNC_URL"])
    repository(root)
    runner = Runner(tmp_path / "runner", root, {"DLSYNC_API_KEY": "changeme"})
    matrix = {"environment": name}
    with misbehaving(CodeHosts().answer) as host:
        runner.env["GITHUB_API_URL"] = host.url
        assert runner.run("plan", "pull_request", matrix=matrix).succeeded
    assert runner.artifacts(1) == [f"plan-{name}-12", f"plan-{name}.html"]
    head = git(root, "rev-parse", "HEAD")
    git(root, "branch", "change")
    merge(runner, head, 1)
    done = runner.run("apply-1")
    assert done.succeeded, done.log
    assert runner.artifacts(2) == [f"journal-{name}-1"]
    by_hand(env, "DELETE", "dashboards/hosts")
    assert runner.run("drift", "schedule", matrix=matrix).succeeded
    assert runner.state["issues"][0]["title"] == f"dlsync: drift in {name}"


def test_artifact_names_are_unique_across_environments() -> None:
    uploads = [
        one["with"]["name"] for one in parsed(ACTION)["runs"]["steps"] if "upload-artifact" in one.get("uses", "")
    ]
    github = Context(run_attempt=1, event={"number": 12})
    names = [
        substitute(name, {"inputs": Context(environment=environment), "github": github})
        for environment in ("", "x", "x.html", "x-12", "x-12.html", "x-1", "12")
        for name in uploads
    ]
    assert len(names) == len(set(names)) == 21


def test_secrets_reach_only_the_steps_that_need_them_and_not_pip(runner: Runner, env: dict[str, str]) -> None:
    text = (runner.workspace / WORKFLOW).read_text()
    assert text.count("${{ secrets.DLSYNC_API_KEY }}") == text.count("&secrets\n") == 1
    for job, event in (("validate", "pull_request"), ("apply", "workflow_dispatch"), ("drift", "schedule")):
        done = runner.run(job, event)
        assert done.succeeded, done.log
        assert "changeme" not in (runner.root / "pip.env").read_text()
    jobs = parsed(runner.workspace / WORKFLOW)["jobs"]
    steps = [step for job in jobs.values() for step in job["steps"] if "secrets." in str(step)]
    assert [step["with"]["command"] == "install" for step in steps] == [False] * 4


def test_variables_of_the_workflow_set_the_pip_package_and_the_folder(runner: Runner) -> None:
    (runner.workspace / "team/web").mkdir(parents=True)
    git(runner.workspace, "mv", "dlsync.yaml", "dashboards", "rules", "plugins", "links.yaml", "team/web")
    file = runner.workspace / WORKFLOW
    text = file.read_text().replace(f"DLSYNC_PACKAGE: dlsync=={__version__}", "DLSYNC_PACKAGE: .github/dlsync.whl")
    file.write_text(text.replace("DLSYNC_DIRECTORY: .", "DLSYNC_DIRECTORY: team/web"))
    for job, event in (("validate", "pull_request"), ("drift", "schedule")):
        done = runner.run(job, event)
        assert done.succeeded, done.log
    installed = (runner.root / "pip.log").read_text().splitlines()
    assert set(installed) == {"install --quiet --disable-pip-version-check .github/dlsync.whl"}


def test_pip_installs_from_a_lock_file_that_is_part_of_its_cache_key(runner: Runner) -> None:
    lock = "dlsync-requirements.txt"
    file = runner.workspace / WORKFLOW
    file.write_text(
        file.read_text().replace(f"DLSYNC_PACKAGE: dlsync=={__version__}", f"DLSYNC_PACKAGE: --requirement={lock}")
    )
    assert runner.run("validate", "pull_request").succeeded
    assert (runner.root / "pip.log").read_text().endswith(f" --requirement={lock}\n")
    python = next(step for step in parsed(ACTION)["runs"]["steps"] if "cache" in step.get("with", {}))
    assert lock in python["with"]["cache-dependency-path"].splitlines()


def test_an_unknown_command_is_an_error(runner: Runner) -> None:
    file = runner.workspace / WORKFLOW
    file.write_text(file.read_text().replace("command: drift", "command: drfit"))
    done = runner.run("drift", "schedule")
    assert not done.succeeded
    assert "::error::the input 'command' is none of" in done.log


@pytest.fixture(scope="module", params=["", "staging,production"], ids=["one account", "environments"])
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("written")
    scaffold.create(root, __version__, "github", [one for one in request.param.split(",") if one])
    return root


def test_zizmor_finds_nothing(written: Path) -> None:
    program = Path(sys.executable).with_name("zizmor")
    done = subprocess.run(
        [program, "--offline", "--no-progress", "--color=never", written / ".github", ACTION],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert done.stdout.startswith("No findings to report.")


@pytest.mark.skipif(which("actionlint") is None, reason="actionlint is no package of Python that has its program")
def test_actionlint_finds_nothing(written: Path) -> None:
    done = subprocess.run(["actionlint", written / WORKFLOW], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_action_of_this_repository_matches_its_template() -> None:
    written = scaffold.render("github-action.yml", __version__)
    assert ACTION.read_bytes() == written, "run `cp dlsync/files/templates/github-action.yml action.yml`"


def test_each_action_has_one_version_in_the_whole_project() -> None:
    templates = (ROOT / "dlsync/files/templates").glob("*.yml")
    files = [*(ROOT / ".github/workflows").glob("*.yml"), ACTION, *templates, *(ROOT / "docs").glob("*.md")]
    text = "\n".join(file.read_text() for file in files)
    versions = set(re.findall(r"uses: ([\w-]+/[\w-]+)(@.*?)(?: # zizmor.*)?\n", text))
    assert len(versions) == len({action for action, _ in versions}) > 4, sorted(versions)


def test_an_apply_that_waits_is_not_cancelled_by_the_next_merge(written: Path) -> None:
    jobs = parsed(written / WORKFLOW)["jobs"]
    queues = [job["concurrency"] for name, job in jobs.items() if name.startswith("apply")]
    assert queues
    assert {(one["queue"], one["cancel-in-progress"]) for one in queues} == {("max", False)}


def test_every_action_is_pinned_and_every_job_limits_its_permissions_and_time(written: Path) -> None:
    text = (written / WORKFLOW).read_text() + ACTION.read_text()
    uses = re.findall(r"uses: (.*)", text)
    assert all(re.fullmatch(r"\./\.github/.*|actions/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one) for one in uses)
    workflow = parsed(written / WORKFLOW)
    assert workflow["permissions"] == {}
    assert workflow["env"]["DLSYNC_PACKAGE"] == f"dlsync=={__version__}"
    for job in workflow["jobs"].values():
        assert {"permissions", "timeout-minutes", "concurrency"} <= job.keys()
        assert job["steps"][0]["with"]["persist-credentials"] is False
