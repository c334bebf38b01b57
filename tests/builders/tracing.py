"""Decide what coverage traces."""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

P = ParamSpec("P")
T = TypeVar("T")


def tracing() -> list[Any]:
    """Return the trace functions of this thread, and of threads that it starts."""
    return [sys.gettrace(), threading.gettrace()]


@contextmanager
def traced(by: list[Any]) -> Iterator[None]:
    """Set the trace functions of this thread, and of threads that it starts, in this block."""
    before = tracing()
    sys.settrace(by[0])
    threading.settrace(by[1])
    try:
        yield
    finally:
        sys.settrace(before[0])
        threading.settrace(before[1])


def traced_apart(function: Callable[P, T]) -> Callable[P, T]:
    """Give each call of a function a tracer of its own, as a new thread has; for what runs an event loop.

    CPython 3.11 tells tracers that a frame returns, but not that it was entered, if an object that it awaits answers
    a cancellation with a result, as pyreqwest does. Coverage's tracer, which keeps a stack, then takes the lines of
    all callers for lines of others, up to the first frame that it traces.
    """

    @wraps(function)
    def apart(*args: P.args, **options: P.kwargs) -> T:
        before = sys.gettrace()
        sys.settrace(threading.gettrace())
        try:
            return function(*args, **options)
        finally:
            sys.settrace(before)

    return apart
