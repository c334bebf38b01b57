"""The API client. All oddities of the API live here: nothing above knows a path, a header or a status code.

``ReadClient`` cannot send anything but GET; ``Client`` can also write::

    async with Client(url="http://127.0.0.1:8080/api/v1", org="acme", account="default", key=key) as client:
        await client.dashboards.put("redis", body)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from dlsync.client.accounts import Accounts
from dlsync.client.capabilities import Capabilities
from dlsync.client.connection import Connection
from dlsync.client.dashboards import Dashboards, WritingDashboards
from dlsync.client.plugins import Plugins, WritingPlugins
from dlsync.client.retry import Retry
from dlsync.client.rules import Rules, WritingRules
from dlsync.client.writing import WritingConnection

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Unpack

    from dlsync.client.connection import Options

__all__ = ["Client", "ReadClient", "Retry"]


class ReadClient:
    """Reads one account. Its connection's class has no way to send anything but GET.

    :param url: the API's base, such as ``https://app.dataloop.io/api/v1``.
    :param org: the organisation's name.
    :param account: the account's name.
    :param key: the API key; sent to the URL's host alone, never shown.
    :param options: see :class:`dlsync.client.connection.Connection`.
    :raises SettingsError: where the URL, the names or the key cannot be used.
    """

    dashboards: Dashboards
    rules: Rules
    plugins: Plugins
    accounts: Accounts

    def __init__(self, *, url: str, org: str, account: str, key: str, **options: Unpack[Options]) -> None:
        self._connection = connection = Connection(url, org, account, key, **options)
        capabilities = Capabilities(connection)
        self.dashboards = Dashboards(connection, capabilities)
        self.rules = Rules(connection, capabilities)
        self.plugins = Plugins(connection, capabilities)
        self.accounts = Accounts(connection, capabilities)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._connection!r})"

    async def __aenter__(self) -> Self:
        await self._connection.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._connection.__aexit__(kind, error, trace)

    @property
    def requests(self) -> int:
        """How many requests were sent, repeated ones included."""
        return self._connection.requests


class Client(ReadClient):
    """Reads and writes one account; takes what :class:`ReadClient` takes."""

    dashboards: WritingDashboards
    rules: WritingRules
    plugins: WritingPlugins

    def __init__(self, *, url: str, org: str, account: str, key: str, **options: Unpack[Options]) -> None:
        super().__init__(url=url, org=org, account=account, key=key, **options)
        self._connection = connection = WritingConnection(url, org, account, key, **options)
        capabilities = Capabilities(connection)
        self.dashboards = WritingDashboards(connection, capabilities)
        self.rules = WritingRules(connection, capabilities)
        self.plugins = WritingPlugins(connection, capabilities)
        self.accounts = Accounts(connection, capabilities)
