"""The signals that end a run."""

from __future__ import annotations

import ctypes
import io
import operator
import os
import select
import signal
import sys
import weakref
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from dlsync.cli import signals
from tests.builders.commands import ENDING_SIGNALS, signals_restored

if TYPE_CHECKING:
    from collections.abc import Iterator


class Target:
    """Can be referred to weakly."""


@pytest.fixture
def _ending(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Handle signals as a process of dlsync does."""
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    with signals_restored():
        signals.end_as_interrupted()
        yield


@pytest.mark.parametrize("number", ENDING_SIGNALS)
@pytest.mark.usefixtures("_ending")
def test_the_first_signal_raises_and_later_ones_are_ignored(number: signal.Signals) -> None:
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(number)
    for other in ENDING_SIGNALS:
        signal.raise_signal(other)


@pytest.mark.parametrize("number", ENDING_SIGNALS)
@pytest.mark.usefixtures("_ending")
def test_a_signal_whose_exception_python_drops_raises_again(
    number: signal.Signals, capfd: pytest.CaptureFixture[str]
) -> None:
    """Otherwise, 1 of 100 signals during imports was lost."""
    targets = [Target()]
    watched = weakref.ref(targets[0], lambda _: signal.raise_signal(number))

    def drop() -> None:
        targets.clear()
        for _ in range(10_000_000):  # until the thread has sent the signal again
            pass

    with pytest.raises(KeyboardInterrupt):
        drop()
    assert watched() is None
    assert capfd.readouterr().err == ""


@pytest.mark.usefixtures("_ending")
def test_other_exceptions_that_python_drops_are_reported_as_usual(capfd: pytest.CaptureFixture[str]) -> None:
    target = Target()
    watched = weakref.ref(target, lambda _: 1 / 0)
    del target
    assert watched() is None
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_a_signal_just_before_the_wait_for_input_ends_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python runs the handler only after the wait, so the signal itself has to end the wait."""
    libc, wait, ready = ctypes.CDLL(None), select.select, list[Any]()

    def late(streams: list[Any], *_: object) -> None:
        steps = (partial(getattr(libc, "raise"), signal.SIGINT), partial(wait, streams, [], [], 5))
        list(map(ready.append, map(operator.call, steps)))  # both in C, so that no handler runs in between

    monkeypatch.setattr(select, "select", late)
    reading, writing = os.pipe()
    handled = signals.handled_by(signal.default_int_handler)
    with os.fdopen(reading) as stream, os.fdopen(writing, "w"), pytest.raises(KeyboardInterrupt), handled:
        signals.wait_for_input(stream)
    assert [len(streams) for streams in ready[1]] == [1, 0, 0]


def test_input_ends_the_wait_and_the_wakeup_descriptor_is_restored() -> None:
    before = signal.set_wakeup_fd(-1)
    reading, writing = os.pipe()
    with os.fdopen(reading) as stream, os.fdopen(writing, "w") as typed:
        typed.write("y\n")
        typed.flush()
        signals.wait_for_input(stream)
        assert stream.readline() == "y\n"
    assert signal.set_wakeup_fd(before) == -1


def test_the_wait_returns_at_once_for_a_stream_without_a_file_descriptor(monkeypatch: pytest.MonkeyPatch) -> None:
    waits, stream = list[Any](), io.StringIO("y\n")
    monkeypatch.setattr(select, "select", lambda *streams: waits.append(streams))
    signals.wait_for_input(stream)
    assert (waits, stream.read()) == ([], "y\n")
