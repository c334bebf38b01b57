"""The family ``dashboards``: export and import are documented, list and delete observed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlsync.client.connection import YAML
from dlsync.client.family import Family, WritingFamily
from dlsync.client.record import made_of
from dlsync.client.response import Versioned

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dlsync.client.record import OnBad, Record
    from dlsync.model import Json

_FAMILY = "dashboards"


@dataclass(frozen=True, slots=True)
class NamedDocument:
    """A dashboard as the list holds it.

    :param document: as the server has it, without the name.
    """

    name: str
    document: Mapping[str, Json]

    @property
    def is_summary(self) -> bool:
        """Whether the document may be incomplete, because it has no widgets; its export is whole."""
        return "positions" not in self.document


class Dashboards(Family):
    """Reads dashboards."""

    async def list(self) -> tuple[NamedDocument, ...]:
        """Return all dashboards (GET dashboards, observed), whole or as summaries.

        :raises Unsupported: where the server has only the documented operations; sent once a run at most.
        """
        return tuple((await self.read_all()).content)

    async def read_all(self, unless: str = "", on_bad: OnBad | None = None) -> Versioned[Iterator[NamedDocument]]:
        """Return all dashboards, as :meth:`list` does, with their version; parsed one by one, as they are taken.

        :param unless: the ETag of one that is known.
        :param on_bad: is called for each item that cannot be read; None: that is raised.
        :raises NotModified: it is still that one.
        """
        answer = await self._capabilities.attempt("GET dashboards", lambda: self._get(_FAMILY, unless=unless))
        return Versioned(made_of(answer, _named, on_bad), answer.etag)

    async def export(self, name: str) -> bytes:
        """Return one dashboard as YAML (GET dashboards/<name>).

        :raises NotFound: where there is none of that name.
        """
        return (await self.read(name)).content

    async def read(self, name: str, unless: str = "") -> Versioned[bytes]:
        """Return one dashboard, as :meth:`export` does, with its version; ``unless`` as for :meth:`read_all`."""
        answer = await self._get(_FAMILY, name, accept=YAML, unless=unless)
        return Versioned(answer.body, answer.etag)


def _named(record: Record) -> NamedDocument:
    return NamedDocument(record.text("name"), record.rest)


class WritingDashboards(Dashboards, WritingFamily):
    """Reads and writes dashboards."""

    async def put(self, name: str, body: bytes) -> None:
        """Create or replace a dashboard (PUT dashboards/<name>).

        :param body: YAML, sent as it is.
        """
        await self._send("PUT", _FAMILY, name, body=body, content_type=YAML)

    async def delete(self, name: str) -> None:
        """Delete a dashboard (DELETE dashboards/<name>, observed).

        :raises NotFound: where there is none of that name.
        :raises Unsupported: where the server has only the documented operations.
        """
        await self._capabilities.attempt(
            "DELETE dashboards",
            lambda: self._send("DELETE", _FAMILY, name),
            exists=lambda: self._exists(_FAMILY, name, accept=YAML),
        )
