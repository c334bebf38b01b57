"""Save a plan in a file, so that an apply makes exactly the changes that were reviewed."""

import json
import os
import shlex
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dlsync import messages
from dlsync.diff.digests import fingerprint
from dlsync.diff.list_match import token
from dlsync.errors import DlsyncError, Refused, SettingsError
from dlsync.files import schema
from dlsync.files.writer import replace_file
from dlsync.messages import visible
from dlsync.model import Address, Code, Plan, Problem, ResourceChange
from dlsync.operations.plan import DEFAULT_OPTIONS, PlanOptions
from dlsync.operations.plan_context import PlanContext
from dlsync.operations.plan_document import as_document
from dlsync.operations.reconcile import ConflictPolicy
from dlsync.resources import kind_of

# to create 1,000 resources of each kind takes 15 MB; lists in lists take nearly thirty times their size when read
_LARGEST = 64 * 1024 * 1024
_SALT_BYTES = 16
_HEAD_BYTES = 2_000  # of a page, with its title
_PAGES = (".html", ".htm")
# the suffixes of what only --format prints: what finds such a name would be given a saved plan
_PRINTED = {".md": "markdown", ".markdown": "markdown", ".sarif": "sarif", ".xml": "junit", ".txt": "text"}
_COUNTED = ("create", "update", "delete", "conflict")
_NOT_WRITTEN = "the plan cannot be written to %s: %s"
_OTHER = "the plan is not written to %s, which exists and %s"
_NO_PLAN = "Name another file with --out."
_IS_PRINTED = "--out writes a page (FILE.html) or a plan for `dlsync apply` (FILE.json), but no file such as %s"
_TWICE = "--out names one file twice: %s"
_AGAIN = "Plan and review again."
_ELSEWHERE = "If the plan was made in another directory, change to that one; else plan and review again."
_NOT_SHOWN = "%s: the files ask for its %s, which is not in the saved plan and is not applied; plan and review again"
_HINT = "Make it with `dlsync plan --out FILE`."


@dataclass(frozen=True)
class SavedPlan:
    """The content of a plan file.

    :param options: the scope and the decisions of the plan.
    :param plan: the document that ``plan --format json`` prints.
    :param salt: of the digests.
    :param files_digest: of the files that the plan was made from.
    :param digests: of the live and the planned resource, by address, secrets included.
    :param directory: of the tree, as the user typed it.
    :param environment: empty for none.
    """

    options: PlanOptions
    plan: dict[str, Any]
    salt: bytes
    files_digest: str
    digests: dict[str, str]
    directory: Path = Path()
    environment: str = ""

    @property
    def id(self) -> str:
        """The id of the plan."""
        return self.salt.hex()


class StalePlan(Refused):
    """A saved or approved plan is stale. ``plan`` is what is left of one without changes."""

    def __init__(self, reason: str, hint: str = _AGAIN, plan: Plan | None = None) -> None:
        super().__init__(f"the plan is stale: {reason}", hint=hint, plan=plan)


def promise(
    context: PlanContext, options: PlanOptions = DEFAULT_OPTIONS, directory: Path = Path(), environment: str = ""
) -> SavedPlan:
    """Return the plan that an apply must keep to; parameters as of :class:`SavedPlan`."""
    salt = os.urandom(_SALT_BYTES)
    digests = {str(change.address): _digest(salt, context, change.address) for change in context.plan.changes}
    return SavedPlan(options, as_document(context.plan), salt, context.files_digest, digests, directory, environment)


def _digest(salt: bytes, context: PlanContext, address: Address) -> str:
    """Return the digests of the live and of the planned resource, with a space between them."""
    sides = (context.live.get(address), context.effective(address))
    tokens = (token(kind_of(side.kind).canonical(side.document) if side else None) for side in sides)
    return " ".join(fingerprint(salt, text.encode("utf-8", "surrogatepass")) for text in tokens)


def save(file: Path, saved: SavedPlan) -> None:
    """Write a plan file.

    :raises DlsyncError: the file cannot be written, or would be too large to be read again.
    """
    options = saved.options
    made_with = {
        "directory": str(saved.directory),
        "environment": saved.environment,
        "targets": [*options.targets],
        "delete_accounts": [*options.delete_accounts],
        "adopt": options.decisions.adopt,
        "on_conflict": options.decisions.on_conflict,
        "salt": saved.salt.hex(),
        "files": saved.files_digest,
        "digests": saved.digests,
    }
    content = json.dumps({**saved.plan, "made_with": made_with}, indent=2) + "\n"
    if len(content) > _LARGEST:
        problem = f"the plan is too large to be saved: {len(content):,} bytes; the limit is {_LARGEST:,}"
        raise DlsyncError(problem, hint="Save it in parts, with --target; or apply it without saving it.")
    write(file, content)


