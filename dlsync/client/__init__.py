"""The API client. All oddities of the API live here: nothing above knows a path, a header or a status code.

``ReadClient`` cannot send anything but GET; ``Client`` can also write::

    async with dlsync.Client(url="http://127.0.0.1:8080/api/v1", org="acme", account="default", key=key) as client:
        await client.dashboards.put("redis", body)
        await client.annotations.create("deploys", name="v24")

Each family of the API is an attribute, named as the API names it, and one module of this package. A response that lacks
a required field is a ``BadAnswer``, which names operation and field; ``extra`` of a result holds all other fields.
"""

from typing import Self, Unpack

from dlsync.client.accounts import Accounts
from dlsync.client.agents import Agents
from dlsync.client.annotations import Annotations
from dlsync.client.connection import READ, READ_WRITE, Connection, Options, only_while
from dlsync.client.dashboards import Dashboards
from dlsync.client.family import Read, Write
from dlsync.client.links import Links
from dlsync.client.metrics import Metrics
from dlsync.client.plugins import Plugins
from dlsync.client.rate_limit import urgently
from dlsync.client.retry import Retry
from dlsync.client.rules import Rules
from dlsync.client.series import SeriesFamily
from dlsync.client.tags import Tags

__all__ = ["Client", "ReadClient", "Retry"]


class ReadClient:
    """Reads one account by one attribute for each family. Its connection has no way to send anything but GET.

    :param url: the API's base, such as ``https://app.dataloop.io/api/v1``.
    :param key: the API key; sent to the URL's host alone, never shown.
    :param options: see :class:`dlsync.client.connection.Connection`.
    :raises SettingsError: the URL, the names or the key cannot be used.
    """

    _methods = READ

    def __init__(self, *, url: str, org: str, account: str, key: str, **options: Unpack[Options]) -> None:
        self._connection = connection = Connection(url, org, account, key, methods=self._methods, **options)
        self.accounts: Accounts[Read] = Accounts(connection)
        self.agents: Agents[Read] = Agents(connection)
        self.annotations: Annotations[Read] = Annotations(connection)
        self.dashboards: Dashboards[Read] = Dashboards(connection)
        self.links: Links[Read] = Links(connection)
        self.metrics = Metrics(connection)
        self.plugins: Plugins[Read] = Plugins(connection)
        self.rules: Rules[Read] = Rules(connection)
        self.series = SeriesFamily(connection)
        self.tags: Tags[Read] = Tags(connection)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._connection!r})"

    async def __aenter__(self) -> Self:
        await self._connection.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._connection.__aexit__(*error)

    @property
    def concurrency(self) -> int:
        """How many requests are under way at once, at most."""
        return self._connection.concurrency

    async def sleep(self, seconds: float) -> None:
        """Wait so many seconds, as between the attempts of a request: see :class:`Retry`."""
        await self._connection.retry.sleep(seconds)

    @property
    def requests(self) -> int:
        """How many requests were sent, repeated ones included, those of ``find_base`` not."""
        return self._connection.requests


class Client(ReadClient):
    """Reads and writes one account; takes what :class:`ReadClient` takes."""

    _methods = READ_WRITE
    accounts: Accounts[Write]
    agents: Agents[Write]
    annotations: Annotations[Write]
    dashboards: Dashboards[Write]
    links: Links[Write]
    plugins: Plugins[Write]
    rules: Rules[Write]
    tags: Tags[Write]
    only_while = staticmethod(only_while)
    urgently = staticmethod(urgently)

    def identify(self, *, run: str, commit: str) -> None:
        """Send the run and the commit of the files with each write from now on, for an audit log."""
        self._connection.write_headers = {"Dlsync-Run": run, "Dlsync-Commit": commit}
