"""A plan with what is needed to carry it out."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from dlsync.files.redaction import NOTHING_SECRET, Redaction
from dlsync.model import Address, Plan, Resource
from dlsync.operations import hidden_secrets
from dlsync.operations.reconcile import Reconciliation
from dlsync.state.inventory import Inventory


@dataclass(frozen=True)
class PlanContext:
    """A plan, and what is needed to carry it out.

    :param plan: without secrets.
    :param desired: the resources of the files that are in the scope of the plan.
    :param inventory: as it was read, with the pending writes that took effect.
    :param reconciliation: what the plan was made from, secrets included.
    :param missing_live: what was managed, and has neither a file nor a live resource.
    :param redaction: takes secrets out, also those of an earlier apply.
    :param compared_with: what the plan takes as applied last, if that is not what the inventory says.
    :param restored: the packed entries that a rollback records for what it restores.
    :param released: what is not managed after the plan is carried out, even if its change fails.
    """

    plan: Plan
    desired: Mapping[Address, Resource]
    live: Mapping[Address, Resource]
    inventory: Inventory
    reconciliation: Reconciliation = field(default_factory=Reconciliation)
    missing_live: frozenset[Address] = frozenset()
    redaction: Redaction = NOTHING_SECRET
    compared_with: Inventory | None = None
    files_digest: str = ""
    restored: Mapping[Address, str] = field(default_factory=dict)
    released: frozenset[Address] = frozenset()

    def readable(self, live: Mapping[Address, Resource]) -> dict[Address, Resource]:
        """Return live resources as the plan compares them, with values in place of masked secrets."""
        return {**live, **hidden_secrets.readable(live, self.desired, self.compared_with or self.inventory)}

    def effective(self, address: Address) -> Resource | None:
        """Return the resource as it is to be live; None if it is to be deleted."""
        return self.reconciliation.effective.get(address) or self.desired.get(address)
