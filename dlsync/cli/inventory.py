"""``dlsync inventory``: what dlsync manages in an account."""

from __future__ import annotations

from dlsync.cli import by_hand, options
from dlsync.cli.managing import waiting
from dlsync.cli.options import CURRENT, Format, Server, command
from dlsync.errors import EXIT_OK
from dlsync.ownership import LOCK_TIMEOUT

app = by_hand.family("inventory")


@app.command("list")
@command
def list_(server: Server, directory: options.Directory = CURRENT, output: options.OutputFormat = Format.text) -> int:
    """List what is managed: what dlsync has applied or adopted."""
    from dlsync import operations
    from dlsync.cli.output import aside, result
    from dlsync.cli.running import run
    from dlsync.render import taken

    found = run(operations.managed(directory, server.settings(directory)))
    if found.broken:
        aside(f"{found.broken}; `dlsync inventory rebuild` makes a new one\n")
    addresses = sorted(found)
    result(taken.addresses_json("managed", addresses) if output is Format.json else taken.addresses(addresses))
    return EXIT_OK


@app.command()
@command
def rebuild(
    server: Server,
    directory: options.Directory = CURRENT,
    lock_timeout: options.LockTimeout = LOCK_TIMEOUT,
    output: options.OutputFormat = Format.text,
) -> int:
    """Make the record anew, from what is live as the files say.

    For a record that was lost or is broken. Resources are not touched; what differs from its file is left out.
    """
    from dlsync import operations
    from dlsync.cli.output import result
    from dlsync.cli.running import run
    from dlsync.render import taken

    made = run(operations.rebuild(directory, server.settings(directory), waiting(lock_timeout)))
    result(taken.render_json("managed", made) if output is Format.json else taken.render("managed", made))
    return EXIT_OK
