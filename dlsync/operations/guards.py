"""The guards: plans that delete so much that an apply refuses them. Pure."""

from dataclasses import replace

from dlsync.files.settings import Settings
from dlsync.model import Plan
from dlsync.resources import kind_of
from dlsync.resources.tree import Tree

# in a smaller account, a few deletes on purpose are a large share
_FEWEST = 10


def judged(plan: Plan, tree: Tree, settings: Settings) -> Plan:
    """Return the plan with the reasons why an apply refuses it."""
    deletes, limit = plan.count("delete"), settings.max_delete_percent
    live_in_plan = deletes + plan.count("update") + plan.unchanged
    refused = []
    if deletes and not any(kind_of(address.kind).account_scoped for address in tree.resources):
        refused.append(
            f"the files hold no resources, and the plan would delete {deletes} from {plan.target}. "
            "Check the directory. To empty an account on purpose, set `prune: none` and delete by hand."
        )
    if live_in_plan >= _FEWEST and deletes * 100 > live_in_plan * limit:
        refused.append(
            f"it would delete {deletes} of {live_in_plan} resources ({deletes * 100 / live_in_plan:.0f} %), more than "
            f"the {limit:g} % that `max_delete_percent` allows. To allow it, raise the limit in dlsync.yaml. "
            f"The limit holds for plans about {_FEWEST} live resources or more."
        )
    return replace(plan, refused=tuple(refused))
