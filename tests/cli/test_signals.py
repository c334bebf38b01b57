"""The signals that end a run."""

from __future__ import annotations

import ctypes
import io
import operator
import os
import select
import signal
from functools import partial
from typing import Any

import pytest

from dlsync.cli import signals


def test_a_signal_that_comes_just_before_the_wait_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The handler runs when Python code goes on: a wait that began before that has to be ended."""
    libc, wait, ready = ctypes.CDLL(None), select.select, list[Any]()

    def late(streams: list[Any], *_: object) -> None:
        steps = (partial(getattr(libc, "raise"), signal.SIGINT), partial(wait, streams, [], [], 5))
        list(map(ready.append, map(operator.call, steps)))  # without a step of Python's in between

    monkeypatch.setattr(select, "select", late)
    reading, writing = os.pipe()
    handled = signals.handled_by(signal.default_int_handler)
    with os.fdopen(reading) as stream, os.fdopen(writing, "w"), pytest.raises(KeyboardInterrupt), handled:
        signals.wait_for_input(stream)
    assert [len(streams) for streams in ready[1]] == [1, 0, 0]


def test_what_is_there_to_read_ends_the_wait_and_the_wakeup_is_as_before() -> None:
    before = signal.set_wakeup_fd(-1)
    reading, writing = os.pipe()
    with os.fdopen(reading) as stream, os.fdopen(writing, "w") as typed:
        typed.write("y\n")
        typed.flush()
        signals.wait_for_input(stream)
        assert stream.readline() == "y\n"
    assert signal.set_wakeup_fd(before) == -1


def test_a_stream_that_cannot_be_waited_for_is_read_at_once() -> None:
    signals.wait_for_input(io.StringIO("y\n"))
