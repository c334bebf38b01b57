"""Report the progress of an operation on a terminal, and ask for approval."""

from __future__ import annotations

import sys
import time
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, TypeVar

from dlsync.cli import console
from dlsync.messages import visible
from dlsync.operations import Reporter

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from rich.progress import Progress as Bar

    from dlsync.model import Plan, Problem

T = TypeVar("T")
_PATIENCE = 1.0  # s before a bar is drawn


class Terminal(Reporter, AbstractContextManager["Terminal"]):
    """Shows a plan and asks for its approval, while a bar counts where stderr is a terminal.

    :param output: the format of the result; for all but text, stdout has only the result.
    :ivar warnings: the warnings that are not in the plan.
    :ivar results_so_far: see :meth:`Reporter.begin`; None before the first change is sent.
    """

    def __init__(
        self, output: str = "text", *, asks: bool = False, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.asks = asks
        self.warnings: list[Problem] = []
        self.results_so_far: Callable[[], Plan] | None = None
        self._output = output
        self._clock = clock
        self._bar: Bar | None = None
        self.restart("Fetching")

    def __exit__(self, *_: object) -> None:
        self.restart("")

    def approve(self, plan: Plan, /) -> bool:
        """Show a plan, and ask unless all its changes are held."""
        self.show(plan)
        if all(change.held for change in plan.changes):
            return True  # there is nothing to agree to
        agreed = console.is_agreed(f"Apply this to {plan.target}?", "--auto-approve")
        self.restart("Fetching again")
        return agreed

    def show(self, plan: Plan, /) -> None:
        """Print a plan as text."""
        self.restart("")
        if self._output == "text":
            console.write_stdout(console.rendered(plan, "text"))
        else:
            console.write_stderr(console.rendered(plan, "text", sys.stderr))

    def begin(self, results_so_far: Callable[[], Plan], /) -> None:
        """Count the changes from now on."""
        self.results_so_far = results_so_far
        self.restart("Applying")

    def restart(self, label: str) -> None:
        """Remove the bar, so that something else can be printed, and count from zero under another label."""
        if self._bar:
            self._bar.stop()
        self._bar, self._label, self._done, self._started = None, visible(label), 0, self._clock()

    def advance(self) -> None:
        """Count one more."""
        self._done += 1
        if not self._bar and sys.stderr.isatty() and self._clock() - self._started > _PATIENCE:
            self._bar = _drawn(self._label)
        if self._bar:
            self._bar.update(self._bar.task_ids[0], completed=self._done)

    def notify(self, sentence: str, /) -> None:
        """Print a sentence to stderr."""
        console.notify(sentence)

    def warn(self, problem: Problem, /) -> None:
        """Keep a warning for the result."""
        self.warnings.append(problem)


def _drawn(label: str) -> Bar:
    # imports that take 45 ms, and that runs without a bar do not need
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn()
    stderr = Console(file=sys.stderr)
    bar = Progress(*columns, console=stderr, transient=True, redirect_stdout=False, redirect_stderr=False)
    bar.add_task(label, total=None)
    bar.start()
    return bar


def run_with_progress(operation: Callable[[Reporter], Coroutine[Any, Any, T]]) -> T:
    """Run an operation with a bar for its progress, and return its result."""
    with Terminal() as terminal:
        return console.run(operation(terminal))
