"""How an operation reports on a terminal, and asks."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeVar

from dlsync.cli import console
from dlsync.operations import Reporter
from dlsync.render.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from dlsync.model import Plan, Problem

T = TypeVar("T")


class Terminal(Progress, Reporter):
    """Shows a plan and asks for its approval, while a bar counts.

    :param output: the format of the result: JSON has stdout to itself.
    :ivar warnings: what went wrong besides the plan.
    :ivar results_so_far: see :meth:`Reporter.begin`; None before the first change is sent.
    """

    def __init__(self, output: str = "text", *, asks: bool = False) -> None:
        self.asks = asks
        self.warnings: list[Problem] = []
        self.results_so_far: Callable[[], Plan] | None = None
        self._output = output
        super().__init__("Fetching", sys.stderr)

    def approve(self, plan: Plan, /) -> bool:
        """Show a plan, and ask unless it holds everything."""
        self.show(plan)
        if all(change.held for change in plan.changes):
            return True  # there is nothing to agree to
        agreed = console.is_agreed(f"Apply this to {plan.target}?", "--auto-approve")
        self.restart("Fetching again")
        return agreed

    def show(self, plan: Plan, /) -> None:
        """Print a plan as text."""
        self.restart("")
        if self._output == "json":
            console.write_stderr(console.rendered(plan, "text", sys.stderr))
        else:
            console.write_stdout(console.rendered(plan, "text"))

    def begin(self, results_so_far: Callable[[], Plan], /) -> None:
        """Count the changes from now on."""
        self.results_so_far = results_so_far
        self.restart("Applying")

    def notify(self, sentence: str, /) -> None:
        """Print a sentence to stderr."""
        console.notify(sentence)

    def warn(self, problem: Problem, /) -> None:
        """Keep a warning for the result."""
        self.warnings.append(problem)


def run_with_progress(operation: Callable[[Reporter], Coroutine[Any, Any, T]]) -> T:
    """Return what an operation returns, while a bar counts its progress."""
    with Terminal() as terminal:
        return console.run(operation(terminal))
