"""What this server can do, found out once a run: whether the account is there, and which optional operations are."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from dlsync.client.accounts import accounts_of
from dlsync.client.status_errors import METHOD_NOT_ALLOWED
from dlsync.errors import AccountNotFound, AlreadyExists, ApiError, NotFound, Rejected, Unsupported

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from dlsync.client.connection import Connection

_MOST_NAMES = 20


class Capabilities:
    """Remembers, for one connection, what the server answered 404 and 405 to, and why."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._has: dict[str, bool] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._account_problem: str | None = None

    @asynccontextmanager
    async def optional(
        self, operation: str, exists: Callable[[], Awaitable[bool]] | None = None
    ) -> AsyncIterator[None]:
        """Send an operation that is not documented in this block.

        All others wait for the first, so that it is sent once a run at most where the server has it not.

        :param operation: such as ``GET dashboards``.
        :param exists: tells whether what it is about is there; then a 404 means that the operation is not.
        :raises Unsupported: the server has it not.
        """
        async with self._locks[operation]:
            if operation not in self._has:
                try:
                    yield
                except (NotFound, Rejected) as error:
                    if isinstance(error, Rejected) and error.status != METHOD_NOT_ALLOWED:
                        raise
                    await self.confirm_account()
                    if isinstance(error, NotFound) and exists is not None and not await exists():
                        raise
                    self._has[operation] = False
                    raise _unsupported(operation) from error
                except AlreadyExists:
                    self._has[operation] = True
                    raise
                self._has[operation] = True
                return
        if not self._has[operation]:
            raise _unsupported(operation)
        yield

    async def confirm_account(self) -> None:
        """Return where the account exists, or where the server does not let that be known; asked once a run.

        :raises AccountNotFound: where the organisation or the account does not exist.
        """
        async with self._locks["the account"]:
            if self._account_problem is None:
                self._account_problem = await self._find_problem()
        if self._account_problem:
            raise AccountNotFound(self._account_problem, hint="Check `org` and `account`.")

    def forget_account(self) -> None:
        """Have it asked again whether the account exists: accounts were created or deleted."""
        self._account_problem = None

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
        return f"organisation {org!r} has no account {account!r}; it has: {shown}"


def _unsupported(name: str) -> Unsupported:
    return Unsupported(f"this server has only the documented operations, and `{name}` is not among them", request=name)
