"""``dlsync tags``."""

from __future__ import annotations

from typing import Annotated

import typer

from dlsync.cli import by_hand
from dlsync.cli.asking import Yes, confirm
from dlsync.cli.options import Format, OutputFormat, Server, command
from dlsync.errors import EXIT_OK

Tag = Annotated[str, typer.Argument(metavar="TAG", help="The tag's name.")]

app = by_hand.family("tags")


@app.command("list")
@command
def list_tags(server: Server, output: OutputFormat = Format.text) -> int:
    """List the tags."""
    found = by_hand.asked(server, lambda client: client.tags.list())
    by_hand.show(found, {"NAME": lambda one: one.name}, output, "no tags")
    return EXIT_OK


@app.command("delete")
@command
def delete(server: Server, tag: Tag, yes: Yes = False) -> int:
    """Take a tag from all that carry it."""
    confirm(f"Take the tag {tag} from all that carry it?", yes=yes)
    instead = "Take it out of the settings of the agents that carry it; then it is gone."
    by_hand.done(server, lambda client: client.tags.delete(tag), instead=instead)
    by_hand.say(f"deleted the tag {tag}")
    return EXIT_OK
