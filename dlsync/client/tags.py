"""The family ``tags``: the list is documented, deleting observed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dlsync.client.family import Family, WritingFamily
from dlsync.client.record import records_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlsync.model import Json

_FAMILY = "tags"


@dataclass(frozen=True, slots=True)
class Tag:
    """One tag that agents or links carry.

    :param extra: all other fields.
    """

    name: str
    extra: Mapping[str, Json] = field(default_factory=dict)


class Tags(Family):
    """Reads tags."""

    async def list(self) -> tuple[Tag, ...]:
        """Return all tags (GET tags)."""
        return tuple(Tag(record.text("name"), record.rest) for record in records_of(await self._get(_FAMILY)))

    async def _is_there(self, name: str) -> bool:
        return any(tag.name == name for tag in await self.list())


class WritingTags(Tags, WritingFamily):
    """Reads and writes tags."""

    async def delete(self, name: str) -> None:
        """Take a tag from all that carry it (DELETE tags/<tag>, observed).

        :raises NotFound: where there is none of that name.
        :raises Unsupported: where the server has only the documented operations.
        """
        await self._capabilities.attempt(
            "DELETE tags", lambda: self._send("DELETE", _FAMILY, name), exists=lambda: self._is_there(name)
        )
