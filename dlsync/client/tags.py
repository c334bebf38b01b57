"""The family ``tags``: the list is documented, deleting observed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from dlsync.client.family import Family, WritingFamily
from dlsync.client.record import Text, records_of

_FAMILY = "tags"


@dataclass(frozen=True, slots=True)
class Tag:
    """One tag that agents or links carry.

    :param extra: all other fields.
    """

    name: Text
    extra: dict[str, Any] = field(default_factory=dict)


class Tags(Family):
    """Reads tags."""

    async def list(self) -> tuple[Tag, ...]:
        """Return all tags (GET tags)."""
        return tuple(records_of(await self._get(_FAMILY), Tag))


class WritingTags(Tags, WritingFamily):
    """Reads and writes tags."""

    async def delete(self, name: str) -> None:
        """Take a tag from all that carry it (DELETE tags/<tag>, observed).

        :raises NotFound: there is none of that name.
        :raises Unsupported: the server has only the documented operations.
        """

        async def exists() -> bool:
            return any(tag.name == name for tag in await self.list())

        async with self._capabilities.optional("DELETE tags", exists):
            await self._send("DELETE", _FAMILY, name)
