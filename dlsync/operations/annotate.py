"""Annotate that an apply has changed something, for whoever reads a graph later."""

import getpass
import socket
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from dlsync.client import Client
from dlsync.errors import DlsyncError
from dlsync.files import git
from dlsync.files.redaction import Redaction
from dlsync.files.settings import Settings
from dlsync.messages import visible
from dlsync.model import Code, Plan, Problem
from dlsync.operations.plan_document import account, counts
from dlsync.resources.tree import Tree


class _System(NamedTuple):
    """A CI system: the variable that it sets, the variable that names the user, and the template of a run's URL."""

    variable: str
    user: str
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
    """Return the user of a CI system's run and its URL; empty where that is not known."""
    system = next((one for one in _SYSTEMS if environ.get(one.variable)), None)
    if system is None:
        return "", ""
    try:
        url = system.run.format_map(dict(environ))
        parts = urlsplit(url)
        # what is before an @ would be a name and a password
        is_safe = parts.scheme in {"http", "https"} and "@" not in parts.netloc
    except (KeyError, ValueError):
        is_safe = False
    return environ.get(system.user, ""), url if is_safe else ""


def holder(environ: Mapping[str, str]) -> str:
    """Return whom to ask about a run that is going on: a CI run's URL, or a user and a machine."""
    user, run = of(environ)
    if run:
        return f"{user} ({run})" if user else run
    try:
        user = user or getpass.getuser()
    except (OSError, KeyError):  # a user without a name, as in some containers
        user = "somebody"
    return f"{user}@{socket.gethostname()}"


async def annotate(client: Client, done: Plan, redaction: Redaction, tree: Tree, settings: Settings) -> list[Problem]:
    """Post one annotation to the stream of the settings, where there is one and a change was applied.

    :returns: a warning where it could not be posted.
    """
    if not settings.annotate or not any(change.result == "applied" for change in done.changes):
        return []
    redaction = redaction.with_key(settings.key)
    name, description = redaction.said(_name(done)), redaction.said(_description(done, tree, settings))
    try:
        await client.annotations.create(settings.annotate, name=name, description=description)
    except DlsyncError as error:
        where = f"the stream `{settings.annotate}`"
        return [Problem(Code.NOT_ANNOTATED, redaction.said(f"no annotation was posted to {where}: {error.message}"))]
    return []


def _name(done: Plan) -> str:
    applied = [f"{change.action}d" for change in done.changes if change.result == "applied"]
    outcomes = applied + ["failed" for change in done.changes if change.result == "failed"]
    names = ("created", "updated", "deleted", "failed")
    return "dlsync " + ", ".join(f"{outcomes.count(name)} {name}" for name in names if name in outcomes)


def _description(done: Plan, tree: Tree, settings: Settings) -> str:
    user, run = of(settings.environ)
    user = user or git.user_name(tree.root)
    environment = f", environment {settings.environment}" if settings.environment else ""
    lines = [
        f"{counts(done)} in {account(done)}{environment}",
        f"commit {done.commit}" if done.commit else "",
        f"by {user}" if user else "",
        run,
    ]
    return "\n".join(visible(line) for line in lines if line)
