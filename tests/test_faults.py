"""After a fault at any kind of request, repeating the command ends in the state of an undisturbed run.

A sample here; `make faults` tries every fault at every request, and docs/reliability.md has its figures.
"""

from __future__ import annotations

import asyncio
import os
from itertools import product
from typing import TYPE_CHECKING

import pytest

from dlsync import operations
from dlsync.server.run import running
from tests.builders import disturbed, faults, killed
from tests.builders.disturbed import BYSTANDERS, Scene, inventory_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.untraced

EVERY = os.environ.get("DLSYNC_FAULTS") == "all"
SAMPLED = 4  # requests of each fault


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return disturbed.scene(tmp_path_factory.mktemp("scene"), 4 if EVERY else 1)


def chosen(scene: Scene, fault: str) -> list[int]:
    """Return all requests, or a sample for a fault; the samples of all faults cover every kind of request."""
    numbers = range(1, len(scene.requests) + 1)
    if EVERY:
        return [*numbers]
    kinds: dict[str, int] = {}
    for number in numbers:
        method, path = scene.requests[number - 1].split(" ", 1)
        kinds.setdefault(f"{method} {path.partition('/default/')[2].partition('/')[0]}", number)
    order = [*faults.FAULTS, faults.KILL_BEFORE, faults.KILL_AFTER]
    first = order.index(fault)
    every = [*sorted(kinds.values()), len(scene.requests)]
    return sorted({every[(first + SAMPLED * step) % len(every)] for step in range(SAMPLED)})


def test_the_scene_creates_updates_and_deletes_resources_of_each_kind_beside_unmanaged_ones(
    scene: Scene, tmp_path: Path
) -> None:
    """The inventory holds each changed resource, and the unmanaged resources exist outside of it."""
    with running(db=disturbed.copied(scene.database, tmp_path / "before.db")) as server:
        made = asyncio.run(operations.plan(scene.tree, disturbed.account_settings(server.url)))
    assert {(one.address.kind, one.action) for one in made.changes} == {
        *product(("dashboard", "link", "plugin", "rule"), ("create", "update", "delete"))
    }
    assert scene.changes >= (40 if EVERY else 12)
    names = inventory_of(scene.expected)
    assert len(names) == scene.changes
    assert not [name for name in names if "bystander" in name]
    assert {"dashboards/bystander", "rules/bystander", "plugins/bystander"} <= scene.expected.keys()
    assert scene.expected["dashboards/bystander"] == BYSTANDERS["dashboards/bystander"][1]


@pytest.mark.timeout(0 if EVERY else 120)
@pytest.mark.parametrize("fault", faults.FAULTS)
def test_repeating_an_apply_after_a_fault_ends_in_the_undisturbed_state(
    scene: Scene, tmp_path: Path, fault: str
) -> None:
    tried = chosen(scene, fault)
    assert [wrong for at in tried if (wrong := disturbed.disturbed(scene, tmp_path, fault, at))] == []


@pytest.mark.timeout(0 if EVERY else 120)
@pytest.mark.parametrize("fault", [faults.KILL_BEFORE, faults.KILL_AFTER])
@pytest.mark.parametrize(
    "victim",
    [killed.client_killed, killed.client_killed_for_good, killed.server_killed],
    ids=["dlsync", "dlsync, with its files removed afterwards", "server"],
)
def test_a_new_run_after_a_kill_ends_in_the_undisturbed_state(
    scene: Scene, tmp_path: Path, victim: Callable[[Scene, Path, str, int], str], fault: str
) -> None:
    tried = chosen(scene, fault)
    assert [wrong for at in tried if (wrong := victim(scene, tmp_path, fault, at))] == []
