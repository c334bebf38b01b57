"""``dlsync annotations``: dated notes, such as deploys, in named streams."""

from __future__ import annotations

from typing import Annotated

import typer

from dlsync.cli.api import family
from dlsync.cli.options import Format, OutputFormat, Server, Yes, command
from dlsync.cli.output import confirm
from dlsync.errors import EXIT_OK, SettingsError

Stream = Annotated[str, typer.Argument(metavar="STREAM", help="The stream's name.")]
StreamOrAll = Annotated[str | None, typer.Argument(metavar="STREAM", help="Its annotations; without it, the streams.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="The annotation's id.")]
IdOrAll = Annotated[str | None, typer.Argument(metavar="ID", help="Only this one; without it, the whole stream.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="What happens, such as v24.")]
NewName = Annotated[str | None, typer.Option("--name", metavar="NAME", help="Its new name.")]
Description = Annotated[str | None, typer.Option("--description", metavar="TEXT", help="More about it.")]

app = family.family("annotations")


@app.command("list")
@command
def list_annotations(server: Server, stream: StreamOrAll = None, output: OutputFormat = Format.text) -> int:
    """List the streams, or the annotations of one."""
    if stream is None:
        streams = family.asked(server, lambda client: client.annotations.streams())
        family.show(streams, {"STREAM": str}, output, "no streams")
        return EXIT_OK
    found = family.asked(server, lambda client: client.annotations.list(stream))
    family.show(
        found,
        {
            "TIME": lambda one: one.start_time,
            "NAME": lambda one: one.name,
            "DESCRIPTION": lambda one: one.description,
            "ID": lambda one: one.id,
        },
        output,
        "no annotations",
    )
    return EXIT_OK


@app.command("get")
@command
def get(server: Server, stream: Stream, annotation: Id, output: OutputFormat = Format.text) -> int:
    """Show an annotation."""
    family.show_one(family.asked(server, lambda client: client.annotations.get(stream, annotation)), output)
    return EXIT_OK


@app.command("create")
@command
def create(
    server: Server, stream: Stream, name: Name, description: Description = None, output: OutputFormat = Format.text
) -> int:
    """Note that something happens now; a stream that is not there yet is made."""
    made = family.done(
        server, lambda client: client.annotations.create(stream, name=name, description=description or "")
    )
    family.show_one(made, output)
    return EXIT_OK


@app.command("update")
@command
def update(
    server: Server,
    stream: Stream,
    annotation: Id,
    name: NewName = None,
    description: Description = None,
    output: OutputFormat = Format.text,
) -> int:
    """Change an annotation's name, description or both."""
    if name is None and description is None:
        raise SettingsError("nothing is given to change", hint="Give --name, --description or both.")
    changed = family.done(
        server, lambda client: client.annotations.update(stream, annotation, name=name, description=description)
    )
    family.show_one(changed, output)
    return EXIT_OK


@app.command("delete")
@command
def delete(server: Server, stream: Stream, annotation: IdOrAll = None, yes: Yes = False) -> int:
    """Delete an annotation, or a stream with all of its."""
    if annotation is None:
        confirm(f"Delete the stream {stream} with all its annotations?", yes=yes)
        family.done(server, lambda client: client.annotations.delete_stream(stream))
        family.say(f"deleted the stream {stream}")
    else:
        confirm(f"Delete the annotation {annotation} of {stream}?", yes=yes)
        family.done(server, lambda client: client.annotations.delete(stream, annotation))
        family.say(f"deleted the annotation {annotation} of {stream}")
    return EXIT_OK
