"""``dlsync series``: what was measured, over time."""

from __future__ import annotations

import re
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from typer import BadParameter

from dlsync.cli.api import family
from dlsync.cli.api.agents import found
from dlsync.cli.api.family import AgentOption, TagOption
from dlsync.cli.options import Format, OutputFormat, Server, command
from dlsync.errors import EXIT_OK

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
    """Return the seconds that ``90``, ``15m``, ``1h`` or ``7d`` are.

    :raises BadParameter: it is no such text, or zero.
    """
    found = _DURATION.fullmatch(text)
    if not found or not int(found[1]):
        raise BadParameter(f"{text!r} is no duration such as 90 (seconds), 15m, 1h or 7d.")
    return int(found[1]) * _SECONDS[found[2]]


def moment(text: str) -> int:
    """Return the unix seconds of a time: those themselves, or ISO 8601, which without a zone is this machine's.

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
    int, typer.Option(metavar="DURATION", parser=duration, help="The span of time: 90 (seconds), 15m, 1h, 7d.")
]
Resolution = Annotated[
    int | None, typer.Option(metavar="DURATION", parser=duration, help="From one point to the next.")
]
End = Annotated[
    int | None, typer.Option(metavar="TIME", parser=moment, help="When the span ends: unix seconds or ISO 8601.")
]

app = family.family("series")


@app.command("get")
@command
def get(
    server: Server,
    metric: Metric,
    agent: AgentOption = None,
    tag: TagOption = None,
    period: Period = "1h",  # type: ignore[assignment] # typer parses the default as it parses what is given
    resolution: Resolution = None,
    end: End = None,
    output: OutputFormat = Format.text,
) -> int:
    """Show a metric of an agent, or of all agents of a tag, over time.

    On a terminal it is a plot, elsewhere a table.
    """
    family.require_one(agent, tag)

    async def question(client: ReadClient) -> tuple[tuple[Series, ...], tuple[Agent, ...]]:
        source = (await found(client, agent)).id if agent else None
        series = await client.series.get(metric, agent=source, tag=tag, resolution=resolution, period=period, end=end)
        empty = not all(one.points for one in series)
        return series, await client.agents.list() if empty else ()

    series, agents = family.asked(server, question)
    if output is Format.json:
        family.show_json(series)
    else:
        _show(metric, series, agents)
    return EXIT_OK


def _show(metric: str, series: Sequence[Series], agents: Sequence[Agent]) -> None:
    from dlsync.cli.output import aside, colored, result
    from dlsync.messages import visible
    from dlsync.render import plot, table

    for sentence in _gaps(metric, series, {one.id: one for one in agents}):
        aside(visible(sentence) + "\n")
    drawn = sorted((one for one in series if one.points), key=lambda one: one.source.name)
    width = family.width()
    if drawn and width is not None:
        result(plot.render(drawn, width=width, color=colored(sys.stdout)))
    elif drawn:
        rows: list[list[Json]] = [
            [plot.time_text(point.time), one.source.name or one.source.id, point.value]
            for one in drawn
            for point in one.points
        ]
        result(table.render(["TIME", "AGENT", "VALUE"], rows))


def _gaps(metric: str, series: Sequence[Series], agents: dict[str, Agent]) -> Iterator[str]:
    """Say of which agents nothing was measured in that time, and which of them are offline."""
    if not series:
        yield f"no series of {metric}"
    for one in series:
        if not one.points:
            agent = agents.get(one.source.id)
            since = f"; it is offline, last seen {agent.heartbeat or 'never'}" if agent and not agent.online else ""
            yield f"nothing was measured of {metric} on {one.source.name or one.source.id} in that time{since}"
