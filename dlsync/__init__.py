"""GitOps for monitoring: apply files in git to an account on a Dataloop server.

As a library, ``Client`` and ``ReadClient`` send requests to the server; see :mod:`dlsync.client`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlsync.client import Client, ReadClient
    from dlsync.errors import DlsyncError

__all__ = ["Client", "DlsyncError", "ReadClient", "__version__"]
__version__ = "0.1.0"

_MODULES = {"Client": "dlsync.client", "ReadClient": "dlsync.client", "DlsyncError": "dlsync.errors"}


def __getattr__(name: str) -> object:
    """Import a name when it is first used (PEP 562), so that `import dlsync` takes no time."""
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
