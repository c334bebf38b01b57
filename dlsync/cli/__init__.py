"""The command line: parses, calls one library function, renders, returns a code. One module a command."""

from __future__ import annotations

from typing import Annotated

import typer

from dlsync import __version__
from dlsync.cli import inventory, packs
from dlsync.cli.accept import accept
from dlsync.cli.adopt import adopt
from dlsync.cli.apply import apply
from dlsync.cli.doctor import doctor
from dlsync.cli.drift import drift
from dlsync.cli.export import export
from dlsync.cli.families import FAMILIES
from dlsync.cli.history import history
from dlsync.cli.import_backup import import_backup
from dlsync.cli.init import init
from dlsync.cli.plan import plan
from dlsync.cli.release import release
from dlsync.cli.render import render
from dlsync.cli.rollback import rollback
from dlsync.cli.schema import schema
from dlsync.cli.sections import Sectioned
from dlsync.cli.serve import serve
from dlsync.cli.unlock import unlock
from dlsync.cli.validate import validate

__all__ = ["app"]

# drawn without rich, help takes a third of the time
app = typer.Typer(
    name="dlsync",
    cls=Sectioned,
    help="GitOps for monitoring: dashboards, alert rules and plugins as files in git.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done; 1 error; 2 changes (with --detailed-exitcode, --check) or drift; 3 some changes "
    "failed; 4 refused, or left for somebody to decide; 130 interrupted.",
)


def _version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it
    if wanted:
        typer.echo(f"dlsync {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_version, help="Print the version and exit.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show a traceback with an error.")] = False,
) -> None:
    """Take the options that stand before a command; ``main`` looks for ``--debug`` itself."""


_FILES = (init, import_backup, validate, render)
_SERVER = (plan, apply, drift, accept, export, adopt, release)
_REST = (history, rollback, unlock, doctor, schema, serve)

for _command in (*_FILES, *_SERVER, *_REST):
    app.command(_command.__name__.replace("_", "-"))(_command)

for _family in FAMILIES:
    app.add_typer(_family.app)
app.add_typer(inventory.app)
app.add_typer(packs.app)
