"""What the commands do, as functions: the whole of dlsync, usable without its command line."""

from __future__ import annotations

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
