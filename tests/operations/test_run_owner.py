"""The owner of a run: the user, and the page of the CI job or the machine."""

from __future__ import annotations

import getpass
import socket
from typing import TYPE_CHECKING

import pytest

from dlsync.files.settings import Settings
from dlsync.operations.run_owner import ci_run, run_owner

if TYPE_CHECKING:
    from collections.abc import Mapping

GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_ACTOR": "ada",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "acme/monitoring",
    "GITHUB_RUN_ID": "7",
}
PAGE = "https://github.com/acme/monitoring/actions/runs/7"
HERE = socket.gethostname()


def circle(url: str) -> dict[str, str]:
    return {"CIRCLECI": "true", "CIRCLE_BUILD_URL": url}


@pytest.mark.parametrize(
    ("environ", "who", "page"),
    [
        pytest.param(GITHUB, "ada", PAGE, id="GitHub"),
        pytest.param(
            {"GITLAB_CI": "true", "GITLAB_USER_LOGIN": "ada", "CI_PIPELINE_URL": "https://gitlab.example.org/p/7"},
            "ada",
            "https://gitlab.example.org/p/7",
            id="GitLab",
        ),
        pytest.param(
            {"JENKINS_URL": "x", "BUILD_URL": "http://ci.example.org/7"}, "", "http://ci.example.org/7", id="Jenkins"
        ),
        pytest.param(
            {
                "TF_BUILD": "True",
                "BUILD_REQUESTEDFOR": "Ada",
                "SYSTEM_COLLECTIONURI": "https://dev.example.org/acme/",
                "SYSTEM_TEAMPROJECT": "monitoring",
                "BUILD_BUILDID": "7",
            },
            "Ada",
            "https://dev.example.org/acme/monitoring/_build/results?buildId=7",
            id="Azure",
        ),
        pytest.param({"GITHUB_ACTIONS": "true"}, "", "", id="CI without details"),
        pytest.param(circle("https://a:b@ci.example.org"), "", "", id="URL with a password"),
        pytest.param(circle("javascript:alert(1)"), "", "", id="not an HTTP URL"),
        pytest.param(circle("https://[ci"), "", "", id="invalid URL"),
        pytest.param({"GITHUB_ACTOR": "ada"}, "", "", id="no CI"),
        pytest.param({}, "", "", id="empty environment"),
    ],
)
def test_a_ci_environment_gives_the_user_and_the_page_of_the_run(
    environ: Mapping[str, str], who: str, page: str
) -> None:
    assert ci_run(environ) == (who, page)


def test_the_owner_of_a_run_is_the_page_of_a_ci_job_or_a_user_and_a_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(getpass, "getuser", lambda: "grace")
    assert run_owner(Settings(environ=GITHUB)) == f"ada ({PAGE})"
    assert run_owner(Settings(environ=circle("https://ci.example.org/7"))) == "https://ci.example.org/7"
    assert run_owner(Settings(environ={"CIRCLECI": "1", "CIRCLE_USERNAME": "ada"})) == f"ada@{HERE}"
    assert run_owner(Settings(environ={})) == f"grace@{HERE}"


@pytest.mark.parametrize("error", [KeyError, OSError])
def test_a_user_without_a_name_is_called_unknown(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    def nobody() -> str:
        raise error

    monkeypatch.setattr(getpass, "getuser", nobody)
    assert run_owner(Settings(environ={})) == f"unknown@{HERE}"


def test_the_owner_of_a_run_contains_neither_the_key_nor_secrets() -> None:
    system = {"JENKINS_URL": "x", "BUILD_USER": "ann changeme", "BUILD_URL": "https://ci.example/s3cret"}
    settings = Settings(key="changeme", environ=system)
    assert run_owner(settings) == "ann [key] (https://ci.example/s3cret)"
    assert run_owner(settings, {"s3cret": "${env:A}"}) == "ann [key] (https://ci.example/${env:A})"
