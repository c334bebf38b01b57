"""HTTP clients of the embedded server."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import cycle
from typing import TYPE_CHECKING

import httpx2

from dlsync.server.run import RunningServer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
YAML = {"Accept": "application/yaml"}


@contextmanager
def account_of(server: RunningServer, account: str = "default", *, key: str = "changeme") -> Iterator[httpx2.Client]:
    """Yield an HTTP client whose paths begin at an account of the organisation acme."""
    headers = {"Authorization": f"Bearer {key}"}
    with httpx2.Client(base_url=f"{server.url}/orgs/acme/accounts/{account}/", headers=headers) as client:
        yield client


@contextmanager
def in_turn(urls: Sequence[str]) -> Iterator[httpx2.Client]:
    """Yield a client like that of :func:`account_of`, which sends each request to the next server in turn."""
    origins = cycle(httpx2.URL(url) for url in urls)

    def to_next(request: httpx2.Request) -> None:
        origin = next(origins)
        request.url = request.url.copy_with(host=origin.host, port=origin.port)
        request.headers["Host"] = origin.netloc.decode()

    with account_of(RunningServer(urls[0])) as client:
        client.event_hooks = {"request": [to_next]}
        yield client
