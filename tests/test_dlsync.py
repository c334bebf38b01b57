from __future__ import annotations

import subprocess
import sys

import pytest

import dlsync
from dlsync import client, errors

SLOW = ("asyncio", "pyreqwest", "msgspec", "ryaml", "yaml", "typer", "rich", "dlsync.client", "dlsync.errors")


def test_the_library_is_these_names() -> None:
    assert dlsync.__all__ == ["Client", "DlsyncError", "ReadClient", "__version__"]
    assert (dlsync.Client, dlsync.ReadClient) == (client.Client, client.ReadClient)
    assert dlsync.DlsyncError is errors.DlsyncError


def test_a_name_that_it_has_not_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'dlsync' has no attribute 'Klient'"):
        dlsync.Klient  # noqa: B018 - that it is not there is the point


def test_importing_it_imports_nothing_else_until_asked() -> None:
    program = f"import sys, dlsync; print([name for name in {SLOW!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
