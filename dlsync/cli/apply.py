"""``dlsync apply``: make the server what the files say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dlsync.cli import options
from dlsync.cli.applying import Application
from dlsync.cli.every import AllEnvironments, every
from dlsync.cli.options import CURRENT, Format, Server, command
from dlsync.errors import SettingsError
from dlsync.ownership import LOCK_TIMEOUT

if TYPE_CHECKING:
    from dlsync.model import Plan
    from dlsync.saved_plan import SavedPlan

DirectoryOrPlan = Annotated[
    Path, typer.Argument(metavar="DIR|PLANFILE", help="The tree, or a plan that `dlsync plan --out` kept.")
]


@command
def apply(
    server: Server,
    directory: DirectoryOrPlan = CURRENT,
    auto_approve: options.AutoApprove = False,
    target: options.Targets = None,
    adopt: options.Adopt = False,
    on_conflict: options.OnConflict = None,
    delete_account: options.DeleteAccounts = None,
    lock_timeout: options.LockTimeout = LOCK_TIMEOUT,
    journal: options.Journals = None,
    output: options.OutputFormat = Format.text,
    all_environments: AllEnvironments = False,
) -> int:
    """Show the plan, ask, and make the server what the files say."""
    from dlsync import operations

    application = Application(output, lock_timeout, journal, given=auto_approve, alone=not all_environments)
    promised = _promised(directory, narrowed=bool(target or delete_account or adopt or on_conflict))
    wishes = options.wishes(directory, target, delete_account, adopt=adopt, on_conflict=on_conflict)
    if promised:
        wishes = promised.wishes
        server = replace(server, environment=server.environment or wishes.environment or None)

    def once(server: Server) -> tuple[Plan | None, int]:
        settings = server.settings(wishes.directory)
        return application.run(
            lambda how: operations.apply(wishes.directory, settings, wishes=wishes, promised=promised, how=how)
        )

    if not all_environments:
        return once(server)[1]
    if promised:
        raise SettingsError("a saved plan is for one environment", hint="Leave out --all-environments, or give DIR.")
    return every(server, wishes.directory, output, once)


def _promised(plan: Path, *, narrowed: bool) -> SavedPlan | None:
    from dlsync import saved_plan

    if not plan.is_file():
        return None
    if narrowed:
        hint = "Leave --target, --adopt, --on-conflict and --delete-account out, or give the tree."
        raise SettingsError("a saved plan has in it what it was asked for", hint=hint)
    return saved_plan.read(plan)
