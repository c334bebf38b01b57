"""The planner: what the files say, what is live and what was recorded, to the plan."""

from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path

from dlsync.client import ReadClient
from dlsync.client.concurrency import both
from dlsync.errors import ApiError
from dlsync.files.git import head_commit
from dlsync.files.redaction import NOTHING_SECRET, Redaction, values_in
from dlsync.files.settings import Settings
from dlsync.model import Address, FieldChange, Json, Plan, Problem, Resource, ResourceChange
from dlsync.operations import dependents, guards, hidden_secrets
from dlsync.operations import warnings as concerns
from dlsync.operations.cache import FORGETFUL, remember, remembered
from dlsync.operations.duplicates import duplicate_warnings, omitted, pruned
from dlsync.operations.fetch import Fetcher, Live, fetch_by_name
from dlsync.operations.reconcile import UNDECIDED, ConflictPolicy, Reconciliation, moved_since, reconcile
from dlsync.operations.session import reader, silent
from dlsync.operations.session import recorded as recorded_inventory
from dlsync.operations.update_inventory import resolved
from dlsync.resources import account, environments, kind_of, loader
from dlsync.resources.selector import EVERYTHING, Targets
from dlsync.resources.tree import Tree
from dlsync.state.inventory import Inventory, empty
from dlsync.state.lease import holder_of

_HELD = "the account is locked by %s: an apply waits for it; if that process is dead, run `dlsync unlock`"


@dataclass(frozen=True)
class PlanOptions:
    """What a plan was asked for.

    :param directory: of the tree, as it was given.
    :param environment: empty for none.
    :param targets: the ``--target`` patterns.
    :param delete_accounts: the accounts that ``--delete-account`` named.
    """

    directory: Path = Path()
    environment: str = ""
    targets: tuple[str, ...] = ()
    delete_accounts: tuple[str, ...] = ()
    decisions: ConflictPolicy = UNDECIDED


async def plan(
    directory: Path, settings: Settings, *, wishes: PlanOptions | None = None, progress: Callable[[], None] = silent
) -> Plan:
    """Say what an apply would change; see :func:`prepare`."""
    return (await prepare(directory, settings, wishes=wishes, progress=progress)).plan


async def prepare(
    directory: Path, settings: Settings, *, wishes: PlanOptions | None = None, progress: Callable[[], None] = silent
) -> "PlanContext":
    """Work out a plan, with what it takes to carry it out or to keep it.

    :param wishes: what it is to be about; everything, where that is not said.
    :raises SettingsError: an account is to be deleted that is in use, or that dlsync.yaml names.
    :raises InvalidTree: the files have errors.
    :raises ApiError: the live state could not be fetched.
    """
    wanted = wishes or PlanOptions()
    async with looked(directory, settings, progress) as (fetcher, tree):
        work = await prepared(fetcher, tree, settings, wanted)
        return replace(work, plan=work.plan.with_warnings(await lock_warnings(fetcher)))


async def lock_warnings(fetcher: Fetcher) -> tuple[Problem, ...]:
    """Return who holds the lock of the account; a list of plugins that was fetched saves the request."""
    if any(listing.unlocked for listing in fetcher.listings.values()):
        return ()
    held = await held_lock(fetcher.client)
    return (Problem("warning", held),) if held else ()


async def held_lock(client: ReadClient) -> str:
    """Return who holds the lock of the account and what to do; empty where nobody does, or that cannot be asked."""
    with suppress(ApiError):
        if holder := await holder_of(client):
            return _HELD % holder
    return ""


@asynccontextmanager
async def looked(
    directory: Path, settings: Settings, progress: Callable[[], None], *, exports: bool = False
) -> AsyncIterator[tuple[Fetcher, Tree]]:
    """Read a tree, and open the client that fetches what the plan is about.

    :param exports: every resource is needed whole, and a directory that does not exist is an empty tree.
    :raises InvalidTree: the files have errors.
    """
    found = loader.find(directory, missing_ok=exports)
    tree = environments.understood(found, settings).raise_for_errors()
    async with reader(settings) as client:
        cache = FORGETFUL if exports else remembered(settings.target)
        yield Fetcher(client, tree.resources, cache=cache, progress=progress), tree


