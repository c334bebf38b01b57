"""Order and block changes of resources that need others, such as a link its plugin.

A resource is not created without what it needs, and a plan shows each delete that the server makes with another. A
delete waits until its replacement is confirmed and what needs it is deleted.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from shlex import quote

from dlsync.client import ReadClient
from dlsync.files.names import folded
from dlsync.model import Address, Code, Problem, Resource, ResourceChange
from dlsync.operations.fetch import Fetcher, Live, fetch_by_name
from dlsync.operations.plan_context import PlanContext
from dlsync.operations.reconcile import content
from dlsync.resources import kind_of

_MISSING = "%s refers to %s, which does not exist: it is not created; add what is missing, or remove this line"
_DELETED = "%s refers to %s, which this plan deletes: the server deletes both; remove this line too"
_RENAMED = "%s refers to %s, which this plan renames: write `%s` in this line, or the new name runs on no agent"
_KEPT = "%s refers to %s, whose file was removed and which stays: %s; restore the file, or remove this line too"
_STAYS = "the server would delete %s with it, which is protected or in conflict: settle that first, or restore the file"
_TOGETHER = "together with %s"
_HELD_HEIR = "%s gets its content and is held: settle that first"
_UNCONFIRMED = "%s may replace it and is not confirmed on the server: fix that, then apply again"
_STILL_NEEDED = "%s needs it and was not deleted: fix that, then apply again"
_ALIASED = (
    "{0} and {1} have the same content, and the server does not list both, so they may be one resource: name its file "
    "as the server lists it; if no file should have the name of {0}, run `dlsync release {2}`"
)


async def fetch_deleted_with(fetcher: Fetcher, live: Live, deletes: Iterable[Address]) -> tuple[Live, set[Address]]:
    """Fetch what the server deletes together with other resources; return all live resources, and those addresses."""
    possible = {other for one in deletes for other in kind_of(one.kind).deleted_with(one.name)}
    unknown = possible - live.resources.keys()
    found = (await fetcher.fetch(unknown)).resources if unknown else {}
    live = replace(live, resources={**live.resources, **found})
    return live, possible & live.resources.keys()


async def orphans(
    client: ReadClient | None,
    desired: Mapping[Address, Resource],
    known: Collection[Address],
    deleted: Collection[Address],
) -> dict[Address, Address]:
    """Return the desired resources that need a resource which will not exist, each with that resource.

    :param client: fetches each needed resource by its name, regardless of lists; None if nothing is live.
    """
    needed = {address: kind_of(address.kind).needs(resource) for address, resource in desired.items()}
    missing = {need for needs in needed.values() for need in needs if need not in known}
    if client and missing:
        missing -= (await fetch_by_name(client, missing)).keys()
    return {one: need for one, needs in needed.items() for need in needs if need in missing or need in deleted}


def warning(orphan: Resource, need: Address, deletes: Mapping[Address, ResourceChange]) -> Problem:
    """Warn of a resource that needs one that will not exist, or that stays only because its delete is blocked."""
    delete = deletes.get(need)
    if delete and delete.renamed:
        message = _RENAMED % (orphan.address, need, delete.renamed)
    elif delete and delete.held:
        message = _KEPT % (orphan.address, need, delete.held.partition(":")[0])
    else:
        message = (_DELETED if delete else _MISSING) % (orphan.address, need)
    return Problem(Code.DANGLING_REFERENCE, message, orphan.file, kind_of(orphan.kind).line(orphan))


def blocked(
    changes: Iterable[ResourceChange], live: Mapping[Address, Resource], desired: Mapping[Address, Resource]
) -> list[ResourceChange]:
    """Block each delete with which the server would delete more than the plan shows, and its whole rename."""
    changes = list(changes)
    staying = {*live} - {one.address for one in changes if one.action == "delete" and not one.held}
    changes = [_blocked(one, staying) for one in changes]
    held = {Address(one.address.kind, one.renamed): one for one in changes if one.held and one.renamed}
    news = {new: new for new in held} | {one.address: new for new, one in held.items()}
    reasons = {new: one.held for new, one in held.items()} | {one.address: _TOGETHER % new for new, one in held.items()}
    changes = [replace(one, held=reasons.get(one.address, one.held)) for one in changes]
    changes = _waiting_for_heirs(changes, live, desired)
    news |= {one.address: one.address for one in changes if one.held and one.action == "create"}
    return [_with_rename(one, news, (desired.get(one.address) or live[one.address])) for one in changes]


def _waiting_for_heirs(
    changes: Sequence[ResourceChange], live: Mapping[Address, Resource], desired: Mapping[Address, Resource]
) -> list[ResourceChange]:
    """Block the delete of a resource whose content the files give to another, if that update is blocked."""
    deletes = {one.address for one in changes if one.action == "delete" and not one.held}
    held = [one.address for one in changes if one.held and one.action == "update" and one.address in desired]
    if not (deletes and held):
        return [*changes]
    heirs = {content(desired[one]): one for one in held}
    found = {one: heirs.get(content(live[one])) for one in deletes}
    return [replace(one, held=_HELD_HEIR % heir) if (heir := found.get(one.address)) else one for one in changes]


def _with_rename(change: ResourceChange, held: Mapping[Address, Address], resource: Resource) -> ResourceChange:
    """Block a create that needs a resource in ``held``, by its old or new name, and the delete of the same rename."""
    needed = [one for one in kind_of(change.address.kind).needs(resource) if one in held]
    waiting = [held[one] for one in needed if change.action == "create" or held[one] != one]
    is_blocked = waiting and not change.held and change.action != "update"
    return replace(change, held=_TOGETHER % waiting[0]) if is_blocked else change


def _blocked(change: ResourceChange, staying: Collection[Address]) -> ResourceChange:
    if change.action != "delete" or change.held:
        return change
    taken = [one for one in kind_of(change.address.kind).deleted_with(change.address.name) if one in staying]
    return replace(change, held=_STAYS % taken[0]) if taken else change


def unconfirmed(changes: Sequence[ResourceChange], context: PlanContext) -> list[Address]:
    """Return the verified creates and updates that did not take effect, and the creates that need one of them."""
    writes = [change for change in changes if change.action != "delete" and not change.held]
    failed = [change.address for change in writes if change.result != "applied"]
    confirmed = [one.address for one in writes if one.action == "create" and one.result == "applied"]
    return [*failed, *(one for one in confirmed if set(needs(one, context)) & set(failed))]


def needs(address: Address, context: PlanContext) -> tuple[Address, ...]:
    """Return the resources that a resource needs, by its file, or else by its live version."""
    resource = context.effective(address) or context.live[address]
    return kind_of(address.kind).needs(resource)


def blocked_deletes(
    deletes: Sequence[ResourceChange],
    failed: Collection[Address],
    remaining: Collection[Address],
    context: PlanContext,
) -> dict[Address, str]:
    """Return why deletes must wait, by address.

    A rename without other changes is recognised by its content. After any other failed write, no resource of the kind
    is deleted, because the write may have been meant to take over its content.

    :param failed: the creates and updates that did not take effect.
    :param remaining: the resources that should have been deleted and were not.
    """
    renames = {Address(one.address.kind, one.renamed) for one in context.plan.changes if one.renamed}
    needed = {need: one for one in remaining for need in needs(one, context)}
    reasons: dict[Address, str] = {}
    for change in deletes:
        own = Address(change.address.kind, change.renamed)
        replacements = [own] if change.renamed else [one for one in failed if one not in renames]
        waiting = [one for one in replacements if one in failed and one.kind == change.address.kind]
        if waiting:
            reasons[change.address] = _UNCONFIRMED % waiting[0]
        elif change.address in needed:
            reasons[change.address] = _STILL_NEEDED % needed[change.address]
    return reasons


async def aliased(
    fetcher: Fetcher, deletes: Collection[Address], known: Collection[Address], creates: Mapping[Address, str]
) -> dict[Address, str]:
    """Return the deletes that may delete another resource too, each with the reason.

    A server that rewrites names (case, spaces, Unicode) returns one resource for both names, and lists one of them.

    :param known: the names that may be other names of the resource, besides those that the server lists.
    :param creates: what is created before the deletes, each with its old name if it is a rename.
    """
    reasons: dict[Address, str] = {}
    olds = {Address(new.kind, old): new for new, old in creates.items()}
    for kind in {one.kind for one in deletes}:
        own = {one for one in deletes if one.kind == kind}
        names = (await fetcher.listing(kind_of(kind))).names
        listed = {Address(kind, name) for name in names or ()}
        others = {one for one in {*known, *listed} if one.kind == kind} - own
        if names is None:  # without a list, a name that differs more may be that of a copy
            others = {one for one in others if folded(one.name) in {folded(delete.name) for delete in own}}
        if found := await fetch_by_name(fetcher.client, others if own - listed else others - listed):
            contents = {content(found[one]): one for one in sorted(found, key=lambda one: one not in listed)}
            for one, resource in (await fetch_by_name(fetcher.client, own)).items():
                other = contents.get(content(resource))
                if other and not {one, other} <= listed:
                    reasons[one] = _ALIASED.format(one, other, quote(str(one)))
        if names is not None:  # once the new name is created, the server lists only that
            reasons |= {one: _ALIASED.format(one, olds[one], quote(str(one))) for one in own - listed if one in olds}
    return reasons
