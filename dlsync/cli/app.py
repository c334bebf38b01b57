"""The commands as one: their options before a command, their help in sections, each command's module when it is run."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group

from dlsync import __version__
from dlsync.cli.sections import GROUPS, PURPOSES, SECTIONS, home
from dlsync.cli.words import quickly_read

if TYPE_CHECKING:
    from collections.abc import Callable


class Deferred(TyperCommand):
    """A command of which no more than its name and its purpose are known until it is used."""

    def __init__(self, name: str) -> None:
        super().__init__(name, help=PURPOSES[name])

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Return the context of the command itself, which all that follows has its command from."""
        return loaded(str(self.name)).make_context(info_name, args, parent, **extra)

    def get_short_help_str(self, limit: int = 100) -> str:
        """Return the purpose, which completion has room for."""
        return super().get_short_help_str(limit)


class Sectioned(TyperGroup):
    """All commands, in sections."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for name in PURPOSES:
            self.add_command(Deferred(name))

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the sections, the commands of all of them aligned."""
        width = max(map(len, self.list_commands(ctx)))
        room = formatter.width - width - 4
        for title, section in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl(
                    [(f"{name:{width}}", self.commands[name].get_short_help_str(room)) for name in section]
                )


_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
# drawn without rich, help takes a third of the time
app = typer.Typer(
    name="dlsync",
    cls=Sectioned,
    help="GitOps for monitoring: dashboards, alert rules and plugins as files in git.",
    no_args_is_help=True,
    context_settings=_SETTINGS,
    epilog="Exit codes: 0 done; 1 error; 2 changes (with --detailed-exitcode, --check) or drift; 3 some changes "
    "failed; 4 refused or in conflict; 130 interrupted.",
    rich_markup_mode=None,
)


@cache
def command_line() -> TyperGroup:
    """Return the program's command."""
    whole = cast("TyperGroup", get_command(app))  # a callback makes it a group
    quickly_read(whole, _SETTINGS)
    return whole


@cache
def loaded(name: str) -> TyperCommand | TyperGroup:
    """Return a command itself, out of its module: a function of its name, or a family of commands, ``app``."""
    word = name.replace("-", "_")
    module = import_module(f"dlsync.cli.{home(name)}")
    command = get_group(module.app) if name in GROUPS else _alone(name, getattr(module, word))
    for one in (command, *getattr(command, "commands", {}).values()):
        quickly_read(one, _SETTINGS)
    return command


def _alone(name: str, function: Callable[..., int]) -> TyperCommand:
    around = typer.Typer(add_completion=False, rich_markup_mode=None)
    around.command(name)(function)
    return cast("TyperCommand", get_command(around))


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
