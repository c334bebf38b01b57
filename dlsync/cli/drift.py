"""``dlsync drift``: what was changed on the server since it was applied."""

from __future__ import annotations

import sys

from dlsync.cli import options
from dlsync.cli.options import CURRENT, Format, Server, command
from dlsync.errors import EXIT_CHANGES, EXIT_OK


@command
def drift(
    server: Server,
    directory: options.Directory = CURRENT,
    target: options.TargetOptions = None,
    output: options.OutputFormat = Format.text,
) -> int:
    """Show what was changed on the server since it was applied.

    Field by field, for all that is managed; exits with 2 if anything was changed. `dlsync apply` takes the changes
    back, those too that it keeps with `--on-conflict repo`; `dlsync accept` writes them into the files.
    """
    from dlsync import operations
    from dlsync.cli.output import colored, report, result, run
    from dlsync.render import drift as rendering
    from dlsync.render.progress import Progress
    from dlsync.resources.selector import Targets

    settings = server.settings(directory)
    with Progress("Fetching", sys.stderr) as bar:
        found = run(operations.drift(directory, settings, targets=Targets(target or ()), progress=bar.advance))
    report(found.warnings)
    if output is Format.json:
        result(rendering.render_json(found))
    else:
        result(rendering.render(found, color=colored(sys.stdout)))
    return EXIT_CHANGES if found else EXIT_OK
