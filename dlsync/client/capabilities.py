"""What this server can do, found out once a run: whether the account is there, and which observed operations are."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from dlsync.client.accounts import accounts_of
from dlsync.client.status_errors import METHOD_NOT_ALLOWED
from dlsync.errors import AccountNotFound, AlreadyExists, ApiError, NotFound, Rejected, Unsupported

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from dlsync.client.connection import Connection

T = TypeVar("T")
_MOST_NAMES = 20


@dataclass(slots=True)
class _Operation:
    present: bool = False
    missing: bool = False
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Capabilities:
    """Remembers, for one connection, what the server answered 404 and 405 to, and why."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._operations: defaultdict[str, _Operation] = defaultdict(_Operation)
        self._account_lock = asyncio.Lock()
        self._account_problem: str | None = None

    async def attempt(
        self,
        name: str,
        call: Callable[[], Awaitable[T]],
        *,
        exists: Callable[[], Awaitable[bool]] | None = None,
    ) -> T:
        """Return what the call returns, where the server has this observed operation.

        :param name: the operation, such as ``GET dashboards``.
        :param exists: tells whether what the call is about is there; then a 404 means that the operation is not.
        :raises Unsupported: where the server has it not; sent once a run at most.
        """
        operation = self._operations[name]
        if operation.present:
            return await call()
        async with operation.lock:
            if self._operations[name].missing:
                raise _unsupported(name)
            if not self._operations[name].present:
                return await self._first(operation, name, call, exists)
        return await call()

    async def _first(
        self,
        operation: _Operation,
        name: str,
        call: Callable[[], Awaitable[T]],
        exists: Callable[[], Awaitable[bool]] | None,
    ) -> T:
        try:
            result = await call()
        except (NotFound, Rejected) as error:
            if isinstance(error, Rejected) and error.status != METHOD_NOT_ALLOWED:
                raise
            await self.confirm_account()
            if isinstance(error, NotFound) and exists is not None and not await exists():
                raise
            operation.missing = True
            raise _unsupported(name) from error
        except AlreadyExists:
            operation.present = True
            raise
        operation.present = True
        return result

    async def confirm_account(self) -> None:
        """Return where the account exists, or where the server does not let that be known; asked once a run.

        :raises AccountNotFound: where the organisation or the account does not exist.
        """
        problem = await self._known_problem()
        if problem:
            raise AccountNotFound(problem, hint="Check `org` and `account`.")

    def forget_account(self) -> None:
        """Have it asked again whether the account exists: accounts were created or deleted."""
        self._account_problem = None

    async def _known_problem(self) -> str:
        async with self._account_lock:
            if self._account_problem is None:
                self._account_problem = await self._find_problem()
            return self._account_problem

    async def _find_problem(self) -> str:
        """Return what GET /orgs/<org>/accounts says to be missing; empty for nothing."""
        org, account, quote = self._connection.org, self._connection.account, self._connection.quote
        try:
            names = [entry.name for entry in await accounts_of(self._connection)]
        except AccountNotFound as error:
            return error.message
        except ApiError:
            return ""  # a key may be allowed the account and not the list of accounts
        if account in names:
            return ""
        shown = ", ".join(quote(name, 60) for name in sorted(names)[:_MOST_NAMES]) or "none"
        made = f"`dlsync accounts create {account!r}` or `accounts:` in dlsync.yaml makes it"
        return f"organisation {org!r} has no account {account!r}; it has: {shown}; {made}"


def _unsupported(name: str) -> Unsupported:
    return Unsupported(f"this server has only the documented operations, and `{name}` is not among them", request=name)
