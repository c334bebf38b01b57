"""A progress bar for whoever waits at a terminal for longer than a second."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self, TextIO

from dlsync.messages import visible

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.progress import Progress as Bar

PATIENCE = 1.0  # s


class Progress:
    """Counts on a terminal what is done; draws nothing elsewhere, nor before a run has taken a second."""

    def __init__(self, label: str, stream: TextIO, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._bar: Bar | None = None
        self.restart(label)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def restart(self, label: str) -> None:
        """Remove the bar, for something else to be printed, and count anew under another label."""
        self._stop()
        self._label = visible(label)
        self._done = 0
        self._started = self._clock()

    def _stop(self) -> None:
        if self._bar:
            self._bar.stop()
        self._bar = None

    def advance(self) -> None:
        """Count one more."""
        self._done += 1
        if not self._bar and self._stream.isatty() and self._clock() - self._started > PATIENCE:
            self._bar = self._drawn()
        if self._bar:
            self._bar.update(self._bar.task_ids[0], completed=self._done)

    def _drawn(self) -> Bar:
        # 45 ms that runs without a bar need not wait for
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        columns = TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn()
        console = Console(file=self._stream)
        bar = Progress(*columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False)
        bar.add_task(self._label, total=None)
        bar.start()
        return bar
