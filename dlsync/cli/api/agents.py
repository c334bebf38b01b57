"""``dlsync agents``: what measures, one on each host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dlsync.cli.api import family
from dlsync.cli.options import Format, OutputFormat, Server, Yes, command
from dlsync.cli.output import confirm
from dlsync.errors import EXIT_OK

if TYPE_CHECKING:
    from dlsync.client import ReadClient
    from dlsync.client.agents import Agent

AgentName = Annotated[str, typer.Argument(metavar="ID|NAME", help="The agent's id, or its name if no other has it.")]
WithTag = Annotated[str | None, typer.Option("--tag", metavar="TAG", help="Only those that carry this tag.")]
Offline = Annotated[bool, typer.Option("--offline", help="Only those that the server does not hear from.")]

app = family.family("agents")


@app.command("list")
@command
def list_agents(
    server: Server, tag: WithTag = None, offline: Offline = False, output: OutputFormat = Format.text
) -> int:
    """List the agents."""
    found = family.asked(server, lambda client: client.agents.list())
    meant = [one for one in found if (tag is None or tag in one.tags) and not (offline and one.online)]
    family.show(
        meant,
        {
            "NAME": lambda one: one.name,
            "STATE": lambda one: one.presence_state,
            "LAST SEEN": lambda one: one.heartbeat,
            "TAGS": lambda one: [*one.tags],
            "ID": lambda one: one.id,
        },
        output,
        "no such agents" if found else "no agents",
    )
    return EXIT_OK


@app.command("get")
@command
def get(server: Server, agent: AgentName, output: OutputFormat = Format.text) -> int:
    """Show an agent with its interfaces, processes and plugins."""

    async def details(client: ReadClient) -> Agent:
        return await client.agents.get((await found(client, agent)).id)

    family.show_one(family.asked(server, details), output)
    return EXIT_OK


@app.command("delete")
@command
def delete(server: Server, agent: AgentName, yes: Yes = False) -> int:
    """Delete an agent; one that still runs registers again."""
    meant = family.asked(server, lambda client: found(client, agent))
    confirm(f"Delete the agent {meant.name} ({meant.presence_state}, {meant.id})?", yes=yes)
    family.done(server, lambda client: client.agents.delete(meant.id))
    family.say(f"deleted the agent {meant.name}")
    return EXIT_OK


async def found(client: ReadClient, agent: str) -> Agent:
    """Return the agent of an id, or of a name that no other has.

    :raises NotFound: there is none.
    :raises DlsyncError: several have the name.
    """
    agents = {one.id: one for one in await client.agents.list()}
    return agents[family.chosen("agent", agent, {id_: one.name for id_, one in agents.items()})]
