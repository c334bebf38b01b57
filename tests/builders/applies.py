"""Plan and apply trees in tests."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlsync import operations
from dlsync.operations import ApplyOptions
from dlsync.operations.apply_changes import Applier
from dlsync.operations.fetch import Fetcher
from dlsync.operations.plan import PlanOptions, build_plan
from dlsync.operations.plan_context import PlanContext
from dlsync.operations.reconcile import UNDECIDED, ConflictPolicy
from dlsync.operations.reporter import SILENT, Reporter
from dlsync.resources import loader
from dlsync.state import inventory, journal
from tests.builders.trees import by_address, resource

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from dlsync.client import Client
    from dlsync.model import Plan, Resource
    from dlsync.state.inventory import Inventory
    from tests.builders.trees import Account

RUN = journal.Run("20261125T101010Z-0a1b2c", "apply", "2026-11-25T10:10:10+00:00", "http://x/api/v1", "acme", "default")
# one resource of each kind
FILES = {
    "dlsync.yaml": "org: acme\n",
    "dashboards/web.yaml": "title: Web\npositions: []\n",
    "rules/web.yaml": "title: Web\ncriteria: []\n",
    "plugins/disk.py": "print()\n",
}


def prepared(made: Plan, *desired: Resource, live: tuple[Resource, ...] = ()) -> PlanContext:
    """Return the context of a plan for desired and live resources, none of which is managed."""
    return PlanContext(made, by_address(*desired), by_address(*live), inventory.empty())


def some_live(made: Plan) -> tuple[Resource, ...]:
    """Return a live resource for each update and delete of a plan."""
    return tuple(resource(str(one.address), "title: Old\n") for one in made.changes if one.action != "create")


async def stored_nowhere(_: Inventory) -> None:
    """Store no inventory."""


async def carried_out(
    client: Client,
    work: PlanContext,
    *,
    concurrency: int = 16,
    reporter: Reporter = SILENT,
    permission: Callable[[], AbstractAsyncContextManager[None]] = nullcontext,
) -> Plan:
    """Apply the changes of a plan, with a temporary journal."""
    with tempfile.TemporaryDirectory() as folder:
        book = journal.Journal(Path(folder), RUN)
        applier = Applier(work, client, book, permission, stored_nowhere, concurrency, reporter)
        return await applier.apply()


def planned(live: Account, root: Path, **settings: Any) -> PlanContext:
    """Plan a tree; by default, without an inventory."""
    tree = loader.read(root).raise_for_errors()
    chosen = replace(live.settings, **{"inventory": "none", **settings})
    return live.run(lambda client: build_plan(Fetcher(client), tree, chosen))


def plan(live: Account, root: Path, *targets: str, decisions: ConflictPolicy = UNDECIDED, **settings: Any) -> Plan:
    """Plan a tree as the command does."""
    plan_options = PlanOptions(targets=targets, decisions=decisions)
    return asyncio.run(operations.plan(root, replace(live.settings, **settings), options=plan_options))


def apply(
    live: Account,
    root: Path,
    *targets: str,
    decisions: ConflictPolicy = UNDECIDED,
    options: ApplyOptions | None = None,
    reporter: Reporter = SILENT,
    **settings: Any,
) -> Plan:
    """Apply a tree as the command does, with an inventory, and journals beside the tree."""
    plan_options = PlanOptions(targets=targets, decisions=decisions)
    options = replace(options or ApplyOptions(), journals=journals(root))
    done = asyncio.run(
        operations.apply(
            root, replace(live.settings, **settings), plan_options=plan_options, options=options, reporter=reporter
        )
    )
    assert done is not None
    return done


def journals(root: Path) -> Path:
    """Return the folder of the journals of :func:`apply`."""
    return root.parent / f"{root.name}-runs"


def managed(live: Account, root: Path) -> list[str]:
    """Return the resources in the inventory."""
    return sorted(map(str, asyncio.run(operations.managed(root, live.settings))))


def changes(made: Plan | None) -> list[str]:
    """Describe each change, with its cause, whether it is held, and its result."""
    assert made is not None
    return [
        f"{one.action} {one.address} {one.cause}{' held' if one.held else ''} {one.result or ''}".rstrip()
        for one in made.changes
    ]
