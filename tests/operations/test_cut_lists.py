"""Runs against a server whose lists contain only the first resource, as if they were the first of several pages."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from dlsync import operations
from dlsync.operations import ApplyOptions
from tests.builders.applies import changes, journals
from tests.builders.between import below, through
from tests.builders.http import Reply
from tests.builders.trees import account, resource, tree_files, write_tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dlsync.files.settings import Settings
    from dlsync.model import Plan, Resource
    from tests.builders.between import Onward
    from tests.builders.http import Seen
    from tests.builders.trees import Account

LISTS = ("GET plugins", "GET dashboards", "GET rules")
FILES = {
    "plugins/a.py": "exit(0)\n",
    "plugins/b.py": "exit(0)\n",
    "dashboards/a.yaml": "title: Web\npositions: []\n",
    "dashboards/b.yaml": "title: Web\npositions: []\n",
    "rules/a.yaml": "title: Web\ncriteria: []\n",
    "rules/b.yaml": "title: Web\ncriteria: []\n",
}
UNLISTED = ("plugin/b", "dashboard/b", "rule/b")
NEXT = ("Link", '<https://monitoring.example.com/api/v1?page=2>; rel="next"')


def by_hand(name: str) -> tuple[Resource, ...]:
    return (
        resource(f"plugin/{name}", "exit(1)\n"),
        resource(f"dashboard/{name}", "title: Mine\npositions: []\n"),
        resource(f"rule/{name}", "title: Mine\ncriteria: []\n"),
    )


def first_page(seen: Seen, onward: Onward) -> Reply:
    """Answer with the first item of each list."""
    reply = onward()
    return Reply(200, json.dumps(json.loads(reply.body)[:1]).encode(), reply.headers) if below(seen) in LISTS else reply


def announced_page(seen: Seen, onward: Onward) -> Reply:
    """Answer as :func:`first_page`, and say that there is another page."""
    reply = first_page(seen, onward)
    return Reply(reply.status, reply.body, (*reply.headers, NEXT)) if below(seen) in LISTS else reply


@pytest.fixture
def live() -> Iterator[Account]:
    """An account whose lists omit the resources named ``b``."""
    with account() as made:
        made.has(*by_hand("a"))
        made.has(*by_hand("b"))
        yield made


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "tree", FILES)


def test_an_apply_does_not_overwrite_a_resource_that_the_list_omits(live: Account, tree: Path) -> None:
    before = [live.live(one) for one in UNLISTED]

    async def apply(settings: Settings) -> Plan | None:
        return await operations.apply(tree, settings, options=ApplyOptions(journals(tree)))

    done = through(live, first_page, apply)
    assert changes(done) == [
        f"update {kind}/{name} new held skipped" for kind in ("plugin", "dashboard", "rule") for name in "ab"
    ]
    assert [live.live(one) for one in UNLISTED] == before


def test_a_mirror_keeps_the_files_of_resources_that_the_list_omits(live: Account, tree: Path) -> None:
    made = through(live, first_page, lambda settings: operations.export(tree, settings, mirror=True))
    assert tree_files(tree).keys() >= FILES.keys()
    assert [one.message.partition(":")[0] for one in made.problems] == [
        f"this server does not list every {kind}" for kind in ("plugin", "dashboard", "rule")
    ]


def test_the_cache_does_not_remember_an_incomplete_list(live: Account, tree: Path) -> None:
    def answer(seen: Seen, onward: Onward) -> Reply:
        reply = first_page(seen, onward)
        return Reply(reply.status, reply.body, (*reply.headers, ("ETag", '"1"'))) if below(seen) in LISTS else reply

    for file in tree_files(tree):
        (tree / file).unlink()
    asyncio.run(operations.export(tree, live.settings))
    plans = [through(live, answer, lambda settings: operations.plan(tree, settings)) for _ in range(2)]
    assert [one.unchanged for one in plans] == [6, 6]


def test_an_export_from_a_list_with_another_page_reports_an_error(live: Account, tmp_path: Path) -> None:
    made = through(live, announced_page, lambda settings: operations.export(tmp_path / "new", settings))
    assert {file.rpartition("/")[2][0] for file in tree_files(tmp_path / "new")} == {"a"}
    faults = [one.message for one in made.problems if one.severity == "error"]
    assert len(faults) == len(LISTS)
    assert all("the list goes on on another page, which dlsync does not read" in fault for fault in faults)
