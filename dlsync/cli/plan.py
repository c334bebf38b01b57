"""``dlsync plan``: what an apply would change."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dlsync.cli import options
from dlsync.cli.all_environments import AllEnvironments, every
from dlsync.cli.options import CURRENT, PlanFormat, Server, command
from dlsync.errors import EXIT_CHANGES, EXIT_ERROR, EXIT_OK

if TYPE_CHECKING:
    from dlsync.model import Plan
    from dlsync.operations.plan import PlanContext, PlanOptions

Out = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Keep the plan too, for `dlsync apply FILE`; with --all-environments, a folder."),
]
DetailedExitcode = Annotated[bool, typer.Option("--detailed-exitcode", help="Exit with 2 if there are changes.")]


@command
def plan(
    server: Server,
    directory: options.Directory = CURRENT,
    out: Out = None,
    detailed_exitcode: DetailedExitcode = False,
    target: options.TargetOptions = None,
    adopt: options.Adopt = False,
    on_conflict: options.OnConflict = None,
    delete_account: options.DeleteAccounts = None,
    output: options.PlanOutputFormat = PlanFormat.text,
    all_environments: AllEnvironments = False,
) -> int:
    """Show what an apply would change; changes nothing."""
    from dlsync.cli.output import rendered, report, result
    from dlsync.files.names import file_stem
    from dlsync.operations import plan_file

    wishes = options.wishes(directory, target, delete_account, adopt=adopt, on_conflict=on_conflict)

    def once(server: Server) -> tuple[Plan, int]:
        file = out / f"{file_stem(server.environment or '')}.json" if out and all_environments else out
        if file:
            plan_file.remove(file)
        work = _prepared(server, directory, wishes)
        made = work.plan
        if file:
            _save(file, work, replace(wishes, environment=server.settings(directory).environment))
        if output is PlanFormat.json:  # the other formats have the warnings in them
            report(made.warnings)
        if output is PlanFormat.text or not all_environments:
            result(rendered(made, output, sys.stdout))
        if made.refused:
            return made, EXIT_ERROR
        return made, EXIT_CHANGES if made and detailed_exitcode else EXIT_OK

    if not all_environments:
        return once(server)[1]
    return every(server, directory, output, once)


def _save(file: Path, work: PlanContext, wishes: PlanOptions) -> None:
    from shlex import quote

    from dlsync.cli.output import tell
    from dlsync.messages import visible
    from dlsync.operations import plan_file

    plan_file.save(file, plan_file.promise(work, wishes))
    how = "" if work.plan.refused else f"; apply it with `dlsync apply {quote(str(file))}`"
    tell(visible(f"saved the plan to {file}{how}"))


def _prepared(server: Server, directory: Path, wishes: PlanOptions) -> PlanContext:
    from dlsync import operations
    from dlsync.cli.output import run
    from dlsync.render.progress import Progress

    settings = server.settings(directory)
    with Progress("Fetching", sys.stderr) as bar:
        return run(operations.prepare(directory, settings, wishes=wishes, progress=bar.advance))
