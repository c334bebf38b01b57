"""What the commands share that take resources in or out of management."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlsync.cli import options
from dlsync.cli.api import family
from dlsync.cli.options import CURRENT, Format, Server, Yes, command
from dlsync.errors import EXIT_ERROR, EXIT_OK
from dlsync.state.inventory import LOCK_TIMEOUT

if TYPE_CHECKING:
    from dlsync.operations.manage import ManageResult, Waiting
    from dlsync.state.lease import LockInfo


@command
def adopt(
    server: Server,
    resources: options.Resources,
    lock_timeout: options.LockTimeout = LOCK_TIMEOUT,
    output: options.OutputFormat = Format.text,
) -> int:
    """Take existing resources into management.

    They stay as they are live; the next plan shows where they differ from their files. Exits with 1 if a
    resource that is named in full, without a glob, could not be taken.
    """
    from dlsync import operations
    from dlsync.cli import options as meant
    from dlsync.cli.output import run

    targets, directory = meant.named_resources(resources)
    settings = server.settings(directory)
    return told("adopted", run(operations.adopt(directory, settings, targets, waiting(lock_timeout))), output)


app = family.family("inventory")


@app.command("list")
@command
def list_(server: Server, directory: options.Directory = CURRENT, output: options.OutputFormat = Format.text) -> int:
    """List what is managed: what dlsync has applied or adopted."""
    from dlsync import operations
    from dlsync.cli.output import report, result, run
    from dlsync.operations import warnings
    from dlsync.render import managed

    found = run(operations.managed(directory, server.settings(directory)))
    report(warnings.unread(found))
    addresses = sorted(found)
    result(managed.addresses_json("managed", addresses) if output is Format.json else managed.addresses(addresses))
    return EXIT_OK


@app.command()
@command
def rebuild(
    server: Server,
    directory: options.Directory = CURRENT,
    lock_timeout: options.LockTimeout = LOCK_TIMEOUT,
    output: options.OutputFormat = Format.text,
) -> int:
    """Rebuild the inventory from live resources that match their files.

    For a record that was lost or is broken. Resources are not touched; what differs from its file is left out.
    """
    from dlsync import operations
    from dlsync.cli.output import result, run
    from dlsync.render import managed

    made = run(operations.rebuild(directory, server.settings(directory), waiting(lock_timeout)))
    result(managed.render_json("managed", made) if output is Format.json else managed.render("managed", made))
    return EXIT_OK


@command
def release(
    server: Server,
    resources: options.Resources,
    lock_timeout: options.LockTimeout = LOCK_TIMEOUT,
    output: options.OutputFormat = Format.text,
) -> int:
    """Take resources out of management; they stay live.

    Nothing is deleted. The next apply adopts those again that have a file and are live as it says: remove the file to
    let go of one for good. What is not managed already is left.
    """
    from dlsync import operations
    from dlsync.cli import options as meant
    from dlsync.cli.output import run

    targets, directory = meant.named_resources(resources)
    settings = server.settings(directory)
    return told("released", run(operations.release(directory, settings, targets, waiting(lock_timeout))), output)


@command
def unlock(server: Server, directory: options.Directory = CURRENT, yes: Yes = False) -> int:
    """Remove the lock of an apply that is dead.

    That is seldom needed: a lock that its holder does not renew is taken over after 75 s. A holder that still runs
    goes on writing for up to 45 s, beside whoever takes the lock next.
    """
    from dlsync import operations
    from dlsync.cli.output import concealed, confirm, result, run

    def agree(holder: LockInfo) -> bool:
        confirm(
            f"The account is locked by {concealed(str(holder))}. "
            "If that still runs, it goes on writing for up to 45 s. Unlock?",
            yes=yes,
        )
        return True

    holder = run(operations.unlock(server.settings(directory), agree))
    result(f"unlocked; it was locked by {concealed(str(holder))}\n" if holder else "not locked\n")
    return EXIT_OK


def waiting(seconds: float) -> Waiting:
    """Return how long to wait for an apply, with whom it is waited for said on stderr."""
    from dlsync.cli.output import tell
    from dlsync.operations.manage import Waiting

    return Waiting(seconds, tell)


def told(verb: str, taken: ManageResult, output: Format) -> int:
    """Say what was done, and return the exit code: an error where a named resource could not be taken."""
    from dlsync.cli.output import result
    from dlsync.render import managed as rendering

    result(rendering.render_json(verb, taken) if output is Format.json else rendering.render(verb, taken))
    return EXIT_ERROR if taken.failed else EXIT_OK
