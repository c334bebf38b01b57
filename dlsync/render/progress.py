"""A progress bar for whoever waits at a terminal for longer than a second."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self, TextIO

from dlsync.messages import visible

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.progress import Progress as Bar
    from rich.progress import TaskID

PATIENCE = 1.0


class Progress:
    """Counts on a terminal what is done; draws nothing elsewhere, nor before a run has taken a second.

    :param label: what is being done.
    :param stream: stderr; what is no terminal stays empty.
    :param total: how often :meth:`advance` will be called, where that is known.
    :param clock: a monotonic time in seconds.
    """

    def __init__(
        self, label: str, stream: TextIO, *, total: int | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._label = visible(label)
        self._stream = stream
        self._total = total
        self._clock = clock
        self._is_seen = stream.isatty()
        self._done = 0
        self._bar: tuple[Bar, TaskID] | None = None

    def __enter__(self) -> Self:
        self._started = self._clock()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def restart(self, label: str) -> None:
        """Take the bar away, for something else to be said, and count anew under another label."""
        self._stop()
        self._label = visible(label)
        self._done = 0
        self._started = self._clock()

    def _stop(self) -> None:
        if self._bar:
            self._bar[0].stop()
        self._bar = None

    def advance(self) -> None:
        """Count one more."""
        self._done += 1
        if self._bar is None and self._is_seen and self._clock() - self._started > PATIENCE:
            self._bar = self._drawn()
        if self._bar:
            bar, task = self._bar
            bar.update(task, completed=self._done)

    def _drawn(self) -> tuple[Bar, TaskID]:
        # 45 ms that runs without a bar need not wait for
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
        from rich.progress import Progress as Bar

        columns = TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn()
        bar = Bar(
            *columns, console=Console(file=self._stream), transient=True, redirect_stdout=False, redirect_stderr=False
        )
        task = bar.add_task(self._label, total=self._total)
        bar.start()
        return bar, task
