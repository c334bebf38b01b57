"""Make a plan from the files, what is live, and what was applied last."""

from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, cast

from dlsync.client import ReadClient
from dlsync.client.concurrency import both
from dlsync.diff.list_match import same
from dlsync.errors import ApiError
from dlsync.files.git import head_commit, is_unknown, not_checked_out
from dlsync.files.interpolation import names as names_in
from dlsync.files.redaction import Redaction, values_in
from dlsync.files.settings import Prune, Settings
from dlsync.model import Address, Code, ItemChange, Plan, Problem, Resource, ResourceChange
from dlsync.operations import dependents, guards, hidden_secrets, plan_warnings
from dlsync.operations.cache import FORGETFUL, remember, remembered
from dlsync.operations.duplicates import duplicate_warnings, omitted, pruned
from dlsync.operations.fetch import Fetcher, Live, fetch_by_name
from dlsync.operations.plan_context import PlanContext
from dlsync.operations.reconcile import UNDECIDED, ConflictPolicy, Reconciliation, heirs, moved_since, reconcile
from dlsync.operations.reporter import SILENT, Reporter
from dlsync.operations.session import reader
from dlsync.operations.update_inventory import resolved
from dlsync.resources import Kind, account, all_kinds, discovery, environments, kind_of, loader, misnamed
from dlsync.resources.selector import EVERYTHING, Targets
from dlsync.resources.tree import Tree
from dlsync.state import journal
from dlsync.state.inventory import Inventory, empty
from dlsync.state.lock import holder_of

_HELD = "the account is locked by %s: an apply waits for it; if that process is dead, run `dlsync unlock`"


@dataclass(frozen=True)
class PlanOptions:
    """The scope and the decisions of a plan.

    :param targets: the ``--target`` patterns; empty for everything.
    :param delete_accounts: the accounts that ``--delete-account`` named.
    :param decisions: how to resolve resources that are not managed, or that both sides changed.
    """

    targets: tuple[str, ...] = ()
    delete_accounts: tuple[str, ...] = ()
    decisions: ConflictPolicy = UNDECIDED


DEFAULT_OPTIONS = PlanOptions()


async def plan(
    directory: Path,
    settings: Settings,
    *,
    options: PlanOptions = DEFAULT_OPTIONS,
    reporter: Reporter = SILENT,
) -> Plan:
    """Return what an apply would change.

    :param directory: of the tree.
    :param options: the scope of the plan; everything by default.
    :raises DlsyncError: as :func:`plan_tree`.
    """
    return (await plan_tree(directory, settings, options=options, reporter=reporter)).plan


async def plan_tree(
    directory: Path,
    settings: Settings,
    *,
    options: PlanOptions = DEFAULT_OPTIONS,
    reporter: Reporter = SILENT,
) -> PlanContext:
    """Plan a tree; return the plan with what is needed to apply or save it; parameters as of :func:`plan`.

    :raises SettingsError: ``--delete-account`` names the account in use, or one that dlsync.yaml names.
    :raises InvalidTree: the files have errors.
    :raises ApiError: the live state could not be fetched.
    """
    async with open_planning(directory, settings, reporter) as (fetcher, tree):
        context = await plan_with_client(fetcher, tree, settings, options)
        return replace(context, plan=context.plan.with_warnings(await lock_warnings(fetcher)))


async def lock_warnings(fetcher: Fetcher) -> tuple[Problem, ...]:
    """Return a warning if the account is locked; a fetched list of plugins saves the request."""
    if any(listing.unlocked for listing in fetcher.listings.values()):
        return ()
    message = await lock_message(fetcher.client)
    return (Problem(Code.ACCOUNT_LOCKED, message),) if message else ()


async def lock_message(client: ReadClient) -> str:
    """Return who holds the lock of the account and what to do; empty if it is free, or cannot be read."""
    with suppress(ApiError):
        if holder := await holder_of(client):
            return _HELD % holder
    return ""


