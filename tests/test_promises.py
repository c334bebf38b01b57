"""The promises, as properties: the plan is the truth, and an export is what is live."""

from __future__ import annotations

import asyncio
import tempfile
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings

from dlsync import operations
from dlsync.server.run import running
from dlsync.settings import Settings
from tests.generators import trees
from tests.tree_builders import tree_files, write_tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlsync.model import Plan

FLAVOURS = ("plain", "documented_only", "post_before_put", "decorate")
NUMBER = count()
THOROUGHLY = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


class Account(NamedTuple):
    """An account of its own on a server that lives as long as the module's tests."""

    settings: Settings

    def plan(self, tree: Path) -> Plan:
        return asyncio.run(operations.plan(tree, self.settings))

    def apply(self, tree: Path) -> Plan:
        done = asyncio.run(operations.apply(tree, self.settings, approve=lambda _: True))
        assert done is not None
        assert [(str(one.address), one.error) for one in done.changes if one.result != "applied"] == []
        return done

    def export(self, tree: Path) -> int:
        made = asyncio.run(operations.export(tree, self.settings))
        assert [one for one in made.problems if one.severity == "error"] == []
        return len(made.files)


@pytest.fixture(scope="module", params=FLAVOURS)
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    chosen = request.param
    with running(
        documented_only=chosen == "documented_only",
        post_before_put=chosen == "post_before_put",
        decorate=chosen == "decorate",
    ) as server:
        yield server.url


def new_account(url: str) -> Account:
    name = f"a{next(NUMBER)}"
    headers = {"Authorization": "Bearer changeme"}
    httpx2.post(f"{url}/orgs/acme/accounts", json={"name": name}, headers=headers).raise_for_status()
    return Account(Settings(url=url, org="acme", account=name, key="changeme"))


@THOROUGHLY
@given(before=trees(), after=trees())
def test_what_was_applied_over_anything_plans_to_nothing(
    url: str, before: dict[str, bytes], after: dict[str, bytes]
) -> None:
    account = new_account(url)
    with tempfile.TemporaryDirectory() as folder:
        account.apply(write_tree(Path(folder, "before"), {"dlsync.yaml": b"", **before}))
        tree = write_tree(Path(folder, "after"), {"dlsync.yaml": b"", **after})
        done = account.apply(tree)
        again = account.plan(tree)
    assert again.changes == ()
    assert again.unchanged == done.unchanged + len(done.changes)


@THOROUGHLY
@given(files=trees())
def test_what_was_exported_into_an_empty_folder_plans_to_nothing_and_stays_as_it_is(
    url: str, files: dict[str, bytes]
) -> None:
    account = new_account(url)
    with tempfile.TemporaryDirectory() as folder:
        tree = write_tree(Path(folder, "tree"), {"dlsync.yaml": b"", **files})
        account.apply(tree)
        exported = Path(folder, "exported")
        account.export(exported)
        written = tree_files(exported)
        assert account.plan(exported).changes == ()
        assert account.export(exported) == 0
        assert tree_files(exported) == written
