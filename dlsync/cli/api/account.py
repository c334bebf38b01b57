"""``dlsync accounts``, ``agents``, ``annotations``, ``metrics`` and ``tags``: what no file has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dlsync.cli.api.family import id_of, read, show, show_record, write
from dlsync.cli.console import confirm
from dlsync.cli.options import Output, Server, Yes, family, subcommand
from dlsync.errors import SettingsError

if TYPE_CHECKING:
    from dlsync.client import ReadClient
    from dlsync.client.agents import Agent
    from dlsync.client.metrics import Metric

AgentName = Annotated[str, typer.Argument(metavar="ID|NAME", help="The agent's id, or its name if no other has it.")]
TagFilter = Annotated[str | None, typer.Option("--tag", metavar="TAG", help="Only agents with this tag.")]
Offline = Annotated[bool, typer.Option("--offline", help="Only agents that are offline.")]
AgentOption = Annotated[str | None, typer.Option("--agent", metavar="ID|NAME", help="Of this agent.")]
TagName = Annotated[str, typer.Argument(metavar="TAG", help="The tag's name.")]
TagOption = Annotated[str | None, typer.Option("--tag", metavar="TAG", help="Of the agents with this tag.")]

agents_app = family("agents")
metrics_app = family("metrics")
tags_app = family("tags")


@subcommand(agents_app, "list")
def list_agents(server: Server, tag: TagFilter = None, offline: Offline = False, output: Output = "text") -> None:
    """List the agents."""
    found = read(server, lambda client: client.agents.list())
    selected = [one for one in found if (tag is None or tag in one.tags) and not (offline and one.online)]
    columns = {"NAME": "name", "STATE": "presence_state", "LAST SEEN": "heartbeat", "TAGS": "tags", "ID": "id"}
    show(selected, columns, output, "no such agents" if found else "no agents")


@subcommand(agents_app, "get")
def get_agent(server: Server, agent: AgentName, output: Output = "text") -> None:
    """Show an agent with its interfaces, processes and plugins."""

    async def details(client: ReadClient) -> Agent:
        return await client.agents.get((await agent_named(client, agent)).id)

    show_record(read(server, details), output)


@subcommand(agents_app, "delete")
def delete_agent(server: Server, agent: AgentName, yes: Yes = False, output: Output = "text") -> None:
    """Delete an agent; one that still runs registers again."""
    found = read(server, lambda client: agent_named(client, agent))
    confirm(f"Delete the agent {found.name} ({found.presence_state}, {found.id})?", yes=yes)
    write(server, lambda client: client.agents.delete(found.id), f"deleted the agent {found.name}", output)


async def agent_named(client: ReadClient, id_or_name: str) -> Agent:
    """Return the agent of an id or a name; see :func:`id_of`."""
    found = {agent.id: agent for agent in await client.agents.list()}
    return found[id_of("agent", id_or_name, {id_: agent.name for id_, agent in found.items()})]


def require_agent_or_tag(agent: str | None, tag: str | None) -> None:
    """Raise a SettingsError unless one of the two is given."""
    if bool(agent) == bool(tag):
        raise SettingsError("expected either --agent or --tag", hint="Give one of the two.")


@subcommand(metrics_app, "list")
def list_metrics(server: Server, agent: AgentOption = None, tag: TagOption = None, output: Output = "text") -> None:
    """List the metrics of an agent, or of all agents with a tag."""
    require_agent_or_tag(agent, tag)

    async def listed(client: ReadClient) -> tuple[Metric, ...]:
        agent_id = (await agent_named(client, agent)).id if agent else None
        return await client.metrics.list(agent=agent_id, tag=tag)

    show(read(server, listed), {"NAME": "name", "TYPE": "data_type", "ID": "id"}, output, "no metrics")


@subcommand(tags_app, "list")
def list_tags(server: Server, output: Output = "text") -> None:
    """List the tags."""
    show(read(server, lambda client: client.tags.list()), {"NAME": "name"}, output, "no tags")


@subcommand(tags_app, "delete")
def delete_tag(server: Server, tag: TagName, yes: Yes = False, output: Output = "text") -> None:
    """Remove a tag from everything that has it."""
    confirm(f"Remove the tag {tag} from everything that has it?", yes=yes)
    instead = "Take it out of the settings of the agents that carry it; then it is gone."
    write(server, lambda client: client.tags.delete(tag), f"deleted the tag {tag}", output, instead=instead)


AccountName = Annotated[str, typer.Argument(metavar="NAME", help="The account's name.")]
Stream = Annotated[str, typer.Argument(metavar="STREAM", help="The stream's name.")]
AnnotationId = Annotated[str, typer.Argument(metavar="ID", help="The annotation's id.")]
StreamOrAll = Annotated[str | None, typer.Argument(metavar="STREAM", help="Its annotations; without it, the streams.")]
IdOrAll = Annotated[str | None, typer.Argument(metavar="ID", help="Only this one; without it, the whole stream.")]
AnnotationName = Annotated[str, typer.Argument(metavar="NAME", help="What happens, such as v24.")]
NewName = Annotated[str | None, typer.Option("--name", metavar="NAME", help="Its new name.")]
Description = Annotated[str | None, typer.Option("--description", metavar="TEXT", help="More about it.")]

accounts_app = family("accounts")
annotations_app = family("annotations")


@subcommand(accounts_app, "list")
def list_accounts(server: Server, output: Output = "text") -> None:
    """List the accounts; the keys of their agents are not shown."""
    found = read(server, lambda client: client.accounts.list(), in_account=False)
    show(found, {"NAME": "name", "ID": "id"}, output, "no accounts")


@subcommand(accounts_app, "create")
def create_account(server: Server, name: AccountName, output: Output = "text") -> None:
    """Create an account."""
    write(server, lambda client: client.accounts.create(name), f"created the account {name}", output, in_account=False)


@subcommand(accounts_app, "delete")
def delete_account(server: Server, name: AccountName, yes: Yes = False, output: Output = "text") -> None:
    """Delete an account and everything in it."""
    confirm(f"Delete the account {name} and everything in it?", yes=yes)
    write(server, lambda client: client.accounts.delete(name), f"deleted the account {name}", output, in_account=False)


@subcommand(annotations_app, "list")
def list_annotations(server: Server, stream: StreamOrAll = None, output: Output = "text") -> None:
    """List the streams, or the annotations of one."""
    if stream is None:
        show(read(server, lambda client: client.annotations.streams()), {"STREAM": ""}, output, "no streams")
        return
    columns = {"TIME": "start_time", "NAME": "name", "DESCRIPTION": "description", "ID": "id"}
    show(read(server, lambda client: client.annotations.list(stream)), columns, output, "no annotations")


@subcommand(annotations_app, "get")
def get_annotation(server: Server, stream: Stream, annotation: AnnotationId, output: Output = "text") -> None:
    """Show an annotation."""
    show_record(read(server, lambda client: client.annotations.get(stream, annotation)), output)


@subcommand(annotations_app, "create")
def create_annotation(
    server: Server, stream: Stream, name: AnnotationName, description: Description = None, output: Output = "text"
) -> None:
    """Create an annotation for now, and its stream if it does not exist."""
    text = description or ""
    show_record(write(server, lambda client: client.annotations.create(stream, name=name, description=text)), output)


@subcommand(annotations_app, "update")
def update_annotation(
    server: Server,
    stream: Stream,
    annotation: AnnotationId,
    name: NewName = None,
    description: Description = None,
    output: Output = "text",
) -> None:
    """Change an annotation's name, description or both."""
    if name is None and description is None:
        raise SettingsError("there is nothing to change", hint="Give --name, --description or both.")
    changed = write(
        server, lambda client: client.annotations.update(stream, annotation, name=name, description=description)
    )
    show_record(changed, output)


@subcommand(annotations_app, "delete")
def delete_annotation(
    server: Server, stream: Stream, annotation: IdOrAll = None, yes: Yes = False, output: Output = "text"
) -> None:
    """Delete an annotation, or a stream with all its annotations."""
    if annotation is None:
        confirm(f"Delete the stream {stream} with all its annotations?", yes=yes)
        write(server, lambda client: client.annotations.delete_stream(stream), f"deleted the stream {stream}", output)
        return
    deleted = f"the annotation {annotation} of {stream}"
    confirm(f"Delete {deleted}?", yes=yes)
    write(server, lambda client: client.annotations.delete(stream, annotation), f"deleted {deleted}", output)
