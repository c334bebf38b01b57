"""Guards: plans that delete too many resources are refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlsync.files.settings import Settings
from dlsync.model import Address
from dlsync.operations.guards import judged
from dlsync.operations.plan_context import PlanContext
from dlsync.resources.tree import Tree
from dlsync.state.inventory import empty
from tests.builders.plans import change, plan
from tests.builders.trees import resource

if TYPE_CHECKING:
    from dlsync.model import Plan


def of(*, deletes: int = 0, updates: int = 0, creates: int = 0, unchanged: int = 0, held: int = 0) -> Plan:
    return plan(
        *(replace(change("update", f"rule/h{n}"), held="in conflict") for n in range(held)),
        *(change("create", f"rule/c{n}") for n in range(creates)),
        *(change("update", f"rule/u{n}") for n in range(updates)),
        *(change("delete", f"rule/d{n}") for n in range(deletes)),
        unchanged=unchanged,
    )


def refused(
    made: Plan, percent: float = 30, *, files: bool = True, managed: tuple[Address, ...] = (), gone: int = 0
) -> tuple[str, ...]:
    held = (resource("rule/a", "title: A\n"),) if files else ()
    tree = Tree(Path(), {one.address: one for one in held})
    inventory = replace(empty(), packed=dict.fromkeys(managed, ""))
    absent = frozenset(Address("rule", f"g{n}") for n in range(gone))
    context = PlanContext(made, {}, {}, inventory, missing_live=absent)
    return judged(context, tree, Settings(max_delete_percent=percent)).plan.refused


def test_a_plan_that_deletes_is_refused_if_the_tree_is_empty() -> None:
    (reason,) = refused(of(deletes=2), files=False)
    assert reason.startswith("the files hold no resources, and the plan would delete 2 from acme/default at")


def test_a_plan_is_allowed_if_it_deletes_nothing_or_the_tree_is_not_empty() -> None:
    assert refused(of(), files=False) == ()
    assert refused(of(deletes=2)) == ()


def test_a_plan_that_deletes_too_large_a_share_is_refused_with_the_numbers() -> None:
    (reason,) = refused(of(deletes=4, updates=2, unchanged=4))
    assert "it would delete 4 of 10 resources (40 %), more than the 30 % that `max_delete_percent` allows." in reason


def test_a_resource_that_is_held_counts_as_live() -> None:
    (reason,) = refused(of(deletes=9, held=1))
    assert "it would delete 9 of 10 resources (90 %)" in reason


def test_managed_resources_missing_on_the_server_count_towards_the_minimum_of_ten() -> None:
    (reason,) = refused(of(deletes=8, creates=1), managed=(Address("rule", "c0"),), gone=1)
    assert "it would delete 8 of 8 resources (100 %)" in reason
    assert refused(of(deletes=8, creates=1), gone=1) == ()


@pytest.mark.parametrize(
    ("made", "percent"),
    [
        pytest.param(of(deletes=3, unchanged=7), 30, id="exactly the allowed share"),
        pytest.param(of(deletes=9), 30, id="fewer than ten resources"),
        pytest.param(of(deletes=9, creates=50), 30, id="new resources do not count"),
        pytest.param(of(deletes=50), 100, id="100 % allowed"),
        pytest.param(of(unchanged=50), 0, id="no deletes"),
        pytest.param(of(deletes=1, unchanged=199), 0.5, id="a fraction of a percent"),
    ],
)
def test_a_plan_within_the_limits_is_allowed(made: Plan, percent: float) -> None:
    assert refused(made, percent) == ()


@given(deletes=st.integers(0, 30), kept=st.integers(0, 30), percent=st.floats(0, 100))
def test_a_plan_is_refused_exactly_if_ten_resources_exist_and_its_share_is_too_large(
    deletes: int, kept: int, percent: float
) -> None:
    managed = deletes + kept
    allowed = managed < 10 or 100 * deletes <= percent * managed
    assert (refused(of(deletes=deletes, unchanged=kept), percent) == ()) is allowed
