"""``dlsync render``: the files as they are sent."""

from __future__ import annotations

import os

from dlsync.cli import options
from dlsync.cli.options import CURRENT, Format, command
from dlsync.errors import EXIT_OK


@command
def render(
    directory: options.Directory = CURRENT,
    environment: options.Environment = None,
    target: options.TargetOptions = None,
    output: options.OutputFormat = Format.text,
) -> int:
    """Show the files as they are sent; secrets stay references."""
    from dlsync import operations
    from dlsync.cli.output import report, result
    from dlsync.files.settings import Options
    from dlsync.render import sent
    from dlsync.resources.selector import Targets

    tree, files = operations.render(
        directory, Options(environment=environment), os.environ, targets=Targets(target or ())
    )
    report(tree.warnings)
    result(sent.render_json(files) if output is Format.json else sent.render(files))
    return EXIT_OK
