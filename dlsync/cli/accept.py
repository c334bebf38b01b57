"""``dlsync accept``: what was changed on the server, into the files."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from dlsync.cli import options, suggestions
from dlsync.cli.options import Format, Server, command
from dlsync.errors import SettingsError

AllDrift = Annotated[bool, typer.Option("--all-drift", help="All that was changed on the server.")]
Check = Annotated[bool, typer.Option("--check", help="Write nothing; exit with 2 if files would change.")]
Accepted = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="KIND/NAME... [DIR]",
        help="The resources whose live side counts; then the tree.",
        autocompletion=suggestions.resources,
    ),
]


@command
def accept(
    server: Server,
    resources: Accepted = None,
    all_drift: AllDrift = False,
    check: Check = False,
    output: options.OutputFormat = Format.text,
) -> int:
    """Write what was changed on the server into the files.

    Comments and layout stay, and so does what was changed in the files alone.
    """
    from dlsync import operations
    from dlsync.cli import options as meant
    from dlsync.cli.export import shown
    from dlsync.cli.output import run
    from dlsync.render.progress import Progress

    targets, directory = meant.resources(resources or ())
    if bool(targets) == all_drift:
        raise SettingsError("expected either resources or --all-drift", hint="For example: dlsync accept dashboard/web")
    settings = server.settings(directory)
    with Progress("Fetching", sys.stderr) as bar:
        made = run(operations.accept(directory, settings, targets, check=check, progress=bar.advance))
    return shown(made, output, check=check, accepts=True)