@asynccontextmanager
async def open_planning(
    directory: Path,
    settings: Settings,
    reporter: Reporter,
    *,
    reads_only: bool = False,
    missing_ok: bool = False,
) -> AsyncIterator[tuple[Fetcher, Tree]]:
    """Read a tree, and open a client to fetch what is live.

    :param reads_only: nothing is written, so an unset reference stands for the value that was applied.
    :param missing_ok: a directory that does not exist is an empty tree. The cache is not used.
    :raises InvalidTree: the files have errors.
    """
    found = loader.read_sources(directory, missing_ok=missing_ok)
    values = settings.values(lenient=reads_only)
    tree = environments.parse(found, settings, values=values).raise_for_errors()
    async with reader(settings) as client:
        cache = FORGETFUL if missing_ok else remembered(settings.target)
        fetcher = Fetcher(client, tree.resources, cache=cache, reporter=reporter)
        if reads_only and (unset := hidden_secrets.unset_names(tree)):
            environ = cast("dict[str, str]", settings.environ)
            values = replace(values, environ=environ | await _applied(fetcher, settings, found, unset))
            tree = environments.parse(found, settings, values=values).raise_for_errors()
            fetcher.desired = tree.resources
        yield fetcher, tree


async def _applied(fetcher: Fetcher, settings: Settings, found: Tree, unset: frozenset[str]) -> dict[str, str]:
    """Return the applied values of variables that are not set, by name."""
    inventory = await fetcher.inventory(settings, found.root)
    spellings = inventory.secret_spellings(inventory.known)
    live = await fetcher.fetch(
        {one for one, some in spellings.items() if not unset.isdisjoint(names_in(" ".join(some)))}
    )
    return hidden_secrets.applied_values(inventory, live.resources.values(), unset)


async def plan_with_client(
    fetcher: Fetcher, tree: Tree, settings: Settings, options: PlanOptions, journals: Path | None = None
) -> PlanContext:
    """Plan with an open client and a folder of journals, by default the one in the tree; see :func:`plan_tree`."""
    targets = Targets(options.targets)
    deletes = account.deletions(options.delete_accounts, settings, tree.resources)
    wider = await _with_other_names(fetcher, tree, settings, targets) if targets else targets
    context = await build_plan(
        fetcher, tree, settings, targets=wider, explicit_deletes=deletes, decisions=options.decisions
    )
    found = {*tree.resources, *context.live, *context.inventory}
    missing = Targets(
        targets.unmatched(found)
    )  # a deleted resource is no misspelling: the command that deleted it may be run again
    deleted = (
        journal.deletes(journals or journal.default_folder(tree.root), settings.target) if missing and found else ()
    )
    targets.require_match({*found, *deleted})
    gone = plan_warnings.missing([one for one in deleted if missing.admits(one)], ())
    equal = [context.live[one] for one in context.reconciliation.equal]
    learned = fetcher.cache.learned(fetcher.desired, equal, fetcher.listings)
    remember(settings.target, fetcher.cache, learned)
    known = {*tree.resources, *context.live, *context.inventory.known, *fetcher.listed()}
    idle = () if targets else plan_warnings.unmatched(settings.protect, known)
    is_live = options.decisions.on_conflict == "live"
    wins = (
        plan_warnings.live_wins(context.plan.changes, context.reconciliation.left, context.desired) if is_live else ()
    )
    context = replace(context, plan=context.plan.with_warnings([*gone, *idle, *wins]))
    return guards.judged(context, tree, settings)


async def _with_other_names(fetcher: Fetcher, tree: Tree, settings: Settings, targets: Targets) -> Targets:
    """Return targets with both sides of each rename, and with what each create needs.

    With a delete, they admit a create with most of its content, because the file may have been renamed and edited.
    """

    def scope_of(some: Targets) -> _Scope:
        desired = {address: resource for address, resource in tree.resources.items() if some.admits(address)}
        return _Scope(fetcher, tree, settings, some, settings.prune, settings.protect, desired, ())

    inventory, _ = await _fetch(scope_of(targets), None)
    managed = {*inventory.known, *(fetcher.listed() if settings.prune == "all" else ())}
    unpaired = (tree.resources.keys() - inventory.packed.keys()) | (managed - tree.resources.keys())
    if not any(map(targets.admits, unpaired)):
        return targets
    scope = scope_of(targets.including(one for one in unpaired if kind_of(one.kind).account_scoped))
    inventory, live = await _fetch(scope, None)
    outcome = reconcile(scope.desired, live.resources, inventory, deletes=scope.undesired(inventory, live.resources))
    moving = {one.address for one in outcome.changes if one.action != "update"}
    others = heirs(outcome.changes, scope.desired, live.resources)
    chosen: set[Address] = set()
    queue = [one for one in moving if targets.admits(one)]
    while queue:
        chosen.add(one := queue.pop())
        kind, desired = kind_of(one.kind), scope.desired.get(one)
        together = kind.needs(desired) if desired else kind.deleted_with(one.name)
        queue += {others.get(one, one), *together} & moving - chosen
    return targets.including(chosen)


