"""A tap on a client's transport, which intercepts each request and response."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from dlsync.client import ReadClient
    from dlsync.client.response import Response

    Onward = Callable[[], Awaitable[Response]]

C = TypeVar("C", bound="ReadClient")


class Asked(NamedTuple):
    """A request that was sent, with its path below the account."""

    method: str
    path: str
    body: bytes

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def tapped(client: C, tap: Callable[[Asked, Onward], Awaitable[Response]]) -> C:
    """Tap a client, and return it.

    :param tap: gets each request, and a function that sends it.
    """
    transport = client._connection._transport
    exchange = transport.exchange

    async def tapping(
        method: str, path: str, headers: Mapping[str, str], body: bytes | None = None, *, base: str = ""
    ) -> Response:
        below = path.partition("/accounts/default/")[2] or transport._url.path + path
        return await tap(Asked(method, below, body or b""), lambda: exchange(method, path, headers, body, base=base))

    transport.exchange = tapping  # type: ignore[method-assign] # the tap
    return client


def recorded(client: C, asked: list[Asked]) -> C:
    """Record the requests of a client in a list, and return the client."""

    async def recording(request: Asked, onward: Onward) -> Response:
        asked.append(request)
        return await onward()

    return tapped(client, recording)
