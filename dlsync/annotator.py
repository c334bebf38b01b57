"""The annotator: a note in the account that an apply has changed something, for whoever looks at a graph later."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlsync import git, origin
from dlsync.errors import DlsyncError
from dlsync.escape import visible
from dlsync.model import Problem
from dlsync.render import summary

if TYPE_CHECKING:
    from dlsync.client import Client
    from dlsync.model import Plan
    from dlsync.redaction import Redaction
    from dlsync.settings import Settings
    from dlsync.state_reader import Tree


async def annotate(client: Client, done: Plan, redaction: Redaction, tree: Tree, settings: Settings) -> list[Problem]:
    """Post one annotation to the stream of the settings, where there is one and a change was applied.

    :param done: the plan with its results.
    :param redaction: takes out the secrets of what it was made from.
    :param tree: what it was made from.
    :returns: a warning where it could not be posted.
    """
    if not settings.annotate or not any(change.result == "applied" for change in done.changes):
        return []
    redaction = redaction.with_key(settings.key)
    name, description = redaction.said(_name(done)), redaction.said(_description(done, tree, settings))
    try:
        await client.annotations.create(settings.annotate, name=name, description=description)
    except DlsyncError as error:
        where = f"the annotation stream `{settings.annotate}`"
        return [Problem("warning", redaction.said(f"what was applied was not told to {where}: {error.message}"))]
    return []


def _name(done: Plan) -> str:
    ended = {
        f"{action}d": sum(change.action == action and change.result == "applied" for change in done.changes)
        for action in ("create", "update", "delete")
    }
    ended["failed"] = sum(change.result == "failed" for change in done.changes)
    return "dlsync " + ", ".join(f"{count} {how}" for how, count in ended.items() if count)


def _description(done: Plan, tree: Tree, settings: Settings) -> str:
    who, run = origin.of(settings.environ)
    who = who or git.user_name(tree.root)
    environment = f", environment {settings.environment}" if settings.environment else ""
    lines = [
        f"{summary.counts(done)} in {summary.account(done)}{environment}",
        f"commit {done.commit}" if done.commit else "",
        f"by {who}" if who else "",
        run,
    ]
    return "\n".join(visible(line) for line in lines if line)
