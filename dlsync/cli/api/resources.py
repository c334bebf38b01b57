"""``dlsync dashboards``, ``rules``, ``plugins`` and ``links``: what files have too."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from dlsync.cli.api.family import STDIN, content_of, id_of, read, show, show_json, show_record, write
from dlsync.cli.console import confirm, report, write_content, write_stdout
from dlsync.cli.options import CURRENT, Format, Output, Server, Yes, family, subcommand
from dlsync.errors import AlreadyExists, DlsyncError, InvalidTree, NotFound
from dlsync.messages import counted, visible

if TYPE_CHECKING:
    from dlsync.client import Client, ReadClient
    from dlsync.client.links import Link
    from dlsync.files.settings import Settings

DocumentName = Annotated[str, typer.Argument(metavar="NAME", help="Its name.")]
File = Annotated[Path, typer.Argument(metavar="FILE", help="Its YAML; - for stdin.", allow_dash=True)]
RuleName = Annotated[str, typer.Argument(metavar="NAME", help="The rule's name.")]
NO_LIST = "Get each by the name that your files have: `dlsync {0} get NAME`."
NO_DELETE = "Delete it on the server's own pages, or replace it: `dlsync {0} update {1} FILE`."
NO_MUTE = "Remove the actions from its file, and run `dlsync rules update`."

dashboards_app = family("dashboards")
rules_app = family("rules")


def _add_commands(app: typer.Typer, kind: str, listed: str, columns: dict[str, str]) -> None:
    """Add the commands of a kind of document; its plural is the attribute of the client."""
    plural = f"{kind}s"

    @subcommand(app, "list", listed)
    def list_all(server: Server, output: Output = "text") -> None:
        found = read(server, lambda client: getattr(client, plural).list(), instead=NO_LIST.format(plural))
        show(found, columns, output, f"no {plural}")

    @subcommand(app, "get", f"Print a {kind}'s YAML as it is on the server.")
    def get(server: Server, name: DocumentName, output: Output = "text") -> None:
        from dlsync.files import yaml

        body = read(server, lambda client: getattr(client, plural).export(name))
        if output == "json":
            show_json(yaml.parse(body))
        else:
            write_content(body)

    @subcommand(app, "create", f"Create a {kind} from a file.")
    def create(server: Server, name: DocumentName, file: File, output: Output = "text") -> None:
        _put(server, kind, name, file, "create", output)

    @subcommand(app, "update", f"Replace a {kind} by a file.")
    def update(server: Server, name: DocumentName, file: File, output: Output = "text") -> None:
        _put(server, kind, name, file, "update", output)

    @subcommand(app, "delete", f"Delete a {kind}.")
    def delete(server: Server, name: DocumentName, yes: Yes = False, output: Output = "text") -> None:
        confirm(f"Delete the {kind} {name}?", yes=yes)
        deleted, instead = f"deleted the {kind} {name}", NO_DELETE.format(plural, quote(name))
        write(server, lambda client: getattr(client, plural).delete(name), deleted, output, instead=instead)


def _put(server: Server, kind: str, name: str, file: Path, verb: Literal["create", "update"], output: Format) -> None:
    body = _checked(kind, file, server.settings(CURRENT))

    async def put(client: Client) -> None:
        documents = getattr(client, f"{kind}s")
        try:
            await documents.export(name)
        except NotFound:
            if verb == "update":
                raise NotFound(f"there is no {kind} {name!r}", hint=f"`dlsync {kind}s create` creates it.") from None
        else:
            if verb == "create":
                hint = f"`dlsync {kind}s update` replaces it."
                raise AlreadyExists(f"there is a {kind} {name!r} already", hint=hint)
        await documents.put(name, body)

    write(server, put, f"{verb}d the {kind} {name}", output)


def _checked(kind: str, file: Path, settings: Settings) -> bytes:
    """Return the content to send for a file, with references resolved; print warnings, raise InvalidTree for errors."""
    from dlsync.resources import LoadContext, SourceFile, kind_of

    label = "stdin" if file == STDIN else str(file)
    source = SourceFile("given.yaml", content_of(file))  # the user gives the name, whatever the name of the file is
    resources, found = kind_of(kind).read([source], LoadContext(settings.values()))
    problems = [replace(problem, file=label) for problem in found]
    if errors := sum(problem.severity == "error" for problem in problems):
        raise InvalidTree(f"{counted(errors, 'error')} in {label}; nothing was sent", problems=problems)
    report(problems)
    return resources[0].body


_add_commands(dashboards_app, "dashboard", "List the dashboards.", {"NAME": "name", "TITLE": "title"})
_add_commands(
    rules_app, "rule", "List the rules, and whether each is muted.", {"NAME": "name", "MUTE": "mute", "ID": "id"}
)


@subcommand(rules_app, "mute")
def mute(server: Server, name: RuleName, output: Output = "text") -> None:
    """Mute a rule."""
    write(server, lambda client: client.rules.mute(name), f"muted the rule {name}", output, instead=NO_MUTE)


@subcommand(rules_app, "unmute")
def unmute(server: Server, name: RuleName, output: Output = "text") -> None:
    """Unmute a rule."""
    unmuted = f"unmuted the rule {name}"
    write(server, lambda client: client.rules.mute(name, mute=False), unmuted, output, instead=NO_MUTE)


PluginName = Annotated[str, typer.Argument(metavar="NAME", help="The plugin's name.")]
NewName = Annotated[
    str | None, typer.Option("--name", metavar="NAME", help="The plugin's name; else the name of the file.")
]
Script = Annotated[Path, typer.Argument(metavar="FILE", help="The script; its extension is the plugin's extension.")]
Content = Annotated[Path, typer.Argument(metavar="FILE", help="The script; - for stdin.", allow_dash=True)]
OutputFile = Annotated[Path | None, typer.Option("--output", metavar="FILE", help="Write the script there.")]
LinkId = Annotated[str, typer.Argument(metavar="ID", help="The link's id.")]
LinkIdOrPlugin = Annotated[
    str,
    typer.Argument(metavar="ID|PLUGIN", help="The link's id, or its plugin's name if the plugin has only one link."),
]
Tags = Annotated[list[str], typer.Argument(metavar="TAG...", help="The tags of the agents that run it.")]
PluginFilter = Annotated[str | None, typer.Option("--plugin", metavar="NAME", help="Only links of this plugin.")]
TagFilter = Annotated[str | None, typer.Option("--tag", metavar="TAG", help="Only links to this tag.")]
LinkedPlugin = Annotated[str, typer.Argument(metavar="PLUGIN", help="The plugin's name.")]
NO_WRITING = "Make and delete links on the server's own pages; `dlsync links list` shows them."

plugins_app = family("plugins")
links_app = family("links")


@subcommand(plugins_app, "list")
def list_plugins(server: Server, output: Output = "text") -> None:
    """List the plugins."""
    columns = {"NAME": "name", "EXTENSION": "extension", "INTERVAL": "interval", "DESCRIPTION": "description"}
    show(read(server, lambda client: client.plugins.list()), columns, output, "no plugins")


@subcommand(plugins_app, "get")
def get_plugin(server: Server, name: PluginName, file: OutputFile = None, output: Output = "text") -> None:
    """Print a plugin's script as it is on the server, or write it to a file."""
    plugin = read(server, lambda client: client.plugins.get(name))
    if file is not None:
        try:
            file.write_bytes(plugin.content)
        except OSError as error:
            raise DlsyncError(f"{file} cannot be written: {error.strerror}") from error
    if output == "json":
        show_json(plugin)
    elif file is None:
        write_content(plugin.content)
    else:
        write_stdout(visible(f"wrote {file}") + "\n")


