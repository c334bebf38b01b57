"""Who runs us, and where that can be looked at: what CI systems say in the environment."""

from __future__ import annotations

import getpass
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping


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
