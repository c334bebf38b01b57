"""Handle the signals that end a run: Ctrl-C, SIGTERM (CI runner, systemd, Kubernetes), SIGHUP (closed terminal)."""

import _thread
import select
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO

_ENDING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]  # Windows: two


def end_as_interrupted() -> None:
    """Make the first ending signal raise KeyboardInterrupt; later ones, and those that nohup ignores, are ignored."""
    sys.unraisablehook = _raise_again
    _handle(interrupt)


def interrupt(number: int, _: object) -> None:
    """Handle the first ending signal: ignore those after it, and raise KeyboardInterrupt."""
    ignore()
    raise KeyboardInterrupt(number)


def _raise_again(dropped: "sys.UnraisableHookArgs") -> None:
    """Send a signal again if Python drops its exception, as it does while a callback runs; each import has one."""
    if not isinstance(dropped.exc_value, KeyboardInterrupt):
        sys.__unraisablehook__(dropped)
        return
    (number,) = dropped.exc_value.args
    signal.signal(number, interrupt)
    _thread.start_new_thread(signal.raise_signal, (number,))  # in this thread, it would be dropped once more


def ignore() -> None:
    """Ignore further ending signals, which would end the clean-up with a traceback."""
    _handle(signal.SIG_IGN)


@contextmanager
def handled_by(handler: Callable[..., object]) -> Iterator[None]:
    """Handle the ending signals in this block, and restore the handlers after it, unless :func:`ignore` was called."""
    before = _handle(handler)
    try:
        yield
    finally:
        for number, previous in before.items():
            if signal.getsignal(number) is handler:
                signal.signal(number, previous)


def _handle(handler: Callable[..., object] | signal.Handlers) -> dict[signal.Signals, "signal._HANDLER"]:
    before = {number: signal.getsignal(number) for number in _ENDING}
    heeded = {number: previous for number, previous in before.items() if previous is not signal.SIG_IGN}
    for number in heeded:
        signal.signal(number, handler)
    return heeded


def wait_for_input(stream: IO[str]) -> None:
    """Wait until a stream can be read or a signal comes.

    Otherwise, a signal that comes just before a read blocks would be handled only after that read.
    """
    woken, wakes = socket.socketpair()
    with woken, wakes:
        wakes.settimeout(0)  # set_wakeup_fd needs a socket that does not block
        before = signal.set_wakeup_fd(wakes.fileno(), warn_on_full_buffer=False)
        try:
            with suppress(OSError):  # Windows selects only sockets
                select.select([stream.fileno(), woken.fileno()], [], [])
        finally:
            signal.set_wakeup_fd(before)
