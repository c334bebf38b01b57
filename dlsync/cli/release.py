"""``dlsync release``: out of management, and left as it is."""

from __future__ import annotations

from dlsync.cli import options
from dlsync.cli.managing import told, waiting
from dlsync.cli.options import Format, Server, command
from dlsync.ownership import LOCK_TIMEOUT


@command
def release(
    server: Server,
    resources: options.Resources,
    lock_timeout: options.LockTimeout = LOCK_TIMEOUT,
    output: options.OutputFormat = Format.text,
) -> int:
    """Take resources out of management; they stay live.

    Nothing is deleted. The next apply adopts those again that have a file and are live as it says: remove the file to
    let go of one for good. Exits with 1 if none was released.
    """
    from dlsync import operations
    from dlsync.cli import meant
    from dlsync.cli.running import run

    targets, directory = meant.named_resources(resources)
    settings = server.settings(directory)
    return told("released", run(operations.release(directory, settings, targets, waiting(lock_timeout))), output)
