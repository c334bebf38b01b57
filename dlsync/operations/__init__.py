"""The operations of dlsync as functions, for the command line and for programs."""

from __future__ import annotations

from dlsync.operations.apply import ApplyOptions, apply, rollback
from dlsync.operations.drift import accept, drift
from dlsync.operations.export import export
from dlsync.operations.manage import adopt, managed, rebuild, release, unlock
from dlsync.operations.plan import plan, plan_tree
from dlsync.operations.render import render
from dlsync.operations.reporter import Reporter
from dlsync.operations.session import reading, writing
from dlsync.operations.validate import validate
from dlsync.state.journal import history

__all__ = [
    "ApplyOptions",
    "Reporter",
    "accept",
    "adopt",
    "apply",
    "drift",
    "export",
    "history",
    "managed",
    "plan",
    "plan_tree",
    "reading",
    "rebuild",
    "release",
    "render",
    "rollback",
    "unlock",
    "validate",
    "writing",
]
