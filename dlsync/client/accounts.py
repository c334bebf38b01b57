"""The family ``accounts`` (documented)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dlsync.client.answers import objects_of, text_field, without
from dlsync.client.connection import Scope
from dlsync.client.family import Family
from dlsync.errors import AccountNotFound, NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlsync.client.connection import Connection
    from dlsync.model import Json


@dataclass(frozen=True, slots=True)
class AccountEntry:
    """One account of the organisation.

    :param agent_keys: what agents register with, as the server has it; secret, so not shown.
    :param extra: all other fields.
    """

    name: str
    agent_keys: Json = field(default=None, repr=False)
    extra: Mapping[str, Json] = field(default_factory=dict)


async def accounts_of(connection: Connection) -> tuple[AccountEntry, ...]:
    """Return the organisation's accounts (GET /orgs/<org>/accounts).

    :raises AccountNotFound: where there is no such organisation.
    """
    try:
        answer = await connection.get(("accounts",), scope=Scope.ORGANISATION)
    except NotFound as error:
        message = f"organisation {connection.org!r} does not exist on this server, or not for this API key"
        raise AccountNotFound(message, request=error.request, status=error.status, hint="Check `org`.") from error
    return tuple(
        AccountEntry(text_field(answer, item, "name"), item.get("agent_keys"), without(item, "name", "agent_keys"))
        for item in objects_of(answer)
    )


class Accounts(Family):
    """Reads accounts."""

    async def list(self) -> tuple[AccountEntry, ...]:
        """Return the organisation's accounts (GET /orgs/<org>/accounts).

        :raises AccountNotFound: where there is no such organisation.
        """
        return await accounts_of(self._connection)
