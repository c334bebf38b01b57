"""The annotator: a note in the account that an apply has changed something, for whoever looks at a graph later."""

from __future__ import annotations

import getpass
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dlsync.errors import DlsyncError
from dlsync.files import git
from dlsync.messages import visible
from dlsync.model import Problem
from dlsync.operations.plan_document import account, counts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlsync.client import Client
    from dlsync.files.redaction import Redaction
    from dlsync.files.settings import Settings
    from dlsync.model import Plan
    from dlsync.resources.tree import Tree


@dataclass(frozen=True, slots=True)
class _System:
    """A CI system: the variable that says that it runs us, the one that says for whom, and where the run is shown."""

    sign: str
    who: str
    run: str


# as each one documents the variables that it sets
_SYSTEMS = (
    _System("GITHUB_ACTIONS", "GITHUB_ACTOR", "{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/actions/runs/{GITHUB_RUN_ID}"),
    _System("GITLAB_CI", "GITLAB_USER_LOGIN", "{CI_PIPELINE_URL}"),
    _System("JENKINS_URL", "BUILD_USER", "{BUILD_URL}"),  # BUILD_USER: the plugin build-user-vars
    _System("BUILDKITE", "BUILDKITE_BUILD_CREATOR", "{BUILDKITE_BUILD_URL}"),
    _System("CIRCLECI", "CIRCLE_USERNAME", "{CIRCLE_BUILD_URL}"),
    _System(
        "TF_BUILD",
        "BUILD_REQUESTEDFOR",
        "{SYSTEM_COLLECTIONURI}{SYSTEM_TEAMPROJECT}/_build/results?buildId={BUILD_BUILDID}",
    ),
)


def of(environ: Mapping[str, str]) -> tuple[str, str]:
    """Return for whom a CI system runs us and the address of the run; empty where that is not known."""
    system = next((one for one in _SYSTEMS if environ.get(one.sign)), None)
    if system is None:
        return "", ""
    return environ.get(system.who, ""), _address(system.run, environ)


def _address(template: str, environ: Mapping[str, str]) -> str:
    try:
        address = template.format_map(dict(environ))
        parts = urlsplit(address)
    except (KeyError, ValueError):
        return ""
    # what is before an @ would be a name and a password
    return address if parts.scheme in {"http", "https"} and "@" not in parts.netloc else ""


def holder(environ: Mapping[str, str]) -> str:
    """Return who or what is to be asked about a run that is going on: a CI run's address, or a user and a machine."""
    who, run = of(environ)
    if run:
        return f"{who} ({run})" if who else run
    try:
        who = who or getpass.getuser()
    except (OSError, KeyError):  # a user without a name, as in some containers
        who = who or "somebody"
    return f"{who}@{socket.gethostname()}"


async def annotate(client: Client, done: Plan, redaction: Redaction, tree: Tree, settings: Settings) -> list[Problem]:
    """Post one annotation to the stream of the settings, where there is one and a change was applied.

    :param done: the plan with its results.
    :param redaction: takes out the secrets of what it was made from.
    :param tree: what it was made from.
    :returns: a warning where it could not be posted.
    """
    if not settings.annotate or not any(change.result == "applied" for change in done.changes):
        return []
    redaction = redaction.with_key(settings.key)
    name, description = redaction.said(_name(done)), redaction.said(_description(done, tree, settings))
    try:
        await client.annotations.create(settings.annotate, name=name, description=description)
    except DlsyncError as error:
        where = f"the annotation stream `{settings.annotate}`"
        return [Problem("warning", redaction.said(f"what was applied was not told to {where}: {error.message}"))]
    return []


def _name(done: Plan) -> str:
    ended = {
        f"{action}d": sum(change.action == action and change.result == "applied" for change in done.changes)
        for action in ("create", "update", "delete")
    }
    ended["failed"] = sum(change.result == "failed" for change in done.changes)
    return "dlsync " + ", ".join(f"{count} {how}" for how, count in ended.items() if count)


def _description(done: Plan, tree: Tree, settings: Settings) -> str:
    who, run = of(settings.environ)
    who = who or git.user_name(tree.root)
    environment = f", environment {settings.environment}" if settings.environment else ""
    lines = [
        f"{counts(done)} in {account(done)}{environment}",
        f"commit {done.commit}" if done.commit else "",
        f"by {who}" if who else "",
        run,
    ]
    return "\n".join(visible(line) for line in lines if line)
