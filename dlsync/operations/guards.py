"""Refuse plans that delete too much. Pure."""

from dataclasses import replace

from dlsync.files.settings import Settings
from dlsync.operations.plan_context import PlanContext
from dlsync.resources import kind_of
from dlsync.resources.tree import Tree

# in a smaller account, a few deletes on purpose are a large share
_FEWEST = 10


def judged(context: PlanContext, tree: Tree, settings: Settings) -> PlanContext:
    """Return the plan with the reasons for which an apply refuses it."""
    plan = context.plan
    deletes, limit = plan.count("delete"), settings.max_delete_percent
    creates = [change.address for change in plan.changes if change.action == "create"]
    live = plan.unchanged + len(plan.changes) - len(creates)  # held resources are live too
    missing = len(context.missing_live) + sum(address in context.inventory for address in creates)
    refused = []
    if deletes and not any(kind_of(address.kind).account_scoped for address in tree.resources):
        refused.append(
            f"the files hold no resources, and the plan would delete {deletes} from {plan.target}. "
            "Check the directory. To empty an account on purpose, set `prune: none` and delete by hand."
        )
    if live + missing >= _FEWEST and deletes * 100 > live * limit:
        refused.append(
            f"it would delete {deletes} of {live} resources ({deletes * 100 / live:.0f} %), more than "
            f"the {limit:g} % that `max_delete_percent` allows. To allow it, raise the limit in dlsync.yaml. "
            f"The limit holds for plans about {_FEWEST} managed or live resources or more."
        )
    return replace(context, plan=replace(plan, refused=tuple(refused)))
