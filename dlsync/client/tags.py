"""The family ``tags``: the list is documented, deleting observed."""

from dataclasses import dataclass, field
from typing import Any

from dlsync.client.family import Access_co, Family, Write
from dlsync.client.record import Text, records_of


@dataclass(frozen=True, slots=True)
class Tag:
    """One tag that agents or links carry."""

    name: Text
    extra: dict[str, Any] = field(default_factory=dict)


class Tags(Family[Access_co]):
    """Reads and writes tags."""

    async def list(self) -> tuple[Tag, ...]:
        """Return all tags (GET tags)."""
        return tuple(records_of(await self._request("GET", "tags"), Tag))

    async def delete(self: "Tags[Write]", name: str) -> None:
        """Take a tag from all that carry it (DELETE tags/<tag>, observed)."""

        async def exists() -> bool:
            return any(tag.name == name for tag in await self.list())

        async with self._optional("DELETE tags", exists):
            await self._request("DELETE", "tags", name)
