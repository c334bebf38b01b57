"""New files worked out while other resources are on their way."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from unittest.mock import Mock

import pytest

from dlsync.errors import DlsyncError
from dlsync.files import secret_scan
from dlsync.operations.export import Foresight, written_anew
from dlsync.resources import Draft
from dlsync.state.inventory import Inventory
from tests.builders.inventories import SALT, recorded
from tests.builders.trees import criterion, resource, rule

if TYPE_CHECKING:
    from dlsync.model import Resource

NOTHING_KNOWN = recorded()
LOAD = resource("rule/load", rule(criterion("load")))
MANY = [resource(f"rule/r{number}", rule(criterion("load"))) for number in range(20)]


async def read(inventory: Inventory) -> Inventory:
    return inventory


def foreseen(
    *came: Resource, inventory: Inventory = NOTHING_KNOWN, in_tree: tuple[Resource, ...] = (), turns: int = 12
) -> Foresight:
    """What was worked out in some turns of the loop."""

    async def run() -> Foresight:
        foresight = Foresight(Draft(), {one.address for one in in_tree})
        async with foresight.of(read(inventory)) as reading:
            await reading
            for one in came:
                foresight.take(one)
            for _ in range(turns):
                await asyncio.sleep(0)
        return foresight

    return asyncio.run(run())


def test_what_has_come_is_written_out_as_it_would_be_in_the_end() -> None:
    assert foreseen(LOAD).files(LOAD, "load") == written_anew(LOAD, "load", Draft())


def test_one_is_worked_out_and_then_an_answer_has_the_turns_that_it_takes_to_send_the_next_request() -> None:
    done = [sum(foreseen(*MANY, turns=turns).files(one, one.name) is not None for one in MANY) for turns in range(8)]
    assert done == [0, 1, 1, 1, 2, 2, 2, 3]


def test_another_file_name_and_another_version_are_not_foreseen() -> None:
    foresight = foreseen(LOAD)
    assert foresight.files(LOAD, "%6Coad") is None
    assert foresight.files(resource("rule/load", rule(criterion("load"))), "load") is None
    assert foresight.files(MANY[0], "r0") is None


def test_what_the_tree_has_and_what_shares_a_file_is_left_for_the_end() -> None:
    shared = resource("link/disk", {"tags": ["all"]})
    foresight = foreseen(LOAD, shared, in_tree=(LOAD,))
    assert foresight.files(LOAD, "load") is None
    assert foresight.files(shared, "disk") is None


def test_what_no_file_may_hold_is_left_for_whoever_says_so() -> None:
    wrong = resource("rule/wrong", {"title": 7})
    assert foreseen(wrong).files(wrong, "wrong") is None
    with pytest.raises(DlsyncError, match="in a form that its file must not have"):
        written_anew(wrong, "wrong", Draft())


@pytest.mark.parametrize(("secrets", "found"), [({}, 1), ({"load": "${env:METRIC}"}, 0)])
def test_nothing_is_foreseen_where_a_secret_of_an_earlier_apply_may_come(secrets: dict[str, str], found: int) -> None:
    foresight = foreseen(LOAD, inventory=recorded(*MANY, secrets=secrets))
    assert sum(foresight.files(one, "load") is not None for one in (LOAD,)) == found


def test_secrets_are_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    look = Mock(wraps=secret_scan.problems)
    monkeypatch.setattr(secret_scan, "problems", look)
    hook = resource("rule/hook", rule(criterion("load"), token="a3d5f7h9j1l2n4p6q8"))
    foresight = foreseen(hook)
    ((file, content),) = (foresight.files(hook, "hook") or {}).items()
    assert content is not None
    assert len(foresight.exposed(file, content)) == 1
    assert look.call_count == 1
    assert foresight.exposed(file, b"title: x\n") == []
    assert foresight.exposed("rules/other.yaml", content) != []
    assert look.call_count == 3


def test_an_entry_that_cannot_be_read_holds_no_secret() -> None:
    assert foreseen(LOAD, inventory=Inventory(SALT, {LOAD.address: "broken"})).files(LOAD, "load") is not None
