"""A fake GitLab for its pipelines: a bare repository, the API of a project, and a runner."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.builders.code_hosts import TOKEN, CodeHosts
from tests.builders.http import Reply, json_reply
from tests.builders.repositories import CONFIGURATION, git

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.builders.http import Seen

BIN = Path(sys.executable).parent
RUNNER = BIN.parent / "gitlab-ci-local/node_modules/.bin/gitlab-ci-local"
MISSING = [tool.name for tool in (RUNNER, Path("node"), Path("rsync")) if not shutil.which(tool)]
PUSH_TOKEN = "t0ken-of-the-backup"
HEAD = "0123456789abcdef0123456789abcdef01234567"
_HOOK = """#!/bin/sh
cat >> pushed
for number in $(seq 0 $((GIT_PUSH_OPTION_COUNT - 1))); do
  eval "echo \\"\\$GIT_PUSH_OPTION_$number\\"" >> pushed
done
"""


@dataclass
class Project(CodeHosts):
    """A project of GitLab with a merge request, its last pipeline and the artifacts of the pipeline.

    :ivar merged: the commit that merged the request.
    :ivar source: the project of the merged branch.
    :ivar planned: the commit of the pipeline, whose head is ``HEAD``; it has the ``parents``.
    :ivar ref: the ref of the pipeline.
    :ivar newest: the commit of the main branch, by default that of the pipeline.
    :ivar retried: the names of the jobs of this pipeline, also of retried ones.
    :ivar asked: the last requested commit.
    :ivar plans: the saved plan of each job of the pipeline; None if the job has none.
    """

    merged: str = ""
    source: int = 7
    planned: str = HEAD
    ref: str = "refs/merge-requests/12/head"
    parents: list[str] = field(default_factory=list)
    plans: dict[str, bytes | None] = field(default_factory=dict)
    downloads: list[str] = field(default_factory=list)
    newest: str = ""
    asked: str = ""
    retried: list[str] = field(default_factory=lambda: ["apply"])

    def answer(self, request: Seen) -> Reply:
        path = request.target.removeprefix("/api/v1/projects/7")
        if path == request.target or self.failing or request.headers.get("private-token") != TOKEN:
            return super().answer(request)
        if path.startswith("/repository/commits/"):
            self.asked = path.split("/")[3]
        if path == f"/repository/commits/{self.merged}/merge_requests?per_page=100":
            own = {"target_branch": "main", "target_project_id": 7, "source_project_id": self.source, "sha": HEAD}
            return json_reply([{"iid": 3, "state": "opened", **own}, {"iid": 12, "state": "merged", **own}])
        if path == f"/repository/commits/{self.planned}":
            return json_reply({"id": self.planned, "parent_ids": self.parents})
        if path == "/repository/branches/main":
            return json_reply({"commit": {"id": self.newest or self.asked}})
        if path.endswith("/jobs?include_retried=true&per_page=100"):
            return json_reply([{"id": number, "name": name} for number, name in enumerate(self.retried)])
        return json_reply([]) if path.startswith("/repository/commits/") else self._pipeline(path)

    def _pipeline(self, path: str) -> Reply:
        jobs = [*self.plans]
        if path == "/merge_requests/12/pipelines?per_page=100":
            return json_reply(
                [{"id": 41, "sha": HEAD, "ref": "proposal"}, {"id": 40, "sha": self.planned, "ref": self.ref}]
            )
        if path.startswith("/pipelines/41/"):  # the pipeline of the branch, without a plan
            return json_reply([{"id": 9, "name": "validate"}])
        if path == "/pipelines/40/jobs?per_page=100":
            return json_reply([{"id": number, "name": name} for number, name in enumerate(jobs)])
        job = jobs[int(path.removeprefix("/jobs/").removesuffix("/artifacts/plan.json"))]
        plan = self.plans[job]
        if plan is None:
            return json_reply({"message": "404 Not Found"}, 404)
        self.downloads.append(job)
        return Reply(200, plan)


@dataclass(frozen=True)
class Pipeline:
    """The result of a pipeline: its exit code, and the output and files of its jobs."""

    code: int
    out: str
    folder: Path

    def artifact(self, job: str, file: str) -> bytes:
        return (self.folder / "artifacts" / job.replace(":", "Og") / file).read_bytes()

    def report(self, job: str, file: str) -> bytes:
        return (self.folder / "builds" / job / file).read_bytes()

    def artifacts(self, job: str, folder: str) -> list[bytes]:
        found = (self.folder / "artifacts" / job / folder).rglob("*")
        return [one.read_bytes() for one in found if one.is_file()]


@dataclass(frozen=True)
class GitLab:
    """A clone with a runner for its pipelines.

    :ivar variables: of the project.
    :ivar pip: a fake pip, which saves a second; if it is deleted, the real pip runs.
    """

    clone: Path
    bare: Path
    pip: Path
    variables: Mapping[str, str]

    @classmethod
    def make(cls, folder: Path, files: Path, variables: Mapping[str, str]) -> GitLab:
        """Create a bare repository from a folder's files, and a clone of it."""
        bare = folder / "monitoring.git"
        git(folder, "init", "--quiet", "--bare", str(bare))
        git(bare, "config", "receive.advertisePushOptions", "true")
        git(files, "push", "--quiet", str(bare), "HEAD:main")
        (bare / "hooks" / "post-receive").write_text(_HOOK)
        (bare / "hooks" / "post-receive").chmod(0o755)
        git(folder, "clone", "--quiet", str(bare), "clone")
        clone = folder / "clone"
        git(clone, "config", "user.name", "Ada")
        git(clone, "config", "user.email", "ada@example.org")
        pip = folder / "bin" / "pip"
        pip.parent.mkdir()
        pip.symlink_to(shutil.which("true") or "")
        own = {
            "CI_PROJECT_ID": "7",
            "CI_PROJECT_URL": "https://gitlab.example.org/acme/monitoring",
            "GITLAB_TOKEN": TOKEN,
        }
        paths = dict.fromkeys(("CI_PROJECT_PATH", "CI_MERGE_REQUEST_PROJECT_PATH"), "acme/monitoring")
        return cls(clone, bare, pip, {**own, **paths, "CI_MERGE_REQUEST_PROJECT_ID": "acme/monitoring", **variables})

    def run(self, source: str, *options: str, **variables: str) -> Pipeline:
        """Run the pipeline of the checked-out commit."""
        request = {"CI_MERGE_REQUEST_IID": "12"} if source == "merge_request_event" else {}
        named = {**self.variables, **request, "CI_PIPELINE_SOURCE": source, **variables}
        arguments = [argument for name, value in named.items() for argument in ("--variable", f"{name}={value}")]
        environment = {
            "PATH": os.pathsep.join((str(self.pip.parent), str(BIN), os.environ["PATH"])),
            "HOME": os.environ["HOME"],
            "PIP_NO_INDEX": "1",
            **CONFIGURATION,
            "GIT_CONFIG_COUNT": "3",
            "GIT_CONFIG_KEY_2": f"url.{self.bare}.insteadOf",
            "GIT_CONFIG_VALUE_2": f"https://dlsync:{PUSH_TOKEN}@gitlab.example.org/acme/monitoring.git",
        }
        command = [str(RUNNER), *_FLAGS, *arguments, *options]
        done = subprocess.run(
            command,
            cwd=self.clone,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return Pipeline(done.returncode, done.stdout, self.clone / ".gitlab-ci-local")

    def jobs(self, source: str, **variables: str) -> dict[str, str]:
        """Return when each job of a pipeline runs, after a check of the template against GitLab's schema."""
        listed = self.run(source, "--list-json", "--json-schema-validation", **variables).out
        found = {job["name"]: job["when"] for job in json.loads(listed[listed.index("[") :])}
        return {name: when for name, when in found.items() if when != "never"}

    def pushed(self) -> list[str]:
        """Return the pushed references and push options since the last call."""
        log = self.bare / "pushed"
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return lines


_FLAGS = (
    "--force-shell-executor",
    "--shell-isolation",
    "--no-artifacts-to-source",
    "--no-json-schema-validation",
    "--no-color",
    "--ignore-predefined-vars",
    "CI_PROJECT_ID,CI_PROJECT_PATH,CI_PROJECT_URL,CI_MERGE_REQUEST_PROJECT_PATH,CI_MERGE_REQUEST_PROJECT_ID,CI_MERGE_REQUEST_IID,CI_PIPELINE_SOURCE,CI_API_V4_URL",
)
