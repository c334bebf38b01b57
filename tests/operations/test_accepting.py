"""What was done on the server goes into the files, but for what the files alone have moved."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from dlsync.errors import DlsyncError, SettingsError
from dlsync.files import writer
from dlsync.operations.drift import accept_edits
from dlsync.operations.fetch import Fetcher
from dlsync.resources import loader
from dlsync.resources.selector import Targets
from tests.builders.applies import changes, plan
from tests.builders.trees import account, dashboard, resource, rule, tree_files, write_tree

if TYPE_CHECKING:
    from pathlib import Path

    from dlsync.operations.export import Export
    from tests.builders.trees import Account

WEB = "# the fleet\ntitle:   'Web'  # ours\nperiod: 60\npositions: [ ]\n"
FILES = {
    "dashboards/team/web.yaml": WEB,
    "rules/web.yaml": "title: Web\ncriteria: []\n",
    "plugins/disk.py": "print()\n",
    "links.yaml": "disk: [all]\n",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "tree", FILES)


def accept(live: Account, root: Path, *targets: str, **settings: Any) -> Export:
    tree = loader.read(root).raise_for_errors()
    chosen = replace(live.settings, **settings)
    made = live.run(lambda client: accept_edits(Fetcher(client), tree, chosen, Targets(targets)))
    writer.write(root, made.files)
    return made


def files(made: Export) -> list[str]:
    return [f"{one.action} {one.file}" for one in made.files]


def text(tree: Path, file: str) -> str:
    return tree_files(tree)[file].decode()


def test_where_nothing_drifted_nothing_is_written(applied: Account, tree: Path) -> None:
    applied.has(resource("rule/other", rule()))
    assert files(accept(applied, tree)) == []


def test_a_hand_edit_is_written_into_its_file_with_the_comments_as_they_were(applied: Account, tree: Path) -> None:
    applied.has(resource("dashboard/web", "title: Mine\nperiod: 60\npositions: []\n"))
    assert files(accept(applied, tree)) == ["update dashboards/team/web.yaml"]
    assert text(tree, "dashboards/team/web.yaml") == WEB.replace("'Web'", "'Mine'")
    assert not plan(applied, tree)
    assert files(accept(applied, tree)) == []


def test_what_only_the_files_moved_stays_and_is_still_to_be_applied(applied: Account, tree: Path) -> None:
    applied.has(resource("dashboard/web", "title: Mine\nperiod: 60\npositions: []\n"))
    write_tree(tree, {"dashboards/team/web.yaml": WEB.replace("60", "90")})
    accept(applied, tree)
    assert text(tree, "dashboards/team/web.yaml") == WEB.replace("60", "90").replace("'Web'", "'Mine'")
    made = plan(applied, tree)
    assert changes(made) == ["update dashboard/web repo"]
    assert [one.path for one in made.changes[0].diff] == [("period",)]


def test_all_that_drifted_is_found_and_accepted_with_one_look(applied: Account, tree: Path) -> None:
    applied.asked.clear()
    accept(applied, tree)
    asked = applied.requests()
    assert sorted({*asked}) == asked


def test_where_both_moved_a_field_the_live_side_is_accepted(applied: Account, tree: Path) -> None:
    applied.has(resource("dashboard/web", "title: Mine\nperiod: 60\npositions: []\n"))
    write_tree(tree, {"dashboards/team/web.yaml": WEB.replace("'Web'", "'Ours'")})
    accept(applied, tree)
    assert text(tree, "dashboards/team/web.yaml") == WEB.replace("'Web'", "'Mine'")


def test_what_was_deleted_on_the_server_loses_its_file_and_what_no_file_has_gets_one(
    applied: Account, tree: Path
) -> None:
    applied.lacks("rule/web", "link/disk")
    applied.has(resource("dashboard/web", dashboard()))
    (tree / "dashboards/team/web.yaml").unlink()
    assert files(accept(applied, tree)) == ["create dashboards/web.yaml", "delete links.yaml", "delete rules/web.yaml"]
    assert set(tree_files(tree)) == {"dashboards/web.yaml", "plugins/disk.py"}
    assert not plan(applied, tree)


def test_what_is_named_is_accepted_whether_it_is_managed_or_not(applied: Account, tree: Path) -> None:
    applied.has(
        resource("rule/other", rule()),
        resource("rule/web", rule(description="mine")),
        resource("dashboard/web", dashboard()),
    )
    (tree / "rules/web.yaml").write_text("title: Ours\ncriteria: []\n")
    made = accept(applied, tree, "rule/web")
    assert (files(made), made.unchanged) == (["update rules/web.yaml"], 0)
    assert text(tree, "rules/web.yaml") == "title: Ours\ncriteria: []\ndescription: mine\n"


def test_a_resource_that_is_as_its_file_says_is_counted_and_not_written(applied: Account, tree: Path) -> None:
    made = accept(applied, tree, "rule/*")
    assert (files(made), made.unchanged) == ([], 1)


def test_an_unmanaged_resource_is_accepted_as_it_is_live(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "tree", {"rules/web.yaml": "title: Ours # here\ncriteria: []\n"})
    with account() as live:
        live.has(resource("rule/web", "title: Mine\ncriteria: []\n"))
        assert files(accept(live, root, "rule/web")) == ["update rules/web.yaml"]
    assert text(root, "rules/web.yaml") == "title: Mine # here\ncriteria: []\n"


def test_a_name_that_is_nowhere_is_an_error(applied: Account, tree: Path) -> None:
    with pytest.raises(DlsyncError, match="no resource matches `rule/none`") as caught:
        accept(applied, tree, "rule/none", "rule/web")
    assert caught.value.hint


def test_without_a_record_only_what_is_named_can_be_accepted(applied: Account, tree: Path) -> None:
    applied.has(resource("rule/web", "title: Mine\ncriteria: []\n"))
    with pytest.raises(SettingsError):
        accept(applied, tree, inventory="none")
    assert files(accept(applied, tree, "rule/web", inventory="none")) == ["update rules/web.yaml"]
    assert text(tree, "rules/web.yaml") == "title: Mine\ncriteria: []\n"


def test_what_no_file_can_hold_is_told_and_the_rest_is_written(applied: Account, tree: Path) -> None:
    applied.has(resource("rule/web", "title: 1\ncriteria: []\n"), resource("dashboard/web", dashboard(period=90)))
    made = accept(applied, tree)
    assert [one.message.partition(":")[0] for one in made.problems] == ["rule/web"]
    assert files(made) == ["update dashboards/team/web.yaml"]
