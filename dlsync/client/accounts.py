"""The family ``accounts``: list, create and delete are documented, the organisations observed."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from dlsync.client.family import Family, WritingFamily, rejected
from dlsync.client.record import Text, records_of
from dlsync.client.status_errors import UNPROCESSABLE
from dlsync.errors import AccountNotFound, AlreadyExists, BadAnswer, NotFound, SettingsError

if TYPE_CHECKING:
    from dlsync.client.connection import Connection

_FAMILY = "accounts"
_HINT = "Check `org`, and `url`, which usually ends in /api/v1."


@dataclass(frozen=True, slots=True)
class AccountEntry:
    """One account of the organisation.

    :param agent_keys: what agents register with, as the server has it; secret, so not shown.
    :param extra: all other fields, such as ``id``.
    """

    name: Text
    agent_keys: Any = field(default=None, repr=False)
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Organisation:
    """One organisation that the key may see.

    :param extra: all other fields, such as ``id``.
    """

    name: Text
    extra: dict[str, Any] = field(default_factory=dict)


async def accounts_of(connection: Connection) -> tuple[AccountEntry, ...]:
    """Return the organisation's accounts (GET /orgs/<org>/accounts).

    :raises AccountNotFound: there is no such organisation.
    :raises SettingsError: the server has the API at another URL.
    """
    try:
        response = await connection.request("GET", (_FAMILY,), scope="organisation")
    except (NotFound, BadAnswer) as error:
        if base := await connection.find_base():
            message = f"`url` is not the base of the API: {connection.url} does not answer as the API, {base} does"
            raise SettingsError(message, hint=f"Set `url` to {base}.") from error
        if isinstance(error, BadAnswer):
            raise
        message = f"organisation {connection.org!r} does not exist on this server, or not for this API key"
        raise AccountNotFound(message, request=error.request, status=error.status, hint=_HINT) from error
    return tuple(records_of(replace(response, private=True), AccountEntry))


class Accounts(Family):
    """Reads accounts."""

    async def list(self) -> tuple[AccountEntry, ...]:
        """Return the organisation's accounts (GET /orgs/<org>/accounts).

        :raises AccountNotFound: there is no such organisation.
        """
        return await accounts_of(self._connection)

    async def organisations(self) -> tuple[Organisation, ...]:
        """Return the organisations that the key may see (GET /orgs, observed).

        :raises Unsupported: the server has only the documented operations.
        """
        async with self._capabilities.optional("GET orgs"):
            response = await self._connection.request("GET", ("orgs",), scope="server")
        return tuple(records_of(response, Organisation))


class WritingAccounts(Accounts, WritingFamily):
    """Reads and writes accounts. Those of the whole organisation: not only the one that the client is for."""

    async def create(self, name: str) -> None:
        """Create an account (POST /orgs/<org>/accounts).

        :raises AlreadyExists: there is one of that name.
        :raises AccountNotFound: there is no such organisation.
        """
        body = json.dumps({"name": name}).encode()
        try:
            await self._connection.request("POST", (_FAMILY,), body=body, scope="organisation")
        except NotFound:
            await self.list()  # says which organisation it is that does not exist
            raise
        except AlreadyExists as error:
            if error.status != UNPROCESSABLE or any(account.name == name for account in await self.list()):
                raise
            raise rejected(error) from error
        finally:
            self._capabilities.forget_account()

    async def delete(self, name: str) -> None:
        """Delete an account with all that is in it (DELETE /orgs/<org>/accounts/<name>).

        :raises NotFound: there is none of that name.
        :raises AccountNotFound: there is no such organisation.
        """
        try:
            await self._connection.request("DELETE", (_FAMILY, name), scope="organisation")
        except NotFound:
            await self.list()  # as above
            raise
        finally:
            self._capabilities.forget_account()
