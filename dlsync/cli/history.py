"""``dlsync history``: the runs that changed something."""

from __future__ import annotations

import os

from dlsync.cli import options
from dlsync.cli.options import CURRENT, Format, command
from dlsync.errors import EXIT_OK


@command
def history(
    directory: options.Directory = CURRENT,
    environment: options.Environment = None,
    journal: options.Journals = None,
    output: options.OutputFormat = Format.text,
) -> int:
    """List the runs that changed something, the latest first.

    Only those whose journals are here: each machine keeps its own.
    """
    from dlsync import operations
    from dlsync.cli.api.family import width
    from dlsync.cli.output import aside, result
    from dlsync.messages import visible
    from dlsync.render import history as rendering
    from dlsync.state.journal import FOLDER

    folder = journal or directory / FOLDER
    chosen = environment or os.environ.get("DLSYNC_ENVIRONMENT")
    records = [one for one in operations.history(folder) if chosen in {None, "", one.run.environment}]
    if output is Format.json:
        result(rendering.render_json(records))
    elif records:
        result(rendering.render(records, width=width()))
    else:
        aside(visible(f"no runs of environment {chosen} in {folder}" if chosen else f"no runs in {folder}") + "\n")
    return EXIT_OK
