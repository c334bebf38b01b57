"""The family ``links``: the list is documented, all else observed. A link deploys a plugin to agents by their tags."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from dlsync.client.concurrency import gather
from dlsync.client.connection import Connection
from dlsync.client.family import Access_co, Family, Write, rejected
from dlsync.client.record import Text, json_as, record_of, records_of
from dlsync.client.response import UNPROCESSABLE
from dlsync.errors import AlreadyExists, BadAnswer, NotFound, Rejected, ServerFault, Unreachable, Unsupported


@dataclass(frozen=True, slots=True)
class Link:
    """One link.

    :param tags: of the agents that get it.
    """

    id: Text
    plugin: Text
    tags: tuple[str, ...]
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Created:
    id: Text


class Links(Family[Access_co]):
    """Reads and writes links.

    :ivar latest: the links that :meth:`list` returned last.
    """

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self.latest: tuple[Link, ...] = ()
        self._expected: set[str] = set()

    def expect(self, ids: Iterable[str]) -> None:
        """Have :meth:`list` fetch these links by their ids if the server's list omits them."""
        self._expected.update(ids)

    async def list(self) -> tuple[Link, ...]:
        """Return all links (GET links), and the expected links that the server's list omits."""
        listed = await self._listed()
        omitted = await gather(self._if_exists(one) for one in sorted(self._expected - {link.id for link in listed}))
        self.latest = (*listed, *(link for link in omitted if link))
        return self.latest

    async def _listed(self) -> tuple[Link, ...]:
        return tuple(records_of(await self._request("GET", "links"), Link))

    async def _if_exists(self, link_id: str) -> Link | None:
        try:
            return await self.get(link_id)
        except (NotFound, Unsupported, Rejected, BadAnswer):
            self._expected.discard(link_id)
            return None

    async def get(self, link_id: str) -> Link:
        """Return one link (GET links/<id>, observed)."""
        async with self._optional("GET links/<id>", lambda: self._is_listed(link_id)):
            return record_of(await self._request("GET", "links", link_id), Link)

    async def _is_listed(self, link_id: str) -> bool:
        return any(link.id == link_id for link in await self._listed())

    async def create(self: "Links[Write]", plugin: str, tags: Iterable[str]) -> None:
        """Link a plugin to tags (POST links, observed).

        If it is unknown whether the link was created, the list tells, so that one call never makes two.
        """
        names = list(tags)
        try:
            async with self._optional("POST links", lambda: self._exists("plugins", plugin)):
                response = await self._request(
                    "POST", "links", payload={"plugin": plugin, "tags": [*names]}, repeatable=False
                )
        except (Unreachable, ServerFault):
            if not any(link.plugin == plugin and set(link.tags) == set(names) for link in await self.list()):
                raise
        except AlreadyExists as error:
            if error.status != UNPROCESSABLE:
                raise
            raise rejected(error) from error
        else:
            with suppress(BadAnswer):  # no answer to a write is documented
                self.expect([json_as(response, _Created).id])

    async def delete(self: "Links[Write]", link_id: str) -> None:
        """Delete a link (DELETE links/<id>, observed)."""
        async with self._optional("DELETE links", lambda: self._is_listed(link_id)):
            await self._request("DELETE", "links", link_id)
        self._expected.discard(link_id)
