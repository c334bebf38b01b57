"""An apply whose reporter does not answer the question for approval."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from dlsync import operations
from dlsync.operations import Reporter

if TYPE_CHECKING:
    from pathlib import Path

    from tests.builders.trees import Account


class Silent(Reporter):
    asks = True


def test_an_apply_writes_nothing_if_the_reporter_does_not_approve(live: Account, tree: Path) -> None:
    assert asyncio.run(operations.apply(tree, live.settings, reporter=Silent())) is None
    assert live.plugins() == []
