"""The operations that servers were seen to have beyond the documentation, and which of them a server has."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from dlsync.client import ReadClient
from dlsync.errors import Unsupported


@dataclass(frozen=True, slots=True)
class OptionalOperation:
    """One operation.

    :param name: as the API's users wrote it down.
    :param without: what dlsync does if a server lacks it.
    :param ask: calls it; returns None if the server has nothing to call it on. None for an operation that writes.
    """

    name: str
    without: str
    ask: Callable[[ReadClient], Awaitable[object]] | None = None

    async def is_there(self, client: ReadClient) -> bool | None:
        """Return whether the server has the operation; None if only a write could tell.

        :raises ApiError: the server could not be asked.
        """
        try:
            return None if self.ask is None or await self.ask(client) is None else True
        except Unsupported:
            return False


async def _criteria(client: ReadClient) -> object:
    rules = await client.rules.list()
    return await client.rules.criteria(rules[0].name) if rules else None


async def _link(client: ReadClient) -> object:
    links = await client.links.list()
    return await client.links.get(links[0].id) if links else None


_ONE_BY_ONE = "are asked for one by one, by the names in the files"
_BY_HAND = "deleting is left to the server's own pages"
OBSERVED = (
    OptionalOperation("GET orgs", "the organisation has to be known by name", lambda to: to.accounts.organisations()),
    OptionalOperation("GET dashboards", f"dashboards {_ONE_BY_ONE}", lambda to: to.dashboards.list()),
    OptionalOperation("GET rules", f"rules {_ONE_BY_ONE}", lambda to: to.rules.list()),
    OptionalOperation("GET rules/<name>/criteria", "criteria are read from the rule's export", _criteria),
    OptionalOperation("GET links/<id>", "links are read from their list", _link),
    OptionalOperation("DELETE dashboards/<name>", _BY_HAND),
    OptionalOperation("DELETE rules/<name>", _BY_HAND),
    OptionalOperation("POST rules", "a rule is made by its first PUT"),
    OptionalOperation("PATCH rules/<name>", "a rule cannot be muted"),
    OptionalOperation("POST links", "links are left to the server's own pages"),
    OptionalOperation("DELETE links/<id>", "links are left to the server's own pages"),
    OptionalOperation("DELETE tags/<tag>", "a tag goes when nothing carries it"),
    OptionalOperation("POST agents/<id>/ping", "agents register themselves"),
)
