"""``dlsync adopt``: what lives already, into management."""

from __future__ import annotations

from dlsync.cli import options
from dlsync.cli.managing import told, waiting
from dlsync.cli.options import Format, Server, command
from dlsync.ownership import LOCK_TIMEOUT


@command
def adopt(
    server: Server,
    resources: options.Resources,
    lock_timeout: options.LockTimeout = LOCK_TIMEOUT,
    output: options.OutputFormat = Format.text,
) -> int:
    """Take resources that live already into management.

    They stay as they are live; the next plan shows where they differ from their files. Exits with 1 if none was taken.
    """
    from dlsync import operations
    from dlsync.cli import meant
    from dlsync.cli.running import run

    targets, directory = meant.named_resources(resources)
    settings = server.settings(directory)
    return told("adopted", run(operations.adopt(directory, settings, targets, waiting(lock_timeout))), output)