async def prepared(fetcher: Fetcher, tree: Tree, settings: Settings, wishes: PlanOptions) -> "PlanContext":
    """Work out a plan with a client that is open; see :func:`prepare`."""
    targets = Targets(wishes.targets)
    work = await build_plan(
        fetcher,
        tree,
        settings,
        targets=targets,
        explicit_deletes=account.deletions(wishes.delete_accounts, settings, tree.resources),
        decisions=wishes.decisions,
    )
    targets.require_match({*tree.resources, *work.live, *work.inventory})
    learned = fetcher.cache.learned(fetcher.desired, [work.live[one] for one in work.equal], fetcher.listings)
    remember(settings.target, fetcher.cache, learned)
    known = {*tree.resources, *work.live, *work.inventory.known, *fetcher.listed()}
    idle = () if targets else concerns.unmatched(settings.protect, known)
    return replace(work, plan=guards.judged(work.plan.with_warnings(idle), tree, settings))


@dataclass(frozen=True)
class PlanContext:
    """A plan, and what it takes to carry it out.

    :param desired: what the files say, of what the plan is about.
    :param live: what was live.
    :param sent: what is sent, where that is not what the files alone say.
    :param kept: by resource, what differs from the files and stays as it is live.
    :param gone: what was managed, has no file any more, and is not live either.
    :param equal: what is live as the files say, with nothing besides.
    :param redaction: takes secrets out, those too that were put there by an earlier apply.
    :param forms: canonical forms that were worked out on the way.
    :param compared_with: what was applied last as the plan takes it, where that is not what the inventory says.
    :param files: a digest of the files that the plan is made from.
    :param released: what is not managed once the plan is carried out, whatever becomes of it.
    :param duplicates: what ``prune`` removes because the server has it twice, whatever else the plan does.
    """

    plan: Plan
    desired: Mapping[Address, Resource]
    live: Mapping[Address, Resource]
    inventory: Inventory
    sent: Mapping[Address, Resource] = field(default_factory=dict)
    kept: Mapping[Address, tuple[FieldChange, ...]] = field(default_factory=dict)
    gone: frozenset[Address] = frozenset()
    equal: tuple[Address, ...] = ()
    redaction: Redaction = NOTHING_SECRET
    forms: Mapping[Address, Mapping[str, Json]] = field(default_factory=dict)
    compared_with: Inventory | None = None
    files: str = ""
    released: frozenset[Address] = frozenset()
    duplicates: Mapping[Address, tuple[FieldChange, ...]] = field(default_factory=dict)

    def form(self, address: Address) -> Mapping[str, Json]:
        """Return the canonical form of what the files say of a resource."""
        known = self.forms.get(address)
        return kind_of(address.kind).canonical(self.desired[address].document) if known is None else known

    @cached_property
    def unconfirmed(self) -> dict[Address, Resource | None]:
        """What an apply sent and could not confirm, with what the server has of it where that is known."""
        return {}

    @cached_property
    def entries(self) -> dict[Address, str]:
        """What is to be recorded of resources, packed: what was worked out of it so far."""
        return {}

    def readable(self, live: Mapping[Address, Resource]) -> dict[Address, Resource]:
        """Return live resources as the plan reads them, with values in place of the secrets that a server masks."""
        return {**live, **hidden_secrets.readable(live, self.desired, self.compared_with or self.inventory)}

    def meant(self, address: Address) -> Resource | None:
        """Return what is to be live of a resource; None where it is to be deleted."""
        return self.sent.get(address) or self.desired.get(address)


