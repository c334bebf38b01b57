"""``dlsync schema``: the JSON Schemas of the files and of the plan."""

from __future__ import annotations

from typing import Annotated

import typer

from dlsync.cli import suggestions
from dlsync.cli.options import command
from dlsync.errors import EXIT_OK

Kind = Annotated[
    str | None,
    typer.Argument(metavar="KIND", help="Whose schema; without it, what there is.", autocompletion=suggestions.schemas),
]


@command
def schema(kind: Kind = None) -> int:
    """Print a JSON Schema, for editors and checks."""
    from dlsync.cli.output import result
    from dlsync.files import schema as schemas

    result(schemas.text(kind) if kind else "".join(f"{name}\n" for name in schemas.names()))
    return EXIT_OK
