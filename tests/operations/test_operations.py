"""The public names of ``dlsync.operations``, and repeated calls of its operations."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from dlsync import operations

if TYPE_CHECKING:
    from pathlib import Path

    from tests.builders.trees import Account


@pytest.mark.parametrize("name", operations.__all__)
def test_each_public_name_resolves_to_the_object_of_that_name_in_its_module(name: str) -> None:
    assert getattr(operations, name).__name__ == name
    assert getattr(operations, name).__module__.startswith(("dlsync.operations.", "dlsync.state."))


THREE_TIMES = """
import asyncio, sys, threading
from pathlib import Path
from dlsync import operations
from dlsync.operations import ApplyOptions
from dlsync.files.settings import Settings
from dlsync.resources.selector import EVERYTHING

tree, url, key = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
settings = Settings(url=url, org="acme", account="default", key=key)


def once(place):
    options = ApplyOptions(journals=tree.parent / place)
    operations.validate(tree)
    operations.render(tree, environ={"DLSYNC_URL": url})
    asyncio.run(operations.plan(tree, settings))
    asyncio.run(operations.plan_tree(tree, settings))
    asyncio.run(operations.apply(tree, settings, options=options))
    asyncio.run(operations.drift(tree, settings))
    asyncio.run(operations.accept(tree, settings, EVERYTHING))
    asyncio.run(operations.export(tree, settings))
    asyncio.run(operations.release(tree, settings, EVERYTHING))
    asyncio.run(operations.rebuild(tree, settings))
    asyncio.run(operations.adopt(tree, settings, EVERYTHING))
    asyncio.run(operations.managed(tree, settings))
    asyncio.run(operations.reading(settings, lambda client: client.rules.list()))
    asyncio.run(operations.writing(settings, lambda client: client.rules.list()))
    asyncio.run(operations.unlock(settings, bool))
    asyncio.run(operations.rollback(tree, settings, options=options))
    operations.history(options.journals)


for number in range(3):
    once(f"runs-{number}")
    thread = threading.Thread(target=once, args=(f"thread-{number}",))
    thread.start()
    thread.join()
print("alive")
"""


def test_each_operation_can_run_repeatedly_in_one_process_and_in_short_lived_threads(live: Account, tree: Path) -> None:
    functions = [name for name in operations.__all__ if not isinstance(getattr(operations, name), type)]
    assert [name for name in functions if f"operations.{name}(" not in THREE_TIMES] == []
    to = live.settings
    command = [sys.executable, "-c", THREE_TIMES, str(tree), to.url, to.key]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tree.parent)
    assert (done.returncode, done.stdout, done.stderr) == (0, "alive\n", "")