async def build_plan(
    fetcher: Fetcher,
    tree: Tree,
    settings: Settings,
    *,
    targets: Targets = EVERYTHING,
    explicit_deletes: Collection[Address] = (),
    decisions: ConflictPolicy = UNDECIDED,
    recorded: Inventory | None = None,
) -> PlanContext:
    """Work out what it takes to make the account what the files say.

    :param fetcher: a new one, for what it has fetched is not fetched again.
    :param tree: one that is usable.
    :param targets: plan for these resources only.
    :param doomed: what is to be deleted whatever ``prune`` says: somebody named it.
    :param recorded: what was applied last, where that is not what the inventory says.
    :raises ApiError: live state could not be fetched whole.
    """
    planning = _Planning(fetcher, tree, settings, targets)
    inventory, live = await planning.look(explicit_deletes, recorded)
    live, leaving, orphans = await planning.deletes(inventory, live, explicit_deletes, decisions)
    protected = {one for one in live.resources if one in leaving and _is_protected(one, settings)}
    surplus = pruned(fetcher.client, planning.desired, live.resources, inventory, settings.prune)
    outcome = planning.reconcile(inventory, live, leaving.difference(protected), decisions, surplus)
    await fetcher.list_muted({one.address.kind for one in outcome.changes if one.action == "delete"})
    changing = [live.resources[one.address] for one in outcome.changes if one.address in live.resources]
    former = hidden_secrets.known(inventory, changing)
    redaction = Redaction({**values_in(former.values()), **tree.secrets})
    warnings = [
        *tree.warnings,
        *_told(inventory, live, outcome, sorted(protected - orphans.keys()), explicit_deletes),
        *(Problem("warning", message) for message in concerns.kept(outcome.kept, planning.desired)),
        *(Problem("warning", message) for message in concerns.muted(outcome.changes, fetcher.listings)),
        *concerns.still_used([one.address for one in outcome.changes if one.action == "delete"], tree.resources),
        *planning.orphan_warnings(orphans, outcome),
        *duplicate_warnings(fetcher.listings.values(), targets, {*surplus, *leaving}, outcome.adopted, settings.prune),
    ]
    return replace(planning.prepared(inventory, live, outcome, redaction, warnings), duplicates=surplus)


def _told(
    inventory: Inventory,
    live: Live,
    outcome: Reconciliation,
    protected: Collection[Address],
    explicit_deletes: Collection[Address],
) -> Iterator[Problem]:
    yield from concerns.unread(inventory)
    for message in (
        *concerns.unseen(outcome.unseen),
        *concerns.no_default(outcome.no_default),
        *concerns.unlisted(live.unlisted),
        *live.faults,
        *concerns.masked(live.masked),
        *concerns.protected(protected),
        *concerns.missing(explicit_deletes, live.resources),
    ):
        yield Problem("warning", message)


def _is_protected(address: Address, settings: Settings) -> bool:
    return any(fnmatchcase(str(address), glob) for glob in settings.protect)


