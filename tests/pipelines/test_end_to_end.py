"""The generated pipelines on a copy of the example: first push, reviewed changes, changes on the server."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from dlsync.operations import plan_file
from dlsync.state import journal
from tests.builders.code_hosts import CodeHosts
from tests.builders.commands import ROOT, Served, by_hand, dlsync, misbehaving, served
from tests.builders.gh import REPOSITORY
from tests.builders.gitlab import MISSING, PUSH_TOKEN, GitLab, Pipeline, Project
from tests.builders.repositories import commit_all, git, repository
from tests.builders.workflows import Ran, Runner

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.untraced

HOSTS = "dashboards/hosts.yaml"
QUEUE = "rules/data/order-queue-growing.yaml"
NO_CHANGES = "No changes. 38 resources on acme/shop match the files.\n"
SUMMARY = "**dlsync plan** for <code>acme/shop</code>: 1 to create, 3 to update, 1 to delete, 34 unchanged.\n"
CHANGES = """
| action | resource | file | fields |
| --- | --- | --- | --- |
| delete, renamed to <code>host-gone</code> | <code>rule/agent-down</code> |  |  |
| update | <code>plugin/backup&#95;age</code> | <code>plugins/backup&#95;age.sh:8</code> | <code>content</code> |
| update | <code>dashboard/hosts</code> | <code>dashboards/hosts.yaml:2</code> | <code>title</code> |
| create, renamed from <code>agent-down</code> | <code>rule/host-gone</code> | <code>rules/host-gone.yaml:1</code> \
| 4 fields |
| update | <code>rule/order-queue-growing</code> | <code>rules/data/order-queue-growing.yaml:6</code> | \
<code>criteria&#91;0&#93;.condition.threshold</code> |
"""
NEW_RULE = "\n+ criteria: 1 item\n+     agent.status is down for 5 min on tag all\n"
NEW_PLUGIN = '\n-oldest="${2:-26}"\n+oldest="${2:-30}"\n'
APPLIED = "Applied: 1 created, 3 updated, 1 deleted, 0 failed."


def changed_rule(threshold: int) -> str:
    return (
        "```diff\n"
        "- order_queue.orders is above 1000 for 15 min on tag queue\n"
        f"+ order_queue.orders is above {threshold} for 15 min on tag queue\n"
        "- criteria[0].condition.threshold: 1000\n"
        f"+ criteria[0].condition.threshold: {threshold}\n"
        "```\n"
    )


def edit(root: Path, file: str, old: str, new: str) -> None:
    text = (root / file).read_text()
    assert text.count(old) == 1
    (root / file).write_text(text.replace(old, new))


def change(root: Path) -> None:
    """Change a dashboard, a rule and a plugin, and rename a rule, on a new branch."""
    git(root, "switch", "--quiet", "--create", "change")
    edit(root, HOSTS, "title: Hosts", "title: Machines")
    edit(root, QUEUE, "threshold: 1000", "threshold: 2000")
    edit(root, "plugins/backup_age.sh", ":-26}", ":-30}")
    git(root, "mv", "rules/agent-down.yaml", "rules/host-gone.yaml")


def retitle(env: dict[str, str], old: str, new: str) -> None:
    """Give a widget another title on the server."""
    live = by_hand(env, "GET", "dashboards/hosts").text
    assert live.count(f"title: {old}\n") == 1
    by_hand(env, "PUT", "dashboards/hosts", live.replace(f"title: {old}\n", f"title: {new}\n"))


def copy_of_the_example(folder: Path, server: Served, platform: str) -> tuple[Path, dict[str, str]]:
    """Return a repository with pipelines, and the environment variables of an empty account."""
    root, env = folder / "copy", server.account("shop")
    shutil.copytree(ROOT / "example-repo", root)
    edit(root, "dlsync.yaml", "account: default", f"account: shop\nurl: {env['DLSYNC_URL']}")
    assert dlsync("init", root, "--ci", platform).code == 0
    return repository(root), env


def saved_plan_of(journal_folder: Path) -> str:
    """Return the identifier of the saved plan that the only run of a journal applied."""
    [record] = journal.history(journal_folder)
    return record.run.saved_plan


@dataclass
class Team:
    """A team that works on a repository at GitHub.

    :param clone: the clone of Ada, who pushes to a bare repository.
    :param env: the environment variables of the account, for changes by hand.
    """

    clone: Path
    runner: Runner
    env: dict[str, str]
    host: CodeHosts

    def run(self, job: str, event: str = "push") -> Ran:
        done = self.runner.run(job, event)
        assert done.succeeded, done.log
        return done

    def artifact(self, name: str) -> Path:
        return self.runner.root / "artifacts" / str(self.runner.runs) / name

    def propose(self, message: str) -> str:
        """Commit to the branch that is checked out, push it, and run its jobs; return the last comment."""
        commit_all(self.clone, message)
        git(self.clone, "push", "--quiet", "origin", "HEAD")
        self._merge("HEAD", "refs/pull/12/merge")
        self.run("validate", "pull_request")
        self.run("plan", "pull_request")
        head = git(self.clone, "rev-parse", "HEAD")
        self.runner.write(
            runs=[{"id": self.runner.runs, "head_sha": head, "head_repository": {"full_name": REPOSITORY}}]
        )
        return self.host.notes[-1].body

    def merge(self) -> str:
        """Merge the branch that is checked out, and return the log of the apply that follows."""
        head = git(self.clone, "rev-parse", "HEAD")
        merged = self._merge(head, "main")
        git(self.clone, "switch", "--quiet", "main")
        git(self.clone, "pull", "--quiet", "--ff-only")
        branch = {"sha": head, "repo": {"full_name": REPOSITORY}}
        merge = {"number": 12, "merged_at": "2026-11-29", "merge_commit_sha": merged}
        self.runner.write(pulls=[{**merge, "base": {"ref": "main"}, "head": branch}])
        return self.run("apply").log

    def _merge(self, head: str, to: str) -> str:
        """Push a commit that merges another into the main branch, as GitHub makes one."""
        tree = git(self.clone, "merge-tree", "--write-tree", "origin/main", head)
        merge = git(self.clone, "commit-tree", tree, "-p", "origin/main", "-p", head, "-m", "Merge pull request #12")
        git(self.clone, "push", "--quiet", "--force", "origin", f"{merge}:{to}")
        return merge

    def night(self) -> tuple[list[tuple[bool, str]], list[tuple[bool, str]], str]:
        """Return all issues, all pull requests for a backup, and the commit of its branch."""
        self.run("drift", "schedule")
        self.run("backup", "schedule")
        state = self.runner.state
        issues, requests = ([(one["open"], one["body"]) for one in state[name]] for name in ("issues", "requests"))
        return issues, requests, git(self.clone, "ls-remote", "origin", "refs/heads/dlsync/backup")


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Team]:
    host = CodeHosts()
    with served() as server, misbehaving(host.answer) as api:
        clone, env = copy_of_the_example(tmp_path, server, "github")
        origin = tmp_path / "origin.git"
        git(tmp_path, "clone", "--quiet", "--bare", str(clone), str(origin))
        git(clone, "remote", "add", "origin", str(origin))
        git(clone, "fetch", "--quiet")
        git(clone, "branch", "--quiet", "--set-upstream-to=origin/main")
        secrets = {"DLSYNC_API_KEY": "changeme"}
        runner = Runner(tmp_path / "runner", clone, secrets, {"GITHUB_API_URL": api.url}, origin)
        yield Team(clone, runner, env, host)


def test_the_pipelines_of_github_carry_changes_to_the_server_and_from_it(team: Team) -> None:
    log = team.run("apply").log
    assert "No plan of a pull request of this repository: plan and apply." in log
    assert "Applied: 38 created, 0 updated, 0 deleted, 0 failed." in log
    assert dlsync("plan", team.clone, env=team.env).out == NO_CHANGES

    a_request_is_planned_at_each_push_and_merged(team)
    what_is_changed_on_the_server_is_watched_and_accepted(team)


def a_request_is_planned_at_each_push_and_merged(team: Team) -> None:
    change(team.clone)
    comment = team.propose("Ask for less")
    assert SUMMARY + CHANGES in comment
    assert all(text in comment for text in (NEW_RULE, NEW_PLUGIN, changed_rule(2000)))
    assert comment.endswith("\n[The whole plan](<https://github.example/artifacts/plan.html>)\n")

    edit(team.clone, QUEUE, "threshold: 2000", "threshold: 5000000")
    again = team.propose("Ask for even less")
    assert again == comment.replace(changed_rule(2000), changed_rule(5000000))
    assert team.host.writes == ["create", "update 1"]
    reviewed = plan_file.read(team.artifact("plan-12") / "plan.json").id

    assert APPLIED in team.merge()
    assert saved_plan_of(team.artifact("journal-1")) == reviewed
    assert dlsync("plan", team.clone, env=team.env).out == NO_CHANGES


def what_is_changed_on_the_server_is_watched_and_accepted(team: Team) -> None:
    assert team.night() == ([], [], "")
    retitle(team.env, "Memory", "RAM")
    [(is_open, drift)], [backup], pushed = team.night()
    assert is_open
    assert "    ~ dashboard/hosts  update (changed on the server)  dashboards/hosts.yaml:20\n" in drift
    assert 'positions[1].title: "Memory" -> "RAM"' in drift
    assert (backup[0], backup[1].splitlines()[0]) == (True, f"    ~ {HOSTS}")
    assert "Close and reopen it to get its plan" in backup[1]
    [(is_open, same)], requests, still = team.night()
    assert (is_open, requests, still) == (True, [backup], pushed)
    assert same.split("\n", 1)[1] == drift.split("\n", 1)[1]

    by_hand(team.env, "DELETE", "rules/disk-full")
    [(_, more)], [(_, backup_of_more)], replaced = team.night()
    assert "rule/disk-full" in more
    assert "- rules/disk-full.yaml" in backup_of_more
    assert replaced != pushed
    git(team.clone, "fetch", "--quiet")
    assert git(team.clone, "rev-list", "--count", "main..origin/dlsync/backup") == "1"

    git(team.clone, "switch", "--quiet", "--create", "accept")
    accepted = dlsync("accept", team.clone, "dashboard/hosts", "rule/disk-full", env=team.env)
    assert (accepted.code, accepted.err) == (0, "")
    assert "0 files created, 1 updated, 1 deleted" in accepted.out
    assert "no changes, 37 unchanged" in team.propose("Accept what was changed at night")
    assert NO_CHANGES.replace("38", "37") in team.merge()
    issues, requests, pushed = team.night()
    assert ([one for one, _ in issues], [one for one, _ in requests], pushed) == ([False], [False], "")
    assert dlsync("plan", team.clone, env=team.env).out == NO_CHANGES.replace("38", "37")


@pytest.mark.skipif(bool(MISSING), reason=f"`make test` installs what runs it: no {', '.join(MISSING)}")
def test_the_pipelines_of_gitlab_carry_changes_to_the_server_and_from_it(tmp_path: Path) -> None:
    project = Project()
    with served() as server, misbehaving(project.answer) as api:
        root, env = copy_of_the_example(tmp_path, server, "gitlab")
        gitlab = GitLab.make(tmp_path, root, {"DLSYNC_API_KEY": "changeme", "CI_API_V4_URL": api.url})
        first = gitlab.run("push")
        assert "Applied: 38 created, 0 updated, 0 deleted, 0 failed." in first.out
        a_merge_request_is_noted_and_merged(gitlab, project, env)
        the_export_of_a_night_is_merged(gitlab, project, env)


def request(gitlab: GitLab, project: Project) -> str:
    """Run the merge request pipeline of the branch that is checked out; return the last note."""
    planned = gitlab.run("merge_request_event")
    assert planned.code == 0, planned.out
    project.plans = {"plan": planned.artifact("plan", "plan.json")}
    return project.notes[-1].body


def merge(gitlab: GitLab, project: Project, branch: str) -> Pipeline:
    """Merge a branch, and run the pipeline of the push."""
    git(gitlab.clone, "switch", "--quiet", "main")
    git(gitlab.clone, "merge", "--quiet", "--no-ff", branch)
    git(gitlab.clone, "push", "--quiet", "origin", "main")
    project.merged = git(gitlab.clone, "rev-parse", "HEAD")
    applied = gitlab.run("push")
    assert applied.code == 0, applied.out
    return applied


def a_merge_request_is_noted_and_merged(gitlab: GitLab, project: Project, env: dict[str, str]) -> None:
    change(gitlab.clone)
    commit_all(gitlab.clone, "Ask for less")
    note = request(gitlab, project)
    assert SUMMARY + CHANGES in note
    assert all(text in note for text in (NEW_RULE, NEW_PLUGIN, changed_rule(2000)))
    applied = merge(gitlab, project, "change")
    assert APPLIED in applied.out
    reviewed = json.loads(project.plans["plan"] or b"")["made_with"]["salt"]
    assert saved_plan_of(applied.folder / "artifacts" / "apply" / "journal") == reviewed
    assert dlsync("plan", gitlab.clone, env=env).out == NO_CHANGES


def the_export_of_a_night_is_merged(gitlab: GitLab, project: Project, env: dict[str, str]) -> None:
    retitle(env, "Memory", "RAM")
    gitlab.pushed()
    night = gitlab.run("schedule", GITLAB_PUSH_TOKEN=PUSH_TOKEN)
    assert 'positions[1].title: "Memory" -> "RAM"' in night.out
    assert (night.code, gitlab.pushed()[1]) == (1, "merge_request.create")
    git(gitlab.clone, "fetch", "--quiet")
    git(gitlab.clone, "switch", "--quiet", "dlsync-export")
    assert "no changes, 38 unchanged" in request(gitlab, project)
    assert NO_CHANGES in merge(gitlab, project, "dlsync-export").out
    assert gitlab.run("schedule", GITLAB_PUSH_TOKEN=PUSH_TOKEN).code == 0
    assert git(gitlab.bare, "branch", "--list", "dlsync-export") == ""
