"""``dlsync tags``."""

from __future__ import annotations

from typing import Annotated

import typer

from dlsync.cli.api import family
from dlsync.cli.options import Format, OutputFormat, Server, Yes, command
from dlsync.cli.output import confirm
from dlsync.errors import EXIT_OK

Tag = Annotated[str, typer.Argument(metavar="TAG", help="The tag's name.")]

app = family.family("tags")


@app.command("list")
@command
def list_tags(server: Server, output: OutputFormat = Format.text) -> int:
    """List the tags."""
    found = family.asked(server, lambda client: client.tags.list())
    family.show(found, {"NAME": lambda one: one.name}, output, "no tags")
    return EXIT_OK


@app.command("delete")
@command
def delete(server: Server, tag: Tag, yes: Yes = False) -> int:
    """Take a tag from all that carry it."""
    confirm(f"Take the tag {tag} from all that carry it?", yes=yes)
    instead = "Take it out of the settings of the agents that carry it; then it is gone."
    family.done(server, lambda client: client.tags.delete(tag), instead=instead)
    family.say(f"deleted the tag {tag}")
    return EXIT_OK
