"""The embedded server, asked by hand."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx2

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlsync.server.run import RunningServer

YAML = {"Accept": "application/yaml"}


@contextmanager
def account_of(server: RunningServer, account: str = "default", *, key: str = "changeme") -> Iterator[httpx2.Client]:
    """An HTTP client whose paths begin at an account of the organisation acme."""
    headers = {"Authorization": f"Bearer {key}"}
    with httpx2.Client(base_url=f"{server.url}/orgs/acme/accounts/{account}/", headers=headers) as client:
        yield client
