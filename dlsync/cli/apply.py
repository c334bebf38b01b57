"""``dlsync apply``: make the server what the files say."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dlsync.cli import options
from dlsync.cli.options import CURRENT, Format, Server, command
from dlsync.errors import EXIT_ERROR, EXIT_OK, EXIT_PARTIAL, SettingsError

if TYPE_CHECKING:
    from dlsync.model import Plan

DirectoryOrPlan = Annotated[
    Path, typer.Argument(metavar="DIR|PLANFILE", help="The tree, or a plan that `dlsync plan --out` kept.")
]
AutoApprove = Annotated[bool, typer.Option("--auto-approve", help="Do not ask.")]


@command
def apply(
    server: Server,
    directory: DirectoryOrPlan = CURRENT,
    auto_approve: AutoApprove = False,
    target: options.Targets = None,
    output: options.OutputFormat = Format.text,
) -> int:
    """Show the plan, ask, and make the server what the files say."""
    from dlsync import operations, saved_plan
    from dlsync.cli.output import aside, rendered, result
    from dlsync.render.progress import Progress
    from dlsync.targets import Targets

    if not auto_approve and not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise SettingsError("there is no terminal to ask on", hint="Review `dlsync plan`, then give --auto-approve.")
    promised = saved_plan.read(directory) if directory.is_file() else None
    if promised:
        directory, target = promised.directory, list(promised.targets)
    settings = server.settings(directory)
    with Progress("Fetching", sys.stderr) as bar:

        def approve(plan: Plan) -> bool:
            bar.restart("Applying")
            (aside if output is Format.json else result)(rendered(plan, Format.text))
            return auto_approve or typer.confirm(f"Apply this to {plan.target}?", err=True)

        done = asyncio.run(
            operations.apply(
                directory,
                settings,
                approve=approve,
                targets=Targets(target or ()),
                promised=promised,
                progress=bar.advance,
            )
        )
    if done is None:
        aside("Nothing was applied.\n")
        return EXIT_ERROR
    result(rendered(done, output))
    return EXIT_OK if all(change.result == "applied" for change in done.changes) else EXIT_PARTIAL
