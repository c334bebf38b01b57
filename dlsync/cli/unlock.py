"""``dlsync unlock``: the lock of an account taken away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlsync.cli import options
from dlsync.cli.asking import Yes
from dlsync.cli.options import CURRENT, Server, command
from dlsync.errors import EXIT_OK

if TYPE_CHECKING:
    from dlsync.ownership.holding import Holder


@command
def unlock(server: Server, directory: options.Directory = CURRENT, yes: Yes = False) -> int:
    """Take away the lock of an apply that is no more.

    That is seldom needed: a lock that its holder does not renew is taken over after a minute. A holder that still runs
    goes on writing for up to 30 s, beside whoever takes the lock next.
    """
    from dlsync import operations
    from dlsync.cli.asking import confirm
    from dlsync.cli.output import concealed, result
    from dlsync.cli.running import run

    def agree(holder: Holder) -> bool:
        confirm(
            f"The account is locked by {concealed(str(holder))}. "
            "If that still runs, it goes on writing for up to 30 s. Unlock?",
            yes=yes,
        )
        return True

    holder = run(operations.unlock(server.settings(directory), agree))
    result(f"unlocked; it was locked by {concealed(str(holder))}\n" if holder else "not locked\n")
    return EXIT_OK