def write(file: Path, text: str) -> None:
    """Write a plan in any format to a file, a device or a pipe; raise a DlsyncError if it cannot be written."""
    content = text.encode("utf-8", "backslashreplace")
    try:
        if file.exists() and not file.is_file():  # a device or a pipe, which a new file must not replace
            file.write_bytes(content)
        else:
            replace_file(file, content)
    except OSError as error:
        raise DlsyncError(_NOT_WRITTEN % (file, error.strerror), hint=_NO_PLAN) from error


def require_names(files: Sequence[Path]) -> None:
    """Require that each file is named once, and that its suffix fits a plan or a page.

    :raises SettingsError: a file or its suffix is wrong; says what to do.
    """
    places = [os.path.realpath(file) for file in files]
    for file, place in zip(files, places, strict=True):
        if form := _PRINTED.get(file.suffix.lower()):
            command = f"dlsync plan --format {form} > {shlex.quote(file.name)}"
            raise SettingsError(_IS_PRINTED % visible(str(file)), hint=visible(f"Run `{command}` for it."))
        if places.count(place) > 1:
            raise SettingsError(_TWICE % visible(str(file)), hint="Name a file for each.")


def remove(file: Path) -> None:
    """Remove the plan or page of an earlier run, so that nothing applies or shows it if this run fails.

    :raises DlsyncError: the file is another one, which must not be overwritten, or a link.
    """
    try:
        if not file.is_file() or not (file.is_symlink() or file.stat().st_size):
            return  # nothing is there, or an empty file, a device or a pipe
        if file.is_symlink() or not _is_own(file):
            raise DlsyncError(_OTHER % (file, "is a link" if file.is_symlink() else "is no saved plan"), hint=_NO_PLAN)
        file.unlink()
    except OSError as error:
        raise DlsyncError(_NOT_WRITTEN % (file, error.strerror), hint=_NO_PLAN) from error


def _is_own(file: Path) -> bool:
    if is_page(file):
        with file.open("rb") as stream:
            return b"\n<title>dlsync " in stream.read(_HEAD_BYTES)
    with suppress(DlsyncError):
        content = _json(file)
        return isinstance(content, dict) and "made_with" in content
    return False


def is_page(file: Path) -> bool:
    """Return whether a plan is written to a file as HTML."""
    return file.suffix.lower() in _PAGES


def read(file: Path) -> SavedPlan:
    """Read a plan file.

    :raises DlsyncError: it cannot be read, or is not a plan.
    """
    content = _json(file)
    if wrong := [one for one in schema.check("plan", content) if one.code.severity == "error"]:
        raise DlsyncError(f"{file} is not a plan: {wrong[0].message}", hint=_HINT)
    made = content.pop("made_with", None)
    if made is None or "\0" in made["directory"]:
        problem = f"{file} is the output of `dlsync plan --format json`, not a saved plan"
        raise DlsyncError(problem, hint=_HINT)
    if "files" not in made:
        raise DlsyncError(f"{file} was made by an older version of dlsync", hint=_HINT)
    _require_whole(file, content, made["digests"])
    decisions = ConflictPolicy(made["adopt"], made["on_conflict"])
    return SavedPlan(
        options=PlanOptions(tuple(made["targets"]), tuple(made["delete_accounts"]), decisions),
        plan=content,
        salt=bytes.fromhex(made["salt"]),
        files_digest=made["files"],
        digests=made["digests"],
        directory=Path(made["directory"]),
        environment=made["environment"],
    )


def require_directory(saved: SavedPlan) -> None:
    """Require the directory of a plan, with at least one of the files that the plan names.

    :raises SettingsError: it is missing, for example because the plan was made in another working directory.
    """
    files = sorted({one["file"] for one in saved.plan["changes"] if one["file"]})
    if not saved.directory.is_dir():
        missing = f"the directory {visible(str(saved.directory))}, which does not exist"
    elif files and not any((saved.directory / file).is_file() for file in files):
        missing = f"{visible(files[0])}, which is not in {_place(saved)}"
    else:
        return
    raise SettingsError(f"the saved plan was made from {missing}", hint=_ELSEWHERE)


def require_environment(saved: SavedPlan, environment: str) -> None:
    """Require that a plan was made for an environment, empty for none; raise Refused if it was not."""
    if saved.environment != environment:
        names = (saved.environment, environment)
        was, now = (f"environment {messages.brief(name)}" if name else "no environment" for name in names)
        raise Refused(f"the saved plan is for {was}, not for {now}", hint=_AGAIN)


def _place(saved: SavedPlan) -> str:
    return "this directory" if saved.directory == Path() else visible(str(saved.directory))


