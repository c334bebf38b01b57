"""``dlsync plugins``: scripts in the Nagios way."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dlsync.cli.api import family
from dlsync.cli.api.files import content_of
from dlsync.cli.options import Format, OutputFormat, Server, Yes, command
from dlsync.cli.output import confirm
from dlsync.errors import EXIT_OK, AlreadyExists, DlsyncError

if TYPE_CHECKING:
    from dlsync.client.plugins import Plugin

Name = Annotated[str, typer.Argument(metavar="NAME", help="The plugin's name.")]
NewName = Annotated[str | None, typer.Option("--name", metavar="NAME", help="Its name; else the file's.")]
Script = Annotated[Path, typer.Argument(metavar="FILE", help="The script; its ending is the plugin's.")]
Content = Annotated[Path, typer.Argument(metavar="FILE", help="The script; - for stdin.", allow_dash=True)]
Output = Annotated[Path | None, typer.Option("--output", metavar="FILE", help="Write the script there.")]

app = family.family("plugins")


@app.command("list")
@command
def list_plugins(server: Server, output: OutputFormat = Format.text) -> int:
    """List the plugins."""
    found = family.asked(server, lambda client: client.plugins.list())
    columns = {
        "NAME": lambda one: one.name,
        "EXTENSION": lambda one: one.extra.get("extension"),
        "INTERVAL": lambda one: one.extra.get("interval"),
        "DESCRIPTION": lambda one: one.extra.get("description"),
    }
    family.show(found, columns, output, "no plugins")
    return EXIT_OK


@app.command("get")
@command
def get(server: Server, name: Name, output: Output = None, form: OutputFormat = Format.text) -> int:
    """Print a plugin's script as it is on the server, or write it to a file."""
    from dlsync.cli.output import content

    plugin = family.asked(server, lambda client: client.plugins.get(name))
    if output is not None:
        _write(output, plugin)
    if form is Format.json:
        family.show_json(plugin)
    elif output is None:
        content(plugin.content)
    else:
        family.say(f"wrote {output}")
    return EXIT_OK


def _write(file: Path, plugin: Plugin) -> None:
    try:
        file.write_bytes(plugin.content)
    except OSError as error:
        raise DlsyncError(f"{file} cannot be written: {error.strerror}") from error


@app.command("create")
@command
def create(server: Server, file: Script, name: NewName = None) -> int:
    """Create a plugin from a script; one that is there already is left alone."""
    from dlsync.files.names import plugin_name

    stem, extension = plugin_name(file.name)
    content, chosen = content_of(file), name or stem
    try:
        family.done(server, lambda client: client.plugins.create(chosen, extension, content))
    except AlreadyExists as error:
        hint = "`dlsync plugins update` replaces its script."
        raise AlreadyExists(f"there is a plugin {chosen!r} already", request=error.request, hint=hint) from error
    family.say(f"created the plugin {chosen}")
    return EXIT_OK


@app.command("update")
@command
def update(server: Server, name: Name, file: Content) -> int:
    """Replace a plugin's script."""
    content = content_of(file)
    family.done(server, lambda client: client.plugins.update(name, content))
    family.say(f"updated the plugin {name}")
    return EXIT_OK


@app.command("delete")
@command
def delete(server: Server, name: Name, yes: Yes = False) -> int:
    """Delete a plugin; the server deletes its links with it."""
    links = family.asked(server, lambda client: client.links.list())
    tags = sorted({tag for link in links if link.plugin == name for tag in link.tags})
    plugin = f"the plugin {name}" + (f" and its links to {', '.join(tags)}" if tags else "")
    confirm(f"Delete {plugin}?", yes=yes)
    family.done(server, lambda client: client.plugins.delete(name))
    family.say(f"deleted {plugin}")
    return EXIT_OK
