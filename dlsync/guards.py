"""Guards: plans that are refused because they delete more than anybody can have meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlsync.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Collection

    from dlsync.model import Address, Plan

# below this many resources a share says nothing (DESIGN.md, "Files")
_FEWEST = 10


def refuse_an_empty_tree(plan: Plan, desired: Collection[Address]) -> None:
    """Refuse to delete on the word of files that hold nothing.

    :raises Refused: there are no desired resources, and deletes.
    """
    if not desired and (deletes := plan.count("delete")):
        raise Refused(
            f"the files hold no resources, and the plan would delete {deletes} from {plan.target}",
            hint="Check the directory. To empty an account on purpose, set `prune: none` and delete by hand.",
        )


def excess(plan: Plan, max_delete_percent: float) -> str:
    """Return why the plan deletes too large a share of what is live, empty where it does not.

    :param max_delete_percent: from 0 to 100.
    """
    deletes = plan.count("delete")
    managed = deletes + plan.count("update") + plan.unchanged
    if managed < _FEWEST or deletes * 100 <= managed * max_delete_percent:
        return ""
    share = f"{deletes} of {managed} resources ({deletes * 100 / managed:.0f} %)"
    return f"it would delete {share}, more than the {max_delete_percent:g} % that `max_delete_percent` allows"


def refuse_excess(plan: Plan, max_delete_percent: float) -> None:
    """Refuse a plan that deletes too large a share.

    :raises Refused: as :func:`excess` says.
    """
    if reason := excess(plan, max_delete_percent):
        raise Refused(
            f"the plan is refused: {reason}", hint="Raise `max_delete_percent` in dlsync.yaml if it is meant."
        )
