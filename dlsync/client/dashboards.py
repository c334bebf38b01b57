"""The family ``dashboards``: export and import are documented, list and delete observed."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dlsync.client.connection import YAML
from dlsync.client.family import Access_co, Family, Write
from dlsync.client.record import OnBad, Text, records_of
from dlsync.client.response import Versioned


@dataclass(frozen=True, slots=True)
class NamedDocument:
    """A dashboard as the list holds it.

    :param document: as the server has it, without the name.
    """

    name: Text
    document: dict[str, Any]

    @property
    def is_summary(self) -> bool:
        """Whether the document may be incomplete, because it has no widgets; its export is whole."""
        return "positions" not in self.document


class Dashboards(Family[Access_co]):
    """Reads and writes dashboards."""

    async def list(self) -> tuple[NamedDocument, ...]:
        """Return all dashboards (GET dashboards, observed), whole or as summaries."""
        return tuple((await self.read_all()).content)

    async def read_all(
        self, if_none_match: str = "", on_bad: OnBad | None = None
    ) -> Versioned[Iterator[NamedDocument]]:
        """Return all dashboards, as :meth:`list` does, with their version; parsed one by one, as they are taken."""
        async with self._optional("GET dashboards"):
            response = await self._request("GET", "dashboards", if_none_match=if_none_match)
        return Versioned(records_of(response, NamedDocument, on_bad), response.etag)

    async def export(self, name: str) -> bytes:
        """Return one dashboard as YAML (GET dashboards/<name>)."""
        return (await self.read(name)).content

    async def read(self, name: str, if_none_match: str = "") -> Versioned[bytes]:
        """Return one dashboard, as :meth:`export` does, with its version; ``if_none_match`` as for :meth:`read_all`."""
        response = await self._request("GET", "dashboards", name, accept=YAML, if_none_match=if_none_match)
        return Versioned(response.body, response.etag)

    async def put(self: "Dashboards[Write]", name: str, body: bytes) -> None:
        """Create or replace a dashboard by YAML, which is sent as it is (PUT dashboards/<name>)."""
        await self._request("PUT", "dashboards", name, body=body, content_type=YAML)

    async def delete(self: "Dashboards[Write]", name: str) -> None:
        """Delete a dashboard (DELETE dashboards/<name>, observed)."""
        async with self._optional("DELETE dashboards", lambda: self._exists("dashboards", name, accept=YAML)):
            await self._request("DELETE", "dashboards", name)
