"""``dlsync accounts``: those of the organisation."""

from __future__ import annotations

from typing import Annotated

import typer

from dlsync.cli.api import family
from dlsync.cli.options import Format, OutputFormat, Server, Yes, command
from dlsync.cli.output import confirm
from dlsync.errors import EXIT_OK

Name = Annotated[str, typer.Argument(metavar="NAME", help="The account's name.")]

app = family.family("accounts")


@app.command("list")
@command
def list_accounts(server: Server, output: OutputFormat = Format.text) -> int:
    """List the accounts; the keys of their agents are not shown."""
    found = family.asked(server, lambda client: client.accounts.list(), in_account=False)
    family.show(found, {"NAME": lambda one: one.name, "ID": lambda one: one.extra.get("id")}, output, "no accounts")
    return EXIT_OK


@app.command("create")
@command
def create(server: Server, name: Name) -> int:
    """Create an account."""
    family.done(server, lambda client: client.accounts.create(name), in_account=False)
    family.say(f"created the account {name}")
    return EXIT_OK


@app.command("delete")
@command
def delete(server: Server, name: Name, yes: Yes = False) -> int:
    """Delete an account with all that is in it."""
    confirm(f"Delete the account {name} with all that is in it?", yes=yes)
    family.done(server, lambda client: client.accounts.delete(name), in_account=False)
    family.say(f"deleted the account {name}")
    return EXIT_OK
