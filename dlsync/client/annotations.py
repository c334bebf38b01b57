"""The family ``annotations`` (documented): dated notes, such as deploys, in named streams."""

from dataclasses import dataclass, field
from typing import Any

from dlsync.client.family import Access_co, Family, Write
from dlsync.client.record import Text, json_as, record_of, records_of


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


class Annotations(Family[Access_co]):
    """Reads and writes annotations."""

    async def streams(self) -> tuple[str, ...]:
        """Return the names of all streams (GET annotations)."""
        return json_as(await self._request("GET", "annotations"), tuple[str, ...])

    async def list(self, stream: str) -> tuple[Annotation, ...]:
        """Return a stream's annotations, in the server's order (GET annotations/<stream>)."""
        return tuple(records_of(await self._request("GET", "annotations", stream), Annotation, stream=stream))

    async def get(self, stream: str, annotation_id: str) -> Annotation:
        """Return one annotation (GET annotations/<stream>/<id>)."""
        return record_of(await self._request("GET", "annotations", stream, annotation_id), Annotation, stream=stream)

    async def create(self: "Annotations[Write]", stream: str, *, name: str, description: str = "") -> Annotation:
        """Note that something happens now, in a stream that need not be there yet (POST annotations/<stream>).

        :raises Unreachable: no answer came; then it is not sent again, for there could be two.
        """
        payload = {"name": name, "description": description} if description else {"name": name}
        response = await self._request("POST", "annotations", stream, payload=payload, repeatable=False)
        return record_of(response, Annotation, stream=stream)

    async def update(
        self: "Annotations[Write]",
        stream: str,
        annotation_id: str,
        *,
        name: str | None = None,
        description: str | None = None,
    ) -> Annotation:
        """Change what is given of an annotation (PUT annotations/<stream>/<id>)."""
        fields = {"name": name, "description": description}
        payload = {field: value for field, value in fields.items() if value is not None}
        response = await self._request("PUT", "annotations", stream, annotation_id, payload=payload)
        return record_of(response, Annotation, stream=stream)

    async def delete(self: "Annotations[Write]", stream: str, annotation_id: str) -> None:
        """Delete one annotation (DELETE annotations/<stream>/<id>)."""
        await self._request("DELETE", "annotations", stream, annotation_id)

    async def delete_stream(self: "Annotations[Write]", stream: str) -> None:
        """Delete a stream with all its annotations (DELETE annotations/<stream>)."""
        await self._request("DELETE", "annotations", stream)
