"""The family ``metrics`` (documented)."""

from dataclasses import dataclass, field
from typing import Any

from dlsync.client.family import Family, Read
from dlsync.client.record import Text, records_of
from dlsync.errors import DlsyncError


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    :param name: such as ``base.cpu``.
    :param data_type: ``number``, ``nagios`` or ``boolean``, in what was seen.
    :param collector_type: what measures it, such as ``plugin``; ``collector_id`` is its id.
    """

    name: Text
    id: str = ""
    data_type: str = ""
    collector_id: str = ""
    collector_type: str = ""
    extra: dict[str, Any] = field(default_factory=dict)


def selected(agent: str | None, tag: str | None) -> dict[str, str]:
    """Return the query for the metrics of one agent, by its id, or of all agents that carry a tag.

    :raises DlsyncError: not exactly one of the two is given.
    """
    if agent and not tag:
        return {"source": agent}
    if tag and not agent:
        return {"tag": tag}
    raise DlsyncError("metrics and series are those of an agent or of a tag", hint="Give exactly one of the two.")


class Metrics(Family[Read]):
    """Reads metrics."""

    async def list(self, *, agent: str | None = None, tag: str | None = None) -> tuple[Metric, ...]:
        """Return the metrics of an agent (GET metrics?source=) or of all agents of a tag (GET metrics?tag=).

        :raises DlsyncError: not exactly one of the two is given.
        """
        return tuple(records_of(await self._request("GET", "metrics", params=selected(agent, tag)), Metric))
