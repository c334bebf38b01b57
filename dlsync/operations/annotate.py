"""Post an annotation when an apply has changed something, so that graphs show when it was."""

from dlsync.client import Client
from dlsync.errors import DlsyncError
from dlsync.files import git
from dlsync.files.redaction import Redaction
from dlsync.files.settings import Settings
from dlsync.messages import visible
from dlsync.model import Code, Plan, Problem
from dlsync.operations.plan_document import account, counts
from dlsync.operations.run_owner import ci_run
from dlsync.resources.tree import Tree


async def annotate(client: Client, done: Plan, redaction: Redaction, tree: Tree, settings: Settings) -> list[Problem]:
    """Post one annotation to the stream of the settings, if they name one and a change was applied.

    :returns: a warning if it could not be posted.
    """
    if not settings.annotate or not any(change.result == "applied" for change in done.changes):
        return []
    redaction = redaction.with_key(settings.key)
    name, description = redaction.message(_name(done)), redaction.message(_description(done, tree, settings))
    try:
        await client.annotations.create(settings.annotate, name=name, description=description)
    except DlsyncError as error:
        where = f"the stream `{settings.annotate}`"
        return [Problem(Code.NOT_ANNOTATED, redaction.message(f"no annotation was posted to {where}: {error.message}"))]
    return []


def _name(done: Plan) -> str:
    applied = [f"{change.action}d" for change in done.changes if change.result == "applied"]
    outcomes = applied + ["failed" for change in done.changes if change.result == "failed"]
    names = ("created", "updated", "deleted", "failed")
    return "dlsync " + ", ".join(f"{outcomes.count(name)} {name}" for name in names if name in outcomes)


def _description(done: Plan, tree: Tree, settings: Settings) -> str:
    user, run = ci_run(settings.environ)
    user = user or git.user_name(tree.root)
    environment = f", environment {settings.environment}" if settings.environment else ""
    lines = [
        f"{counts(done)} in {account(done)}{environment}",
        f"commit {done.commit}" if done.commit else "",
        f"by {user}" if user else "",
        run,
    ]
    return "\n".join(visible(line) for line in lines if line)
