"""Handle the signals that end a run: Ctrl-C, SIGTERM (CI runner, systemd, Kubernetes), SIGHUP (closed terminal)."""

import select
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO

_ENDING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]  # Windows: two


def end_as_interrupted() -> None:
    """Make each ending signal raise KeyboardInterrupt, as Ctrl-C does; a signal that nohup ignores stays ignored."""
    _handle(signal.default_int_handler)


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
