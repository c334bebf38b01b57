"""Run the jobs of a GitHub workflow: bash runs the steps; Python, pip, artifacts and ``gh`` are fakes.

Python evaluates expressions with ``==``, ``!=``, ``&&``, ``||``, ``!``, ``format``, ``always`` and ``cancelled``.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from dlsync.files import yaml
from tests.builders.code_hosts import TOKEN
from tests.builders.commands import ROOT
from tests.builders.gh import REPOSITORY
from tests.builders.repositories import CONFIGURATION, git

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

WORKFLOW = ".github/workflows/dlsync.yml"
_EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}", re.DOTALL)
_STATUS = re.compile(r"\b(cancelled|always|success|failure)\(\)")


class Context(dict[str, Any]):
    """A context of expressions, in which missing values are empty."""

    def __getattr__(self, name: str) -> Any:
        value = self.get(name, self.get(name.replace("_", "-"), ""))
        return Context(value) if isinstance(value, dict) else value


def evaluate(expression: str, contexts: Mapping[str, Any]) -> Any:
    python = re.sub(r"(?<=\w)-(?=[a-z])(?=[^']*(?:'[^']*'[^']*)*$)", "_", expression)
    for of_github, of_python in (("&&", " and "), ("||", " or ")):
        python = python.replace(of_github, of_python)
    python = re.sub(r"!(?!=)", " not ", python).strip()
    functions = {
        "format": lambda text, *values: text.format(*values),
        "cancelled": lambda: False,
        "always": lambda: True,
    }
    return eval(python, {"__builtins__": {}}, {**functions, **contexts})


def substitute(value: Any, contexts: Mapping[str, Any]) -> str:
    return _EXPRESSION.sub(lambda found: str(evaluate(found[1], contexts)), str(value))


def holds(condition: str | None, contexts: Mapping[str, Any], *, failed: bool) -> bool:
    if not condition:
        return not failed
    if found := _EXPRESSION.fullmatch(condition):
        condition = found[1]
    return bool(evaluate(condition, contexts)) and (not failed or bool(_STATUS.search(condition)))


@dataclass
class Ran:
    """The result of a job: whether it ran and succeeded, and the output of its steps."""

    ran: bool
    succeeded: bool
    log: str = ""
    summary: str = ""


@dataclass
class Runner:
    """Run jobs of the workflow in a repository.

    :param root: has ``artifacts/RUN/NAME``, and the state of GitHub in ``github.json``.
    :param workspace: the checkout, with the workflow.
    :param secrets: of the repository.
    :param env: more environment variables for jobs.
    :param origin: a bare repository, from which each run checks out a new workspace; None keeps the workspace.
    """

    root: Path
    workspace: Path
    secrets: Mapping[str, str]
    env: dict[str, str] = field(default_factory=dict)
    origin: Path | None = None
    runs: int = 0

    def __post_init__(self) -> None:
        programs = {
            "gh": f'exec "{sys.executable}" -m tests.builders.gh "$@"',
            "dlsync": f'exec "{sys.executable}" -m dlsync "$@"',
            "pip": f'echo "$@" >> "{self.root}/pip.log"; env > "{self.root}/pip.env"',
        }
        (self.root / "bin").mkdir(parents=True)
        for name, script in programs.items():
            (self.root / "bin" / name).write_text(f"#!/bin/sh\n{script}\n")
            (self.root / "bin" / name).chmod(0o755)
        self.write(pulls=[], runs=[], issues=[], requests=[], newest=[])

    @property
    def state(self) -> dict[str, list[dict[str, Any]]]:
        """The state of GitHub; see :mod:`tests.builders.gh`."""
        return cast("dict[str, list[dict[str, Any]]]", json.loads((self.root / "github.json").read_text()))

    def write(self, **lists: list[dict[str, Any]]) -> None:
        file = self.root / "github.json"
        file.write_text(json.dumps({**(self.state if file.exists() else {}), **lists}))

    def artifacts(self, run: int) -> list[str]:
        folder = self.root / "artifacts" / str(run)
        return sorted(one.name for one in folder.iterdir()) if folder.is_dir() else []

    def run(
        self,
        job: str,
        event: str = "push",
        *,
        matrix: Mapping[str, str] | None = None,
        fork: bool = False,
        pull: int = 12,
        attempt: int = 1,
    ) -> Ran:
        """Run a job for an event, or for the event of a pull request, as a new run."""
        self.runs += 1
        if self.origin:
            self._check_out(self.origin, *_refs(event))
        workflow = cast("Any", yaml.parse((self.workspace / WORKFLOW).read_bytes()))
        temp = self.root / "temp" / str(self.runs)
        temp.mkdir(parents=True)
        contexts = {
            "github": self._github(event, fork=fork, pull=pull, attempt=attempt),
            "secrets": Context(self.secrets),
            "runner": Context(temp=str(temp)),
            "matrix": Context(matrix or {}),
        }
        contexts["env"] = _env(workflow, contexts)
        description = workflow["jobs"][job]
        if not holds(description["if"], contexts, failed=False):
            return Ran(ran=False, succeeded=False)
        done = _Job(self, contexts, temp)
        for step in self._steps(description["steps"], contexts):
            done.step(*step)
        return Ran(True, not done.failed, done.log, (temp / "summary").read_text())

    def _check_out(self, origin: Path, ref: str, local: str) -> None:
        """Check out like ``actions/checkout``, which by default fetches a single commit."""
        self.workspace = self.root / "workspaces" / str(self.runs)
        git(self.root, "init", "--quiet", str(self.workspace))
        git(self.workspace, "remote", "add", "origin", f"file://{origin}")
        git(self.workspace, "fetch", "--quiet", "--depth=1", "origin", f"+{ref}:{local}")
        git(self.workspace, "checkout", "--quiet", *(["-B", "main"] if local.endswith("/main") else []), local)

    def _github(self, event: str, *, fork: bool, pull: int, attempt: int) -> Context:
        ref = _refs(event)[0]
        head = {"repo": {"full_name": "fork/monitoring" if fork else REPOSITORY}}
        of_pull = {"number": pull, "pull_request": {"head": head}} if event == "pull_request" else {}
        return Context(
            event_name=event,
            repository=REPOSITORY,
            ref=ref,
            ref_name=ref.removeprefix("refs/heads/"),
            sha=git(self.workspace, "rev-parse", "HEAD"),
            run_id=self.runs,
            run_attempt=attempt,
            server_url="https://github.example",
            token=TOKEN,
            event={"repository": {"default_branch": "main"}, **of_pull},
        )

    def _steps(self, steps: list[Any], contexts: Mapping[str, Any]) -> Iterator[tuple[Any, dict[str, Any]]]:
        """Yield each step with its contexts; replace an action of the repository by its steps."""
        for step in steps:
            if not step.get("uses", "").startswith("./"):
                yield step, {**contexts, "steps": Context()}
                continue
            action = cast("Any", yaml.parse((self.workspace / step["uses"] / "action.yml").read_bytes()))
            values = {name: one.get("default", "") for name, one in action["inputs"].items()} | step["with"]
            inputs = Context({name: substitute(value, contexts) for name, value in values.items()})
            inner = {**contexts, "env": contexts["env"] | _env(step, contexts), "inputs": inputs, "steps": Context()}
            for one in action["runs"]["steps"]:
                yield one, inner


def _env(step: Mapping[str, Any], contexts: Mapping[str, Any]) -> Context:
    return Context({name: substitute(value, contexts) for name, value in step.get("env", {}).items()})


def _refs(event: str) -> tuple[str, str]:
    """Return the reference of an event, and its name in the checkout."""
    if event == "pull_request":
        return "refs/pull/12/merge", "refs/remotes/pull/12/merge"
    return "refs/heads/main", "refs/remotes/origin/main"


class _Job:
    def __init__(self, runner: Runner, contexts: Mapping[str, Any], temp: Path) -> None:
        self._runner, self._temp = runner, temp
        github, self.log, self.failed = contexts["github"], "", False
        (temp / "summary").touch()
        self._env = {
            "PATH": f"{runner.root / 'bin'}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "HOME": str(temp),
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_SHA": github["sha"],
            "GITHUB_REF": github["ref"],
            "GITHUB_REF_NAME": github["ref_name"],
            "GITHUB_EVENT_NAME": github["event_name"],
            "GITHUB_RUN_ATTEMPT": str(github["run_attempt"]),
            "GITHUB_WORKFLOW_REF": f"{REPOSITORY}/{WORKFLOW}@{github['ref']}",
            "GITHUB_ACTIONS": "true",
            "RUNNER_TEMP": str(temp),
            "GITHUB_STEP_SUMMARY": str(temp / "summary"),
            "GH_STATE": str(runner.root / "github.json"),
            "CI": "true",
            **CONFIGURATION,
            **runner.env,
        }

    def step(self, step: Mapping[str, Any], contexts: dict[str, Any]) -> None:
        outcome, outputs = "skipped", Context()
        if holds(step.get("if"), contexts, failed=self.failed):
            succeeded, outputs = self._run(step, contexts) if "run" in step else self._use(step, contexts)
            outcome = "success" if succeeded else "failure"
            self.failed = self.failed or not (succeeded or step.get("continue-on-error"))
        if "id" in step:
            contexts["steps"][step["id"]] = Context(outcome=outcome, outputs=outputs)

    def _run(self, step: Mapping[str, Any], contexts: Mapping[str, Any]) -> tuple[bool, Context]:
        assert "${{" not in step["run"]
        assert step["shell"] == "bash"
        script, output = self._temp / "script.sh", self._temp / "output"
        script.write_text(step["run"])
        output.write_text("")
        env = contexts["env"] | _env(step, contexts)
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", script],
            cwd=self._runner.workspace / substitute(step.get("working-directory", "."), contexts),
            env={**self._env, "GITHUB_OUTPUT": str(output), **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.log += done.stdout
        return done.returncode == 0, Context(line.split("=", 1) for line in output.read_text().splitlines())

    def _use(self, step: Mapping[str, Any], contexts: Mapping[str, Any]) -> tuple[bool, Context]:
        values = {name: substitute(value, contexts) for name, value in step.get("with", {}).items()}
        action = step["uses"].split("@")[0]
        if values.get("fetch-depth") == "0" and self._runner.origin:
            heads = "+refs/heads/*:refs/remotes/origin/*"
            git(self._runner.workspace, "fetch", "--quiet", "--prune", "--depth=2147483647", "origin", heads)
        if action != "actions/upload-artifact":
            assert action in {"actions/checkout", "actions/setup-python"}
            return True, Context()
        path = self._temp / values["path"]
        if not path.exists():
            return values.get("if-no-files-found") == "ignore", Context()
        name = values["name"]
        assert values.get("archive") != "False" or name == path.name
        to = self._runner.root / "artifacts" / str(self._runner.runs) / name
        assert not to.exists()
        if path.is_dir():
            shutil.copytree(path, to)
        else:
            to.mkdir(parents=True)
            shutil.copy(path, to)
        return True, Context({"artifact-url": f"https://github.example/artifacts/{name}"})
