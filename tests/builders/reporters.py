"""A reporter for tests, which records the reports of an operation and answers its questions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlsync.operations import Reporter

if TYPE_CHECKING:
    from collections.abc import Callable

    from dlsync.model import Plan, Problem


class Recorder(Reporter):
    """Record all reports.

    :param on_approve: decides whether to apply a plan; by default, no approval is asked for.
    :param on_show: called with each shown plan.
    :param on_advance: called for each step.
    """

    def __init__(
        self,
        on_approve: Callable[[Plan], bool | None] | None = None,
        on_show: Callable[[Plan], None] = lambda _: None,
        on_advance: Callable[[], None] = lambda: None,
    ) -> None:
        self.asks = on_approve is not None
        self.shown: list[Plan] = []
        self.notified: list[str] = []
        self.warned: list[Problem] = []
        self.steps = 0
        self._on_approve = on_approve or super().approve
        self._on_show = on_show
        self._on_advance = on_advance

    def approve(self, plan: Plan, /) -> bool:
        return bool(self._on_approve(plan))

    def show(self, plan: Plan, /) -> None:
        self.shown.append(plan)
        self._on_show(plan)

    def advance(self) -> None:
        self.steps += 1
        self._on_advance()

    def notify(self, sentence: str, /) -> None:
        self.notified.append(sentence)

    def warn(self, problem: Problem, /) -> None:
        self.warned.append(problem)
