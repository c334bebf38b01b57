"""The family ``annotations`` (documented): dated notes, such as deploys, in named streams."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from dlsync.client.family import Family
from dlsync.client.record import Text, instant, record_of, records_of
from dlsync.client.response import json_of

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Annotation:
    """One annotation.

    :param start_time: ISO 8601, as the server has it.
    """

    id: Text
    stream: str
    name: Text
    description: str = ""
    start_time: str = ""
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def started(self) -> datetime | None:
        """When it happened, aware; None where the server gives no time."""
        return instant(self.start_time)


class Annotations(Family):
    """Reads annotations."""

    async def streams(self) -> tuple[str, ...]:
        """Return the names of all streams (GET annotations)."""
        response = await self._request("GET", "annotations")
        try:
            return msgspec.convert(json_of(response), tuple[str, ...])
        except msgspec.ValidationError:
            raise response.bad("expected a JSON list of texts") from None

    async def list(self, stream: str) -> tuple[Annotation, ...]:
        """Return a stream's annotations, in the server's order (GET annotations/<stream>)."""
        return tuple(records_of(await self._request("GET", "annotations", stream), Annotation, stream=stream))

    async def get(self, stream: str, annotation_id: str) -> Annotation:
        """Return one annotation (GET annotations/<stream>/<id>)."""
        return record_of(await self._request("GET", "annotations", stream, annotation_id), Annotation, stream=stream)


class WritingAnnotations(Annotations):
    """Reads and writes annotations."""

    async def create(self, stream: str, *, name: str, description: str = "") -> Annotation:
        """Note that something happens now, in a stream that need not be there yet (POST annotations/<stream>).

        :raises Unreachable: no answer came; then it is not sent again, for there could be two.
        """
        payload = {"name": name, "description": description} if description else {"name": name}
        response = await self._request("POST", "annotations", stream, payload=payload, repeatable=False)
        return record_of(response, Annotation, stream=stream)

    async def update(
        self, stream: str, annotation_id: str, *, name: str | None = None, description: str | None = None
    ) -> Annotation:
        """Change what is given of an annotation (PUT annotations/<stream>/<id>)."""
        fields = {"name": name, "description": description}
        payload = {field: value for field, value in fields.items() if value is not None}
        response = await self._request("PUT", "annotations", stream, annotation_id, payload=payload)
        return record_of(response, Annotation, stream=stream)

    async def delete(self, stream: str, annotation_id: str) -> None:
        """Delete one annotation (DELETE annotations/<stream>/<id>)."""
        await self._request("DELETE", "annotations", stream, annotation_id)

    async def delete_stream(self, stream: str) -> None:
        """Delete a stream with all its annotations (DELETE annotations/<stream>)."""
        await self._request("DELETE", "annotations", stream)
