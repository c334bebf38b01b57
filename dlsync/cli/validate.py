"""``dlsync validate``: the files, checked offline."""

from __future__ import annotations

import os
import sys

from dlsync.cli import options
from dlsync.cli.options import CURRENT, Format, command
from dlsync.errors import EXIT_ERROR, EXIT_OK


@command
def validate(
    directory: options.Directory = CURRENT,
    environment: options.Environment = None,
    output: options.OutputFormat = Format.text,
) -> int:
    """Check the files offline: syntax, schema, names, references."""
    from dlsync import operations
    from dlsync.cli.output import colored, result
    from dlsync.files.settings import Options
    from dlsync.render import problems

    tree = operations.validate(directory, Options(environment=environment), os.environ)
    if output is Format.json:
        result(problems.render_json(tree.problems, resources=len(tree.resources)))
    else:
        result(problems.render(tree.problems, resources=len(tree.resources), color=colored(sys.stdout)))
    return EXIT_ERROR if tree.errors else EXIT_OK
