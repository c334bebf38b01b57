"""Links of deleted plugins: a plan shows their deletion, and no later plan creates them again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dlsync import operations
from dlsync.operations.fetch import Fetcher
from dlsync.operations.plan import build_plan
from dlsync.operations.reconcile import ConflictPolicy
from dlsync.operations.session import writer
from dlsync.resources import loader
from tests.builders.applies import apply, carried_out, changes, managed, plan
from tests.builders.between import below, through
from tests.builders.http import Reply
from tests.builders.trees import account, resource, write_tree
from tests.operations.test_rollback import rolled_back

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from dlsync.files.settings import Settings
    from dlsync.model import Plan
    from tests.builders.between import Onward
    from tests.builders.http import Seen
    from tests.builders.trees import Account

PLUGINS = {"plugins/disk.py": "1", "plugins/net.sh": "2"}
BOTH = ["delete link/disk repo", "delete plugin/disk repo"]
BY_HAND = resource("link/disk", {"tags": ["web"]})


def warned(made: Plan) -> list[tuple[str, int | None]]:
    return [(one.message, one.line) for one in made.warnings if one.file]


@pytest.fixture
def live() -> Iterator[Account]:
    with account() as opened:
        yield opened


@pytest.fixture
def linked(live: Account, tmp_path: Path) -> Path:
    """A tree that was applied, and from which the file of a linked plugin was then deleted."""
    tree = write_tree(tmp_path / "tree", {**PLUGINS, "links.yaml": "net: [all]\ndisk: [web]\n"})
    apply(live, tree)
    (tree / "plugins/disk.py").unlink()
    return tree


@pytest.fixture
def by_hand(live: Account, tmp_path: Path) -> Path:
    """A tree that was applied, and from which the file of a plugin was deleted that was linked by hand."""
    tree = write_tree(tmp_path / "tree", PLUGINS)
    apply(live, tree)
    live.has(BY_HAND)
    (tree / "plugins/disk.py").unlink()
    return tree


def test_a_plan_deletes_the_link_of_a_plugin_that_it_deletes_and_warns_at_its_line(live: Account, linked: Path) -> None:
    made = plan(live, linked)
    assert changes(made) == BOTH
    what = "link/disk refers to plugin/disk, which this plan deletes: the server deletes both; remove this line too"
    assert warned(made) == [(what, 2)]


def test_a_plan_warns_about_the_link_of_a_renamed_plugin_and_gives_the_new_name(live: Account, linked: Path) -> None:
    write_tree(linked, {"plugins/disks.py": PLUGINS["plugins/disk.py"]})
    what = "link/disk refers to plugin/disk, which this plan renames: write `disks` in this line, or the new name runs "
    assert warned(plan(live, linked)) == [(f"{what}on no agent", 2)]


def test_the_link_of_a_deleted_plugin_is_not_created_again_and_a_rollback_restores_both(
    live: Account, linked: Path
) -> None:
    assert changes(apply(live, linked)) == [f"{one} applied" for one in BOTH]
    made = plan(live, linked)
    assert changes(made) == []
    what = "link/disk refers to plugin/disk, which does not exist: it is not created; "
    assert warned(made) == [(f"{what}add what is missing, or remove this line", 2)]
    assert managed(live, linked) == ["link/net", "plugin/net"]
    assert changes(rolled_back(live, linked)) == ["create plugin/disk new applied", "create link/disk new applied"]
    assert (bool(live.live("plugin/disk")), bool(live.live("link/disk"))) == (True, True)


@pytest.mark.parametrize("settings", [{"prune": "none"}, {"protect": ("plugin/disk",)}])
def test_a_plugin_that_is_protected_or_not_pruned_keeps_its_link(
    live: Account, linked: Path, settings: dict[str, Any]
) -> None:
    made = plan(live, linked, **settings)
    assert (changes(made), warned(made)) == ([], [])


def test_a_plan_deletes_a_manual_link_with_its_plugin_and_a_rollback_restores_it(live: Account, by_hand: Path) -> None:
    assert changes(plan(live, by_hand, "plugin/*")) == BOTH
    assert changes(apply(live, by_hand)) == [f"{one} applied" for one in BOTH]
    rolled_back(live, by_hand)
    assert live.live("link/disk")


def test_a_protected_link_holds_the_delete_of_its_plugin_and_the_plan_gives_the_reason(
    live: Account, linked: Path
) -> None:
    made = plan(live, linked, protect=("link/*",))
    assert changes(made) == ["delete plugin/disk repo held"]
    why = "the server would delete link/disk with it, which is protected or in conflict"
    assert made.changes[0].held == f"{why}: settle that first, or restore the file"
    what = f"link/disk refers to plugin/disk, whose file was removed and which stays: {why}; "
    assert [(one.message, one.line) for one in made.warnings] == [
        (f"{what}restore the file, or remove this line too", 2)
    ]


def test_a_conflict_about_the_delete_of_a_plugin_keeps_its_link_until_it_is_resolved(
    live: Account, linked: Path
) -> None:
    live.lacks("plugin/disk")
    live.has(resource("plugin/disk", "changed by hand"), BY_HAND)
    assert changes(plan(live, linked)) == ["delete plugin/disk conflict held"]
    assert changes(plan(live, linked, decisions=ConflictPolicy(on_conflict="live"))) == []
    decided = plan(live, linked, decisions=ConflictPolicy(on_conflict="repo"))
    assert changes(decided) == ["delete link/disk repo", "delete plugin/disk conflict"]


def test_a_conflict_about_the_delete_of_a_link_holds_the_delete_of_its_plugin(live: Account, linked: Path) -> None:
    live.lacks("link/disk")
    live.has(resource("link/disk", {"tags": ["by hand"]}))
    made = plan(live, linked)
    assert changes(made) == ["delete link/disk conflict held", "delete plugin/disk repo held"]
    assert [message.partition(" and which ")[2].partition(":")[0] for message, _ in warned(made)] == ["stays"]
    assert changes(plan(live, linked, decisions=ConflictPolicy(on_conflict="live"))) == ["delete plugin/disk repo held"]
    assert changes(plan(live, linked, decisions=ConflictPolicy(on_conflict="repo"))) == [
        "delete link/disk conflict",
        "delete plugin/disk repo",
    ]


@pytest.fixture
def undecided(live: Account, tmp_path: Path) -> Path:
    """A tree with a new link to a plugin that was changed in its file and deleted on the server."""
    tree = write_tree(tmp_path / "tree", PLUGINS)
    apply(live, tree)
    live.lacks("plugin/disk")
    return write_tree(tree, {"plugins/disk.py": "3", "links.yaml": "net: [all]\ndisk: [web]\n"})


def test_a_link_is_held_while_the_create_of_its_plugin_is_in_conflict(live: Account, undecided: Path) -> None:
    made = plan(live, undecided)
    assert {str(one.address): one.held for one in made.changes if str(one.address) != "plugin/disk"} == {
        "link/disk": "together with plugin/disk",
        "link/net": "",
    }
    assert {one.result for one in apply(live, undecided).changes if not one.held} == {"applied"}
    done = apply(live, undecided, decisions=ConflictPolicy(on_conflict="repo"))
    assert changes(done) == ["create plugin/disk conflict applied", "create link/disk new applied"]


def test_a_link_to_a_plugin_that_stays_deleted_is_not_created(live: Account, undecided: Path) -> None:
    done = apply(live, undecided, decisions=ConflictPolicy(on_conflict="live"))
    assert changes(done) == ["create link/net new applied"]
    what = "link/disk refers to plugin/disk, which does not exist: it is not created; add what is missing, or remove"
    assert [(message.startswith(what), line) for message, line in warned(done)] == [(True, 2)]
    assert not apply(live, undecided, decisions=ConflictPolicy(on_conflict="live")).changes


def test_with_prune_all_a_link_to_a_plugin_without_a_file_is_not_created(live: Account, tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", {"plugins/net.sh": "2", "links.yaml": "disk: [all]\n"})
    live.has(resource("plugin/disk", "1"))
    assert changes(plan(live, tree)) == ["create plugin/net new", "create link/disk new"]
    assert changes(plan(live, tree, prune="all")) == ["create plugin/net new", "delete plugin/disk repo"]


def test_a_link_to_a_plugin_that_the_list_omits_causes_no_change_and_no_warning(live: Account, tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", {"links.yaml": "disk: [web]\n"})
    live.has(resource("plugin/disk", "1"), BY_HAND)

    def answer(seen: Seen, onward: Onward) -> Reply:
        return Reply(200, b"[]") if below(seen) == "GET plugins" else onward()

    async def work(settings: Settings) -> Plan:
        return await operations.plan(tree, settings)

    made = through(live, answer, work)
    assert (changes(made), warned(made)) == ([], [])


def applied(live: Account, tree: Path, answer: Callable[[Seen, Onward], Reply]) -> Plan:
    async def work(settings: Settings) -> Plan:
        async with writer(settings) as client:
            return await carried_out(
                client, await build_plan(Fetcher(client), loader.read(tree).raise_for_errors(), settings)
            )

    return through(live, answer, work)


def test_a_link_is_deleted_with_its_plugin_if_the_server_cannot_delete_links(live: Account, by_hand: Path) -> None:
    """On a server with only the documented operations, users create links on a web page."""

    def answer(seen: Seen, onward: Onward) -> Reply:
        return Reply(405) if below(seen).startswith("DELETE links") else onward()

    assert changes(applied(live, by_hand, answer)) == [f"{one} applied" for one in BOTH]


def test_a_delete_of_a_link_has_failed_if_the_server_keeps_it_without_its_plugin(live: Account, by_hand: Path) -> None:
    listed = Reply(200, b'[{"id": "1", "plugin": "disk", "tags": ["web"]}]')

    def answer(seen: Seen, onward: Onward) -> Reply:
        return listed if below(seen) == "GET links" else Reply(405) if "/links/" in seen.target else onward()

    done = applied(live, by_hand, answer)
    assert [one.error for one in done.changes] == ["the server still has it after the delete", ""]


def test_a_rename_of_a_plugin_that_was_changed_on_the_server_is_held_with_its_links(
    live: Account, linked: Path
) -> None:
    write_tree(linked, {"plugins/disks.py": PLUGINS["plugins/disk.py"], "links.yaml": "net: [all]\ndisks: [web]\n"})
    live.lacks("plugin/disk")
    live.has(resource("plugin/disk", "changed by hand"), resource("link/disk", {"tags": ["web"]}))
    held = apply(live, linked)
    assert changes(held) == [
        "create plugin/disks conflict held skipped",
        "create link/disks new held skipped",
        "delete link/disk repo held skipped",
        "delete plugin/disk conflict held skipped",
    ]
    assert [one.held for one in held.changes[1:]] == ["together with plugin/disks"] * 3
    apply(live, linked, decisions=ConflictPolicy(on_conflict="live"))
    assert (live.live("plugin/disk"), live.live("link/disk")) == (None, None)
    renamed = live.live("plugin/disks")
    assert renamed
    assert renamed.body == b"changed by hand"
    assert live.live("link/disks")
    assert not plan(live, linked)


def test_a_rename_of_a_plugin_whose_link_was_changed_on_the_server_is_held_with_the_link(
    live: Account, linked: Path
) -> None:
    write_tree(linked, {"plugins/disks.py": PLUGINS["plugins/disk.py"], "links.yaml": "net: [all]\ndisks: [web]\n"})
    live.lacks("link/disk")
    live.has(resource("link/disk", {"tags": ["by hand"]}))
    assert changes(plan(live, linked)) == [
        "create plugin/disks new held",
        "create link/disks conflict held",
        "delete link/disk conflict held",
        "delete plugin/disk repo held",
    ]
    apply(live, linked, decisions=ConflictPolicy(on_conflict="repo"))
    assert not plan(live, linked)
