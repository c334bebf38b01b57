"""A server that forwards requests to the account's server, or answers them itself."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, TypeVar

import httpx2

from tests.builders.http import Reply, json_reply, scripted_server

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from dlsync.files.settings import Settings
    from tests.builders.http import Seen
    from tests.builders.trees import Account

    Onward = Callable[..., Reply]

T = TypeVar("T")
_PASSED_ON = ("authorization", "content-type", "accept")


def through(live: Account, answer: Callable[[Seen, Onward], Reply], work: Callable[[Settings], Awaitable[T]]) -> T:
    """Call a function with a server in between.

    :param answer: gets each request, and a function that forwards it, optionally with another target or body.
    :param work: gets the settings of the account, with the URL of the server in between.
    """

    async def opened() -> T:
        with httpx2.Client() as client:

            def answered(seen: Seen) -> Reply:
                def onward(target: str = seen.target, body: bytes = seen.body) -> Reply:
                    return forwarded(live.settings.url, replace(seen, target=target, body=body), client)

                return answer(seen, onward)

            async with scripted_server(answered) as server:
                return await work(replace(live.settings, url=server.url))

    return asyncio.run(opened())


def forwarded(url: str, seen: Seen, client: httpx2.Client | None = None) -> Reply:
    """Forward a request to the real server, and return its response."""
    headers = {name: seen.headers[name] for name in _PASSED_ON if name in seen.headers}
    to = url.removesuffix("/api/v1") + seen.target
    send = client.request if client else httpx2.request
    came = send(seen.method, to, content=seen.body, headers=headers)
    return Reply(came.status_code, came.content, (("Content-Type", came.headers.get("content-type", "")),))


def below(seen: Seen) -> str:
    """Return ``METHOD path`` of a request, with the path below the account."""
    return f"{seen.method} {seen.target.partition('/accounts/default/')[2] or seen.target}"


def put_by_hand(live: Account, path: str, text: str) -> None:
    """PUT a dashboard or rule without dlsync.

    :param path: below the account.
    """
    to = live.settings
    url = f"{to.url}/orgs/{to.org}/accounts/{to.account}/{path}"
    headers = {"Authorization": f"Bearer {to.key}", "Content-Type": "application/yaml"}
    httpx2.put(url, content=text.encode(), headers=headers).raise_for_status()


def refusing(request: str, status: int = 400, after: int = 0, said: str = "no") -> Callable[[Seen, Onward], Reply]:
    """Return an ``answer`` for :func:`through` that refuses a request, except the first ``after`` times."""
    times = count()

    def answer(seen: Seen, onward: Onward) -> Reply:
        refused = below(seen) == request and next(times) >= after
        return json_reply({"error": said}, status) if refused else onward()

    return answer


def refusing_once(request: str, after: int = 0) -> Callable[[Seen, Onward], Reply]:
    """Refuse a request once, but for the first times."""
    times = count()

    def answer(seen: Seen, onward: Onward) -> Reply:
        refused = below(seen) == request and next(times) == after
        return json_reply({"error": "no"}, 400) if refused else onward()

    return answer
