"""Coverage measures all tests except property tests and tests that are marked as untraced, and no line is lost."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders.commands import process_environment
from tests.builders.tracing import tracing
from tests.builders.trees import write_tree
from tests.conftest import TRACES

if TYPE_CHECKING:
    from pathlib import Path

SWALLOWED = """
import asyncio
from tests.builders.tracing import traced_apart

class Late:
    def __await__(self): return self
    def __iter__(self): return self
    def __next__(self): return None
    def throw(self, *_): raise StopIteration

async def waits():
    asyncio.get_running_loop().call_soon(asyncio.current_task().cancel)
    await Late()

def caller():
    traced_apart(asyncio.run)(waits())
    return "measured"
"""


@pytest.fixture(scope="module")
def shared() -> list[Any]:
    """Return the tracers that are active while a shared fixture is made."""
    return tracing()


@pytest.mark.untraced
def test_an_untraced_test_is_not_measured_but_its_shared_fixtures_are(
    shared: list[Any], request: pytest.FixtureRequest
) -> None:
    assert tracing() == [None, None]
    assert shared == request.session.stash[TRACES]


@given(st.none())
def test_a_property_test_is_not_measured(nothing: None) -> None:
    assert tracing() == [None, None]


def test_the_test_after_an_unmeasured_test_is_measured(request: pytest.FixtureRequest) -> None:
    assert tracing() == request.session.stash[TRACES]


def test_the_caller_of_an_event_loop_is_measured_after_an_awaited_object_has_swallowed_a_cancellation(
    tmp_path: Path,
) -> None:
    """Otherwise a line that only one test reaches counts as not reached, in 1 of 20 runs of all tests."""
    write_tree(tmp_path, {"measured.py": SWALLOWED, "start.py": "import measured\nmeasured.caller()"})
    measure = [sys.executable, "-m", "coverage"]
    for step in (["run", "--rcfile=", "--include=measured.py", "start.py"], ["report", "--rcfile=", "--show-missing"]):
        done = subprocess.run(
            [*measure, *step], cwd=tmp_path, env=process_environment(), capture_output=True, check=True, text=True
        )
    assert done.stdout.split()[-1] == "100%", done.stdout
