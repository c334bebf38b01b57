"""``dlsync init``: a new tree."""

from __future__ import annotations

from dlsync.cli import options
from dlsync.cli.options import CURRENT, command
from dlsync.errors import EXIT_OK


@command
def init(directory: options.Directory = CURRENT) -> int:
    """Start a tree: settings, a sample of each kind, and templates for CI."""
    from dlsync import scaffold
    from dlsync.cli.output import result

    for file in scaffold.create(directory):
        result(f"wrote {file}\n")
    result(f"Next: dlsync validate {directory}\n")
    return EXIT_OK
