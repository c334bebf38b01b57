"""Export, drift and accept in an environment without the applied secrets."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from dlsync import operations
from dlsync.errors import InvalidTree
from dlsync.operations.hidden_secrets import _values_in
from dlsync.resources.selector import EVERYTHING
from tests.builders.applies import apply, plan
from tests.builders.between import below, through
from tests.builders.trees import resource, tree_files, write_tree

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.builders.between import Onward
    from tests.builders.http import Reply, Seen
    from tests.builders.trees import Account

HOOK, SECRET = "url-of-${env:HOOK}/x", "s3cr3t-v4lue"
RULE = f"title: Web # ours\ndescription: {HOOK}\ncriteria: []\n"
FILES = {
    "rules/web.yaml": RULE,
    "rules/other.yaml": "title: Other\ndescription: ${env:OTHER}\ncriteria: []\n",
    "plugins/disk.sh": "exit 0\n",
    "plugins/disk.meta.yaml": "params: --password ${env:HOOK} # ours\n",
    "links.yaml": "disk: ['${env:HOOK}', web]\n",
}
ENVIRON = {"HOOK": SECRET, "OTHER": "0ther-s3cret"}


@pytest.fixture
def tree(live: Account, tmp_path: Path) -> Path:
    root = write_tree(tmp_path / "secret", FILES)
    apply(live, root, environ=ENVIRON)
    live.asked.clear()
    return root


def by_hand(live: Account, name: str, text: str) -> None:
    live.has(resource(f"rule/{name}", text.replace("${env:HOOK}", SECRET)))


@pytest.mark.parametrize("environ", [{}, {"HOOK": "", "OTHER": ""}])
def test_unchanged_resources_need_no_secret_for_export_drift_and_accept(
    live: Account, tree: Path, environ: Mapping[str, str]
) -> None:
    unset = replace(live.settings, environ=environ)
    for work in (
        operations.export(tree, unset),
        operations.export(tree, unset, mirror=True, check=True),
        operations.export(tree, unset, managed=True),
    ):
        made = asyncio.run(work)
        assert (made.files, made.problems, made.unchanged) == ((), (), 4)
    found = asyncio.run(operations.drift(tree, unset))
    assert (found.changes, found.unchanged) == ((), 4)
    assert not asyncio.run(operations.accept(tree, unset, EVERYTHING))
    with pytest.raises(InvalidTree, match="errors in the files"):
        plan(live, tree, environ=environ)


def test_a_hand_edit_beside_a_secret_is_written_and_the_reference_stays(live: Account, tree: Path) -> None:
    by_hand(live, "web", RULE.replace("Web", "Mine"))
    for work in (
        operations.export(tree, live.settings, check=True),
        operations.accept(tree, live.settings, EVERYTHING, check=True),
    ):
        (file,) = asyncio.run(work).files
        assert (file.file, file.content) == ("rules/web.yaml", RULE.replace("Web", "Mine").encode())


def test_only_a_resource_whose_secret_was_replaced_on_the_server_is_not_written(live: Account, tree: Path) -> None:
    by_hand(live, "other", "title: Other\ndescription: evil\ncriteria: []\n")
    by_hand(live, "web", RULE.replace("Web", "Mine"))
    before = tree_files(tree)
    made = asyncio.run(operations.export(tree, live.settings))
    assert [(one.file, one.action) for one in made.files] == [("rules/web.yaml", "update")]
    (problem,) = made.problems
    assert problem.severity == "error"
    assert problem.message == (
        "rule/other: not written, because `${env:OTHER}` is not set and the live value is not the one that was "
        "applied: set `OTHER`"
    )
    assert {file for file, text in tree_files(tree).items() if before[file] != text} == {"rules/web.yaml"}
    found = asyncio.run(operations.drift(tree, live.settings))
    assert [str(one.address) for one in found.changes] == ["rule/other"]
    assert "evil" not in repr(found.changes)
    (problem,) = asyncio.run(operations.accept(tree, live.settings, EVERYTHING)).problems
    assert problem.message.startswith("rule/other: not written, because `${env:OTHER}` is not set")
    assert SECRET not in repr((made, found))


def test_a_secret_that_was_never_applied_is_not_drift(live: Account, tree: Path) -> None:
    write_tree(tree, {"rules/web.yaml": RULE + "notes: ${env:NEW}\n"})
    assert not asyncio.run(operations.drift(tree, live.settings))
    (problem,) = asyncio.run(operations.export(tree, live.settings, check=True)).problems
    assert problem.message.startswith("rule/web: not written, because `${env:NEW}` is not set")


@pytest.mark.parametrize("work", [operations.export, operations.drift, partial(operations.accept, targets=EVERYTHING)])
def test_missing_secrets_cause_no_additional_requests(live: Account, tree: Path, work: Any) -> None:
    def requests(environ: Mapping[str, str]) -> list[str]:
        seen: list[str] = []

        def noted(request: Seen, onward: Onward) -> Reply:
            seen.append(below(request))
            return onward()

        through(live, noted, lambda settings: work(tree, replace(settings, environ=environ)))
        return sorted(seen)

    assert requests({}) == requests(ENVIRON)


@pytest.mark.parametrize(
    ("text", "spelling", "values"),
    [
        ("s", "${env:A}", {"A": "s"}),
        ("x-s/y", "x-${env:A}/y", {"A": "s"}),
        ("https://me:s@x", "https://${env:A}:${env:B}@x", {"A": "me", "B": "s"}),
        ("${s", "$${${env:A}", {"A": "s"}),
        ("s s", "${env:A} ${env:A}", {"A": "s"}),
        ("stu", "${env:A}${env:B}", {"A": "st", "B": "u"}),
        ("s/y/y", "${env:A}/y", {}),
    ],
)
def test_secret_values_are_separated_by_the_text_between_their_references(
    text: str, spelling: str, values: dict[str, str]
) -> None:
    assert _values_in(text, spelling) == values
