"""``dlsync rules``."""

from __future__ import annotations

from typing import Annotated

import typer

from dlsync.cli.api import family
from dlsync.cli.api.documents import NO_LIST, add_commands
from dlsync.cli.options import Format, OutputFormat, Server, command
from dlsync.errors import EXIT_OK

Name = Annotated[str, typer.Argument(metavar="NAME", help="The rule's name.")]
NO_MUTE = "Take the actions out of its file, and `dlsync rules update` it."

app = family.family("rules")


@app.command("list")
@command
def list_rules(server: Server, output: OutputFormat = Format.text) -> int:
    """List the rules, and which of them are mute."""
    found = family.asked(server, lambda client: client.rules.list(), instead=NO_LIST.format(kind="rule"))
    columns = {"NAME": lambda one: one.name, "MUTE": lambda one: one.mute, "ID": lambda one: one.id}
    family.show(found, columns, output, "no rules")
    return EXIT_OK


add_commands(app, "rule", lambda client: client.rules, lambda client: client.rules)


@app.command("mute")
@command
def mute(server: Server, name: Name) -> int:
    """Silence a rule."""
    family.done(server, lambda client: client.rules.mute(name), instead=NO_MUTE)
    family.say(f"muted the rule {name}")
    return EXIT_OK


@app.command("unmute")
@command
def unmute(server: Server, name: Name) -> int:
    """Let a rule speak again."""
    family.done(server, lambda client: client.rules.mute(name, mute=False), instead=NO_MUTE)
    family.say(f"unmuted the rule {name}")
    return EXIT_OK
