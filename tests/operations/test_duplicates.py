"""Duplicate links on the server: a plan shows and removes them, and changes nothing else."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlsync import operations
from dlsync.model import FieldChange
from dlsync.operations import ApplyOptions
from dlsync.operations.drift import drift
from dlsync.operations.fetch import Fetcher
from dlsync.operations.plan import build_plan
from dlsync.operations.reconcile import ConflictPolicy
from dlsync.operations.session import writer
from dlsync.resources import kind_of, loader
from dlsync.resources.selector import Targets
from tests.builders.applies import apply, carried_out, changes, journals, plan
from tests.builders.between import below, through
from tests.builders.http import Reply, json_reply
from tests.builders.trees import account, resource, write_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from dlsync.files.settings import Settings
    from dlsync.model import Json, Plan, Resource
    from tests.builders.between import Onward
    from tests.builders.http import Seen
    from tests.builders.trees import Account

FILES = {"plugins/disk.py": "1", "plugins/net.sh": "2", "links.yaml": "disk: [web, db]\n"}


def linked(live: Account, plugin: str, *tags: str) -> None:
    """Link a plugin by hand, whether or not that link exists."""
    live.run(lambda client: client.links.create(plugin, tags))


def links(live: Account) -> list[list[str]]:
    """The tags of each link of the plugin disk."""
    return sorted(sorted(one.tags) for one in live.run(lambda client: client.links.list()) if one.plugin == "disk")


def diff(made: Plan) -> list[tuple[Any, ...]]:
    return [(one.path, one.op, one.before) for change in made.changes for one in change.diff]


@pytest.fixture
def live() -> Iterator[Account]:
    with account() as opened:
        yield opened


@pytest.fixture
def tree(live: Account, tmp_path: Path) -> Path:
    """A tree that was applied."""
    root = write_tree(tmp_path / "tree", FILES)
    apply(live, root)
    return root


@pytest.mark.parametrize("tags", [("web", "db"), ("db", "web"), ("db",)])
def test_a_plan_shows_and_an_apply_removes_duplicate_links_and_nothing_else(
    live: Account, tree: Path, tags: tuple[str, ...]
) -> None:
    linked(live, "disk", *tags)
    linked(live, "disk", *tags)
    made = plan(live, tree)
    assert changes(made) == ["update link/disk drift"]
    assert diff(made) == [(("duplicates", place), "remove", [*tags]) for place in (0, 1)]
    assert (made.unchanged, made.changes[0].line) == (2, 1)
    assert changes(apply(live, tree)) == ["update link/disk drift applied"]
    assert links(live) == [["db", "web"]]
    assert not plan(live, tree)
    options = ApplyOptions(journals=journals(tree))
    back = asyncio.run(operations.rollback(tree, live.settings, options=options))  # duplicates add no tag
    assert (changes(back), links(live)) == ([], [["db", "web"]])
    assert back is not None
    assert [one.message for one in back.warnings] == [
        "link/disk had duplicates, which the run removed: they add nothing, and a rollback does not make them again"
    ]


def test_drift_names_each_duplicate_as_added(live: Account, tree: Path) -> None:
    linked(live, "disk", "web")
    found = asyncio.run(drift(tree, live.settings))
    assert [str(one.address) for one in found.changes] == ["link/disk"]
    assert found.changes[0].diff == (FieldChange(("duplicates", 0), "add", after=["web"], line=1, mover="drift"),)


@pytest.mark.parametrize("by_command", [False, True])
def test_adopted_duplicates_are_no_drift_and_the_next_plan_removes_them(
    live: Account, tree: Path, *, by_command: bool
) -> None:
    for _ in range(2):
        linked(live, "net", "web")
    write_tree(tree, {"links.yaml": "disk: [web, db]\nnet: [web]\n"})
    if by_command:
        asyncio.run(operations.adopt(tree, live.settings, Targets(["link/net"])))
    else:
        assert changes(apply(live, tree)) == []
    assert not asyncio.run(drift(tree, live.settings))
    made = plan(live, tree)
    assert (changes(made), [one.mover for one in made.changes[0].diff]) == (["update link/net repo"], ["repo"])
    linked(live, "net", "web")
    assert asyncio.run(drift(tree, live.settings))
    assert changes(apply(live, tree)) == ["update link/net drift applied"]
    assert not plan(live, tree)


def test_several_links_that_each_add_a_tag_are_no_duplicates(live: Account, tree: Path) -> None:
    live.lacks("link/disk")
    linked(live, "disk", "web")
    linked(live, "disk", "db")
    assert not plan(live, tree)


def test_a_link_is_no_duplicate_of_a_link_that_is_deleted_for_an_unwanted_tag(live: Account, tree: Path) -> None:
    """A delete of the longer link, for a tag that no file has, makes the shorter link necessary."""
    live.lacks("link/disk")
    linked(live, "disk", "web", "db", "by hand")
    linked(live, "disk", "web")
    assert diff(plan(live, tree)) == [(("tags", 0), "remove", "by hand")]
    apply(live, tree)
    assert links(live) == [["db"], ["web"]]


def test_duplicates_are_removed_along_with_a_file_change_and_manual_links_are_kept(live: Account, tree: Path) -> None:
    for tags in (["web", "db"], ["by hand"]):
        linked(live, "disk", *tags)
    write_tree(tree, {"links.yaml": "disk: [web, db, new]\n"})
    assert changes(apply(live, tree)) == ["update link/disk repo applied"]
    assert links(live) == [["by hand"], ["db", "web"], ["new"]]
    linked(live, "disk", "db")
    made = plan(live, tree)
    assert diff(made) == [(("duplicates", 0), "remove", ["db"])]
    assert [str(one) for one in made.kept] == ["link/disk"]
    apply(live, tree)
    assert links(live) == [["by hand"], ["db", "web"], ["new"]]


def test_with_prune_all_an_adopted_link_loses_its_duplicates(live: Account, tree: Path) -> None:
    for _ in range(2):
        linked(live, "net", "web")
    write_tree(tree, {"links.yaml": "disk: [web, db]\nnet: [web, db]\n"})
    made = plan(live, tree, prune="all", decisions=ConflictPolicy(adopt=True))
    assert [one[:2] for one in diff(made)] == [(("tags", 1), "add"), (("duplicates", 0), "remove")]


NOT_MANAGED = "the server has 1 duplicate of link/net: `prune: managed` removes none of what is not managed"


def test_duplicates_of_an_unmanaged_link_cause_a_warning_and_only_prune_all_removes_them(
    live: Account, tree: Path
) -> None:
    for _ in range(2):
        linked(live, "net", "web")
    made = plan(live, tree)
    assert (changes(made), [one.message for one in made.warnings]) == ([], [NOT_MANAGED])
    assert plan(live, tree, "link/disk").warnings == ()
    write_tree(tree, {"links.yaml": "disk: [web, db]\nnet: [web]\n"})
    made = plan(live, tree)
    later = [f"{NOT_MANAGED}, so the apply after this one does"]
    assert (changes(made), [one.message for one in made.warnings]) == ([], later)
    assert [str(one) for one in made.adopted] == ["link/net"]
    made = plan(live, tree, prune="all")
    assert (changes(made), made.warnings) == (["update link/net repo"], ())


def test_with_prune_none_duplicates_are_kept_with_a_warning(live: Account, tree: Path) -> None:
    for _ in range(2):
        linked(live, "disk", "web")
    made = plan(live, tree, prune="none")
    what = "the server has 2 duplicates of link/disk: `prune: none` removes none"
    assert (changes(made), [one.message for one in made.warnings]) == ([], [what])
    write_tree(tree, {"links.yaml": "disk: [web, db, new]\n"})
    apply(live, tree, prune="none")
    assert len(links(live)) == 4


def applied(live: Account, tree: Path, answer: Callable[[Seen, Onward], Reply]) -> Plan:
    async def work(settings: Settings) -> Plan:
        async with writer(settings) as client:
            return await carried_out(
                client, await build_plan(Fetcher(client), loader.read(tree).raise_for_errors(), settings)
            )

    return through(live, answer, work)


def test_a_duplicate_that_the_server_keeps_is_a_failed_update(live: Account, tree: Path) -> None:
    linked(live, "disk", "web")

    def answer(seen: Seen, onward: Onward) -> Reply:
        return Reply(204) if below(seen).startswith("DELETE links") else onward()

    error = "the server did not keep what was sent: `duplicates[0]` is there with a list"
    assert [one.error for one in applied(live, tree, answer).changes] == [error]


def test_if_the_server_cannot_delete_links_the_error_names_the_duplicates(live: Account, tree: Path) -> None:
    linked(live, "disk", "web")
    duplicate = live.run(lambda client: client.links.list())[-1].id

    def answer(seen: Seen, onward: Onward) -> Reply:
        return Reply(405) if below(seen).startswith("DELETE links") else onward()

    error = f"this server cannot delete links: delete its duplicates {duplicate} by hand"
    assert [one.error for one in applied(live, tree, answer).changes] == [error]


# lists that omit links


def omitting(*omitted: int) -> Callable[[Seen, Onward], Reply]:
    """Answer lists of links without the links at some places."""

    def answer(seen: Seen, onward: Onward) -> Reply:
        reply = onward()
        if below(seen) != "GET links":
            return reply
        return json_reply([one for place, one in enumerate(json.loads(reply.body)) if place not in omitted])

    return answer


def planned_and_applied(live: Account, tree: Path, answer: Callable[[Seen, Onward], Reply]) -> list[list[str]]:
    """The changes of a plan and of two applies."""

    async def work(settings: Settings) -> list[list[str]]:
        made = await operations.plan(tree, settings)
        options = ApplyOptions(journals=journals(tree))
        return [changes(made), *[changes(await operations.apply(tree, settings, options=options)) for _ in range(2)]]

    return through(live, answer, work)


def test_a_link_that_the_list_omits_is_requested_by_its_id_and_not_created_again(live: Account, tree: Path) -> None:
    assert planned_and_applied(live, tree, omitting(0)) == [[], [], []]
    assert links(live) == [["db", "web"]]
    (tree / "links.yaml").unlink()
    assert planned_and_applied(live, tree, omitting(0))[1:] == [["delete link/disk repo applied"], []]
    assert links(live) == []


def test_a_link_that_the_list_never_contains_is_created_once(live: Account, tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", FILES)
    planned, first, again = planned_and_applied(live, tree, omitting(0))
    assert (planned[-1], first[-1], again) == ("create link/disk new", "create link/disk new applied", [])
    assert links(live) == [["db", "web"]]


def test_a_tag_of_a_link_that_the_list_omits_is_not_linked_again(live: Account, tree: Path) -> None:
    write_tree(tree, {"links.yaml": "disk: [web, db, new]\n"})
    apply(live, tree)
    assert planned_and_applied(live, tree, omitting(1)) == [[], [], []]
    assert links(live) == [["db", "web"], ["new"]]


def test_a_rollback_finds_a_link_that_the_list_omits(live: Account, tree: Path) -> None:
    write_tree(tree, {"links.yaml": "disk: [new]\n"})
    options = ApplyOptions(journals=journals(tree))

    async def work(settings: Settings) -> Plan | None:
        await operations.apply(tree, settings, options=options)
        return await operations.rollback(tree, settings, options=options)

    assert changes(through(live, omitting(0), work)) == ["update link/disk repo applied"]
    assert links(live) == [["db", "web"]]


def test_a_link_that_was_deleted_by_hand_is_created_again(live: Account, tree: Path) -> None:
    live.lacks("link/disk")
    created = "create link/disk drift"
    assert planned_and_applied(live, tree, omitting()) == [[created], [f"{created} applied"], []]
    assert planned_and_applied(live, tree, omitting(0)) == [[], [], []]


def test_a_link_that_appears_between_plan_and_apply_is_not_created_again(live: Account, tree: Path) -> None:
    live.lacks("link/disk")
    lists: list[None] = []

    def answer(seen: Seen, onward: Onward) -> Reply:
        if below(seen) == "GET links":
            lists.append(None)
            return json_reply([]) if len(lists) < 3 else onward()
        return onward() if not below(seen).startswith("GET links/") else Reply(404)

    linked(live, "disk", "web", "db")
    done = applied(live, tree, answer)
    error = "it was created since the plan was made: plan again"
    assert [(str(one.address), one.error) for one in done.changes] == [("link/disk", error)]
    assert links(live) == [["db", "web"]]


TAGS = st.lists(st.sampled_from("abcd"), min_size=1, max_size=4, unique=True)


def with_links(some: list[list[str]]) -> Resource:
    links: list[Json] = [[*tags] for tags in some]
    return resource("link/disk", {"tags": [*sorted({tag for tags in some for tag in tags})], "links": links})


@given(desired=TAGS, some=st.lists(TAGS, min_size=1, max_size=5))
def test_removing_the_duplicates_keeps_all_tags_and_leaves_no_duplicates(
    desired: list[str], some: list[list[str]]
) -> None:
    link = kind_of("link")
    file = resource("link/disk", {"tags": [*desired]})
    removed = [one.before for one in link.duplicates(file, with_links(some))]
    fitting = [tags for tags in some if {*tags} <= {*desired}]
    left = [*fitting]
    for tags in removed:
        left.remove(tags)  # type: ignore[arg-type] # each removed value is a list of tags
    assert {tag for tags in left for tag in tags} == {tag for tags in fitting for tag in tags}
    assert link.duplicates(file, with_links(left)) == ()
