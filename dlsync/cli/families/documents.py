"""What ``dlsync dashboards`` and ``dlsync rules`` share: a family of YAML documents, each known by its name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol

import typer

from dlsync.cli import by_hand
from dlsync.cli.families.files import checked
from dlsync.cli.options import CURRENT, Format, OutputFormat, Server, command
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

    @app.command("get", help=f"Print a {kind}'s YAML as it is on the server.")
    @command
    def get(server: Server, name: Name, output: OutputFormat = Format.text) -> int:
        _print(by_hand.asked(server, lambda client: reader(client).export(name)), output)
        return EXIT_OK

    @app.command("create", help=f"Create a {kind} from a file; one that is there already is left alone.")
    @command
    def create(server: Server, name: Name, file: File) -> int:
        body = checked(kind, file, server.settings(CURRENT))

        async def work(client: Client) -> None:
            if await _exists(writer(client), name):
                hint = f"`dlsync {kind}s update` replaces it."
                raise AlreadyExists(f"there is a {kind} {name!r} already", hint=hint)
            await writer(client).put(name, body)

        by_hand.done(server, work)
        by_hand.say(f"created the {kind} {name}")
        return EXIT_OK

    @app.command("update", help=f"Replace a {kind} by a file.")
    @command
    def update(server: Server, name: Name, file: File) -> int:
        body = checked(kind, file, server.settings(CURRENT))

        async def work(client: Client) -> None:
            if not await _exists(writer(client), name):
                raise NotFound(f"there is no {kind} {name!r}", hint=f"`dlsync {kind}s create` makes it.")
            await writer(client).put(name, body)

        by_hand.done(server, work)
        by_hand.say(f"updated the {kind} {name}")
        return EXIT_OK

    @app.command("delete", help=f"Delete a {kind}.")
    @command
    def delete(server: Server, name: Name) -> int:
        instead = NO_DELETE.format(kind=kind, name=name)
        by_hand.done(server, lambda client: writer(client).delete(name), instead=instead)
        by_hand.say(f"deleted the {kind} {name}")
        return EXIT_OK


async def _exists(family: Exporting, name: str) -> bool:
    try:
        await family.export(name)
    except NotFound:
        return False
    return True


def _print(body: bytes, output: Format) -> None:
    from dlsync import yamlfile
    from dlsync.cli.output import content

    if output is Format.json:
        by_hand.show_json(yamlfile.parse(body))
    else:
        content(body)
