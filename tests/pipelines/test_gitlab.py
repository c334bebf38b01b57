"""The GitLab template, run by gitlab-ci-local against a repository, the server and the API of GitLab."""

from __future__ import annotations

import json
import re
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast
from xml.etree import ElementTree as ET

import pytest

from dlsync import __version__
from dlsync.files import yaml
from dlsync.files.scaffold import render
from tests.builders.code_hosts import TOKEN
from tests.builders.commands import TREE, by_hand, dlsync, misbehaving
from tests.builders.gitlab import HEAD, MISSING, PUSH_TOKEN, GitLab, Project
from tests.builders.http import json_reply
from tests.builders.repositories import commit_all, git, repository
from tests.builders.trees import write_tree

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.builders.commands import Served

pytestmark = [
    pytest.mark.untraced,
    pytest.mark.skipif(bool(MISSING), reason=f"`make test` installs what runs it: no {', '.join(MISSING)}"),
]
WEB = "dashboards/web.yaml"
CHANGED = "title: Changed\npositions: []\n"
LIVE = "title: Live\npositions: []\n"
MERGE_REQUEST = "merge_request_event"


@pytest.fixture
def project() -> Project:
    return Project()


@contextmanager
def gitlab_of(
    folder: Path, env: dict[str, str], project: Project, environments: Sequence[str] = (), **files: str
) -> Iterator[GitLab]:
    template = {
        ".gitlab-ci.yml": render("gitlab-ci.yml", __version__, environments).decode(),
        ".gitignore": ".dlsync/\n",
    }
    first = repository(write_tree(folder / "first", {**TREE, **template, **files}))
    with misbehaving(project.answer) as api:
        yield GitLab.make(folder, first, {**env, "CI_API_V4_URL": api.url})


@pytest.fixture
def gitlab(tmp_path: Path, env: dict[str, str], project: Project) -> Iterator[GitLab]:
    """A project whose files are applied."""
    with gitlab_of(tmp_path, env, project) as gitlab:
        assert dlsync("apply", gitlab.clone, "--auto-approve", env=env).code == 0
        shutil.rmtree(gitlab.clone / ".dlsync")
        yield gitlab


def propose(gitlab: GitLab, content: str = CHANGED) -> None:
    git(gitlab.clone, "switch", "--quiet", "--create", "proposal")
    write_tree(gitlab.clone, {WEB: content})
    commit_all(gitlab.clone, "a proposal")


def merge(gitlab: GitLab, project: Project) -> None:
    """Merge the proposal by a merge commit, as GitLab does."""
    git(gitlab.clone, "switch", "--quiet", "main")
    git(gitlab.clone, "merge", "--quiet", "--no-ff", "proposal")
    git(gitlab.clone, "push", "--quiet", "origin", "main")
    project.merged = git(gitlab.clone, "rev-parse", "HEAD")


def live_title(env: dict[str, str]) -> str:
    return by_hand(env, "GET", "dashboards/web").text.split("\n", 1)[0]


def test_the_plan_of_a_merge_request_is_posted_as_a_note_and_applied_after_the_merge(
    gitlab: GitLab, project: Project, env: dict[str, str]
) -> None:
    gitlab.pip.unlink()
    propose(gitlab)
    planned = gitlab.run(MERGE_REQUEST)
    assert planned.code == 0, planned.out
    assert TOKEN not in planned.out
    assert ET.fromstring(planned.report("validate", "validate.xml")).tag == "testsuites"
    assert planned.artifact("plan", "plan.html").startswith(b"<!doctype html>")
    note = planned.artifact("plan", "plan.md").decode()
    assert project.notes[0].body.startswith(note)
    assert "1 to update" in note
    assert "/artifacts/file/plan.html>)" in project.notes[0].body
    project.plans = {"plan": planned.artifact("plan", "plan.json")}
    merge(gitlab, project)
    applied = gitlab.run("push")
    assert applied.code == 0, applied.out
    assert (project.downloads, live_title(env)) == (["plan"], "title: Changed")
    assert b"title: Web" in b"".join(applied.artifacts("apply", "journal"))
    assert dlsync("plan", gitlab.clone, "--detailed-exitcode", env=env).code == 0
    assert "plan and apply" not in applied.out


