"""Annotations: an apply posts to a stream what it changed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dlsync import operations
from dlsync.client.annotations import Annotations
from dlsync.errors import Rejected
from dlsync.files import git
from dlsync.files.redaction import Redaction
from dlsync.model import Plan, ResourceChange
from dlsync.operations import annotate as annotator
from dlsync.resources.tree import Tree
from tests.builders.commands import dlsync
from tests.builders.reporters import Recorder
from tests.builders.trees import address, resource, write_tree

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from dlsync.client.annotations import Annotation
    from dlsync.model import Action, Problem, Result
    from tests.builders.trees import Account


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git, "user_name", lambda _: "")


def done(live: Account, *ended: tuple[Action, Result], commit: str = "") -> Plan:
    changes = [
        ResourceChange(address(f"rule/{place}"), action, "repo", result=result)
        for place, (action, result) in enumerate(ended)
    ]
    return Plan(live.settings.target, tuple(changes), commit=commit)


def annotate(live: Account, plan: Plan, tree: Tree | None = None, **settings: object) -> list[Problem]:
    chosen = replace(live.settings, **{"annotate": "deploys", **settings})  # type: ignore[arg-type] # any of them
    tree = tree or Tree(None, {})  # type: ignore[arg-type] # git is not asked
    redaction = Redaction(tree.secrets)
    return live.run(lambda client: annotator.annotate(client, plan, redaction, tree, chosen))


def posted(live: Account) -> list[Annotation]:
    async def listed() -> list[Annotation]:
        return [one for name in streams for one in found[name]]

    streams = live.run(lambda client: client.annotations.streams())
    found = {name: live.run(lambda client, name=name: client.annotations.list(name)) for name in streams}  # type: ignore[misc] # the default binds the loop's value
    return asyncio.run(listed())


def test_an_annotation_states_the_counts_account_environment_and_commit(live: Account) -> None:
    plan = done(
        live, ("create", "applied"), ("create", "applied"), ("update", "applied"), ("delete", "failed"), commit="abc"
    )
    assert annotate(live, plan, environment="staging") == []
    (one,) = posted(live)
    assert (one.stream, one.name) == ("deploys", "dlsync 2 created, 1 updated, 1 failed")
    assert one.description == (
        "2 created, 1 updated, 0 deleted, 1 failed in acme/default, environment staging\ncommit abc"
    )


@pytest.mark.parametrize("ended", [[], [("update", "failed"), ("delete", "skipped")]])
def test_an_apply_that_changed_nothing_posts_no_annotation(live: Account, ended: list[tuple[Action, Result]]) -> None:
    assert annotate(live, done(live, *ended)) == []
    assert posted(live) == []


def test_without_a_stream_no_annotation_is_posted(live: Account) -> None:
    assert annotate(live, done(live, ("create", "applied")), annotate="") == []
    assert posted(live) == []


@pytest.mark.parametrize(
    ("environ", "lines"),
    [
        pytest.param(
            {
                "GITHUB_ACTIONS": "true",
                "GITHUB_ACTOR": "ada",
                "GITHUB_SERVER_URL": "https://github.com",
                "GITHUB_REPOSITORY": "acme/monitoring",
                "GITHUB_RUN_ID": "7",
            },
            ["by ada", "https://github.com/acme/monitoring/actions/runs/7"],
            id="GitHub",
        ),
        pytest.param({"CIRCLECI": "true", "CIRCLE_USERNAME": "a\x1b\nb"}, ["by a\\x1b\\nb"], id="control characters"),
        pytest.param({"GITHUB_ACTOR": "ada"}, [], id="no CI"),
    ],
)
def test_an_annotation_names_the_user_and_the_run_of_the_ci(
    live: Account, environ: Mapping[str, str], lines: list[str]
) -> None:
    assert annotate(live, done(live, ("create", "applied")), environ=environ) == []
    (one,) = posted(live)
    assert one.description.split("\n")[1:] == lines


def test_outside_a_ci_an_annotation_names_the_git_user(live: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git, "user_name", lambda _: "Ada Lovelace")
    annotate(live, done(live, ("create", "applied")))
    assert posted(live)[0].description.endswith("\nby Ada Lovelace")


def test_an_annotation_contains_no_secret(live: Account, tmp_path: Path) -> None:
    secret = replace(resource("rule/x", {"title": "x"}), secrets={"s3cret": "${env:HOOK}"})
    environ = {"CIRCLECI": "1", "CIRCLE_USERNAME": "s3cret changeme"}
    annotate(live, done(live, ("create", "applied")), Tree(tmp_path, {secret.address: secret}), environ=environ)
    assert posted(live)[0].description.endswith("\nby ${env:HOOK} [key]")


@pytest.fixture
def deaf(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: object, **__: object) -> Annotation:
        raise Rejected("no streams here")

    monkeypatch.setattr(Annotations, "create", refuse)


@pytest.mark.usefixtures("deaf")
@pytest.mark.parametrize("key", ["changeme", ""])
def test_a_failure_to_post_an_annotation_is_a_warning(live: Account, key: str) -> None:
    (problem,) = annotate(live, done(live, ("create", "applied")), key=key)
    assert problem.severity == "warning"
    assert str(problem) == "no annotation was posted to the stream `deploys`: no streams here"


@pytest.mark.usefixtures("deaf")
def test_an_apply_succeeds_if_its_annotation_cannot_be_posted(live: Account, tmp_path: Path) -> None:
    write_tree(tmp_path, {"rules/a.yaml": "title: A\ncriteria: []\n", "dlsync.yaml": "annotate: deploys\n"})
    to = live.settings
    env = {"DLSYNC_URL": to.url, "DLSYNC_ORG": to.org, "DLSYNC_ACCOUNT": to.account, "DLSYNC_API_KEY": to.key}
    outcome = dlsync("apply", tmp_path, "--auto-approve", env=env)
    assert outcome.code == 0
    assert outcome.err == ("warning: no annotation was posted to the stream `deploys`: no streams here\n")


def test_only_an_apply_that_changes_something_posts_an_annotation(live: Account, tmp_path: Path) -> None:
    write_tree(tmp_path, {"rules/a.yaml": "title: A\ncriteria: []\n"})
    settings = replace(live.settings, annotate="deploys")
    recorder = Recorder()

    def apply() -> Plan | None:
        return asyncio.run(operations.apply(tmp_path, settings, reporter=recorder))

    assert apply()
    assert [one.name for one in posted(live)] == ["dlsync 1 created"]
    assert not apply()
    assert (len(posted(live)), recorder.warned) == (1, [])