class _Planning:
    """One plan: what all of its steps share."""

    def __init__(self, fetcher: Fetcher, tree: Tree, settings: Settings, targets: Targets) -> None:
        self.fetcher = fetcher
        self.tree = tree
        self.settings = settings
        self.targets = targets
        self.desired = {address: one for address, one in tree.resources.items() if targets.admits(address)}
        self._account = account.in_use(settings)

    async def look(self, explicit_deletes: Collection[Address], recorded: Inventory | None) -> tuple[Inventory, Live]:
        """Return what was recorded and what is live: of the files, of what is to go, and of what is managed."""
        outside = {one for one in {*self.desired, *explicit_deletes} if not kind_of(one.kind).account_scoped}
        around = await self.fetcher.fetch(outside)
        if self._account in outside - set(around.resources):  # the plan makes it: nothing is in it
            inventory = empty(kept=self.settings.inventory != "none")
            return inventory, around
        inside = {*self.desired, *explicit_deletes} - outside
        if recorded is not None:
            live, inventory = await self._inside(inside), recorded
        else:
            reading = recorded_inventory(self.fetcher.client, self.settings, self.tree.root)
            inventory, live = await both(reading, self._inside(inside))
        live = await self._completed(inventory, replace(live, resources={**around.resources, **live.resources}))
        live = live.with_readable(hidden_secrets.readable(live.resources, self.desired, inventory))
        return resolved(inventory, live.resources, self._absent(inventory, live), self.desired), live

    async def _inside(self, wanted: Collection[Address]) -> Live:
        prunes_all = self.settings.prune == "all"
        everything = {name for name in self.targets.kinds() if prunes_all and kind_of(name).account_scoped}
        return await self.fetcher.fetch(wanted, everything=everything, admits=self.targets.admits)

    async def _completed(self, inventory: Inventory, live: Live) -> Live:
        """Ask once more for what is managed and was not found: a list may have been cut short."""
        unsure = self._absent(inventory, live) | omitted(self.fetcher.client, inventory, self.targets)
        if not unsure:
            return live
        found = await fetch_by_name(self.fetcher.client, unsure)
        return replace(live, resources={**live.resources, **found})

    def _absent(self, inventory: Inventory, live: Live) -> set[Address]:
        """Return what is managed, is this plan's business, and was not found."""
        absent = {one for one in inventory.known if one not in live.resources and self.targets.admits(one)}
        return absent & set(self.desired) if self.settings.prune == "none" else absent

    def _gone(self, inventory: Inventory, live: Live) -> frozenset[Address]:
        """Return what is managed, and neither in the files nor live; asked by its name."""
        return frozenset(self._absent(inventory, live) - set(self.desired))

    def leaving(self, inventory: Inventory, live: Live, explicit_deletes: Collection[Address]) -> set[Address]:
        """Return what is live and in no file and, but for protection, is to be deleted."""
        extra = [one for one in live.resources if one not in self.desired]
        prune = self.settings.prune
        return {
            one
            for one in extra
            if one in explicit_deletes
            or (prune != "none" and kind_of(one.kind).account_scoped and (prune == "all" or inventory.entry(one)))
        }

    async def deletes(
        self, inventory: Inventory, live: Live, explicit_deletes: Collection[Address], decisions: ConflictPolicy
    ) -> tuple[Live, set[Address], dict[Address, Address]]:
        """Return what is live, what of it is to be deleted but for protection, and orphans with what they need.

        A desired resource that needs one which will not exist counts as removed from the files.
        """
        leaving = self.leaving(inventory, live, explicit_deletes)
        deleted = {one for one in leaving if not _is_protected(one, self.settings)}
        if decisions.on_conflict != "repo":
            deleted -= {one for one in deleted if moved_since(kind_of(one.kind), live.resources[one], inventory)}
        live, taken = await dependents.deleted_with(self.fetcher, live, deleted)
        has_account = self._account not in self.desired or self._account in live.resources
        client = self.fetcher.client if has_account else None
        known = {*self.tree.resources, *live.resources}
        orphans = await dependents.orphans(client, self.desired, known, deleted)
        self.desired = {address: one for address, one in self.desired.items() if address not in orphans}
        return live, self.leaving(inventory, live, explicit_deletes) | taken, orphans

    def orphan_warnings(self, orphans: Mapping[Address, Address], outcome: Reconciliation) -> list[Problem]:
        """Return a warning of each resource that needs one which the plan deletes or which does not exist."""
        deletes = {one.address: one for one in outcome.changes if one.action == "delete"}
        return [dependents.warning(self.tree.resources[one], need, deletes) for one, need in orphans.items()]

    def reconcile(
        self,
        inventory: Inventory,
        live: Live,
        deletes: Collection[Address],
        decisions: ConflictPolicy,
        surplus: Mapping[Address, tuple[FieldChange, ...]],
    ) -> Reconciliation:
        """Compare the files, the server and the record; see :func:`dlsync.operations.reconcile.reconcile`."""
        outcome = reconcile(
            kind_of,
            self.desired,
            live.resources,
            inventory,
            prunes=deletes.__contains__,
            decisions=decisions,
            duplicates=surplus,
        )
        outcome.changes = dependents.blocked(outcome.changes, live.resources)
        return outcome

    def prepared(
        self,
        inventory: Inventory,
        live: Live,
        outcome: Reconciliation,
        redaction: Redaction,
        warnings: Sequence[Problem],
    ) -> PlanContext:
        """Return all that came out."""
        return PlanContext(
            _warned(self._plan(outcome, redaction, warnings)),
            self.desired,
            live.resources,
            inventory,
            outcome.sent,
            outcome.kept,
            self._gone(inventory, live),
            tuple(outcome.equal),
            redaction,
            outcome.forms,
            files=self.tree.digest,
        )

    def _plan(self, outcome: Reconciliation, redaction: Redaction, warnings: Sequence[Problem]) -> Plan:
        """Return the plan as it may be shown."""
        return Plan(
            self.settings.target,
            tuple(_outlined(redaction.change(change)) for change in outcome.changes),
            outcome.unchanged,
            head_commit(self.tree.root),
            tuple(warnings),
            tuple(outcome.adopted),
            tuple(outcome.kept),
        )


def _warned(plan: Plan) -> Plan:
    """Return a plan that also warns of what no rollback of its apply can restore."""
    unkept = (Problem("warning", message) for message in concerns.unkept(plan.changes))
    return replace(plan, warnings=(*plan.warnings, *unkept))


def _outlined(change: ResourceChange) -> ResourceChange:
    """Return a change that holds no secret any more with what it adds and removes in sentences."""
    kind = kind_of(change.address.kind)
    return replace(
        change,
        diff=tuple(
            replace(one, outline=tuple(kind.outline(one.path, one.after if one.op == "add" else one.before)))
            if one.op != "replace"
            else one
            for one in change.diff
        ),
    )
