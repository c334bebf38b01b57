"""GitOps for monitoring: files in git on one side, an account on a Dataloop server on the other.

As a library, ``Client`` and ``ReadClient`` speak to the server; see :mod:`dlsync.client`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlsync.client import Client, ReadClient
    from dlsync.errors import DlsyncError

__all__ = ["Client", "DlsyncError", "ReadClient", "__version__"]
__version__ = "0.1.0"

_HOMES = {"Client": "dlsync.client", "ReadClient": "dlsync.client", "DlsyncError": "dlsync.errors"}


def __getattr__(name: str) -> object:
    """Import what is asked for, and only then (PEP 562): `import dlsync` costs nothing."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