def _require_whole(file: Path, plan: dict[str, Any], digests: dict[str, str]) -> None:
    """Raise a DlsyncError if the changes of a plan do not match its counts and digests."""
    counts = Counter("conflict" if one.get("held") else one["action"] for one in plan["changes"])
    addresses = sorted(str(Address(one["kind"], one["name"])) for one in plan["changes"])
    if addresses != sorted(digests) or any(plan["summary"][name] != counts[name] for name in _COUNTED):
        raise DlsyncError(f"{file} is not a plan: it was changed after it was saved", hint=_HINT)


def _json(file: Path) -> Any:
    try:
        if file.stat().st_size > _LARGEST:
            raise DlsyncError(f"{file} is too large to be a plan", hint=_HINT)
        return json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise DlsyncError(f"the plan {file} cannot be read: {error.strerror}", hint=_HINT) from error
    except (ValueError, RecursionError) as error:
        raise DlsyncError(f"{file} is not a plan: it is not JSON", hint=_HINT) from error


def narrowed_to(saved: SavedPlan, context: PlanContext) -> PlanContext:
    """Return a new plan with exactly the changes of a saved plan that are not applied yet.

    Other changes in the account since then stay, in the inventory too; a warning names those that the files ask for.

    :raises Refused: the plans are for different accounts.
    :raises StalePlan: the files or the changes are not those of the saved plan; says what changed.
    """
    now = as_document(context.plan)
    _require_target(saved.plan, now)
    old, new = ({Address(one["kind"], one["name"]): one for one in plan["changes"]} for plan in (saved.plan, now))
    # what a run that was cut off, or failed in part, has done, is as it was to be
    left = [address for address in old if address in new or not _is_done(saved, context, address)]
    moved = [
        address
        for address in left or old
        if new.get(address) != old[address] or saved.digests.get(str(address)) != _digest(saved.salt, context, address)
    ]
    is_same = saved.files_digest == context.files_digest
    hint = _AGAIN if is_same else f"Files in {_place(saved)} are not those that the plan was made from. {_ELSEWHERE}"
    if moved:
        names = ", ".join(_what_moved(saved, context, address) for address in sorted(moved))
        rest = ", so none of its changes is left to apply" if new.keys().isdisjoint(old) else ""
        raise StalePlan(f"since it was made, {names} changed{rest}", hint)
    if not is_same:
        made = f" at commit {messages.brief(saved.plan['commit'])}" if saved.plan["commit"] else ""
        raise StalePlan(f"the files changed since it was made{made}", hint, None if old else _left_of(context.plan))
    adopted = tuple(one for one in context.plan.adopted if str(one) in saved.plan["adopted"])
    changes = tuple(change for change in context.plan.changes if change.address in old)
    others = [change for change in context.plan.changes if change.address not in old]
    touched = {*old, *adopted, *context.inventory} - {change.address for change in others}
    warnings = (*context.plan.warnings, *_not_shown(others))
    return replace(
        context,
        plan=replace(context.plan, changes=changes, adopted=adopted, warnings=warnings),
        desired={address: one for address, one in context.desired.items() if address in touched},
    )


def _is_done(saved: SavedPlan, context: PlanContext, address: Address) -> bool:
    """Return whether an apply has made a resource, which needs no change now, what the saved plan wants."""
    meant, now = (
        text.partition(" ")[2] for text in (saved.digests[str(address)], _digest(saved.salt, context, address))
    )
    return meant == now and len({address in some for some in (context.live, context.desired, context.inventory)}) == 1


def _require_target(saved: dict[str, Any], now: dict[str, Any]) -> None:
    for name in ("url", "org", "account"):
        if saved[name] != now[name]:
            what = f"{name} {messages.brief(saved[name])}, not {messages.brief(now[name])}"
            raise Refused(f"the saved plan is for {what}", hint=_AGAIN)


def _left_of(plan: Plan) -> Plan:
    """Return a plan without the changes that were not reviewed, and with a warning of each."""
    return replace(plan, changes=(), adopted=(), refused=(), warnings=_not_shown(plan.changes))


def _not_shown(changes: Iterable[ResourceChange]) -> tuple[Problem, ...]:
    """Return a warning for each change that the files ask for, except those that revert drift."""
    pending = [change for change in changes if change.cause != "drift"]
    return tuple(Problem(Code.NOT_IN_PLAN, _NOT_SHOWN % (one.address, one.action)) for one in pending)


def _what_moved(saved: SavedPlan, context: PlanContext, address: Address) -> str:
    """Return what changed: the secrets of a resource if only they changed, else the resource."""
    live, _, planned = saved.digests.get(str(address), "").partition(" ")
    live_now, _, planned_now = _digest(saved.salt, context, address).partition(" ")
    resource = context.effective(address)
    is_secret = saved.files_digest == context.files_digest and live == live_now and planned != planned_now
    if not (is_secret and resource and resource.secrets):
        return visible(str(address))
    return visible(f"the value of {' or '.join(sorted(set(resource.secrets.values())))} in {address}")
