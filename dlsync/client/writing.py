"""The connection that can change the account. Only the applier is given one."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, ClassVar, Literal

from dlsync.client.answers import Answer
from dlsync.client.connection import JSON, Connection, Scope
from dlsync.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator

    Check = Callable[[], Awaitable[None]]

Method = Literal["PUT", "POST", "PATCH", "DELETE"]
_CHECK: ContextVar[Check | None] = ContextVar("check", default=None)


@contextmanager
def only_while(check: Check) -> Iterator[None]:
    """Have something checked before each attempt of each write in this block, right before it is sent.

    :param check: raises where it may not be sent; that ends the write, and is what its caller gets.
    """
    token = _CHECK.set(check)
    try:
        yield
    finally:
        _CHECK.reset(token)


class WritingConnection(Connection):
    """A :class:`Connection` that can also write.

    Writes that are safe to repeat, a POST that is create-if-absent among them, are retried as GET is.
    """

    methods: ClassVar[frozenset[str]] = frozenset({"GET", "PUT", "POST", "PATCH", "DELETE"})

    async def send(
        self,
        method: Method,
        segments: Iterable[str],
        *,
        body: bytes | None = None,
        content_type: str = JSON,
        scope: Scope = Scope.ACCOUNT,
        repeatable: bool = True,
    ) -> Answer:
        """Send a write; any 2xx is success, with or without a body.

        :param segments: names, not encoded, below the scope.
        :param repeatable: False for what would be done twice; then it is sent again only where the server has surely
            not done it.
        :raises ApiError: where it was not done, or it is not known whether it was; see :mod:`dlsync.errors`.
        """
        kind = "" if body is None else f"Content-Type: {content_type}\r\n"
        if body is None and method != "DELETE":
            body = b""  # these say also of an empty body how long it is
        headers = f"Accept: {JSON}\r\n{kind}".encode()
        return await self._exchange(method, self._path(segments, scope), headers, body, repeatable=repeatable)

    async def _turn(self, method: str) -> None:
        await super()._turn(method)
        check = _CHECK.get()
        if check is not None and method != "GET":
            await check()

    async def _attempt(self, method: str, path: str, headers: bytes, content: bytes | None, number: int) -> Answer:
        try:
            return await super()._attempt(method, path, headers, content, number)
        except NotFound:
            # the attempt before may have deleted it, with only its answer lost
            if number > 1 and method == "DELETE":
                return Answer(204, "", b"", f"{method} {path}", self.quote)
            raise