class _Scope(NamedTuple):
    """The scope of a plan.

    :param desired: the resources of the files that it makes live.
    :param explicit_deletes: what is deleted regardless of ``prune``.
    :param leaving: what is live and is deleted unless it is protected.
    :param orphans: resources of the files that need a resource which will not exist, each with that resource.
    """

    fetcher: Fetcher
    tree: Tree
    settings: Settings
    targets: Targets
    prune: Prune
    protect: Sequence[str]
    desired: dict[Address, Resource]
    explicit_deletes: Collection[Address]
    leaving: frozenset[Address] = frozenset()
    orphans: Mapping[Address, Address] = MappingProxyType({})

    def absent(self, inventory: Inventory, live: Collection[Address]) -> set[Address]:
        """Return what is managed and in scope, and was not found."""
        absent = {address for address in inventory.known if address not in live and self.targets.admits(address)}
        return absent & self.desired.keys() if self.prune == "none" else absent

    def undesired(self, inventory: Inventory, live: Collection[Address]) -> set[Address]:
        """Return what is live, in no file, and is deleted unless it is protected."""
        extra = {address for address in live if address not in self.desired}
        pruned = {address for address in extra if self.prune != "none" and kind_of(address.kind).account_scoped}
        pruned = {address for address in pruned if self.prune == "all" or inventory.entry(address)}
        return pruned | {address for address in extra if address in self.explicit_deletes}

    def deletable(self, addresses: Collection[Address]) -> set[Address]:
        """Return those of the addresses that no pattern protects."""
        return {address for address in addresses if not any(fnmatchcase(str(address), glob) for glob in self.protect)}


async def build_plan(
    fetcher: Fetcher,
    tree: Tree,
    settings: Settings,
    *,
    targets: Targets = EVERYTHING,
    explicit_deletes: Collection[Address] = (),
    decisions: ConflictPolicy = UNDECIDED,
    prune: Prune | None = None,
    protect: Sequence[str] | None = None,
    recorded: Inventory | None = None,
) -> PlanContext:
    """Load, fetch, compare and explain: return the changes that make the account match the files.

    :param fetcher: a new one, because it fetches nothing twice.
    :param explicit_deletes: what a user named for deletion, which is deleted regardless of ``prune``.
    :param prune: instead of the settings; ``protect`` likewise.
    :param recorded: what was applied last, if that is not what the inventory says.
    :raises ApiError: the live state could not be fetched completely.
    """
    desired = {address: resource for address, resource in tree.resources.items() if targets.admits(address)}
    prune, protect = prune or settings.prune, settings.protect if protect is None else protect
    scope = _Scope(fetcher, tree, settings, targets, prune, protect, desired, explicit_deletes)
    inventory, live = await _fetch(scope, recorded)
    scope, live = await _with_dependents(scope, inventory, live, decisions)
    outcome = reconcile(
        scope.desired,
        live.resources,
        inventory,
        deletes=scope.deletable(scope.leaving),
        decisions=decisions,
        duplicates=pruned(fetcher.client, scope.desired, live.resources, inventory, prune),
    )
    scope = _without_orphans(scope, live, outcome)
    outcome.changes = await _safe(outcome.changes, scope, live)
    await fetcher.list_muted({change.address.kind for change in outcome.changes if change.action != "create"})
    return _explained(scope, inventory, live, outcome)


