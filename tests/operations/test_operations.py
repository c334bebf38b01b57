"""What the package offers, imported when it is asked for."""

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
def test_each_name_is_that_of_its_home(name: str) -> None:
    assert getattr(operations, name).__name__ == name
    assert getattr(operations, name).__module__.startswith(("dlsync.operations.", "dlsync.state."))


THREE_TIMES = """
import asyncio, sys, threading
from pathlib import Path
from dlsync import operations
from dlsync.operations import ApplyOptions
from dlsync.files.settings import Settings

tree, url, key = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
settings = Settings(url=url, org="acme", account="default", key=key)


def once(place):
    options = ApplyOptions(journals=tree.parent / place)
    asyncio.run(operations.plan(tree, settings))
    operations.validate(tree)
    operations.render(tree, environ={"DLSYNC_URL": url})
    asyncio.run(operations.apply(tree, settings, options=options))
    asyncio.run(operations.drift(tree, settings))
    asyncio.run(operations.export(tree, settings))
    asyncio.run(operations.managed(tree, settings))


for number in range(3):
    once(f"runs-{number}")
    thread = threading.Thread(target=once, args=(f"thread-{number}",))
    thread.start()
    thread.join()
print("alive")
"""


def test_every_operation_can_be_called_again_in_one_process_and_in_threads_that_end(live: Account, tree: Path) -> None:
    to = live.settings
    command = [sys.executable, "-c", THREE_TIMES, str(tree), to.url, to.key]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tree.parent)
    assert (done.returncode, done.stdout, done.stderr) == (0, "alive\n", "")
