"""Render what dlsync remembers of an account: the managed resources, and the runs."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from dlsync.messages import counted, visible
from dlsync.model import Address
from dlsync.operations.manage import ManageResult
from dlsync.render import table
from dlsync.state.journal import RunLog

_HEADERS = ("RUN", "STARTED", "COMMAND", "ACCOUNT", "CHANGES", "COMMIT", "BY")
_SHOWN = ("command", "takes_back", "started", "url", "org", "account", "environment", "commit", "by")
_COMMIT_DIGITS = 12  # as git shows it


def render_result(verb: str, result: ManageResult) -> str:
    """Return a line for each resource, and a count such as ``2 resources adopted``."""
    lines = [f"{verb} {visible(str(address))}" for address in result.taken]
    lines += [f"left {visible(str(address))}: {visible(reason)}" for address, reason in result.left]
    return "".join(f"{line}\n" for line in [*lines, f"{counted(len(result.taken), 'resource')} {verb}."])


def result_document(verb: str, result: ManageResult) -> dict[str, Any]:
    """Return the result as JSON."""
    left = [{"kind": address.kind, "name": address.name, "reason": reason} for address, reason in result.left]
    return addresses_document(result.taken, verb) | {"left": left}


def render_addresses(addresses: Iterable[Address]) -> str:
    """Return a line for each resource."""
    return "".join(f"{visible(str(address))}\n" for address in addresses)


def addresses_document(addresses: Iterable[Address], verb: str = "managed") -> dict[str, Any]:
    """Return the resources as JSON."""
    return {"format_version": 1, verb: [{"kind": one.kind, "name": one.name} for one in addresses]}


def render_runs(logs: Sequence[RunLog], *, width: int | None) -> str:
    """Return a line for each run, in at most ``width`` cells."""
    rows = []
    for log in logs:
        run = log.run
        command = f"{run.command} of {run.takes_back}" if run.takes_back else run.command
        account, commit = f"{run.org}/{run.account}", run.commit[:_COMMIT_DIGITS]
        rows.append([run.id, run.started, command, account, _changes(log), commit, run.by])
    return table.render(_HEADERS, rows, width=width)


def _changes(log: RunLog) -> str:
    counts = Counter(_results(log).values())
    if log.ended or not log.run.planned:
        return ", ".join(f"{count} {result}" for result, count in sorted(counts.items()))
    least, more = ("at least ", f", {log.uncertain} more may have been") if log.uncertain else ("", "")
    return f"{least}{counts['applied']} of {log.run.planned} applied{more}, interrupted"


def _results(log: RunLog) -> dict[Address, str]:
    return {address: log.results.get(address) or "unknown" for address in log.undo}


def runs_document(logs: Sequence[RunLog]) -> dict[str, Any]:
    """Return the runs as JSON; the result of a change is ``unknown`` if its run was interrupted."""
    runs: list[dict[str, Any]] = [
        {
            "run": log.run.id,
            **{name: getattr(log.run, name) or None for name in _SHOWN},
            "ended": log.ended,
            "planned": log.run.planned or None,
            "summary": dict(Counter(_results(log).values())),
            "changes": [
                {"kind": one.kind, "name": one.name, "action": log.undo[one].action, "result": result}
                for one, result in _results(log).items()
            ],
        }
        for log in logs
    ]
    return {"format_version": 1, "runs": runs}