def test_pip_installs_the_version_that_wrote_the_pipelines_or_the_package_of_the_variable(gitlab: GitLab) -> None:
    gitlab.pip.unlink()
    assert f"  DLSYNC_PACKAGE: dlsync=={__version__}\n" in (gitlab.clone / ".gitlab-ci.yml").read_text()
    installed = gitlab.run(MERGE_REQUEST, "validate", DLSYNC_PACKAGE="vendor/missing.whl")
    assert installed.code == 1
    assert "'vendor/missing.whl' looks like a filename, but the file does not exist" in installed.out
    locked = gitlab.run(MERGE_REQUEST, "validate", DLSYNC_PACKAGE="--requirement=dlsync-requirements.txt")
    assert "Could not open requirements file" in locked.out


def test_a_tree_in_a_folder_of_the_repository_is_planned_and_applied(
    gitlab: GitLab, project: Project, env: dict[str, str]
) -> None:
    git(gitlab.clone, "switch", "--quiet", "--create", "proposal")
    (gitlab.clone / "team/web").mkdir(parents=True)
    git(gitlab.clone, "mv", *{file.split("/")[0] for file in TREE}, "team/web")
    write_tree(gitlab.clone / "team/web", {WEB: CHANGED})
    commit_all(gitlab.clone, "a proposal")
    planned = gitlab.run(MERGE_REQUEST, DLSYNC_DIRECTORY="team/web")
    assert planned.code == 0, planned.out
    assert "1 to update" in project.notes[0].body
    project.plans = {"plan": planned.artifact("plan", "plan.json")}
    merge(gitlab, project)
    applied = gitlab.run("push", DLSYNC_DIRECTORY="team/web")
    assert (applied.code, live_title(env)) == (0, "title: Changed"), applied.out


def test_a_failed_plan_is_posted_as_a_note_and_fails_its_pipeline(gitlab: GitLab, project: Project) -> None:
    propose(gitlab, "title: [\n")
    planned = gitlab.run(MERGE_REQUEST)
    assert planned.code == 1
    assert f"error: <code>{WEB}:2:1: " in project.notes[0].body
    assert ET.fromstring(planned.report("validate", "validate.xml")).find(".//failure") is not None
    assert WEB.encode() in planned.artifact("plan", "plan.html")


def test_without_a_token_the_plan_is_in_the_log(gitlab: GitLab, project: Project) -> None:
    propose(gitlab)
    planned = gitlab.run(MERGE_REQUEST, "plan", GITLAB_TOKEN="")
    assert (planned.code, "1 to update" in planned.out, project.notes) == (0, True, [])


def test_a_push_without_a_merge_request_is_planned_and_applied(gitlab: GitLab, env: dict[str, str]) -> None:
    write_tree(gitlab.clone, {WEB: CHANGED})
    commit_all(gitlab.clone, "a push")
    applied = gitlab.run("push")
    assert (applied.code, live_title(env)) == (0, "title: Changed")
    assert "no merge request of this project: plan and apply" in applied.out


def test_an_old_commit_without_a_merge_request_is_not_applied(
    gitlab: GitLab, project: Project, env: dict[str, str]
) -> None:
    write_tree(gitlab.clone, {WEB: CHANGED})
    commit_all(gitlab.clone, "a push")
    project.newest = "of-a-later-push"
    done = gitlab.run("push")
    assert (done.code, live_title(env)) == (1, "title: Web")
    assert "main has later commits, and nothing is applied" in done.out


def test_an_old_merge_is_applied_once_and_a_retry_does_not_undo_a_later_revert(
    gitlab: GitLab, project: Project, env: dict[str, str]
) -> None:
    propose(gitlab)
    project.plans = {"plan": gitlab.run(MERGE_REQUEST, "plan").artifact("plan", "plan.json")}
    merge(gitlab, project)
    project.newest = "of-the-revert"
    assert (gitlab.run("push").code, live_title(env)) == (0, "title: Changed")
    by_hand(env, "PUT", WEB.removesuffix(".yaml"), TREE[WEB])
    project.retried = ["apply", "apply"]
    done = gitlab.run("push")
    assert (done.code, live_title(env)) == (1, "title: Web"), done.out
    assert "main has later commits, and nothing is applied" in done.out


def test_a_merge_request_of_a_fork_is_only_validated(gitlab: GitLab) -> None:
    assert gitlab.jobs(MERGE_REQUEST, CI_PROJECT_PATH="fork/monitoring") == {"validate": "on_success"}
    assert gitlab.jobs(MERGE_REQUEST) == {"validate": "on_success", "plan": "on_success"}


