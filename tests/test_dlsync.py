from __future__ import annotations

import subprocess
import sys

import pytest

import dlsync
from dlsync import client, errors

SLOW = ("asyncio", "pyreqwest", "msgspec", "ryaml", "yaml", "typer", "rich", "dlsync.client", "dlsync.errors")


def test_the_package_exports_the_clients_the_error_and_the_version() -> None:
    assert dlsync.__all__ == ["Client", "DlsyncError", "ReadClient", "__version__"]
    assert (dlsync.Client, dlsync.ReadClient) == (client.Client, client.ReadClient)
    assert dlsync.DlsyncError is errors.DlsyncError


def test_an_unknown_attribute_of_the_package_raises_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'dlsync' has no attribute 'Klient'"):
        dlsync.Klient  # noqa: B018 - the access itself must fail


def test_importing_the_package_imports_no_slow_modules() -> None:
    program = f"import sys, dlsync; print([name for name in {SLOW!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
