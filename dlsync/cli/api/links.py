"""``dlsync links``: which plugins run on the agents of which tags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dlsync.cli.api import family
from dlsync.cli.options import Format, OutputFormat, Server, Yes, command
from dlsync.cli.output import confirm
from dlsync.errors import EXIT_OK

if TYPE_CHECKING:
    from dlsync.client import ReadClient
    from dlsync.client.links import Link

Id = Annotated[str, typer.Argument(metavar="ID", help="The link's id.")]
IdOrPlugin = Annotated[str, typer.Argument(metavar="ID|PLUGIN", help="Its id, or its plugin if that has no other.")]
Plugin = Annotated[str, typer.Argument(metavar="PLUGIN", help="The plugin's name.")]
Tags = Annotated[list[str], typer.Argument(metavar="TAG...", help="Of the agents that are to run it.")]
OfPlugin = Annotated[str | None, typer.Option("--plugin", metavar="NAME", help="Only those of this plugin.")]
WithTag = Annotated[str | None, typer.Option("--tag", metavar="TAG", help="Only those to this tag.")]
NO_WRITING = "Make and delete links where the server has a page for that; `dlsync links list` shows them."

app = family.family("links")


@app.command("list")
@command
def list_links(server: Server, plugin: OfPlugin = None, tag: WithTag = None, output: OutputFormat = Format.text) -> int:
    """List the links."""
    found = family.asked(server, lambda client: client.links.list())
    meant = [one for one in found if plugin in {None, one.plugin} and (tag is None or tag in one.tags)]
    columns = {"PLUGIN": lambda one: one.plugin, "TAGS": lambda one: [*one.tags], "ID": lambda one: one.id}
    family.show(meant, columns, output, "no such links" if found else "no links")
    return EXIT_OK


@app.command("get")
@command
def get(server: Server, link: Id, output: OutputFormat = Format.text) -> int:
    """Show a link."""
    instead = "`dlsync links list` shows all there is of each."
    family.show_one(family.asked(server, lambda client: client.links.get(link), instead=instead), output)
    return EXIT_OK


@app.command("create")
@command
def create(server: Server, plugin: Plugin, tags: Tags) -> int:
    """Let the agents that carry the tags run a plugin."""
    family.done(server, lambda client: client.links.create(plugin, tags), instead=NO_WRITING)
    family.say(f"linked the plugin {plugin} to {', '.join(tags)}")
    return EXIT_OK


@app.command("delete")
@command
def delete(server: Server, link: IdOrPlugin, yes: Yes = False) -> int:
    """Delete a link; its agents no longer run the plugin."""

    async def found(client: ReadClient) -> Link:
        links = {one.id: one for one in await client.links.list()}
        return links[family.chosen("link", link, {id_: one.plugin for id_, one in links.items()})]

    meant = family.asked(server, found)
    confirm(f"Delete the link of the plugin {meant.plugin} to {', '.join(meant.tags)}?", yes=yes)
    family.done(server, lambda client: client.links.delete(meant.id), instead=NO_WRITING)
    family.say(f"deleted the link of the plugin {meant.plugin} to {', '.join(meant.tags)}")
    return EXIT_OK
