"""What an operation tells and asks whoever runs it."""

from collections.abc import Callable

from dlsync.model import Plan, Problem


class Reporter:
    """Takes what an operation tells and asks; a subclass overrides what it wants to know.

    :ivar asks: whether :meth:`approve` decides. If not, whoever calls the operation has approved what it does.
    """

    asks = False

    def approve(self, _plan: Plan, /) -> bool:
        """Return whether a plan with changes is applied; called before the account is locked."""
        return False

    def show(self, plan: Plan, /) -> None:
        """Show the plan that is carried out where nobody is asked, or one that is refused."""

    def begin(self, results_so_far: Callable[[], Plan], /) -> None:
        """Prepare for the first change that is sent.

        :param results_so_far: returns the plan with the results known by then: a change without one was not sent.
        """

    def advance(self) -> None:
        """Count a resource that was fetched, or a change that was tried."""

    def notify(self, sentence: str, /) -> None:
        """Say at once what cannot wait: whom the operation waits for, which run it reverts."""

    def warn(self, problem: Problem, /) -> None:
        """Take what went wrong besides the plan: an annotation that could not be posted."""


SILENT = Reporter()
