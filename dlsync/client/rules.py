"""The family ``rules``: export and import are documented, all else observed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dlsync.client.connection import YAML
from dlsync.client.family import Family, WritingFamily
from dlsync.client.record import records_of
from dlsync.client.response import Versioned, etag_of
from dlsync.errors import AlreadyExists, NotFound, Unsupported

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlsync.model import Json

_FAMILY = "rules"


@dataclass(frozen=True, slots=True)
class RuleEntry:
    """A rule as the list names it; not the whole rule.

    :param id: the server's own; None where it gives none.
    :param mute: as the server has it.
    :param etag: the version of the whole rule, where the server says it in the list; empty elsewhere.
    :param extra: all other fields.
    """

    name: str
    id: Json = None
    mute: Json = None
    extra: Mapping[str, Json] = field(default_factory=dict)
    etag: str = field(default="", compare=False, repr=False)


class Rules(Family):
    """Reads rules."""

    async def list(self) -> tuple[RuleEntry, ...]:
        """Return the names of all rules (GET rules, observed).

        :raises Unsupported: where the server has only the documented operations; sent once a run at most.
        """
        answer = await self._capabilities.attempt("GET rules", lambda: self._get(_FAMILY))
        return tuple(
            RuleEntry(
                record.text("name"),
                record.json("id"),
                record.json("mute"),
                etag=etag_of(record.json("etag")),
                extra=record.rest,
            )
            for record in records_of(answer)
        )

    async def export(self, name: str) -> bytes:
        """Return one rule as YAML (GET rules/<name>).

        :raises NotFound: where there is none of that name.
        """
        return (await self.read(name)).content

    async def read(self, name: str, unless: str = "") -> Versioned[bytes]:
        """Return one rule, as :meth:`export` does, with its version.

        :param unless: the ETag of one that is known.
        :raises NotModified: it is still that one.
        """
        answer = await self._get(_FAMILY, name, accept=YAML, unless=unless)
        return Versioned(answer.body, answer.etag)

    async def criteria(self, name: str) -> tuple[Mapping[str, Json], ...]:
        """Return a rule's criteria as the server sees them (GET rules/<name>/criteria, observed).

        :raises NotFound: where there is no rule of that name.
        :raises Unsupported: where the server has only the documented operations.
        """
        answer = await self._capabilities.attempt(
            "GET rules/criteria",
            lambda: self._get(_FAMILY, name, "criteria"),
            exists=lambda: self._exists(_FAMILY, name, accept=YAML),
        )
        return tuple(record.rest for record in records_of(answer))


class WritingRules(Rules, WritingFamily):
    """Reads and writes rules."""

    async def put(self, name: str, body: bytes) -> None:
        """Create or replace a rule (PUT rules/<name>), with the POST before it that some servers want.

        :param body: YAML, sent as it is.
        """
        try:
            await self._put(name, body)
        except NotFound as error:
            await self._create_for(name, error)
            await self._put(name, body)

    async def create(self, name: str) -> None:
        """Create an empty rule (POST rules, observed).

        :raises AlreadyExists: where there is one of that name.
        :raises Unsupported: where the server has only the documented operations.
        """
        await self._capabilities.attempt("POST rules", lambda: self._create(_FAMILY, {"name": name}, name, YAML))

    async def mute(self, name: str, *, mute: bool = True) -> None:
        """Silence a rule, or let it speak again (PATCH rules/<name>, observed).

        :raises NotFound: where there is none of that name.
        :raises Unsupported: where the server has only the documented operations.
        """
        await self._capabilities.attempt(
            "PATCH rules",
            lambda: self._send_json("PATCH", {"mute": mute}, _FAMILY, name),
            exists=lambda: self._exists(_FAMILY, name, accept=YAML),
        )

    async def delete(self, name: str) -> None:
        """Delete a rule (DELETE rules/<name>, observed).

        :raises NotFound: where there is none of that name.
        :raises Unsupported: where the server has only the documented operations.
        """
        await self._capabilities.attempt(
            "DELETE rules",
            lambda: self._send("DELETE", _FAMILY, name),
            exists=lambda: self._exists(_FAMILY, name, accept=YAML),
        )

    async def _put(self, name: str, body: bytes) -> None:
        await self._send("PUT", _FAMILY, name, body=body, content_type=YAML)

    async def _create_for(self, name: str, refused: NotFound) -> None:
        try:
            await self.create(name)
        except AlreadyExists:
            pass  # somebody else has just made it: the PUT that follows is what counts
        except Unsupported:
            raise refused from None
