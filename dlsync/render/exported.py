"""What an export wrote, or would write: a line a file, or JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlsync.messages import json_text, visible
from dlsync.render import problems
from dlsync.render.fields import counted
from dlsync.render.table import painter

if TYPE_CHECKING:
    from dlsync.operations.export import Export
    from dlsync.render.table import Style

_SIGNS = {"create": "+", "update": "~", "delete": "-"}
_STYLES: dict[str, Style] = {"create": "green", "update": "yellow", "delete": "red"}


def render(export: Export, *, written: bool, color: bool, accepts: bool = False) -> str:
    """Return a line for each file, and the counts.

    :param written: False where the files were only looked at.
    :param accepts: it is about what was changed on the server alone.
    """
    paint = painter(color=color)
    lines = [paint(f"{_SIGNS[one.action]} {visible(one.file)}", _STYLES[one.action]) for one in export.files]
    return (
        "\n".join(
            [*lines, *([""] if lines else []), paint(_sentence(export, written=written, accepts=accepts), "bold")]
        )
        + "\n"
    )


def _sentence(export: Export, *, written: bool, accepts: bool) -> str:
    counts, account = export.summary, visible(f"{export.target.org}/{export.target.account}")
    failed = sum(one.severity == "error" for one in export.problems)
    if not export and not failed:
        if not counts["unchanged"]:
            return f"Nothing to do: there is nothing on {account} to write."
        return f"Nothing to do: the files hold {counted(counts['unchanged'], 'resource')} of {account} as live."
    if accepts:
        done = "Accepted the changes on" if written else "Accepting would write the changes on"
    else:
        done = "Exported" if written else "An export would change files of"
    created, updated, deleted = counts["create"], counts["update"], counts["delete"]
    files = f"{counted(created, 'file')} created, {updated} updated, {deleted} deleted"
    left = f", {failed} not written" if failed else ""
    return f"{done} {account}: {files}; {counted(counts['unchanged'], 'resource')} unchanged{left}."


def as_document(export: Export) -> dict[str, Any]:
    """Return the export as ``export --format json`` has it."""
    return {
        "format_version": 1,
        "url": export.target.url,
        "org": export.target.org,
        "account": export.target.account,
        "summary": export.summary,
        "files": [
            {"kind": one.address.kind, "name": one.address.name, "action": one.action, "file": one.file}
            for one in export.files
        ],
        "problems": list(map(problems.entry, export.problems)),
    }


def render_json(export: Export) -> str:
    """Return :func:`as_document` as ASCII text."""
    return json_text(as_document(export))
