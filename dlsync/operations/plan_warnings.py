"""The warnings of a plan. Pure."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from shlex import quote

from dlsync.files.git import Checkout
from dlsync.messages import field_name, listed, value
from dlsync.model import Address, Code, FieldChange, Path, Problem, Resource, ResourceChange
from dlsync.operations.reconcile import content
from dlsync.resources import Listing, kind_of
from dlsync.state.inventory import Inventory

_POSITION = re.compile(r"\[\d+\]")
_UNREAD = (
    "the inventory's entries of %s cannot be read, so these do not count as managed, and the entries stay: "
    "a newer dlsync may have written them; if not, run `dlsync inventory rebuild`"
)
_LEFT_DELETED = (
    "{0} was deleted on the server and stays deleted; `dlsync accept {1}` removes its file, "
    "`--on-conflict repo` creates it again"
)
_LEFT_LIVE = (
    "{0} has no file and was changed on the server, so it is kept; `dlsync export --target {1}` writes its file, "
    "`--on-conflict repo` deletes it"
)
_REVERTED = (
    "{0} was changed on the server alone, which is no conflict, so the plan reverts it; `dlsync accept {1}` writes the "
    "change into the files"
)
_UNKEPT = (
    "%s: the live value of %s is replaced, and no rollback can restore it: it stands in place of a secret, so no "
    "journal stores it; to keep it, copy it from the server first"
)
_SENT_WITHOUT = "an update is sent without it, so the server may drop it (a muted rule stays muted)"


def unread(inventory: Inventory) -> Iterator[Problem]:
    """Warn of an inventory, or of entries in it, that cannot be read."""
    if inventory.broken:
        fix = "no resource counts as managed, and none is deleted; run `dlsync inventory rebuild`"
        yield Problem(Code.UNREADABLE_INVENTORY, f"{inventory.broken}: {fix}")
    if names := sorted(inventory.unreadable):
        yield Problem(Code.UNREADABLE_INVENTORY, _UNREAD % listed(names))


def other_directory(commit: str) -> Problem:
    """Return a warning of deletes of what another directory likely manages.

    :param commit: the commit that was applied last, which the directory's repository lacks; empty if no resource of the
        directory was ever applied, and the last apply was of no commit.
    """
    applied = f"the last apply was of commit {commit[:12]}, and this directory is in no git repository that has it"
    known = applied if commit else "none of the resources that were applied to this account is in this directory"
    question = "is another directory applied to this account? This plan deletes what only that one has"
    return Problem(Code.OTHER_DIRECTORY, f"{known}: {question}")


def not_checked_out(missing: Mapping[Checkout, Sequence[str]]) -> Iterator[Problem]:
    """Warn of deletes in a directory that lacks files which are not checked out."""
    for checkout, files in missing.items():
        fix = f"this plan deletes what has no file here; to plan with all files, run `{checkout.command}`"
        yield Problem(Code.NOT_CHECKED_OUT, f"{checkout.what} leaves out {listed(files)}: {fix}")


def shared(files: Sequence[str], others: Sequence[str]) -> Iterator[Problem]:
    """Warn of an export of one environment that changes what the next apply of others sends."""
    if files and others:
        who = f"{listed(files)}: also for {listed(others)}, where the next apply makes the same changes"
        yield Problem(Code.SHARED_FILE, f"{who}; `dlsync plan --all-environments` shows them")


def unlisted(kinds: Iterable[str]) -> Iterator[Problem]:
    """Warn of kinds that the server does not list completely."""
    for kind in kinds:
        yield Problem(
            Code.INCOMPLETE_LIST, f"this server does not list every {kind}: what it does not list is not pruned"
        )


def masked(addresses: Sequence[Address]) -> Iterator[Problem]:
    """Warn once that the server shows masks in place of secrets."""
    if addresses:
        unseen = "a change of such a value on the server cannot be seen"
        yield Problem(Code.MASKED_SECRET, f"the server masks secrets of {listed(addresses)}: {unseen}")


def unkept(changes: Iterable[ResourceChange]) -> Iterator[Problem]:
    """Warn of values that no journal stores, so that no rollback can restore them."""
    for change in changes:
        if fields := unkept_fields(change):
            where = ", ".join(f"`{one}`" for one in fields)
            yield Problem(Code.NOT_RESTORABLE, _UNKEPT % (change.address, where))


def unkept_fields(change: ResourceChange) -> tuple[str, ...]:
    """Return the fields of which an apply overwrites a value that no journal stores."""
    shown = () if change.held else change.diff
    return tuple(field_name(one.path) for one in shown if one.op == "replace" and one.masked == "unknown")


def protected(addresses: Iterable[Address]) -> Iterator[Problem]:
    """Warn of protected resources without a file, which stay."""
    for address in addresses:
        yield Problem(Code.PROTECTED_RESOURCE, f"{address} has no file; it is protected, so it stays live")


def unmatched(protect: Iterable[str], known: Collection[Address]) -> Iterator[Problem]:
    """Warn of patterns of ``protect`` that match nothing in the files, live or managed."""
    for place, glob in enumerate(protect):
        if not any(fnmatchcase(str(one), glob) for one in known):
            message = f"`protect[{place}]` matches nothing: {value(glob)} is neither in the files nor live"
            yield Problem(Code.UNUSED_PATTERN, message)


def missing(explicit_deletes: Collection[Address], live: Collection[Address]) -> Iterator[Problem]:
    """Warn of explicit deletes of what does not exist."""
    for address in sorted(set(explicit_deletes) - set(live)):
        yield Problem(Code.ALREADY_DELETED, f"{address} is to be deleted, but does not exist")


def muted(
    changes: Iterable[ResourceChange],
    listings: Mapping[str, Listing],
    live: Mapping[Address, Resource],
    desired: Mapping[Address, Resource],
) -> Iterator[Problem]:
    """Warn of changes that unmute content, or mute other content."""
    silent = {Address(kind, name) for kind, listing in listings.items() for name in listing.muted}
    changes = [one for one in changes if not one.held and any(one.address.kind == other.kind for other in silent)]
    if silent.isdisjoint(one.address for one in changes):
        return
    olds = {content(live[one.address]): one.address for one in changes if one.action != "create"}
    heirs = {olds.get(content(desired[one.address])): one.address for one in changes if one.action != "delete"}
    heirs |= {
        one.address: Address(one.address.kind, one.renamed) for one in changes if one.action == "delete" and one.renamed
    }
    for one in changes:
        old, new = one.address, heirs.get(one.address)
        if old in silent and new and new not in silent:
            which = "it under its new name too" if one.renamed else f"{new}, which gets its content"
            fix = f"to mute {which}, run `dlsync {new.kind}s mute {quote(new.name)}` after the apply"
            yield Problem(Code.MUTED_RULE, f"{old} is muted; {fix}")
        elif old in silent and one.action == "delete":
            yield Problem(Code.MUTED_RULE, f"{old} is muted; a rollback does not restore that")
        elif old not in silent and new in silent:
            fix = f"to unmute it, run `dlsync {new.kind}s unmute {quote(new.name)}` after the apply"
            yield Problem(Code.MUTED_RULE, f"{new} is muted, and stays muted with the content of {old}; {fix}")


def unknown_fields(found: Mapping[Address, Sequence[Path]]) -> Iterator[Problem]:
    """Warn once for each field that an update would drop, not once for each of a thousand resources."""
    owners: Counter[str] = Counter()
    example: dict[str, Address] = {}
    for address, paths in found.items():
        for spelled in sorted({f"`{_POSITION.sub('[]', field_name(path))}` of a {address.kind}" for path in paths}):
            owners[spelled] += 1
            example.setdefault(spelled, address)
    for spelled, count in owners.items():
        which = f"{example[spelled]}" + (f" and {count - 1} more" if count > 1 else "")
        unknown = "but in no file and no schema: it is not compared"
        yield Problem(Code.UNKNOWN_LIVE_FIELD, f"{spelled} is live in {which}, {unknown}, and {_SENT_WITHOUT}")


def no_default(removed: Mapping[Address, Sequence[Path]]) -> Iterator[Problem]:
    """Warn of fields that were removed from the files and stay as they are live."""
    for address, paths in removed.items():
        fields = ", ".join(f"`{field_name(path)}`" for path in paths)
        fix = "no default is known, so write the value into the file"
        yield Problem(Code.NO_DEFAULT, f"{address} keeps {fields}, which was removed from its file: {fix}")


def kept(kept: Mapping[Address, Sequence[FieldChange]], desired: Mapping[Address, Resource]) -> Iterator[Problem]:
    """Warn of what differs from the files and stays as it is live."""
    for address, canonical in kept.items():
        diff = kind_of(address.kind).as_written(desired[address], canonical)
        fields = listed([f"`{field_name(one.path)}`" for one in diff])
        fix = f"`dlsync accept {quote(str(address))}` writes it into the file, `--on-conflict repo` overwrites it"
        yield Problem(Code.KEPT_EDIT, f"{address} was changed on the server in {fields}, and the change is kept; {fix}")


def live_wins(
    changes: Iterable[ResourceChange], left: Iterable[Address], desired: Collection[Address]
) -> Iterator[Problem]:
    """Warn of what a plan with ``--on-conflict live`` keeps, and of what it reverts nevertheless."""
    for address in left:
        message = _LEFT_DELETED if address in desired else _LEFT_LIVE
        yield Problem(Code.KEPT_EDIT, message.format(address, quote(str(address))))
    for change in changes:
        if change.cause == "drift":
            yield Problem(Code.REVERTED_EDIT, _REVERTED.format(change.address, quote(str(change.address))))


def still_used(deleted: Collection[Address], desired: Mapping[Address, Resource]) -> Iterator[Problem]:
    """Warn of deletes of what other resources of the files use."""
    prefixes = {
        kind_of(one.kind).metric_prefix(one.name): one for one in deleted if kind_of(one.kind).metric_prefix(one.name)
    }
    for address, resource in desired.items() if prefixes else ():
        kind = kind_of(address.kind)
        for prefix in sorted({_prefix(metric, prefixes) for metric in kind.metrics(resource)} - {""}):
            message = f"{prefixes[prefix]} is to be deleted, and {address} uses its metrics"
            yield Problem(Code.STILL_USED, message, resource.file, kind.line(resource))


def _prefix(metric: str, prefixes: Mapping[str, Address]) -> str:
    """Return the plugin's prefix of a metric; names of plugins with dots make several possible."""
    ends = [place + 1 for place, character in enumerate(metric) if character == "."]
    return next((metric[:end] for end in ends if metric[:end] in prefixes), "")