def test_the_resource_group_of_each_environment_has_a_name_that_gitlab_accepts() -> None:
    """GitLab silently ignores an invalid key (app/models/ci/resource_group.rb), and applies would run in parallel."""
    document = cast("dict[str, Any]", yaml.parse(render("gitlab-ci.yml", __version__, ["staging", "a.b"])))
    keys = [job["resource_group"] for job in document.values() if "resource_group" in job]
    assert len(set(keys)) == 2
    assert all(re.fullmatch(r"[\w/${}. -]+", key, re.ASCII) for key in keys)


def test_without_a_token_a_push_plans_and_its_apply_is_manual(gitlab: GitLab, env: dict[str, str]) -> None:
    write_tree(gitlab.clone, {WEB: CHANGED})
    commit_all(gitlab.clone, "a push")
    git(gitlab.clone, "push", "--quiet", "origin", "main")
    assert gitlab.jobs("push", GITLAB_TOKEN="") == {"plan": "on_success", "apply": "manual"}
    done = gitlab.run("push", "--manual", "apply", GITLAB_TOKEN="")
    assert (done.code, live_title(env)) == (0, "title: Changed"), done.out
    assert "plan.json" in done.out


@pytest.mark.parametrize(("source", "token"), [("push", ""), ("web", TOKEN)])
def test_a_manual_apply_of_the_plan_of_an_older_commit_is_refused(
    gitlab: GitLab, env: dict[str, str], source: str, token: str
) -> None:
    write_tree(gitlab.clone, {WEB: CHANGED})
    commit_all(gitlab.clone, "a push")
    older = git(gitlab.clone, "rev-parse", "HEAD")
    git(gitlab.clone, "revert", "--no-edit", "HEAD")
    git(gitlab.clone, "push", "--quiet", "origin", "main")
    git(gitlab.clone, "reset", "--quiet", "--hard", older)
    done = gitlab.run(source, "--manual", "apply", GITLAB_TOKEN=token)
    assert (done.code, live_title(env)) == (1, "title: Web"), done.out
    assert "main has later commits than this plan, which is not applied" in done.out


MERGED, TRAIN = (f"refs/merge-requests/12/{name}" for name in ("merge", "train"))


@pytest.mark.parametrize(
    ("ref", "parents"),
    [("refs/merge-requests/12/head", [HEAD]), (MERGED, ["main", "earlier"]), (TRAIN, ["main", HEAD])],
    ids=["an earlier commit", "an earlier commit, merged", "a merge train, without a review"],
)
def test_the_plan_of_another_commit_is_not_applied(
    gitlab: GitLab, project: Project, env: dict[str, str], ref: str, parents: list[str]
) -> None:
    propose(gitlab)
    project.plans = {"plan": gitlab.run(MERGE_REQUEST, "plan").artifact("plan", "plan.json")}
    project.planned, project.ref, project.parents = "of-another-commit", ref, parents
    merge(gitlab, project)
    done = gitlab.run("push")
    assert (done.code, live_title(env), project.downloads) == (1, "title: Web", [])
    assert "the merge request has no plan of its last commit" in done.out
    assert 'use "Run pipeline" on the default branch to plan anew' in done.out


def test_the_plan_of_a_merged_results_pipeline_is_applied(
    gitlab: GitLab, project: Project, env: dict[str, str]
) -> None:
    propose(gitlab)
    project.plans = {"plan": gitlab.run(MERGE_REQUEST, "plan").artifact("plan", "plan.json")}
    project.planned, project.ref, project.parents = "of-gitlab", MERGED, ["main", HEAD]
    merge(gitlab, project)
    assert (gitlab.run("push").code, live_title(env)) == (0, "title: Changed")


@pytest.mark.parametrize("plans", [{"plan": None}, {}], ids=["no artifact", "no job"])
def test_a_merge_request_without_a_plan_is_not_applied(
    gitlab: GitLab, project: Project, env: dict[str, str], plans: dict[str, bytes | None]
) -> None:
    propose(gitlab)
    merge(gitlab, project)
    project.plans = plans
    done = gitlab.run("push")
    assert (done.code, live_title(env)) == (1, "title: Web")
    assert "the merge request has no plan" in done.out


def test_the_plan_of_a_fork_is_not_used(gitlab: GitLab, project: Project, env: dict[str, str]) -> None:
    propose(gitlab)
    merge(gitlab, project)
    project.source, project.plans = 8, {"plan": b"forged"}
    assert (gitlab.run("push").code, live_title(env), project.downloads) == (0, "title: Changed", [])


