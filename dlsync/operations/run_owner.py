"""Say who runs dlsync: the user and the URL of a CI system's run, or a user and a machine."""

import getpass
import socket
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import urlsplit

from dlsync.files.redaction import Redaction
from dlsync.files.settings import Settings

NO_SECRETS: Mapping[str, str] = MappingProxyType({})


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


def ci_run(environ: Mapping[str, str]) -> tuple[str, str]:
    """Return the user of a CI system's run and its URL; empty where they are not known."""
    system = next((system for system in _SYSTEMS if environ.get(system.variable)), None)
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


def run_owner(settings: Settings, secrets: Mapping[str, str] = NO_SECRETS) -> str:
    """Return whom to ask about a run that is going on, as others may read it.

    :param secrets: what is taken out, as the key is; each with its reference.
    """
    user, run = ci_run(settings.environ)
    if run:
        owner = f"{user} ({run})" if user else run
    else:
        try:
            user = user or getpass.getuser()
        except (OSError, KeyError):  # a user without a name, as in some containers
            user = "unknown"
        owner = f"{user}@{socket.gethostname()}"
    return Redaction(secrets).with_key(settings.key).message(owner)
