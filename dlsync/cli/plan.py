"""``dlsync plan``: what an apply would change."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from dlsync.cli import options
from dlsync.cli.options import CURRENT, PlanFormat, Server, command
from dlsync.errors import EXIT_CHANGES, EXIT_OK

Out = Annotated[Path | None, typer.Option(metavar="FILE", help="Keep the plan too, for `dlsync apply FILE`.")]
DetailedExitcode = Annotated[bool, typer.Option("--detailed-exitcode", help="Exit with 2 if there are changes.")]


@command
def plan(
    server: Server,
    directory: options.Directory = CURRENT,
    out: Out = None,
    detailed_exitcode: DetailedExitcode = False,
    target: options.Targets = None,
    output: options.PlanOutputFormat = PlanFormat.text,
) -> int:
    """Show what `dlsync apply` would change on the server; changes nothing."""
    from dlsync import operations, saved_plan
    from dlsync.cli.output import rendered, result
    from dlsync.render.progress import Progress
    from dlsync.targets import Targets

    settings = server.settings(directory)
    targets = Targets(target or ())
    with Progress("Fetching", sys.stderr) as bar:
        made = asyncio.run(operations.plan(directory, settings, targets=targets, progress=bar.advance))
    if out:
        saved_plan.save(out, made, directory, target or ())
    result(rendered(made, output))
    return EXIT_CHANGES if made and detailed_exitcode else EXIT_OK
