"""The family ``accounts``: list, create and delete are documented, the organisations observed."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dlsync.client.connection import Scope
from dlsync.client.family import Family, WritingFamily
from dlsync.client.record import records_of
from dlsync.client.status_errors import UNPROCESSABLE
from dlsync.errors import AccountNotFound, AlreadyExists, BadAnswer, NotFound, Rejected, SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlsync.client.connection import Connection
    from dlsync.model import Json

_FAMILY = "accounts"
_HINT = "Check `org`, and `url`, which usually ends in /api/v1."


@dataclass(frozen=True, slots=True)
class AccountEntry:
    """One account of the organisation.

    :param agent_keys: what agents register with, as the server has it; secret, so not shown.
    :param extra: all other fields, such as ``id``.
    """

    name: str
    agent_keys: Json = field(default=None, repr=False)
    extra: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Organisation:
    """One organisation that the key may see.

    :param extra: all other fields, such as ``id``.
    """

    name: str
    extra: Mapping[str, Json] = field(default_factory=dict)


async def accounts_of(connection: Connection) -> tuple[AccountEntry, ...]:
    """Return the organisation's accounts (GET /orgs/<org>/accounts).

    :raises AccountNotFound: where there is no such organisation.
    :raises SettingsError: where the server has the API at another URL.
    """
    try:
        answer = await connection.request("GET", (_FAMILY,), scope=Scope.ORGANISATION)
    except (NotFound, BadAnswer) as error:
        if base := await connection.find_base():
            message = f"`url` is not the base of the API: {connection.url} does not answer as the API, {base} does"
            raise SettingsError(message, hint=f"Set `url` to {base}.") from error
        if isinstance(error, BadAnswer):
            raise
        message = f"organisation {connection.org!r} does not exist on this server, or not for this API key"
        raise AccountNotFound(message, request=error.request, status=error.status, hint=_HINT) from error
    records = records_of(replace(answer, private=True))
    return tuple(AccountEntry(record.text("name"), record.json("agent_keys"), record.rest) for record in records)


class Accounts(Family):
    """Reads accounts."""

    async def list(self) -> tuple[AccountEntry, ...]:
        """Return the organisation's accounts (GET /orgs/<org>/accounts).

        :raises AccountNotFound: where there is no such organisation.
        """
        return await accounts_of(self._connection)

    async def organisations(self) -> tuple[Organisation, ...]:
        """Return the organisations that the key may see (GET /orgs, observed).

        :raises Unsupported: where the server has only the documented operations; sent once a run at most.
        """
        answer = await self._capabilities.attempt(
            "GET orgs", lambda: self._connection.request("GET", ("orgs",), scope=Scope.SERVER)
        )
        return tuple(Organisation(record.text("name"), record.rest) for record in records_of(answer))


class WritingAccounts(Accounts, WritingFamily):
    """Reads and writes accounts. Those of the whole organisation: not only the one that the client is for."""

    async def create(self, name: str) -> None:
        """Create an account (POST /orgs/<org>/accounts).

        :raises AlreadyExists: where there is one of that name.
        :raises AccountNotFound: where there is no such organisation.
        """
        body = json.dumps({"name": name}).encode()
        try:
            await self._connection.request("POST", (_FAMILY,), body=body, scope=Scope.ORGANISATION)
        except NotFound:
            await self.list()  # says which organisation it is that does not exist
            raise
        except AlreadyExists as error:
            if error.status != UNPROCESSABLE or await self._is_there(name):
                raise
            raise Rejected(error.message, request=error.request, status=error.status) from error
        finally:
            self._capabilities.forget_account()

    async def delete(self, name: str) -> None:
        """Delete an account with all that is in it (DELETE /orgs/<org>/accounts/<name>).

        :raises NotFound: where there is none of that name.
        :raises AccountNotFound: where there is no such organisation.
        """
        try:
            await self._connection.request("DELETE", (_FAMILY, name), scope=Scope.ORGANISATION)
        except NotFound:
            await self.list()  # as above
            raise
        finally:
            self._capabilities.forget_account()

    async def _is_there(self, name: str) -> bool:
        return any(account.name == name for account in await self.list())