@pytest.mark.parametrize("committed", [True, False], ids=["in the repository", "as the artifact"])
def test_a_plan_of_another_folder_is_not_applied(
    gitlab: GitLab, project: Project, env: dict[str, str], monkeypatch: pytest.MonkeyPatch, *, committed: bool
) -> None:
    propose(gitlab)
    monkeypatch.chdir(gitlab.clone)
    write_tree(gitlab.clone / "other", {**TREE, WEB: "title: Forged\npositions: []\n"})
    assert dlsync("plan", "other", "--out", "plan.json", env=env).code == 0
    project.plans = {"plan": None if committed else (gitlab.clone / "plan.json").read_bytes()}
    if not committed:
        (gitlab.clone / "plan.json").unlink()
    shutil.rmtree(gitlab.clone / "other/.dlsync", ignore_errors=True)
    commit_all(gitlab.clone, "another folder")
    merge(gitlab, project)
    done = gitlab.run("push")
    assert (done.code, live_title(env)) == (1, "title: Web"), done.out
    assert ("has no plan" if committed else "not a plan that these pipelines made") in done.out


def test_a_stale_plan_is_refused_until_a_new_plan_is_applied_manually(
    gitlab: GitLab, project: Project, env: dict[str, str]
) -> None:
    propose(gitlab)
    project.plans = {"plan": gitlab.run(MERGE_REQUEST, "plan").artifact("plan", "plan.json")}
    by_hand(env, "PUT", "dashboards/web", "title: Web\npositions: []\nperiod: 60\n")
    merge(gitlab, project)
    stale = gitlab.run("push")
    assert (stale.code, live_title(env)) == (1, "title: Web")
    assert "the plan is stale: since it was made, dashboard/web changed" in stale.out
    assert 'Use "Run pipeline" on the default branch to plan anew.\n' in stale.out
    assert gitlab.jobs("web") == {"plan": "on_success", "apply": "manual"}
    assert gitlab.run("web", "--manual", "apply").code == 0
    assert (project.downloads, live_title(env)) == (["plan"], "title: Changed")


def test_an_empty_plan_applies_nothing_and_succeeds_after_another_merge(
    gitlab: GitLab, project: Project, env: dict[str, str]
) -> None:
    git(gitlab.clone, "switch", "--quiet", "--create", "proposal")
    write_tree(gitlab.clone, {"README.md": "words\n"})
    commit_all(gitlab.clone, "a proposal")
    project.plans = {"plan": gitlab.run(MERGE_REQUEST, "plan").artifact("plan", "plan.json")}
    git(gitlab.clone, "switch", "--quiet", "main")
    write_tree(gitlab.clone, {WEB: CHANGED})
    commit_all(gitlab.clone, "another merge, which is not applied yet")
    merge(gitlab, project)
    done = gitlab.run("push")
    assert (done.code, live_title(env), project.downloads) == (0, "title: Web", ["plan"]), done.out
    assert "it has no changes, so there is nothing to apply" in done.out


def test_nothing_is_applied_when_gitlab_refuses_the_token(
    gitlab: GitLab, project: Project, env: dict[str, str]
) -> None:
    write_tree(gitlab.clone, {WEB: CHANGED})
    commit_all(gitlab.clone, "a push")
    project.failing = [json_reply({}, 401)]
    refused = gitlab.run("push")
    assert "GitLab does not give out the plan of the merge request: HTTP Error 401" in refused.out
    assert (refused.code, TOKEN in refused.out, live_title(env)) == (1, False, "title: Web")


