"""The family ``agents``: list, get and delete are documented, registering by a ping observed."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from dlsync.client.family import Access_co, Family, Write
from dlsync.client.record import NAMES, Text, record_of, records_of
from dlsync.errors import DlsyncError

_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Agent:
    """One agent.

    :param id: its fingerprint.
    :param presence_state: ``online`` or ``offline``, in what was seen.
    :param created: ISO 8601, as the server has it; ``modified`` and ``heartbeat``, its last ping, likewise.
    :param extra: all other fields; :meth:`Agents.get` has more: ``interfaces``, ``running_plugin_names``,
        ``process_summary``.
    """

    id: Text
    name: Text
    tags: tuple[str, ...]
    presence_state: str = ""
    status: str = ""
    hostname: str = ""
    mac: str = ""
    os_name: str = field(default="", metadata={NAMES: ("osName",)})
    mode: str = ""
    container_name: str = ""
    created: str = ""
    modified: str = ""
    heartbeat: str = ""
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def online(self) -> bool:
        """Whether the server hears from it."""
        return self.presence_state == "online"


class Agents(Family[Access_co]):
    """Reads and writes agents."""

    async def list(self) -> tuple[Agent, ...]:
        """Return all agents (GET agents)."""
        return tuple(records_of(await self._request("GET", "agents"), Agent))

    async def get(self, agent_id: str) -> Agent:
        """Return one agent, with its details in ``extra`` (GET agents/<id>)."""
        return record_of(await self._request("GET", "agents", agent_id), Agent)

    async def delete(self: "Agents[Write]", agent_id: str) -> None:
        """Delete an agent (DELETE agents/<id>). An agent that still runs registers again."""
        await self._request("DELETE", "agents", agent_id)

    async def ping(
        self: "Agents[Write]",
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
        """
        names = None if tags is None else list(tags)
        if comma := next((tag for tag in names or () if "," in tag), None):
            message = f"the tag {comma!r} holds a comma, which separates tags in a ping"
            raise DlsyncError(message, hint="Rename the tag.")
        fields = {
            "name": name,
            "hostname": hostname,
            "mac": mac,
            "os_name": os_name,
            "tag_names": None if names is None else ",".join(names),
            "mode": mode,
            "container_name": container_name,
        }
        body = urlencode({field: value for field, value in fields.items() if value is not None}).encode()
        async with self._optional("POST agents/ping"):
            await self._request("POST", "agents", agent_id, "ping", body=body, content_type=_FORM)