async def _fetch(scope: _Scope, recorded: Inventory | None) -> tuple[Inventory, Live]:
    """Fetch the inventory and what is live: the resources of the files, deletes, and managed resources."""
    fetcher, settings, targets, desired = scope.fetcher, scope.settings, scope.targets, scope.desired
    wanted = {*desired, *scope.explicit_deletes}
    outside = {address for address in wanted if not kind_of(address.kind).account_scoped}
    around = await fetcher.fetch(outside)
    if account.in_use(settings) in outside - around.resources.keys():  # the plan creates it, so it is empty
        return empty(kept=settings.inventory != "none"), around
    everything = {name for name in targets.kinds() if scope.prune == "all" and kind_of(name).account_scoped}
    fetching = fetcher.fetch(wanted - outside, everything=everything, admits=targets.admits)
    if recorded is None:
        inventory, live = await both(fetcher.inventory(settings, scope.tree.root), fetching)
    else:
        inventory, live = recorded, await fetching
    resources = {**around.resources, **live.resources}
    # a list may have been cut short
    if unsure := scope.absent(inventory, resources) | omitted(fetcher.client, inventory, targets):
        resources |= await fetch_by_name(fetcher.client, unsure)
    live = replace(live, resources=resources).with_readable(hidden_secrets.readable(resources, desired, inventory))
    return resolved(inventory, live.resources, scope.absent(inventory, live.resources), desired), live


async def _with_dependents(
    scope: _Scope, inventory: Inventory, live: Live, decisions: ConflictPolicy
) -> tuple[_Scope, Live]:
    """Return the scope with the deletes, and all live resources.

    A resource of the files that needs one which will not exist counts as removed from the files.
    """
    deleted = scope.deletable(scope.undesired(inventory, live.resources))
    if decisions.on_conflict != "repo":
        deleted = {address for address in deleted if not moved_since(live.resources[address], inventory)}
    live, taken = await dependents.fetch_deleted_with(scope.fetcher, live, deleted)
    own_account = account.in_use(scope.settings)
    has_account = own_account not in scope.desired or own_account in live.resources
    client = scope.fetcher.client if has_account else None
    known = {*scope.tree.resources, *live.resources}
    orphans = await dependents.orphans(client, scope.desired, known, deleted)
    desired = {address: resource for address, resource in scope.desired.items() if address not in orphans}
    scope = scope._replace(desired=desired, orphans=orphans)
    return scope._replace(leaving=frozenset(scope.undesired(inventory, live.resources) | taken)), live


def _without_orphans(scope: _Scope, live: Live, outcome: Reconciliation) -> _Scope:
    """Remove the creates of what needs a resource that stays deleted by decision."""
    creates = [one.address for one in outcome.changes if one.action == "create"]
    needed = {one: kind_of(one.kind).needs(scope.desired[one]) for one in creates} if outcome.left else {}
    gone = {one for one in outcome.left if one not in live.resources}
    orphans = {one: need for one, needs in needed.items() for need in needs if need in gone}
    outcome.changes = [one for one in outcome.changes if one.address not in orphans]
    desired = {one: resource for one, resource in scope.desired.items() if one not in orphans}
    return scope._replace(desired=desired, orphans={**scope.orphans, **orphans})


async def _safe(changes: list[ResourceChange], scope: _Scope, live: Live) -> list[ResourceChange]:
    """Hold each delete that may delete another resource too, and what depends on it."""
    deletes = [change.address for change in changes if change.action == "delete" and not change.held]
    creates = {change.address: change.renamed for change in changes if change.action == "create"}
    aliased = await dependents.aliased(scope.fetcher, deletes, {*live.resources, *creates}, creates)
    held = [replace(one, held=aliased.get(one.address, one.held)) for one in changes]
    return dependents.blocked(held, live.resources, scope.desired)


def _explained(scope: _Scope, inventory: Inventory, live: Live, outcome: Reconciliation) -> PlanContext:
    """Return a plan without secrets, with its warnings and what is needed to carry it out."""
    changing = [live.resources[change.address] for change in outcome.changes if change.address in live.resources]
    former = hidden_secrets.known(inventory, changing)
    redaction = Redaction({**values_in(former.values()), **scope.tree.secrets})
    changes = tuple(
        outlined(
            redaction.change(change),
            live.resources.get(change.address),
            outcome.effective.get(change.address, scope.desired.get(change.address)),
            redaction,
        )
        for change in outcome.changes
    )
    deletes = {one.address for one in changes if one.action == "delete" and not one.held}
    of_files = misnamed.with_deletes(scope.tree.root, scope.tree.warnings, deletes)
    of_ignored = misnamed.ignored_deletes(scope.tree.root, scope.tree.ignored, deletes)
    warnings = (*of_files, *of_ignored, *_warnings(scope, inventory, live, outcome), *plan_warnings.unkept(changes))
    plan = Plan(
        target=scope.settings.target,
        changes=changes,
        unchanged=outcome.unchanged,
        commit=head_commit(scope.tree.root),
        warnings=scope.tree.unsilenced(warnings),
        adopted=tuple(outcome.adopted),
        kept=(*outcome.kept, *outcome.left),
    )
    return PlanContext(
        plan=plan,
        desired=scope.desired,
        live=live.resources,
        inventory=inventory,
        reconciliation=outcome,
        missing_live=frozenset(scope.absent(inventory, live.resources) - scope.desired.keys()),
        redaction=redaction,
        files_digest=scope.tree.digest,
    )


