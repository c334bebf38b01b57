"""The family ``agents``: list, get and delete are documented, registering by a ping observed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from dlsync.client.connection import FORM
from dlsync.client.family import Family, WritingFamily
from dlsync.client.record import instant, record_of, records_of
from dlsync.errors import DlsyncError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from dlsync.client.record import Record
    from dlsync.model import Json

_FAMILY = "agents"
_SEPARATOR = ","


@dataclass(frozen=True, slots=True)
class Agent:
    """One agent.

    :param id: its fingerprint.
    :param presence_state: ``online`` or ``offline``, in what was seen.
    :param created: ISO 8601, as the server has it; ``modified`` and ``heartbeat``, its last ping, likewise.
    :param extra: all other fields; :meth:`Agents.get` has more: ``interfaces``, ``running_plugin_names``,
        ``process_summary``.
    """

    id: str
    name: str
    tags: tuple[str, ...]
    presence_state: str = ""
    status: str = ""
    hostname: str = ""
    mac: str = ""
    os_name: str = ""
    mode: str = ""
    container_name: str = ""
    created: str = ""
    modified: str = ""
    heartbeat: str = ""
    extra: Mapping[str, Json] = field(default_factory=dict)

    @property
    def online(self) -> bool:
        """Whether the server hears from it."""
        return self.presence_state == "online"

    @property
    def last_seen(self) -> datetime | None:
        """When the last heartbeat came, aware; None where the server gives no time."""
        return instant(self.heartbeat)


class Agents(Family):
    """Reads agents."""

    async def list(self) -> tuple[Agent, ...]:
        """Return all agents (GET agents)."""
        return tuple(map(_agent, records_of(await self._get(_FAMILY))))

    async def get(self, agent_id: str) -> Agent:
        """Return one agent, with its details in ``extra`` (GET agents/<id>).

        :param agent_id: its fingerprint.
        :raises NotFound: where there is none of that id.
        """
        return _agent(record_of(await self._get(_FAMILY, agent_id)))


class WritingAgents(Agents, WritingFamily):
    """Reads and writes agents."""

    async def delete(self, agent_id: str) -> None:
        """Delete an agent (DELETE agents/<id>). One that still runs registers again.

        :raises NotFound: where there is none of that id.
        """
        await self._send("DELETE", _FAMILY, agent_id)

    async def ping(
        self,
        agent_id: str,
        *,
        name: str,
        hostname: str | None = None,
        mac: str | None = None,
        os_name: str | None = None,
        tags: Iterable[str] | None = None,
        mode: str | None = None,
        container_name: str | None = None,
    ) -> None:
        """Register an agent, or say that it is still there (POST agents/<id>/ping, observed; a form).

        :param agent_id: its fingerprint; the agent chooses it.
        :param tags: besides those that every agent has.
        :raises Unsupported: where the server has only the documented operations.
        """
        given = {
            "name": name,
            "hostname": hostname,
            "mac": mac,
            "os_name": os_name,
            "tag_names": None if tags is None else _joined(tags),
            "mode": mode,
            "container_name": container_name,
        }
        form = urlencode({field: value for field, value in given.items() if value is not None}).encode()
        await self._capabilities.attempt(
            "POST agents/ping", lambda: self._send("POST", _FAMILY, agent_id, "ping", body=form, content_type=FORM)
        )


def _joined(tags: Iterable[str]) -> str:
    names = list(tags)
    for name in names:
        if _SEPARATOR in name:
            raise DlsyncError(f"the tag {name!r} holds a comma, which separates tags in a ping", hint="Rename the tag.")
    return _SEPARATOR.join(names)


def _agent(record: Record) -> Agent:
    return Agent(
        id=record.text("id"),
        name=record.text("name"),
        tags=record.texts("tags"),
        presence_state=record.text_if_any("presence_state"),
        status=record.text_if_any("status"),
        hostname=record.text_if_any("hostname"),
        mac=record.text_if_any("mac"),
        os_name=record.text_if_any("osName"),
        mode=record.text_if_any("mode"),
        container_name=record.text_if_any("container_name"),
        created=record.text_if_any("created"),
        modified=record.text_if_any("modified"),
        heartbeat=record.text_if_any("heartbeat"),
        extra=record.rest,
    )
