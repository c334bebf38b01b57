"""What an operation asks of who does not answer."""

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


def test_a_reporter_that_is_asked_and_has_no_answer_approves_nothing(live: Account, tree: Path) -> None:
    assert asyncio.run(operations.apply(tree, live.settings, reporter=Silent())) is None
    assert live.plugins() == []