def _warnings(scope: _Scope, inventory: Inventory, live: Live, outcome: Reconciliation) -> Iterator[Problem]:
    protected = live.resources.keys() & scope.leaving - scope.deletable(scope.leaving) - scope.orphans.keys()
    yield from plan_warnings.unread(inventory)
    pruned = [one for one in outcome.changes if one.action == "delete" and not one.held and one.address in inventory]
    is_new = not inventory.commit and scope.tree.resources and inventory.known.isdisjoint(scope.tree.resources)
    is_foreign = is_new and not all(one.renamed for one in pruned)
    if pruned and (is_foreign or is_unknown(scope.tree.root, inventory.commit)):
        yield plan_warnings.other_directory(inventory.commit)
    if pruned:
        yield from plan_warnings.not_checked_out(not_checked_out(scope.tree.root, discovery.places(all_kinds())))
    yield from plan_warnings.unknown_fields(outcome.unknown_fields)
    yield from plan_warnings.no_default(outcome.no_default)
    yield from plan_warnings.unlisted(live.unlisted)
    yield from (Problem(Code.UNREADABLE_ANSWER, fault) for fault in live.faults)
    yield from plan_warnings.masked(live.masked)
    yield from plan_warnings.protected(sorted(protected))
    yield from plan_warnings.missing(scope.explicit_deletes, live.resources)
    yield from plan_warnings.kept(outcome.kept, scope.desired)
    yield from plan_warnings.muted(outcome.changes, scope.fetcher.listings, live.resources, scope.desired)
    deletes = {change.address: change for change in outcome.changes if change.action == "delete"}
    yield from plan_warnings.still_used(deletes, scope.tree.resources)
    yield from (dependents.warning(scope.tree.resources[one], need, deletes) for one, need in scope.orphans.items())
    changing, listings = {*outcome.duplicates, *scope.leaving}, scope.fetcher.listings.values()
    yield from duplicate_warnings(listings, scope.targets, changing, outcome.adopted, scope.prune)


def outlined(
    change: ResourceChange, live: Resource | None, desired: Resource | None, redaction: Redaction
) -> ResourceChange:
    """Add an outline to each addition and removal of a redacted change, and the items of its lists."""
    kind = kind_of(change.address.kind)
    diff = tuple(
        replace(one, outline=tuple(kind.outline(one.path, one.after if one.op == "add" else one.before)))
        if one.op != "replace"
        else one
        for one in change.diff
    )
    after = None if change.action == "delete" else desired
    return replace(change, diff=diff, items=lambda: item_changes(kind, live, after, redaction))


def item_changes(
    kind: Kind, live: Resource | None, desired: Resource | None, redaction: Redaction
) -> tuple[ItemChange, ...]:
    """Return the items of the lists that a kind describes in sentences, on both sides, without secrets.

    :param live: None for a create; ``desired`` is None for a delete.
    """
    if not kind.item_sentences or (live and live.unreadable):
        return ()
    before, after = (kind.canonical(one.document) if one else {} for one in (live, desired))
    found = [*kind.items(before, after)]
    return tuple(
        ItemChange(
            str(one.path[0]),
            None if one.op == "add" else kind.item(one.path, shown.before),
            None if one.op == "remove" else kind.item(one.path, shown.after),
            not same(kind.without_place(one.before), kind.without_place(one.after)),
        )
        for one, shown in zip(found, redaction.differences(found), strict=True)
    )
