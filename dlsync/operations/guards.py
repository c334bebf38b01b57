"""The guards: plans that delete so much that an apply refuses them. Pure."""

from dataclasses import replace

from dlsync.files.settings import Settings
from dlsync.model import Plan
from dlsync.resources import kind_of
from dlsync.resources.tree import Tree

# below this many resources a share says nothing (DESIGN.md, "Files")
_FEWEST = 10


def judged(plan: Plan, tree: Tree, settings: Settings) -> Plan:
    """Return the plan with the reasons why an apply refuses it."""
    reasons = (_empty_tree(plan, tree), _excess(plan, settings.max_delete_percent))
    return replace(plan, refused=tuple(filter(None, reasons)))


def _empty_tree(plan: Plan, tree: Tree) -> str:
    deletes = plan.count("delete")
    if not deletes or any(kind_of(one.kind).account_scoped for one in tree.resources):
        return ""
    return (
        f"the files hold no resources, and the plan would delete {deletes} from {plan.target}. "
        "Check the directory. To empty an account on purpose, set `prune: none` and delete by hand."
    )


def _excess(plan: Plan, max_delete_percent: float) -> str:
    """Return why the plan deletes too large a share of what is live.

    :param max_delete_percent: from 0 to 100.
    """
    deletes = plan.count("delete")
    managed = deletes + plan.count("update") + plan.unchanged
    if managed < _FEWEST or deletes * 100 <= managed * max_delete_percent:
        return ""
    return (
        f"it would delete {deletes} of {managed} resources ({deletes * 100 / managed:.0f} %), more than the "
        f"{max_delete_percent:g} % that `max_delete_percent` allows. Raise it in dlsync.yaml if that is meant. "
        f"The limit holds for plans about {_FEWEST} live resources or more."
    )
