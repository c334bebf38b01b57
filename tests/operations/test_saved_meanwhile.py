"""A command does not overwrite a file that the user saves while the command runs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from dlsync import operations
from dlsync.errors import DlsyncError
from dlsync.files.yaml.format import formatted
from dlsync.operations import format as format_
from dlsync.resources.selector import EVERYTHING, Targets
from tests.builders.applies import apply
from tests.builders.between import below, put_by_hand, through
from tests.builders.trees import account, tree_files, write_tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.builders.between import Onward
    from tests.builders.http import Reply, Seen
    from tests.builders.trees import Account

OLD, WEB = "dashboards/old.yaml", "dashboards/web.yaml"
FILES = {WEB: "title: Web\npositions: []\n", OLD: "title: Old\npositions: []\n"}
MINE = "title: Mine\npositions: []\n"
SHOP = "title: Shop\npositions: []\n"


@pytest.fixture
def live() -> Iterator[Account]:
    with account() as live:
        yield live


@pytest.fixture
def tree(live: Account, tmp_path: Path) -> Path:
    """Apply files, then update, delete and create a dashboard each on the server."""
    root = write_tree(tmp_path / "tree", FILES)
    apply(live, root)
    for name in ("web", "new"):
        put_by_hand(live, f"dashboards/{name}", SHOP)
    live.lacks("dashboard/old")
    return root


@pytest.mark.parametrize("file", [WEB, OLD, "dashboards/new.yaml"])
def test_an_export_writes_nothing_where_a_file_was_saved_meanwhile(live: Account, tree: Path, file: str) -> None:
    def saved(seen: Seen, onward: Onward) -> Reply:
        if below(seen) == "GET dashboards":
            write_tree(tree, {file: MINE})
        return onward()

    with pytest.raises(DlsyncError, match=f"{file} was changed while this ran, so it is not overwritten"):
        through(live, saved, lambda to: operations.export(tree, to, mirror=True))
    assert tree_files(tree) == {name: text.encode() for name, text in {**FILES, file: MINE}.items()}


def test_an_export_does_not_bring_back_a_file_that_was_removed_meanwhile(live: Account, tree: Path) -> None:
    def removed(seen: Seen, onward: Onward) -> Reply:
        if below(seen) == "GET dashboards":
            (tree / WEB).unlink()
            (tree / OLD).unlink()
        return onward()

    with pytest.raises(DlsyncError, match=WEB):
        through(live, removed, lambda to: operations.export(tree, to, mirror=True))
    assert tree_files(tree) == {}


def test_an_export_accepts_files_that_another_export_wrote_meanwhile(live: Account, tree: Path) -> None:
    def written(seen: Seen, onward: Onward) -> Reply:
        write_tree(tree, {WEB: SHOP, "dashboards/new.yaml": SHOP})
        (tree / OLD).unlink(missing_ok=True)
        return onward()

    made = through(live, written, lambda to: operations.export(tree, to, mirror=True))
    assert sorted(one.file for one in made.files) == ["dashboards/new.yaml", OLD, WEB]
    assert tree_files(tree) == dict.fromkeys(["dashboards/new.yaml", WEB], SHOP.encode())


def test_an_accept_keeps_a_file_that_was_saved_meanwhile(live: Account, tree: Path) -> None:
    def saved(seen: Seen, onward: Onward) -> Reply:
        write_tree(tree, {WEB: MINE})
        return onward()

    with pytest.raises(DlsyncError, match=f"{WEB} was changed while this ran"):
        through(live, saved, lambda to: operations.accept(tree, to, Targets(("dashboard/web",))))
    assert tree_files(tree)[WEB] == MINE.encode()
    again = asyncio.run(operations.accept(tree, live.settings, EVERYTHING))
    assert [one.file for one in again.files] == [OLD, WEB]


def test_a_file_that_was_saved_while_others_were_formatted_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = write_tree(tmp_path, {WEB: "title:   Web\npositions: []\n"})

    def saved(content: bytes, *others: Any) -> bytes:
        write_tree(tree, {WEB: MINE})
        return formatted(content, *others)

    monkeypatch.setattr(format_, "formatted", saved)
    with pytest.raises(DlsyncError, match=f"{WEB} was changed while this ran"):
        format_.format_files(tree)
    assert tree_files(tree)[WEB] == MINE.encode()
