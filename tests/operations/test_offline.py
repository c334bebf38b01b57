"""What needs no server, as functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dlsync import operations
from dlsync.errors import InvalidTree
from dlsync.resources.selector import Targets
from tests.builders.applies import apply, journals
from tests.builders.trees import write_tree

if TYPE_CHECKING:
    from pathlib import Path

    from tests.builders.trees import Account


def test_all_that_is_wrong_with_a_tree_is_found_offline(tree: Path) -> None:
    assert operations.validate(tree).problems == ()
    write_tree(tree, {"dlsync.yaml": "prune: some\n", "rules/web.yaml": "title: [\n", "dashboards/a.yaml": "- 1\n"})
    assert [one.file for one in operations.validate(tree).errors] == [
        "dashboards/a.yaml",
        "dlsync.yaml",
        "rules/web.yaml",
    ]


def test_a_directory_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    for work in (operations.validate, operations.render):
        with pytest.raises(InvalidTree, match="does not exist"):
            work(tmp_path / "nowhere")


def test_files_are_shown_as_they_are_sent(tree: Path) -> None:
    read, sent = operations.render(tree, targets=Targets(["rule/*"]))
    assert len(read.resources) == 3
    assert [str(one.address) for one in sent] == ["rule/web"]


def test_the_runs_of_a_folder_are_listed_the_latest_first(live: Account, tree: Path) -> None:
    assert operations.history(journals(tree)) == []
    apply(live, tree)
    write_tree(tree, {"rules/web.yaml": "title: Other\ncriteria: []\n"})
    apply(live, tree)
    apply(live, tree)  # changes nothing, and is no run
    runs = operations.history(journals(tree))
    assert [len(one.undo) for one in sorted(runs, key=lambda one: len(one.undo))] == [1, 3]
    assert [one.run.id for one in runs] == sorted((one.run.id for one in runs), reverse=True)
    assert all(one.ended for one in runs)
