"""The family ``annotations`` (documented): dated notes, such as deploys, in named streams."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dlsync.client.family import Family, WritingFamily
from dlsync.client.record import instant, record_of, records_of, texts_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from dlsync.client.record import Record
    from dlsync.model import Json

_FAMILY = "annotations"


@dataclass(frozen=True, slots=True)
class Annotation:
    """One annotation.

    :param start_time: ISO 8601, as the server has it.
    :param extra: all other fields.
    """

    id: str
    stream: str
    name: str
    description: str = ""
    start_time: str = ""
    extra: Mapping[str, Json] = field(default_factory=dict)

    @property
    def started(self) -> datetime | None:
        """When it happened, aware; None where the server gives no time."""
        return instant(self.start_time)


class Annotations(Family):
    """Reads annotations."""

    async def streams(self) -> tuple[str, ...]:
        """Return the names of all streams (GET annotations)."""
        return texts_of(await self._get(_FAMILY))

    async def list(self, stream: str) -> tuple[Annotation, ...]:
        """Return a stream's annotations, in the server's order (GET annotations/<stream>).

        :raises NotFound: where there is no such stream.
        """
        return tuple(_annotation(record, stream) for record in records_of(await self._get(_FAMILY, stream)))

    async def get(self, stream: str, annotation_id: str) -> Annotation:
        """Return one annotation (GET annotations/<stream>/<id>).

        :raises NotFound: where there is none of that id in that stream.
        """
        return _annotation(record_of(await self._get(_FAMILY, stream, annotation_id)), stream)


class WritingAnnotations(Annotations, WritingFamily):
    """Reads and writes annotations."""

    async def create(self, stream: str, *, name: str, description: str = "") -> Annotation:
        """Note that something happens now, in a stream that need not be there yet (POST annotations/<stream>).

        :raises Unreachable: where no answer came; then it is not sent again, for there could be two.
        """
        payload = {"name": name, "description": description} if description else {"name": name}
        return _annotation(record_of(await self._send_once(payload, _FAMILY, stream)), stream)

    async def update(
        self,
        stream: str,
        annotation_id: str,
        *,
        name: str | None = None,
        description: str | None = None,
    ) -> Annotation:
        """Change what is given of an annotation (PUT annotations/<stream>/<id>).

        :raises NotFound: where there is none of that id in that stream.
        """
        given = {"name": name, "description": description}
        payload: dict[str, Json] = {field: value for field, value in given.items() if value is not None}
        return _annotation(record_of(await self._send_json("PUT", payload, _FAMILY, stream, annotation_id)), stream)

    async def delete(self, stream: str, annotation_id: str) -> None:
        """Delete one annotation (DELETE annotations/<stream>/<id>).

        :raises NotFound: where there is none of that id in that stream.
        """
        await self._send("DELETE", _FAMILY, stream, annotation_id)

    async def delete_stream(self, stream: str) -> None:
        """Delete a stream with all its annotations (DELETE annotations/<stream>).

        :raises NotFound: where there is no such stream.
        """
        await self._send("DELETE", _FAMILY, stream)


def _annotation(record: Record, stream: str) -> Annotation:
    return Annotation(
        record.text("id"),
        record.text_if_any("stream") or stream,
        record.text("name"),
        record.text_if_any("description"),
        record.text_if_any("start_time"),
        record.rest,
    )
