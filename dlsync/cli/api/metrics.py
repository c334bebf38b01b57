"""``dlsync metrics``: what is measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlsync.cli.api import family
from dlsync.cli.api.agents import found
from dlsync.cli.api.family import AgentOption, TagOption
from dlsync.cli.options import Format, OutputFormat, Server, command
from dlsync.errors import EXIT_OK

if TYPE_CHECKING:
    from dlsync.client import ReadClient
    from dlsync.client.metrics import Metric

app = family.family("metrics")


@app.command("list")
@command
def list_metrics(
    server: Server, agent: AgentOption = None, tag: TagOption = None, output: OutputFormat = Format.text
) -> int:
    """List what is measured on an agent, or on all agents of a tag."""
    family.require_one(agent, tag)

    async def question(client: ReadClient) -> tuple[Metric, ...]:
        source = (await found(client, agent)).id if agent else None
        return await client.metrics.list(agent=source, tag=tag)

    columns = {"NAME": lambda one: one.name, "TYPE": lambda one: one.data_type, "ID": lambda one: one.id}
    family.show(family.asked(server, question), columns, output, "no metrics")
    return EXIT_OK
