"""Resources that were taken in or out of management, and lists of those that are managed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlsync.messages import json_text, visible
from dlsync.render.fields import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlsync.model import Address
    from dlsync.operations.manage import ManageResult

FORMAT_VERSION = 1


def render(verb: str, taken: ManageResult) -> str:
    """Return a line for each resource, and the count.

    :param verb: what was done with them, such as ``adopted``.
    """
    lines = [f"{verb} {visible(str(one))}" for one in taken.taken]
    lines += [f"left {visible(str(one))}: {visible(reason)}" for one, reason in taken.left]
    return "".join(f"{line}\n" for line in [*lines, f"{counted(len(taken.taken), 'resource')} {verb}."])


def render_json(verb: str, taken: ManageResult) -> str:
    """Return the same as JSON."""
    left = [{**_named(one), "reason": reason} for one, reason in taken.left]
    whole = {"format_version": FORMAT_VERSION, verb: [_named(one) for one in taken.taken], "left": left}
    return json_text(whole)


def addresses(found: Sequence[Address]) -> str:
    """Return a line for each resource."""
    return "".join(f"{visible(str(one))}\n" for one in found)


def addresses_json(verb: str, found: Sequence[Address]) -> str:
    """Return the same as JSON."""
    return json_text({"format_version": FORMAT_VERSION, verb: [_named(one) for one in found]})


def _named(address: Address) -> dict[str, str]:
    return {"kind": address.kind, "name": address.name}
