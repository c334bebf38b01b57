"""``dlsync history``: the runs that changed something."""

from __future__ import annotations

from dlsync.cli import options
from dlsync.cli.options import CURRENT, Format, command
from dlsync.errors import EXIT_OK


@command
def history(
    directory: options.Directory = CURRENT,
    journal: options.Journals = None,
    output: options.OutputFormat = Format.text,
) -> int:
    """List the runs that changed something, the latest first.

    Only those whose journals are here: each machine keeps its own.
    """
    from dlsync import operations
    from dlsync.cli.api.family import width
    from dlsync.cli.output import aside, result
    from dlsync.render import history as rendering
    from dlsync.state.journal import FOLDER

    folder = journal or directory / FOLDER
    records = operations.history(folder)
    if output is Format.json:
        result(rendering.render_json(records))
    elif records:
        result(rendering.render(records, width=width()))
    else:
        aside(f"no runs in {folder}\n")
    return EXIT_OK
