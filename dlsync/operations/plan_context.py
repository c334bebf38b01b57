"""A plan with all that it takes to carry it out."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from dlsync.files.redaction import NOTHING_SECRET, Redaction
from dlsync.model import Address, Plan, Resource
from dlsync.operations import hidden_secrets
from dlsync.operations.reconcile import Reconciliation
from dlsync.state.inventory import Inventory


@dataclass(frozen=True)
class PlanContext:
    """A plan, and what it takes to carry it out.

    :param plan: without secrets.
    :param desired: what the files say, of what the plan is about.
    :param inventory: as it was read, with the pending writes that arrived.
    :param reconciliation: what the plan is made of, secrets included.
    :param gone: what was managed, has no file any more, and is not live either.
    :param redaction: takes secrets out, those too that were put there by an earlier apply.
    :param compared_with: what was applied last as the plan takes it, where that is not what the inventory says.
    :param restored: the packed entries that a rollback records of what it restores.
    :param released: what is not managed once the plan is carried out, whatever becomes of it.
    """

    plan: Plan
    desired: Mapping[Address, Resource]
    live: Mapping[Address, Resource]
    inventory: Inventory
    reconciliation: Reconciliation = field(default_factory=Reconciliation)
    gone: frozenset[Address] = frozenset()
    redaction: Redaction = NOTHING_SECRET
    compared_with: Inventory | None = None
    files_digest: str = ""
    restored: Mapping[Address, str] = field(default_factory=dict)
    released: frozenset[Address] = frozenset()

    def readable(self, live: Mapping[Address, Resource]) -> dict[Address, Resource]:
        """Return live resources as the plan reads them, with values in place of the secrets that a server masks."""
        return {**live, **hidden_secrets.readable(live, self.desired, self.compared_with or self.inventory)}

    def effective(self, address: Address) -> Resource | None:
        """Return what is to be live of a resource; None where it is to be deleted."""
        return self.reconciliation.sent.get(address) or self.desired.get(address)
