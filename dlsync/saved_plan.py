"""A plan kept in a file, so that what was reviewed is what is applied."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlsync import schema, wording
from dlsync.errors import DlsyncError, Refused
from dlsync.escape import visible
from dlsync.render import document

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlsync.model import Json, Plan

_LARGEST = 256 * 1024 * 1024


@dataclass(frozen=True)
class SavedPlan:
    """What a plan file says.

    :param directory: of the tree that it was made from.
    :param targets: the ``--target`` patterns that it was made with.
    :param plan: the document that ``plan --format json`` prints.
    :param delete_accounts: the accounts that ``--delete-account`` named.
    """

    directory: Path
    targets: tuple[str, ...]
    plan: dict[str, Any]
    delete_accounts: tuple[str, ...] = ()


def save(file: Path, plan: Plan, directory: Path, targets: Sequence[str], delete_accounts: Sequence[str] = ()) -> None:
    """Write a plan file.

    :raises DlsyncError: the file cannot be written.
    """
    tree: dict[str, Json] = {"directory": str(directory.resolve()), "targets": [*targets]}
    if delete_accounts:
        tree["delete_accounts"] = [*delete_accounts]
    try:
        file.write_text(json.dumps({**document.as_document(plan), **tree}, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise DlsyncError(f"the plan cannot be written to {file}: {error.strerror}") from error


def read(file: Path) -> SavedPlan:
    """Read a plan file.

    :raises DlsyncError: it cannot be read, or is not a plan.
    """
    hint = "Make it with `dlsync plan --out FILE`."
    try:
        if file.stat().st_size > _LARGEST:
            raise DlsyncError(f"{file} is too large to be a plan", hint=hint)
        content = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise DlsyncError(f"the plan {file} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise DlsyncError(f"{file} is not a plan: it is not JSON", hint=hint) from error
    if wrong := [one for one in schema.check("plan", content) if one.severity == "error"]:
        raise DlsyncError(f"{file} is not a plan: {wrong[0].message}", hint=hint)
    directory, targets = content.pop("directory", None), content.pop("targets", None)
    if not isinstance(directory, str) or "\0" in directory:
        raise DlsyncError(f"{file} does not say which tree it was made from", hint=hint)
    doomed = content.pop("delete_accounts", [])
    if not _is_texts(targets) or not _is_texts(doomed):
        raise DlsyncError(f"{file} does not say which resources it was made for", hint=hint)
    return SavedPlan(Path(directory), tuple(targets), content, tuple(doomed))


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def refuse_if_stale(saved: SavedPlan, made: Plan) -> None:
    """Compare a saved plan with one made now.

    :raises Refused: they are not for the same account, or not the same changes; says which resources moved.
    """
    now = document.as_document(made)
    for field in ("url", "org", "account"):
        if saved.plan[field] != now[field]:
            raise Refused(
                f"the saved plan is for {field} {wording.value(saved.plan[field])}, not {wording.value(now[field])}"
            )
    old, new = ({(c["kind"], c["name"]): c for c in plan["changes"]} for plan in (saved.plan, now))
    moved = [
        f"{kind}/{visible(name)}"
        for kind, name in sorted({*old, *new})
        if old.get((kind, name)) != new.get((kind, name))
    ]
    if moved:
        raise Refused(
            f"the saved plan is stale: since it was made, {', '.join(moved)} changed", hint="Plan and review again."
        )
