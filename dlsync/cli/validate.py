"""``dlsync validate``: the files, checked offline."""

from __future__ import annotations

from dlsync.cli import options
from dlsync.cli.options import CURRENT, Format, command
from dlsync.errors import EXIT_ERROR, EXIT_OK


@command
def validate(directory: options.Directory = CURRENT, output: options.OutputFormat = Format.text) -> int:
    """Check the files without a server: syntax, schema, names."""
    from dlsync import operations
    from dlsync.cli.output import result
    from dlsync.render import problems

    tree = operations.validate(directory)
    render = problems.as_json if output is Format.json else problems.as_text
    result(render(tree.problems, len(tree.resources)))
    return EXIT_ERROR if tree.errors else EXIT_OK
