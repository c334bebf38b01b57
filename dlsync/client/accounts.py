"""The family ``accounts``: list, create and delete are documented, the organisations observed."""

import json
from dataclasses import dataclass, field
from typing import Any

from dlsync.client.family import Access_co, Family, Write, rejected
from dlsync.client.record import Text, records_of
from dlsync.client.response import UNPROCESSABLE
from dlsync.errors import AlreadyExists, NotFound


@dataclass(frozen=True, slots=True)
class AccountEntry:
    """One account of the organisation.

    :param agent_keys: what agents register with, as the server has it; secret, so not shown.
    """

    name: Text
    agent_keys: Any = field(default=None, repr=False)
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Organisation:
    """One organisation that the key may see."""

    name: Text
    extra: dict[str, Any] = field(default_factory=dict)


class Accounts(Family[Access_co]):
    """Reads and writes accounts."""

    async def list(self) -> tuple[AccountEntry, ...]:
        """Return the organisation's accounts (GET /orgs/<org>/accounts)."""
        return tuple(records_of(await self._list_accounts(), AccountEntry))

    async def organisations(self) -> tuple[Organisation, ...]:
        """Return the organisations that the key may see (GET /orgs, observed)."""
        async with self._optional("GET orgs"):
            response = await self._connection.request("GET", ("orgs",), scope="server")
        return tuple(records_of(response, Organisation))

    async def create(self: "Accounts[Write]", name: str) -> None:
        """Create an account (POST /orgs/<org>/accounts)."""
        body = json.dumps({"name": name}).encode()
        try:
            await self._connection.request("POST", ("accounts",), body=body, scope="organisation")
        except NotFound:
            await self.list()  # says which organisation it is that does not exist
            raise
        except AlreadyExists as error:
            if error.status != UNPROCESSABLE or any(account.name == name for account in await self.list()):
                raise
            raise rejected(error) from error
        finally:
            self._connection.account_problem = None

    async def delete(self: "Accounts[Write]", name: str) -> None:
        """Delete an account and everything in it (DELETE /orgs/<org>/accounts/<name>)."""
        try:
            await self._connection.request("DELETE", ("accounts", name), scope="organisation")
        except NotFound:
            await self.list()  # as above
            raise
        finally:
            self._connection.account_problem = None
