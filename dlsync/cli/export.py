"""``dlsync export``: the account into files."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from dlsync.cli import options
from dlsync.cli.options import CURRENT, Format, Server, command
from dlsync.errors import EXIT_CHANGES, EXIT_OK, EXIT_PARTIAL

if TYPE_CHECKING:
    from dlsync.operations.export import Export

Managed = Annotated[bool, typer.Option("--managed", help="Only what is managed, or in the files already.")]
Mirror = Annotated[bool, typer.Option("--mirror", help="Remove the files of what is gone from the server.")]
Check = Annotated[bool, typer.Option("--check", help="Write nothing; exit with 2 if files would change.")]


@command
def export(
    server: Server,
    directory: options.Directory = CURRENT,
    target: options.TargetOptions = None,
    managed: Managed = False,
    mirror: Mirror = False,
    check: Check = False,
    output: options.OutputFormat = Format.text,
) -> int:
    """Write live resources into files; comments and layout stay."""
    from dlsync import operations
    from dlsync.cli.output import run
    from dlsync.render.progress import Progress
    from dlsync.resources.selector import Targets

    targets = Targets(target or ())
    settings = server.settings(directory, may_be_missing=True)
    with Progress("Fetching", sys.stderr) as bar:
        made = run(
            operations.export(
                directory,
                settings,
                targets=targets,
                managed=managed,
                mirror=mirror,
                check=check,
                progress=bar.advance,
            )
        )
    return shown(made, output, check=check)


def shown(made: Export, output: Format, *, check: bool, accepts: bool = False) -> int:
    """Show which files were written, or would be, and return the exit code."""
    from dlsync.cli.output import colored, report, result
    from dlsync.render import exported

    report(made.problems)
    if output is Format.json:
        result(exported.render_json(made))
    else:
        result(exported.render(made, written=not check, color=colored(sys.stdout), accepts=accepts))
    if any(problem.severity == "error" for problem in made.problems):
        return EXIT_PARTIAL
    return EXIT_CHANGES if check and made else EXIT_OK
