"""The runs that changed something: a table, or JSON."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from dlsync.messages import json_text
from dlsync.render import table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlsync.model import Json
    from dlsync.state.journal import Record

FORMAT_VERSION = 1
_HEADERS = ("RUN", "STARTED", "COMMAND", "ACCOUNT", "CHANGES", "COMMIT", "BY")
_DIGITS = 12  # of a commit, as git shows it


def render(records: Sequence[Record], *, width: int | None) -> str:
    """Return a line for each run.

    :param width: in cells of the terminal; None for no limit.
    """
    return table.render(_HEADERS, [_row(record) for record in records], width=width)


def _row(record: Record) -> list[Json]:
    run = record.run
    command = f"{run.command} of {run.takes_back}" if run.takes_back else run.command
    account = f"{run.org}/{run.account}"
    return [run.id, run.started, command, account, _changes(record), run.commit[:_DIGITS], run.by]


def _changes(record: Record) -> str:
    counts = _counts(record)
    if record.ended or not record.run.planned:
        return _said(counts)
    least, more = ("at least ", f", {record.uncertain} more may have been") if record.uncertain else ("", "")
    return f"{least}{counts.get('applied', 0)} of {record.run.planned} applied{more}, interrupted"


def _counts(record: Record) -> dict[str, int]:
    return dict(Counter(record.results.get(address) or "unknown" for address in record.kept))


def _said(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {how}" for how, count in sorted(counts.items()))


def render_json(records: Sequence[Record]) -> str:
    """Return the runs as JSON; how a change went is ``unknown`` where the run was cut off."""
    runs: list[dict[str, Any]] = [
        {
            "run": one.run.id,
            "command": one.run.command,
            "takes_back": one.run.takes_back or None,
            "started": one.run.started,
            "url": one.run.url,
            "org": one.run.org,
            "account": one.run.account,
            "environment": one.run.environment or None,
            "commit": one.run.commit or None,
            "by": one.run.by or None,
            "ended": one.ended,
            "planned": one.run.planned or None,
            "summary": _counts(one),
            "changes": [
                {
                    "kind": address.kind,
                    "name": address.name,
                    "action": kept.action,
                    "result": one.results.get(address) or "unknown",
                }
                for address, kept in one.kept.items()
            ],
        }
        for one in records
    ]
    return json_text({"format_version": FORMAT_VERSION, "runs": runs})
