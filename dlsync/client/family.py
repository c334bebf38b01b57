"""The base of the API's families, each of which is one module with one class.

A method raises ``NotFound`` if what it names does not exist, ``AccountNotFound`` if the account does not,
``AlreadyExists`` if it would create what exists, and ``Unsupported`` if it is an observed operation that the server
lacks; see :mod:`dlsync.errors`. ``extra`` of a result holds all other fields. Parameters that many methods have:

- ``on_bad`` is called with the error of each item of a list that cannot be read; None raises it.
- ``if_none_match`` is the ETag of a known version; ``NotModified`` is raised if the server still has it.
"""

import json
import shlex
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Generic, TypeVar

from dlsync.client.connection import Connection, Method
from dlsync.client.record import json_as
from dlsync.client.response import METHOD_NOT_ALLOWED, UNPROCESSABLE, Response
from dlsync.errors import (
    AccountNotFound,
    AlreadyExists,
    ApiError,
    BadAnswer,
    NotFound,
    Rejected,
    SettingsError,
    Unsupported,
)
from dlsync.model import Json

_MOST_NAMES = 20


class Read:
    """Marks a client that can only read, for the type checker."""


class Write(Read):
    """Marks a client that can also write, for the type checker."""


Access_co = TypeVar("Access_co", bound=Read, covariant=True)


class Family(Generic[Access_co]):
    """Calls one family of operations; the type checker allows writing methods only on a ``Family[Write]``.

    :param connection: shared by all families of a client; remembers which operations the server has.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def _request(
        self, method: Method, *segments: str, payload: Mapping[str, Json] | None = None, **options: Any
    ) -> Response:
        """Send a request, with a payload as JSON; for the options see :meth:`Connection.request`."""
        if payload is not None:
            options["body"] = json.dumps(payload).encode()
        try:
            return await self._connection.request(method, segments, **options)
        except NotFound:
            await self._confirm_account()
            raise

    async def _exists(self, *segments: str, **options: Any) -> bool:
        try:
            await self._request("GET", *segments, **options)
        except NotFound:
            return False
        return True

    async def _create(
        self: "Family[Write]", family: str, payload: Mapping[str, Json], name: str, **options: Any
    ) -> None:
        """Create a resource if it does not exist. As 422 can mean "exists" or "is wrong", ask the server which.

        It tries twice, because another client may delete the resource between the refusal and the question, as with a
        lock.
        """
        attempts = 0
        while True:
            try:
                await self._request("POST", family, payload=payload)
            except AlreadyExists as error:
                attempts += 1
                if error.status != UNPROCESSABLE or await self._exists(family, name, **options):
                    raise
                if attempts > 1:
                    raise rejected(error) from error
            else:
                return

    @asynccontextmanager
    async def _optional(
        self, operation: str, exists: Callable[[], Awaitable[bool]] | None = None
    ) -> AsyncIterator[None]:
        """Send an undocumented operation in this block.

        Other calls wait for the first one, so that a server without the operation is asked once a run.

        :param operation: such as ``GET dashboards``.
        :param exists: tells whether the resource exists; if it does, a 404 means that the server lacks the operation.
        :raises Unsupported: the server lacks the operation.
        """
        has_operation = self._connection.has_operation
        missing = f"this server has only the documented operations, and `{operation}` is not among them"
        async with self._connection.locks[operation]:
            if operation not in has_operation:
                try:
                    yield
                except (NotFound, Rejected) as error:
                    if isinstance(error, Rejected) and error.status != METHOD_NOT_ALLOWED:
                        raise
                    await self._confirm_account()
                    if isinstance(error, NotFound) and exists is not None and not await exists():
                        raise
                    has_operation[operation] = False
                    raise Unsupported(missing, request=operation) from error
                except AlreadyExists:
                    has_operation[operation] = True
                    raise
                has_operation[operation] = True
                return
        if not has_operation[operation]:
            raise Unsupported(missing, request=operation)
        yield

    async def _confirm_account(self) -> None:
        """Require that the account exists, if the key may know that; ask the server once a run."""
        connection = self._connection
        async with connection.locks["the account"]:
            known = connection.account_problem
            problem = await self._find_account_problem() if known is None else known
            connection.account_problem = problem
        if problem:
            raise AccountNotFound(problem, hint="Check `org` and `account`.")

    async def _find_account_problem(self) -> str:
        org, account, quote = self._connection.org, self._connection.account, self._connection.quote
        try:
            names = [str(entry.get("name")) for entry in json_as(await self._list_accounts(), list[dict[str, Any]])]
        except AccountNotFound as error:
            return error.message
        except ApiError:
            return ""  # a key may have access to the account, but not to the list of accounts
        if account in names:
            return ""
        shown = ", ".join(quote(name, 60) for name in sorted(names)[:_MOST_NAMES]) or "none"
        made = f"`dlsync accounts create {shlex.quote(account)}` or `accounts:` in dlsync.yaml creates it"
        return f"organisation {org!r} has no account {account!r}; it has: {shown}; {made}"

    async def _list_accounts(self) -> Response:
        """Request the organisation's accounts (GET /orgs/<org>/accounts).

        :raises AccountNotFound: there is no such organisation.
        :raises SettingsError: the server has the API at another URL.
        """
        connection = self._connection
        try:
            response = await connection.request("GET", ("accounts",), scope="organisation")
        except (NotFound, BadAnswer) as error:
            if base := await connection.find_base():
                message = f"`url` is not the base of the API: {connection.url} does not answer as the API, {base} does"
                raise SettingsError(message, hint=f"Set `url` to {base}.") from error
            if isinstance(error, BadAnswer):
                raise
            message = f"organisation {connection.org!r} does not exist on this server, or not for this API key"
            hint = "Check `org`, and `url`, which usually ends in /api/v1."
            raise AccountNotFound(message, request=error.request, status=error.status, hint=hint) from error
        return replace(response, private=True)


def rejected(error: AlreadyExists) -> Rejected:
    """Return the error that a 422 means if nothing of that name exists."""
    return Rejected(error.message, request=error.request, status=error.status)