def test_the_nightly_pipeline_fails_during_drift_and_keeps_one_merge_request(
    gitlab: GitLab, env: dict[str, str]
) -> None:
    def night(code: int) -> list[str]:
        done = gitlab.run("schedule", GITLAB_PUSH_TOKEN=PUSH_TOKEN)
        assert (done.code, PUSH_TOKEN in done.out) == (code, False), done.out
        assert (b"dashboard/web" in done.artifact("drift", "drift.html")) == bool(code)
        return gitlab.pushed()

    assert gitlab.jobs("schedule") == {"drift": "on_success"}
    assert night(0) == []
    by_hand(env, "PUT", "dashboards/web", LIVE)
    reference, *options = night(1)
    assert reference.endswith(" refs/heads/dlsync-export")
    assert options == [
        "merge_request.create",
        "merge_request.target=main",
        "merge_request.remove_source_branch",
        "merge_request.title=What was changed on the server",
    ]
    assert git(gitlab.bare, "diff", "--name-only", "main", "dlsync-export") == WEB
    assert git(gitlab.bare, "log", "--format=%s", "main..dlsync-export").startswith("Export acme/")
    assert night(1) == []
    assert PUSH_TOKEN not in git(gitlab.clone / ".gitlab-ci-local/builds/export", "config", "--local", "--list")
    by_hand(env, "DELETE", "rules/load")
    assert len(night(1)) == 5
    assert git(gitlab.bare, "rev-list", "--count", "main..dlsync-export") == "1"
    assert dlsync("apply", gitlab.clone, "--auto-approve", "--on-conflict", "repo", env=env).code == 0
    assert len(night(0)) == 1
    assert git(gitlab.bare, "branch", "--list", "dlsync-export") == ""


def test_the_nightly_export_overwrites_no_commit_of_a_person(gitlab: GitLab, env: dict[str, str]) -> None:
    by_hand(env, "PUT", "dashboards/web", LIVE)
    gitlab.run("schedule", "export", GITLAB_PUSH_TOKEN=PUSH_TOKEN)
    git(gitlab.clone, "fetch", "--quiet")
    git(gitlab.clone, "switch", "--quiet", "dlsync-export")
    write_tree(gitlab.clone, {"README.md": "words\n"})
    commit_all(gitlab.clone, "by a person")
    git(gitlab.clone, "push", "--quiet", "origin", "dlsync-export")
    git(gitlab.clone, "switch", "--quiet", "main")
    by_hand(env, "DELETE", "rules/load")
    done = gitlab.run("schedule", "export", GITLAB_PUSH_TOKEN=PUSH_TOKEN)
    assert "dlsync-export has commits of others" in done.out
    assert " FAIL  export" in done.out
    assert git(gitlab.bare, "log", "-1", "--format=%s", "dlsync-export") == "by a person"


def test_an_incomplete_nightly_export_pushes_the_rest_and_ends_with_a_warning(
    gitlab: GitLab, env: dict[str, str]
) -> None:
    by_hand(env, "PUT", "dashboards/web", LIVE)
    secret = "actions: [{emails: [a@acme.net], message: https://chat.acme.net/hooks/a3d5f7h9j1l2n4p6q8s0t2v4w6}]\n"
    by_hand(env, "PUT", "rules/load", f"title: Load\ncriteria: []\n{secret}")
    done = gitlab.run("schedule", "export", GITLAB_PUSH_TOKEN=PUSH_TOKEN)
    assert (done.code, "WARN 3" in done.out, len(gitlab.pushed())) == (0, True, 5)
    assert git(gitlab.bare, "diff", "--name-only", "main", "dlsync-export") == WEB


def test_each_environment_has_its_plan_and_all_but_the_first_wait_for_an_approval(
    tmp_path: Path, server: Served, env: dict[str, str], project: Project
) -> None:
    accounts = {name: server.account()["DLSYNC_ACCOUNT"] for name in ("staging", "production")}
    settings = {"environments": {name: {"account": account} for name, account in accounts.items()}}
    del env["DLSYNC_ACCOUNT"]
    with gitlab_of(tmp_path, env, project, [*accounts], **{"dlsync.yaml": json.dumps(settings)}) as gitlab:
        propose(gitlab)
        planned = gitlab.run(MERGE_REQUEST)
        assert (planned.code, len(project.notes)) == (0, 2)
        project.plans = {f"plan:{name}": planned.artifact(f"plan:{name}", "plan.json") for name in accounts}
        merge(gitlab, project)
        assert gitlab.jobs("push") == {"apply:staging": "on_success", "apply:production": "manual"}
        jobs = {"plan": "on_success", "apply": "manual"}
        without_token = {f"{job}:{name}": when for job, when in jobs.items() for name in accounts}
        assert gitlab.jobs("push", GITLAB_TOKEN="") == without_token
        assert gitlab.run("push").code == 0
        assert project.downloads == ["plan:staging"]
        assert gitlab.run("push", "apply:production").code == 0
        assert project.downloads == ["plan:staging", "plan:production"]
        for name in accounts:
            assert dlsync("plan", gitlab.clone, "-e", name, "--detailed-exitcode", env=env).code == 0
