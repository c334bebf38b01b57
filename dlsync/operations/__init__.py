"""What the commands do, as functions: the whole of dlsync, usable without its command line."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlsync.operations.applying import Applying, apply, rollback
    from dlsync.operations.connecting import reading, writing
    from dlsync.operations.looking import drift, export, plan, prepare
    from dlsync.operations.managing import accept, adopt, managed, rebuild, release, unlock
    from dlsync.operations.offline import history, render, validate

__all__ = [
    "Applying",
    "accept",
    "adopt",
    "apply",
    "drift",
    "export",
    "history",
    "managed",
    "plan",
    "prepare",
    "reading",
    "rebuild",
    "release",
    "render",
    "rollback",
    "unlock",
    "validate",
    "writing",
]

_HOMES = {
    "applying": ("Applying", "apply", "rollback"),
    "connecting": ("reading", "writing"),
    "looking": ("drift", "export", "plan", "prepare"),
    "managing": ("accept", "adopt", "managed", "rebuild", "release", "unlock"),
    "offline": ("history", "render", "validate"),
}


def __getattr__(name: str) -> object:
    """Import what is asked for, and only then (PEP 562): what checks files needs none of what speaks to a server."""
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
