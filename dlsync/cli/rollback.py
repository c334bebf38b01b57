"""``dlsync rollback``: taking a run back."""

from __future__ import annotations

from typing import Annotated

import typer

from dlsync.cli import options, suggestions
from dlsync.cli.apply import Application
from dlsync.cli.options import Format, Server, command
from dlsync.state.inventory import LOCK_TIMEOUT

_REVIEW = "On a terminal it shows what it would do, and asks; elsewhere, give --auto-approve."
Arguments = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[RUN] [DIR]",
        help="The run, as `dlsync history` names it: else the last; then the tree.",
        autocompletion=suggestions.runs,
    ),
]


@command
def rollback(
    server: Server,
    arguments: Arguments = None,
    auto_approve: options.AutoApprove = False,
    on_conflict: options.OnConflict = None,
    lock_timeout: options.LockTimeout = LOCK_TIMEOUT,
    journal: options.Journals = None,
    output: options.OutputFormat = Format.text,
) -> int:
    """Revert a run: show the plan, ask, and apply it.

    What was changed since the run is held, and exits with 4: --on-conflict repo takes that back too, --on-conflict live
    keeps it. A rollback is a run as well, and can be taken back.
    """
    from dlsync import operations
    from dlsync.cli import options as meant

    run, directory = meant.run(arguments or ())
    settings = server.settings(directory)
    decisions = options.decisions(adopt=on_conflict is options.Side.repo, on_conflict=on_conflict)
    application = Application(output, lock_timeout, journal, given=auto_approve, review=_REVIEW)
    return application.run(lambda how: operations.rollback(directory, settings, run=run, decisions=decisions, how=how))[
        1
    ]
