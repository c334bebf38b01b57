"""The commands of the program, in sections; the module of a command is imported when the command is used."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Annotated, Any, cast

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group

from dlsync import __version__
from dlsync.cli.console import write_stderr, write_stdout
from dlsync.errors import EXIT_ERROR

# each command with its module and its purpose, because help and completion import no command
SECTIONS = {
    "Files": {
        "init": ("files", "Create a directory with settings, samples and CI templates."),
        "import-backup": ("files", "Convert an old client's backup into dlsync's files."),
        "validate": ("files", "Check the files offline: syntax, schema, names, references."),
        "fmt": ("files", "Format the YAML files; comments are kept."),
        "render": ("files", "Print the files as an apply sends them, without secrets."),
        "packs": ("files", "List the packs of a directory."),
    },
    "Files and server": {
        "plan": ("plan", "Show what an apply would change; changes nothing."),
        "apply": ("apply", "Show the plan, ask, and apply it."),
        "comment": ("comment", "Post or update the plan as a comment on a pull request."),
        "drift": ("drift", "Show what was changed on the server since it was applied."),
        "accept": ("drift", "Write what was changed on the server into the files."),
        "export": ("export", "Write live resources into files; comments are kept."),
    },
    "Managed resources": {
        "adopt": ("inventory", "Manage existing resources, without changing them."),
        "release": ("inventory", "Stop managing resources; they stay live."),
        "inventory": ("inventory", "List managed resources, and rebuild the inventory."),
    },
    "Runs": {
        "history": ("apply", "List the runs that had changes, the latest first."),
        "rollback": ("apply", "Revert a run: show the plan, ask, and apply it."),
        "unlock": ("inventory", "Remove the lock of a dead apply."),
    },
    "Tools": {
        "doctor": ("files", "Check settings, files and server; say what to do."),
        "schema": ("files", "Print a JSON Schema, for editors and checks."),
        "serve": ("serve", "Run the embedded server until it is stopped."),
    },
    "The API by hand": {
        "accounts": ("api.account", "The organisation's accounts."),
        "agents": ("api.account", "Agents, one for each host."),
        "annotations": ("api.account", "Annotations, in streams."),
        "dashboards": ("api.resources", "Dashboards."),
        "links": ("api.resources", "Links between plugins and the tags of agents."),
        "metrics": ("api.account", "Metrics of agents."),
        "plugins": ("api.resources", "Scripts that agents run."),
        "rules": ("api.resources", "Alert rules."),
        "series": ("api.series", "Measurements over time."),
        "tags": ("api.account", "Tags of agents."),
    },
}
_COMMANDS = {name: command for section in SECTIONS.values() for name, command in section.items()}
PURPOSES = {name: purpose for name, (_, purpose) in _COMMANDS.items()}


class Group(TyperGroup):
    """A group of commands; its name alone is an error that shows them."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Show the help if there are no arguments."""
        if not args and not ctx.resilient_parsing:
            write_stderr(f"{ctx.get_help()}\n")
            raise typer.Exit(EXIT_ERROR)
        return super().parse_args(ctx, args)


class DeferredCommand(TyperCommand):
    """A command whose module is imported when it is used; until then, only its purpose is known."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Return the context of the command itself, so that messages name that command."""
        return loaded(str(self.name)).make_context(info_name, args, parent, **extra)


class Program(Group):
    """All commands, in sections."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for name, purpose in PURPOSES.items():
            self.add_command(DeferredCommand(name, short_help=purpose))

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the sections, with all commands aligned."""
        width = max(map(len, self.list_commands(ctx)))
        for title, section in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(f"{name:{width}}", PURPOSES[name]) for name in section])


# drawn without rich, help takes a third of the time
app = typer.Typer(
    name="dlsync",
    cls=Program,
    help="GitOps for monitoring: dashboards, alert rules and plugins as files in git.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done; 1 error; 2 changes (with --detailed-exitcode, --check) or drift; 3 some changes "
    "failed; 4 refused or in conflict; 130 interrupted.",
    rich_markup_mode=None,
)


@cache
def command_line() -> TyperGroup:
    """Return the program's command."""
    return cast("TyperGroup", get_command(app))  # a callback makes it a group


@cache
def loaded(name: str) -> TyperCommand | TyperGroup:
    """Load a command from its module: the function of its name, or the app of its subcommands."""
    module, word = import_module(f"dlsync.cli.{_COMMANDS[name][0]}"), name.replace("-", "_")
    if app := getattr(module, f"{word}_app", None):
        return get_group(app)
    single = typer.Typer(add_completion=False, rich_markup_mode=None)
    single.command(name)(getattr(module, word))
    return cast("TyperCommand", get_command(single))


def _print_version(requested: bool) -> None:  # noqa: FBT001 - typer calls it
    if requested:
        write_stdout(f"dlsync {__version__}\n")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version and exit.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show a traceback with an error.")] = False,
) -> None:
    """Accept the options before a command; ``main`` looks for ``--debug`` itself."""
