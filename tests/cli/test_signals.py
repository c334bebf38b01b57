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
