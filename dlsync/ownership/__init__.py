"""What dlsync manages in an account: the inventory, its digests, where it is kept, and the lock of an apply.

Both live in the account as plugins that are linked to nothing, and are nobody's resources (DESIGN.md, "Ownership").
"""

from __future__ import annotations

INVENTORY = "dlsync-inventory"
LOCK = "dlsync-lock"
LOCK_TIMEOUT = 90.0  # s: longer than a dead lock lives, so that the same command again goes on by itself


def is_reserved(plugin: str) -> bool:
    """Whether a plugin is dlsync's own record, its lock, or a lock under which that one is taken over."""
    return plugin in {INVENTORY, LOCK} or plugin.startswith(f"{LOCK}.")


def is_own_plugin(name: str) -> bool:
    """Whether a name in an old client's backup, with or without an extension, is that of dlsync's own plugin."""
    return is_reserved(name.partition(".")[0])
