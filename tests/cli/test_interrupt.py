"""Running what waits for a server, to its end or to the first Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

import pytest

from dlsync.cli.console import run
from tests.builders.commands import ENDING_SIGNALS, signals_restored

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    with signals_restored():
        yield


async def nothing() -> str:
    return "done"


async def fails() -> None:
    raise ValueError("no")


def test_it_returns_what_the_work_returns_and_leaves_no_trace() -> None:
    before = signal.getsignal(signal.SIGINT)
    assert run(nothing()) == "done"
    with pytest.raises(ValueError, match="no"):
        run(fails())
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("first", ENDING_SIGNALS)
@pytest.mark.parametrize("second", ENDING_SIGNALS)
def test_an_interrupt_lets_the_work_tidy_up_and_a_second_one_does_not_disturb_that(
    first: signal.Signals, second: signal.Signals
) -> None:
    steps = []

    async def work() -> None:
        try:
            signal.raise_signal(first)
            await asyncio.Event().wait()
        finally:
            steps.append("tidying")
            signal.raise_signal(second)
            await asyncio.sleep(0)
            steps.append("tidy")

    with pytest.raises(KeyboardInterrupt):
        run(work())
    assert steps == ["tidying", "tidy"]
    signal.raise_signal(second)  # and what reports the end is not disturbed either


@pytest.mark.parametrize("ignored", ENDING_SIGNALS)
def test_where_interrupts_are_ignored_they_stay_so(ignored: signal.Signals) -> None:
    async def work() -> str:
        signal.raise_signal(ignored)
        await asyncio.sleep(0)
        return "done"

    signal.signal(ignored, signal.SIG_IGN)
    assert run(work()) == "done"


def test_a_result_is_never_spelled_out() -> None:
    class Large:
        def __repr__(self) -> str:
            raise AssertionError("a plan of 3,000 resources takes 0.3 s")

    async def work() -> Large:
        return Large()

    assert isinstance(run(work()), Large)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    assert isinstance(run(work()), Large)
