"""The protocol by which an operation reports progress and warnings, and asks for approval."""

from collections.abc import Callable

from dlsync.model import Plan, Problem


class Reporter:
    """Gets the reports of an operation; a subclass overrides what it handles.

    :ivar asks: whether :meth:`approve` decides. If not, the caller has approved the operation.
    """

    asks = False

    def approve(self, _plan: Plan, /) -> bool:
        """Return whether a plan with changes is applied; called before the account is locked."""
        return False

    def show(self, plan: Plan, /) -> None:
        """Show a plan that is carried out without asking, or one that is refused."""

    def begin(self, results_so_far: Callable[[], Plan], /) -> None:
        """Prepare for the first change that is sent.

        :param results_so_far: returns the plan with the results known by then: a change without one was not sent.
        """

    def advance(self) -> None:
        """Count a resource that was fetched, or a change that was tried."""

    def notify(self, sentence: str, /) -> None:
        """Show a sentence at once, such as who holds the lock, or which run is reverted."""

    def warn(self, problem: Problem, /) -> None:
        """Take a warning that is not in the plan, such as an annotation that could not be posted."""


SILENT = Reporter()
