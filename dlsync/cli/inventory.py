"""``dlsync adopt``, ``release``, ``inventory`` and ``unlock``: what is managed, and the lock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlsync.cli import console
from dlsync.cli import options as opt
from dlsync.errors import EXIT_ERROR, EXIT_OK, SettingsError
from dlsync.state.inventory import LOCK_TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from dlsync.operations.manage import ManageResult
    from dlsync.state.lock import LockInfo

    Operation = Callable[..., Coroutine[Any, Any, ManageResult]]


@opt.command
def adopt(
    server: opt.Server,
    resources: opt.Resources,
    lock_timeout: opt.LockTimeout = LOCK_TIMEOUT,
    output: opt.Output = "text",
) -> int:
    """Manage existing resources, without changing them.

    Nothing is changed on the server; the next plan shows how the resources differ from their files. Exits with 1 if
    a resource that is named in full, without a glob, could not be adopted.
    """
    from dlsync import operations

    return _manage("adopted", operations.adopt, server, resources, lock_timeout, output)


@opt.command
def release(
    server: opt.Server,
    resources: opt.Resources,
    lock_timeout: opt.LockTimeout = LOCK_TIMEOUT,
    output: opt.Output = "text",
) -> int:
    """Stop managing resources; they stay live.

    Nothing is deleted. The next apply manages a resource again if it matches its file. To release a resource for good,
    remove its file too.
    """
    from dlsync import operations

    return _manage("released", operations.release, server, resources, lock_timeout, output)


def _manage(
    verb: str, operation: Operation, server: opt.Server, resources: list[str], lock_timeout: float, output: opt.Format
) -> int:
    from dlsync.cli.terminal import run_with_progress

    targets, directory = opt.parse_resources(resources, required=True)
    console.conceal_mentioned(directory)
    if not targets:
        raise SettingsError("no resources are named", hint="For example: dashboard/web-*; all are '*/*'.")
    settings = server.settings(directory)
    result = run_with_progress(lambda reporter: operation(directory, settings, targets, lock_timeout, reporter))
    _show(verb, result, output)
    return EXIT_ERROR if result.failed else EXIT_OK


def _show(verb: str, result: ManageResult, output: opt.Format) -> None:
    from dlsync.render import state

    console.show(output, lambda: state.result_document(verb, result), lambda _: state.render_result(verb, result))


inventory_app = opt.family("inventory")


@opt.subcommand(inventory_app, "list")
def list_managed(server: opt.Server, directory: opt.Directory = opt.CURRENT, output: opt.Output = "text") -> None:
    """List the managed resources: those that dlsync applied or adopted."""
    from dlsync import operations
    from dlsync.operations import plan_warnings
    from dlsync.render import state

    console.conceal_mentioned(directory)
    found = console.run(operations.managed(directory, server.settings(directory)))
    console.report(plan_warnings.unread(found))
    addresses = sorted(found)
    console.show(output, lambda: state.addresses_document(addresses), lambda _: state.render_addresses(addresses))


@opt.subcommand(inventory_app, "rebuild")
def rebuild(
    server: opt.Server,
    directory: opt.Directory = opt.CURRENT,
    lock_timeout: opt.LockTimeout = LOCK_TIMEOUT,
    output: opt.Output = "text",
) -> None:
    """Rebuild the inventory from live resources that match their files.

    Use it if the inventory is lost or broken. No resource is changed, and those that differ from their files are left
    out.
    """
    from dlsync import operations
    from dlsync.cli.terminal import run_with_progress

    settings = server.settings(directory)
    result = run_with_progress(lambda reporter: operations.rebuild(directory, settings, lock_timeout, reporter))
    _show("managed", result, output)


@opt.command
def unlock(server: opt.Server, directory: opt.Directory = opt.CURRENT, yes: opt.Yes = False) -> None:
    """Remove the lock of a dead apply.

    This is seldom needed, because the next apply takes over a lock that is not renewed for 75 s. If its holder is still
    running, it goes on writing for up to 45 s, at the same time as the next holder.
    """
    from dlsync import operations

    def agree(holder: LockInfo) -> bool:
        still_running = "If that still runs, it goes on writing for up to 45 s. Unlock?"
        console.confirm(f"The account is locked by {console.redacted(str(holder))}. {still_running}", yes=yes)
        return True

    console.conceal_mentioned(directory)
    holder = console.run(operations.unlock(server.settings(directory), agree))
    console.write_stdout(f"unlocked; it was locked by {console.redacted(str(holder))}\n" if holder else "not locked\n")
