"""Operations that need no server: validate, render and history."""

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


def test_validate_reports_every_invalid_file_without_a_server(tree: Path) -> None:
    assert operations.validate(tree).problems == ()
    write_tree(tree, {"dlsync.yaml": "prune: some\n", "rules/web.yaml": "title: [\n", "dashboards/a.yaml": "- 1\n"})
    assert [one.file for one in operations.validate(tree).errors] == [
        "dashboards/a.yaml",
        "dlsync.yaml",
        "rules/web.yaml",
    ]


def test_a_missing_directory_is_an_error(tmp_path: Path) -> None:
    for work in (operations.validate, operations.render):
        with pytest.raises(InvalidTree, match="does not exist"):
            work(tmp_path / "nowhere")


def test_render_reads_the_whole_tree_and_returns_only_the_targets(tree: Path) -> None:
    read, sent = operations.render(tree, targets=Targets(["rule/*"]))
    assert len(read.resources) == 3
    assert [str(one.address) for one in sent] == ["rule/web"]


def test_history_lists_the_latest_run_first_and_omits_runs_without_changes(live: Account, tree: Path) -> None:
    assert operations.history(journals(tree)) == []
    apply(live, tree)
    write_tree(tree, {"rules/web.yaml": "title: Other\ncriteria: []\n"})
    apply(live, tree)
    apply(live, tree)  # changes nothing, so the history omits it
    runs = operations.history(journals(tree))
    assert [len(one.undo) for one in sorted(runs, key=lambda one: len(one.undo))] == [1, 3]
    assert [one.run.id for one in runs] == sorted((one.run.id for one in runs), reverse=True)
    assert all(one.ended for one in runs)
