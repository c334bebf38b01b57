"""``console.run``: runs a coroutine to its end or to the first signal that ends it."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from dlsync.cli.console import is_agreed, run
from tests.builders.commands import ENDING_SIGNALS, Terminal, signals_restored

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    with signals_restored():
        yield


async def nothing() -> str:
    return "done"


async def fails() -> None:
    raise ValueError("no")


def test_run_returns_the_result_or_raises_the_error_and_restores_the_signal_handler() -> None:
    before = signal.getsignal(signal.SIGINT)
    assert run(nothing()) == "done"
    with pytest.raises(ValueError, match="no"):
        run(fails())
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("first", ENDING_SIGNALS)
@pytest.mark.parametrize("second", ENDING_SIGNALS)
def test_an_interrupt_lets_the_coroutine_clean_up_and_a_second_signal_is_ignored(
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
    signal.raise_signal(second)  # still ignored, so that it cannot disturb the report of the end


@pytest.mark.parametrize("end", [nothing, fails])
@pytest.mark.parametrize("number", ENDING_SIGNALS)
def test_an_interrupt_in_the_last_step_is_not_lost(
    number: signal.Signals, end: Callable[[], Coroutine[object, object, object]]
) -> None:
    """Otherwise a command for all environments goes on with the next one, and ignores all further signals."""

    async def work() -> None:
        signal.raise_signal(number)
        await end()

    with pytest.raises(KeyboardInterrupt):
        run(work())


@pytest.mark.parametrize("number", ENDING_SIGNALS)
def test_a_signal_after_an_interrupt_at_a_question_does_not_disturb_the_clean_up(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = []

    class Typed(Terminal):
        def readline(self, *_: object) -> str:  # type: ignore[override] # of a text stream
            signal.raise_signal(number)
            raise AssertionError("the signal has no handler")

    async def work() -> None:
        try:
            is_agreed("Go on?", "--yes")
        finally:
            signal.raise_signal(number)
            await asyncio.sleep(0)
            steps.append("tidy")

    monkeypatch.setattr(sys, "stdin", Typed())
    monkeypatch.setattr(sys, "stderr", Terminal())
    with pytest.raises(KeyboardInterrupt):
        run(work())
    assert steps == ["tidy"]


@pytest.mark.parametrize("number", ENDING_SIGNALS)
def test_no_operation_begins_after_a_signal_during_the_start_of_the_event_loop(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exception there would leave half an event loop, and warnings of it on stderr."""
    new_event_loop, steps = asyncio.new_event_loop, []

    async def work() -> None:
        steps.append("begun")

    def late() -> asyncio.AbstractEventLoop:
        signal.raise_signal(number)
        return new_event_loop()

    monkeypatch.setattr("asyncio.events.new_event_loop", late)
    with pytest.raises(KeyboardInterrupt):
        run(work())
    assert steps == []


@pytest.mark.parametrize("number", ENDING_SIGNALS)
def test_a_signal_during_the_end_of_the_event_loop_lets_it_end(number: signal.Signals) -> None:
    steps = []

    async def left() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            signal.raise_signal(number)
            await asyncio.sleep(0)
            steps.append("tidy")

    async def work() -> asyncio.Task[None]:
        task = asyncio.create_task(left())
        await asyncio.sleep(0)
        return task

    with pytest.raises(KeyboardInterrupt):
        run(work())
    assert steps == ["tidy"]


@pytest.mark.parametrize("ignored", ENDING_SIGNALS)
def test_a_signal_that_was_ignored_before_the_run_stays_ignored(ignored: signal.Signals) -> None:
    async def work() -> str:
        signal.raise_signal(ignored)
        await asyncio.sleep(0)
        return "done"

    signal.signal(ignored, signal.SIG_IGN)
    assert run(work()) == "done"


def test_run_never_calls_repr_on_the_result() -> None:
    class Large:
        def __repr__(self) -> str:
            raise AssertionError("a plan of 3,000 resources takes 0.3 s")

    async def work() -> Large:
        return Large()

    assert isinstance(run(work()), Large)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    assert isinstance(run(work()), Large)