@subcommand(plugins_app, "create")
def create_plugin(server: Server, file: Script, name: NewName = None, output: Output = "text") -> None:
    """Create a plugin from a script; an existing plugin is not changed."""
    from dlsync.files.names import plugin_name

    stem, extension = plugin_name(file.name)
    content, chosen = content_of(file), name or stem
    created = f"created the plugin {chosen}"
    try:
        write(server, lambda client: client.plugins.create(chosen, extension, content), created, output)
    except AlreadyExists as error:
        hint = "`dlsync plugins update` replaces its script."
        message = f"there is a plugin {chosen!r} already: {error.message}"
        raise AlreadyExists(message, request=error.request, hint=hint) from error


@subcommand(plugins_app, "update")
def update_plugin(server: Server, name: PluginName, file: Content, output: Output = "text") -> None:
    """Replace a plugin's script."""
    content = content_of(file)
    write(server, lambda client: client.plugins.update(name, content), f"updated the plugin {name}", output)


@subcommand(plugins_app, "delete")
def delete_plugin(server: Server, name: PluginName, yes: Yes = False, output: Output = "text") -> None:
    """Delete a plugin; the server deletes its links with it."""
    found = read(server, lambda client: client.links.list())
    tags = sorted({tag for link in found if link.plugin == name for tag in link.tags})
    plugin = f"the plugin {name}" + (f" and its links to {', '.join(tags)}" if tags else "")
    confirm(f"Delete {plugin}?", yes=yes)
    write(server, lambda client: client.plugins.delete(name), f"deleted {plugin}", output)


@subcommand(links_app, "list")
def list_links(server: Server, plugin: PluginFilter = None, tag: TagFilter = None, output: Output = "text") -> None:
    """List the links."""
    found = read(server, lambda client: client.links.list())
    selected = [link for link in found if plugin in {None, link.plugin} and (tag is None or tag in link.tags)]
    columns = {"PLUGIN": "plugin", "TAGS": "tags", "ID": "id"}
    show(selected, columns, output, "no such links" if found else "no links")


@subcommand(links_app, "get")
def get_link(server: Server, link: LinkId, output: Output = "text") -> None:
    """Show a link."""
    instead = "`dlsync links list` shows all there is of each."
    show_record(read(server, lambda client: client.links.get(link), instead=instead), output)


@subcommand(links_app, "create")
def create_link(server: Server, plugin: LinkedPlugin, tags: Tags, output: Output = "text") -> None:
    """Run a plugin on the agents with these tags."""
    created = f"linked the plugin {plugin} to {', '.join(tags)}"
    write(server, lambda client: client.links.create(plugin, tags), created, output, instead=NO_WRITING)


@subcommand(links_app, "delete")
def delete_link(server: Server, link: LinkIdOrPlugin, yes: Yes = False, output: Output = "text") -> None:
    """Delete a link; its agents no longer run the plugin."""

    async def named(client: ReadClient) -> Link:
        found = {one.id: one for one in await client.links.list()}
        return found[id_of("link", link, {id_: one.plugin for id_, one in found.items()})]

    found = read(server, named)
    description = f"the link of the plugin {found.plugin} to {', '.join(found.tags)}"
    confirm(f"Delete {description}?", yes=yes)
    write(server, lambda client: client.links.delete(found.id), f"deleted {description}", output, instead=NO_WRITING)
