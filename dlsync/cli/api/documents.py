"""What ``dlsync dashboards`` and ``dlsync rules`` share: a family of YAML documents, each known by its name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Protocol

import typer

from dlsync.cli.api import family as by_hand
from dlsync.cli.api.files import checked
from dlsync.cli.options import CURRENT, Format, OutputFormat, Server, Yes, command
from dlsync.cli.output import confirm
from dlsync.errors import EXIT_OK, AlreadyExists, NotFound

if TYPE_CHECKING:
    from collections.abc import Callable

    from dlsync.client import Client, ReadClient

Name = Annotated[str, typer.Argument(metavar="NAME", help="Its name.")]
File = Annotated[Path, typer.Argument(metavar="FILE", help="Its YAML; - for stdin.", allow_dash=True)]
NO_LIST = "Each can be had by its name: `dlsync {kind}s get NAME`; the names are those of your files."
NO_DELETE = "Delete it where the server has a page for that; `dlsync {kind}s update {name} FILE` can replace it."


class Exporting(Protocol):
    """Reads a family of documents."""

    async def export(self, name: str) -> bytes:
        """Return one as YAML."""


class Writing(Exporting, Protocol):
    """Reads and writes a family of documents."""

    async def put(self, name: str, body: bytes) -> None:
        """Create or replace one."""

    async def delete(self, name: str) -> None:
        """Delete one."""


def add_commands(
    app: typer.Typer, kind: str, reader: Callable[[ReadClient], Exporting], writer: Callable[[Client], Writing]
) -> None:
    """Give a family its ``get``, ``create``, ``update`` and ``delete``.

    :param kind: what one of it is called, singular.
    :param reader: the family of a client; ``writer`` likewise.
    """
    _add_get(app, kind, reader)
    _add_put(app, kind, writer, "create")
    _add_put(app, kind, writer, "update")
    _add_delete(app, kind, writer)


def _add_get(app: typer.Typer, kind: str, family: Callable[[ReadClient], Exporting]) -> None:
    @app.command("get", help=f"Print a {kind}'s YAML as it is on the server.")
    @command
    def get(server: Server, name: Name, output: OutputFormat = Format.text) -> int:
        _print(by_hand.asked(server, lambda client: family(client).export(name)), output)
        return EXIT_OK


def _add_put(
    app: typer.Typer, kind: str, family: Callable[[Client], Writing], verb: Literal["create", "update"]
) -> None:
    creates = verb == "create"
    purpose = f"Create a {kind} from a file." if creates else f"Replace a {kind} by a file."

    @app.command(verb, help=purpose)
    @command
    def put(server: Server, name: Name, file: File) -> int:
        body = checked(kind, file, server.settings(CURRENT))

        async def work(client: Client) -> None:
            is_there = await _exists(family(client), name)
            if is_there and creates:
                hint = f"`dlsync {kind}s update` replaces it."
                raise AlreadyExists(f"there is a {kind} {name!r} already", hint=hint)
            if not is_there and not creates:
                raise NotFound(f"there is no {kind} {name!r}", hint=f"`dlsync {kind}s create` makes it.")
            await family(client).put(name, body)

        by_hand.done(server, work)
        by_hand.say(f"{verb}d the {kind} {name}")
        return EXIT_OK


def _add_delete(app: typer.Typer, kind: str, family: Callable[[Client], Writing]) -> None:
    @app.command("delete", help=f"Delete a {kind}.")
    @command
    def delete(server: Server, name: Name, yes: Yes = False) -> int:
        confirm(f"Delete the {kind} {name}?", yes=yes)
        instead = NO_DELETE.format(kind=kind, name=name)
        by_hand.done(server, lambda client: family(client).delete(name), instead=instead)
        by_hand.say(f"deleted the {kind} {name}")
        return EXIT_OK


async def _exists(family: Exporting, name: str) -> bool:
    try:
        await family.export(name)
    except NotFound:
        return False
    return True


def _print(body: bytes, output: Format) -> None:
    from dlsync.cli.output import content
    from dlsync.files import yaml

    if output is Format.json:
        by_hand.show_json(yaml.parse(body))
    else:
        content(body)
