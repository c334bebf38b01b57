"""Property tests: an apply does what its plan says, and an export holds the live resources."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import httpx2
import pytest
from hypothesis import Phase, given, settings

from dlsync import operations
from dlsync.files.settings import Settings
from dlsync.resources import kind_of
from dlsync.server.run import running
from tests.builders.accounts import trees, without_links
from tests.builders.trees import tree_files, write_tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlsync.model import Address, Plan, ResourceChange

NUMBER = count()
# an example takes some twenty requests, and shrinking it hundreds: only DLSYNC_HYPOTHESIS=thorough shrinks
BRIEFLY = (
    settings() if settings().max_examples > 100 else settings(max_examples=20, phases=(Phase.explicit, Phase.generate))
)
# dlsync deletes nothing for a tree without resources
SOMETHING = {"rules/always there.yaml": b"title: There\ncriteria: []\n"}


class Account(NamedTuple):
    """An account of its own on a server that lives as long as the module's tests."""

    settings: Settings

    def plan(self, tree: Path) -> Plan:
        return asyncio.run(operations.plan(tree, self.settings))

    def apply(self, tree: Path) -> Plan:
        done = asyncio.run(operations.apply(tree, self.settings))
        assert done is not None
        assert [(str(one.address), one.error) for one in done.changes if one.result != "applied"] == []
        return done

    def rollback(self, tree: Path) -> tuple[ResourceChange, ...]:
        done = asyncio.run(operations.rollback(tree, self.settings))
        assert done is not None
        assert [(str(one.address), one.error) for one in done.changes if one.result != "applied"] == []
        return done.changes

    def managed(self, tree: Path) -> set[Address]:
        return set(asyncio.run(operations.managed(tree, self.settings)))

    def export(self, tree: Path) -> int:
        made = asyncio.run(operations.export(tree, self.settings))
        assert [one for one in made.problems if one.severity == "error"] == []
        return len(made.files)


class Server(NamedTuple):
    """A server, and the trees that it can hold."""

    url: str
    links: bool

    def holding(self, files: dict[str, bytes]) -> dict[str, bytes]:
        return files if self.links else without_links(files)


@contextmanager
def served(flavour: str) -> Iterator[Server]:
    with running(
        documented_only=flavour == "documented_only",
        post_before_put=flavour == "post_before_put",
        decorate=flavour == "decorate",
    ) as server:
        yield Server(server.url, links=flavour != "documented_only")


@pytest.fixture(scope="module", params=["plain", "documented_only", "post_before_put", "decorate"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with served(request.param) as where:
        yield where


@pytest.fixture(scope="module", params=["plain", "decorate"])
def listing(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Serve an account with lists: an export into an empty folder finds resources only by lists."""
    with served(request.param) as where:
        yield where


def new_account(server: Server) -> Account:
    name, url = f"a{next(NUMBER)}", server.url
    headers = {"Authorization": "Bearer changeme"}
    httpx2.post(f"{url}/orgs/acme/accounts", json={"name": name}, headers=headers).raise_for_status()
    # a documented-only server deletes no dashboards and no rules: those would be skipped
    prune: Literal["managed", "none"] = "managed" if server.links else "none"
    return Account(Settings(url=url, org="acme", account=name, key="changeme", prune=prune, max_delete_percent=100))


@BRIEFLY
@given(before=trees(packs=True), after=trees(packs=True))
def test_an_apply_over_another_apply_makes_exactly_the_planned_changes(
    server: Server, before: dict[str, bytes], after: dict[str, bytes]
) -> None:
    account = new_account(server)
    with tempfile.TemporaryDirectory() as folder:
        others = write_tree(Path(folder, "before"), {**server.holding(before), **SOMETHING})
        account.apply(others)
        tree = write_tree(Path(folder, "after"), {**server.holding(after), **SOMETHING})
        promised = account.plan(tree)
        done = account.apply(tree)
        again = account.plan(tree)
        touched = {change.address for change in account.plan(others).changes}
    assert [(one.address, one.action) for one in done.changes] == [
        (one.address, one.action) for one in promised.changes
    ]
    assert again.changes == ()
    assert again.unchanged == done.unchanged + done.count("create") + done.count("update")
    assert touched <= {change.address for change in done.changes}


@BRIEFLY
@given(before=trees(packs=True), after=trees(packs=True))
def test_a_rollback_restores_the_previous_resources_and_the_previous_inventory(
    listing: Server, before: dict[str, bytes], after: dict[str, bytes]
) -> None:
    account = new_account(listing)
    with tempfile.TemporaryDirectory() as folder:
        first = write_tree(Path(folder, "before"), {**before, **SOMETHING})
        account.apply(first)
        managed = account.managed(first)
        tree = write_tree(Path(folder, "after"), {**after, **SOMETHING})
        changed = account.apply(tree).changes
        back = account.rollback(tree) if changed else ()
        assert {change.address for change in back} == {change.address for change in changed}
        assert account.plan(first).changes == ()
        assert account.managed(first) == managed


@BRIEFLY
@given(files=trees(packs=True))
def test_a_plan_and_an_export_find_no_changes_after_an_export_into_an_empty_folder(
    listing: Server, files: dict[str, bytes]
) -> None:
    account = new_account(listing)
    with tempfile.TemporaryDirectory() as folder:
        tree = write_tree(Path(folder, "tree"), files)
        account.apply(tree)
        exported = Path(folder, "exported")
        account.export(exported)
        written = tree_files(exported)
        assert account.plan(exported).changes == ()
        assert account.export(exported) == 0
        assert tree_files(exported) == written


@BRIEFLY
@given(live=trees(packs=True), files=trees())
def test_an_export_over_any_files_leaves_no_updates_and_keeps_matching_files_unchanged(
    server: Server, live: dict[str, bytes], files: dict[str, bytes]
) -> None:
    account = Account(replace(new_account(server).settings, inventory="none"))
    with tempfile.TemporaryDirectory() as folder:
        account.apply(write_tree(Path(folder, "live"), server.holding(live)))
        tree = write_tree(Path(folder, "tree"), server.holding(files))
        stale = {change.address for change in account.plan(tree).changes}
        resources = operations.validate(tree).resources
        account.export(tree)
        assert {change.action for change in account.plan(tree).changes} <= {"create"}
        written = tree_files(tree)
    for address in resources.keys() - stale:
        kind = kind_of(address.kind)
        for file in kind.files(resources[address]) if kind.named_by_file else ():
            assert written[file] == files[file]
