"""The floors, with which benchmarks compare dlsync, send exactly the requests that they need."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from benchmarks.cases import ROWS
from benchmarks.processes import Command, UnexpectedEndError, run
from benchmarks.stage import FAMILIES, Stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.cases import Case

SCALE = 0.002


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        for name in ("_WHOLE", "_SMALL"):
            patch.setattr(f"benchmarks.cases.{name}", SCALE)
        patch.setattr("benchmarks.cases.LATENCY", 0)
        yield Stage(tmp_path_factory.mktemp("stage"), stack)


def asked_by(case: Case, command: Command) -> Counter[str]:
    """Count the requests of a command to the server of its case, by method and path below the account."""
    server = case.server
    assert server
    server.reset()
    server.forget_requests()
    run(command)
    below = f"{urlsplit(server.account).path}/"
    return Counter({request.replace(below, ""): count for request, count in server.requests().items()})


def case(stage: Stage, what: str) -> Case:
    (row,) = [row for row in ROWS if what in row.what]
    return row.make(stage)


def named(stage: Stage, *families: str) -> list[str]:
    tree = stage.tree(SCALE)
    return [f"{family}/{path.stem}" for family in families for path in (tree / family).rglob("*.*")]


@pytest.mark.parametrize("what", ["documented operations only", "at once", "its own way", "30 resources, "])
def test_the_floor_of_a_plan_gets_each_resource_once(stage: Stage, what: str) -> None:
    plan = case(stage, what)
    assert asked_by(plan, plan.floor) == Counter(f"GET {one}" for one in named(stage, *FAMILIES))


def test_the_floor_of_an_apply_reads_each_resource_before_and_after_it_writes(stage: Stage) -> None:
    apply = case(stage, "`apply`")
    expected = Counter({f"GET {one}": 2 for one in named(stage, *FAMILIES)})
    expected += Counter(f"PUT {one}" for one in named(stage, "dashboards", "rules"))
    assert asked_by(apply, apply.floor) == expected + Counter({"POST plugins": 2})


def test_the_floor_of_an_export_gets_the_lists_and_each_rule_and_plugin(stage: Stage) -> None:
    export = case(stage, "`export`")
    lists = Counter(f"GET {family}" for family in (*FAMILIES, "links"))
    assert asked_by(export, export.floor) == lists + Counter(f"GET {one}" for one in named(stage, "rules", "plugins"))


@pytest.mark.parametrize(
    "what", ["documented operations only", "its own way", "second run", "`validate` of 3,000", "--version"]
)
def test_the_floor_and_the_dlsync_command_of_a_case_run(stage: Stage, what: str) -> None:
    made = case(stage, what)
    for command in (made.floor, made.ours):
        assert run(command).seconds > 0


def test_the_case_with_one_changed_field_plans_a_change(stage: Stage) -> None:
    changed = case(stage, "one changed field")
    assert changed.ours.code == 2
    run(changed.ours)


def test_a_process_that_ends_with_another_code_is_not_measured() -> None:
    with pytest.raises(UnexpectedEndError, match=r"expected exit code 1, got 0"):
        run(Command(("true",), code=1))
