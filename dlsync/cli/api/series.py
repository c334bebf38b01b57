"""``dlsync series``: measurements over time."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from typer import BadParameter

from dlsync.cli.api.account import AgentOption, TagOption, agent_named, require_agent_or_tag
from dlsync.cli.api.family import read, show_json
from dlsync.cli.console import colored, terminal_width, write_stderr, write_stdout
from dlsync.cli.options import Output, Server, family, subcommand
from dlsync.messages import visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dlsync.client import ReadClient
    from dlsync.client.agents import Agent
    from dlsync.client.series import Series
    from dlsync.model import Json

_DURATION = re.compile(r"(\d{1,9})([smhdw]?)", re.ASCII)
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_UNIX = re.compile(r"\d{1,12}", re.ASCII)


def duration(text: str) -> int:
    """Parse a duration such as ``90``, ``15m``, ``1h`` or ``7d`` as seconds.

    :raises BadParameter: it is no such text, or zero.
    """
    found = _DURATION.fullmatch(text)
    if not found or not int(found[1]):
        raise BadParameter(f"{text!r} is no duration such as 90 (seconds), 15m, 1h or 7d.")
    return int(found[1]) * _SECONDS[found[2]]


def moment(text: str) -> int:
    """Parse a time as unix seconds: unix seconds, or ISO 8601, by default in the zone of this machine.

    :raises BadParameter: it is no such text.
    """
    if _UNIX.fullmatch(text):
        return int(text)
    try:
        return int(datetime.fromisoformat(text).timestamp())
    except (ValueError, OverflowError, OSError):
        raise BadParameter(f"{text!r} is no time such as 1467802066 or 2016-07-06T10:47:46Z.") from None


Metric = Annotated[str, typer.Argument(metavar="METRIC", help="The metric's name; see `dlsync metrics list`.")]
Period = Annotated[
    int, typer.Option(metavar="DURATION", parser=duration, help="The period to show: 90 (seconds), 15m, 1h, 7d.")
]
Resolution = Annotated[
    int | None, typer.Option(metavar="DURATION", parser=duration, help="The time between two points.")
]
End = Annotated[
    int | None, typer.Option(metavar="TIME", parser=moment, help="The end of the period: unix seconds or ISO 8601.")
]
series_app = family("series")


@subcommand(series_app, "get")
def get(
    server: Server,
    metric: Metric,
    agent: AgentOption = None,
    tag: TagOption = None,
    period: Period = "1h",  # type: ignore[assignment] # typer parses the default as it parses what is given
    resolution: Resolution = None,
    end: End = None,
    output: Output = "text",
) -> None:
    """Show a metric of an agent, or of all agents with a tag, over time.

    On a terminal it is a plot, elsewhere a table.
    """
    require_agent_or_tag(agent, tag)

    async def measured(client: ReadClient) -> tuple[tuple[Series, ...], tuple[Agent, ...]]:
        agent_id = (await agent_named(client, agent)).id if agent else None
        found = await client.series.get(metric, agent=agent_id, tag=tag, resolution=resolution, period=period, end=end)
        return found, () if all(one.points for one in found) else await client.agents.list()

    found, agents = read(server, measured)
    if output == "json":
        show_json(found)
        return
    for sentence in _gaps(metric, found, {one.id: one for one in agents}):
        write_stderr(f"{visible(sentence)}\n")
    _show(sorted((one for one in found if one.points), key=lambda one: one.source.name))


def _show(found: Sequence[Series]) -> None:
    from dlsync.render import plot, table

    width = terminal_width()
    if found and width is not None:
        write_stdout(plot.render(found, width=width, color=colored()))
    elif found:
        rows: list[list[Json]] = [
            [plot.time_text(point.time), one.source.name or one.source.id, point.value]
            for one in found
            for point in one.points
        ]
        write_stdout(table.render(["TIME", "AGENT", "VALUE"], rows))


def _gaps(metric: str, found: Sequence[Series], agents: dict[str, Agent]) -> Iterator[str]:
    """Yield a sentence for each agent without measurements in that time, and whether it is offline."""
    if not found:
        yield f"no series of {metric}"
    for one in found:
        if not one.points:
            agent = agents.get(one.source.id)
            since = f"; it is offline, last seen {agent.heartbeat or 'never'}" if agent and not agent.online else ""
            yield f"nothing was measured of {metric} on {one.source.name or one.source.id} in that time{since}"
