"""The API client. All oddities of the API live here: nothing above knows a path, a header or a status code.

``ReadClient`` cannot send anything but GET; ``Client`` can also write::

    async with dlsync.Client(url="http://127.0.0.1:8080/api/v1", org="acme", account="default", key=key) as client:
        await client.dashboards.put("redis", body)
        await client.annotations.create("deploys", name="v24")

Each family of the API is an attribute, named as the API names it, and one module of this package. What an answer must
have and has not is a ``BadAnswer`` that names operation and field; what it has besides is kept in ``extra``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from dlsync.client.accounts import Accounts, WritingAccounts
from dlsync.client.agents import Agents, WritingAgents
from dlsync.client.annotations import Annotations, WritingAnnotations
from dlsync.client.capabilities import Capabilities
from dlsync.client.connection import READ_WRITE, Connection, only_while
from dlsync.client.dashboards import Dashboards, WritingDashboards
from dlsync.client.links import Links, WritingLinks
from dlsync.client.metrics import Metrics
from dlsync.client.plugins import Plugins, WritingPlugins
from dlsync.client.rate_limit import urgently
from dlsync.client.retry import Retry
from dlsync.client.rules import Rules, WritingRules
from dlsync.client.series import SeriesFamily
from dlsync.client.tags import Tags, WritingTags

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from types import TracebackType
    from typing import Unpack

    from dlsync.client.connection import Check, Options

__all__ = ["Client", "ReadClient", "Retry"]


class ReadClient:
    """Reads one account. Its connection has no way to send anything but GET.

    :param url: the API's base, such as ``https://app.dataloop.io/api/v1``.
    :param org: the organisation's name.
    :param account: the account's name.
    :param key: the API key; sent to the URL's host alone, never shown.
    :param options: see :class:`dlsync.client.connection.Connection`.
    :raises SettingsError: where the URL, the names or the key cannot be used.
    """

    accounts: Accounts
    agents: Agents
    annotations: Annotations
    dashboards: Dashboards
    links: Links
    metrics: Metrics
    plugins: Plugins
    rules: Rules
    series: SeriesFamily
    tags: Tags

    def __init__(self, *, url: str, org: str, account: str, key: str, **options: Unpack[Options]) -> None:
        self._connection = connection = Connection(url, org, account, key, **options)
        capabilities = Capabilities(connection)
        self.accounts = Accounts(connection, capabilities)
        self.agents = Agents(connection, capabilities)
        self.annotations = Annotations(connection, capabilities)
        self.dashboards = Dashboards(connection, capabilities)
        self.links = Links(connection, capabilities)
        self.metrics = Metrics(connection, capabilities)
        self.plugins = Plugins(connection, capabilities)
        self.rules = Rules(connection, capabilities)
        self.series = SeriesFamily(connection, capabilities)
        self.tags = Tags(connection, capabilities)

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
    def concurrency(self) -> int:
        """How many requests are under way at once, at most."""
        return self._connection.concurrency

    @property
    def requests(self) -> int:
        """How many requests were sent, repeated ones included."""
        return self._connection.requests


class Client(ReadClient):
    """Reads and writes one account; takes what :class:`ReadClient` takes."""

    accounts: WritingAccounts
    agents: WritingAgents
    annotations: WritingAnnotations
    dashboards: WritingDashboards
    links: WritingLinks
    plugins: WritingPlugins
    rules: WritingRules
    tags: WritingTags

    def __init__(self, *, url: str, org: str, account: str, key: str, **options: Unpack[Options]) -> None:
        # nothing of the reading client's is made: each of its attributes is here one that can also write
        self._connection = connection = Connection(url, org, account, key, methods=READ_WRITE, **options)
        capabilities = Capabilities(connection)
        self.accounts = WritingAccounts(connection, capabilities)
        self.agents = WritingAgents(connection, capabilities)
        self.annotations = WritingAnnotations(connection, capabilities)
        self.dashboards = WritingDashboards(connection, capabilities)
        self.links = WritingLinks(connection, capabilities)
        self.metrics = Metrics(connection, capabilities)
        self.plugins = WritingPlugins(connection, capabilities)
        self.rules = WritingRules(connection, capabilities)
        self.series = SeriesFamily(connection, capabilities)
        self.tags = WritingTags(connection, capabilities)

    @staticmethod
    def only_while(check: Check) -> AbstractContextManager[None]:
        """Have something checked before each attempt of each write in a block; see :func:`connection.only_while`."""
        return only_while(check)

    @staticmethod
    def urgently() -> AbstractContextManager[None]:
        """Send the requests of a block before all others; see :func:`rate_limit.urgently`."""
        return urgently()
