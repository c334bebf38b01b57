"""The options and arguments that commands share, their completion, and how a command gets them."""

from __future__ import annotations

import inspect
import os
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from dlsync.cli.app import PURPOSES, Group
from dlsync.cli.console import RecordedEnvironment, conceal, notify, write_failure
from dlsync.errors import DlsyncError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from dlsync.files.settings import Options, Settings
    from dlsync.operations.plan import PlanOptions
    from dlsync.resources.selector import Targets

CURRENT = Path()


def completion_from(names: Callable[[Path], Iterable[str]]) -> Callable[[typer.Context, str], list[str]]:
    """Return a completion of names in the files of the tree; an unreadable tree has none."""

    def complete(context: typer.Context, incomplete: str) -> list[str]:
        directory = Path(context.params.get("directory") or "")
        with suppress(DlsyncError, OSError):
            return [name for name in names(directory) if name.startswith(incomplete)]
        return []

    return complete


def _environments(directory: Path) -> Iterable[str]:
    from dlsync.files.settings import environment_names

    return environment_names(directory)


def _addresses(directory: Path) -> Iterable[str]:
    from dlsync.resources import loader

    return sorted(map(str, loader.read_sources(directory).addresses()))


complete_resources = completion_from(_addresses)

Directory = Annotated[
    Path, typer.Argument(metavar="DIR", help="The folder that holds dlsync.yaml, dashboards/, rules/ and plugins/.")
]
Environment = Annotated[
    str | None,
    typer.Option(
        *("--environment", "-e"),
        metavar="NAME",
        help="An environment in dlsync.yaml; else DLSYNC_ENVIRONMENT.",
        autocompletion=completion_from(_environments),
    ),
]
Url = Annotated[str | None, typer.Option(metavar="URL", help="The API, http://HOST:PORT/api/v1; else DLSYNC_URL.")]
ApiKeyFile = Annotated[Path | None, typer.Option(metavar="FILE", help="Holds the API key; else DLSYNC_API_KEY.")]
Insecure = Annotated[bool, typer.Option("--insecure", help="Allow plain HTTP to a host that is not this machine.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask; needed without a terminal.")]
TargetPatterns = Annotated[
    list[str] | None,
    typer.Option(
        "--target",
        metavar="KIND/GLOB",
        help="Only these resources, such as dashboard/web-*; repeatable.",
        autocompletion=complete_resources,
    ),
]
OnConflict = Annotated[
    Literal["repo", "live"] | None,
    typer.Option(
        help="Which side wins if both the files and the server have changed; by default, such a resource is held. "
        "`repo` also overwrites changes on the server that an apply would keep."
    ),
]
Resources = Annotated[
    list[str],
    typer.Argument(
        metavar="KIND/GLOB... [DIR]",
        help="The resources, such as dashboard/web-*, then the directory.",
        autocompletion=complete_resources,
    ),
]
LockTimeout = Annotated[
    float,
    typer.Option(
        metavar="SECONDS", help="How long to wait while another apply holds the lock; 0 does not wait.", min=0
    ),
]
Journals = Annotated[
    Path | None,
    typer.Option(
        "--journal",
        metavar="DIR",
        help="The folder of journals, for `history` and `rollback`; else .dlsync/runs of the directory.",
    ),
]
AutoApprove = Annotated[bool, typer.Option("--auto-approve", help="Do not ask; needed without a terminal.")]
Format = Literal["text", "json"]
PlanFormat = Literal["text", "json", "markdown", "html"]
ReportFormat = Literal["text", "json", "html"]
FindingsFormat = Literal["sarif", "junit", "github"]
Output = Annotated[Format, typer.Option("--format", help="How to print the result.")]
ApplyOutput = Annotated[Literal[Format, "github"], typer.Option("--format", help="How to print the result.")]
ReportOutput = Annotated[ReportFormat, typer.Option("--format", help="How to print the result.")]
PlanOutput = Annotated[Literal[PlanFormat, FindingsFormat], typer.Option("--format", help="How to print the plan.")]
FindingsOutput = Annotated[Literal[Format, FindingsFormat], typer.Option("--format", help="How to print the result.")]
DriftOutput = Annotated[
    Literal[ReportFormat, FindingsFormat], typer.Option("--format", help="How to print the result.")
]
_Debug = Annotated[bool, typer.Option("--debug", help="Show a traceback with an error.")]


@dataclass(frozen=True)
class Server:
    """The options for the server; see :class:`dlsync.files.settings.Options`."""

    url: Url = None
    org: Annotated[str | None, typer.Option(metavar="NAME", help="The organisation; else DLSYNC_ORG.")] = None
    account: Annotated[str | None, typer.Option(metavar="NAME", help="The account; else DLSYNC_ACCOUNT.")] = None
    environment: Environment = None
    api_key_file: ApiKeyFile = None
    insecure: Insecure = False

    @property
    def options(self) -> Options:
        """The options that override the environment and dlsync.yaml."""
        from dlsync.files.settings import Options

        return Options(self.url, self.org, self.account, self.environment, self.api_key_file)

    def settings(self, directory: Path, *, may_be_missing: bool = False, require_account: bool = True) -> Settings:
        """Return the settings of a tree, from these options, the environment and dlsync.yaml.

        :raises InvalidTree: the directory is missing or a file; reported before errors of the settings.
        :raises SettingsError: they are wrong or incomplete.
        """
        from dlsync.files.settings import load, overrides
        from dlsync.resources import loader

        loader.require_directory(directory, may_be_missing=may_be_missing)
        settings = load(directory, self.options, os.environ, require_account=require_account)
        conceal(settings.key)
        for warning in overrides(directory, self.options, os.environ) if settings.environment else ():
            notify(warning)
        return replace(settings, environ=RecordedEnvironment(settings.environ), insecure=self.insecure)

    def marker(self, directory: Path, output: str, *, all_environments: bool = False) -> str:
        """Return the line by which ``dlsync comment`` finds the comment of a tree's plan, even if the plan fails.

        :param output: the format of the plan; the line is empty for all but Markdown.
        """
        if output != "markdown":
            return ""
        from dlsync.files import git
        from dlsync.files.settings import settings_in_force
        from dlsync.operations.comment import ALL, marker

        place = git.place(directory)
        if all_environments:
            return marker("", ALL, place)
        found = {one.name: str(one.value or "") for one in settings_in_force(directory, self.options, os.environ)}
        account = f"{found['org']}/{found['account']}" if found["org"] and found["account"] else ""
        return marker(account, found["environment"], place)


@dataclass(frozen=True)
class Selection:
    """The options for a plan; see :class:`dlsync.operations.plan.PlanOptions`."""

    target: TargetPatterns = None
    adopt: Annotated[
        bool,
        typer.Option(
            "--adopt",
            help="Overwrite existing resources that are not managed and differ from their files.",
        ),
    ] = False
    on_conflict: OnConflict = None
    delete_account: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Delete this account and everything in it; repeatable.")
    ] = None

    def plan_options(self) -> PlanOptions:
        """Return the options of the planner; raise a SettingsError for a target that names no resources."""
        from dlsync.operations.plan import PlanOptions
        from dlsync.operations.reconcile import ConflictPolicy
        from dlsync.resources.selector import Targets

        Targets(self.target or ())
        policy = ConflictPolicy(self.adopt, self.on_conflict)
        return PlanOptions(tuple(self.target or ()), tuple(self.delete_account or ()), policy)


def parse_resources(arguments: Sequence[str], *, required: bool = False) -> tuple[Targets, Path]:
    """Return the targets in the arguments, and the tree: the one argument that is no target.

    :param required: a single argument that is no folder must be a target.
    :raises SettingsError: an argument is neither a target nor the one folder.
    """
    from dlsync.resources.selector import Targets, is_pattern, nearest

    patterns = [argument for argument in arguments if is_pattern(argument)]
    others = [argument for argument in arguments if not is_pattern(argument)]
    is_alone = required and not patterns and not all(Path(one).is_dir() for one in others)
    is_misspelled = others and "/" in others[0] and nearest(others[0]) and not Path(others[0]).exists()
    if len(others) > 1 or is_alone or is_misspelled:
        known: Iterable[str] = ()
        with suppress(DlsyncError, OSError):
            known = _addresses(Path(others[-1]) if len(others) > 1 else CURRENT)
        Targets(others, known)  # raises the error of the first
    return Targets(patterns), Path(others[-1]) if others else CURRENT


def command(function: Callable[..., int | None]) -> Callable[..., int | None]:
    """Add ``--debug`` to a command, and the fields of its :class:`Server` and :class:`Selection` as options.

    If the command fails, it prints why in the requested format. Typer reads the signature of the decorated function, in
    which the options of :class:`Server` come last.
    """
    own = inspect.signature(function, eval_str=True).parameters
    groups: dict[str, Callable[..., Any]] = {
        name: parameter.annotation for name, parameter in own.items() if parameter.annotation in {Server, Selection}
    }
    fields = {name: inspect.signature(group, eval_str=True).parameters for name, group in groups.items()}

    @wraps(function)
    def run(**arguments: Any) -> int | None:
        arguments.pop("debug")  # ``main`` looks for it
        for name, group in groups.items():
            arguments[name] = group(**{field: arguments.pop(field) for field in fields[name]})
        try:
            return function(**arguments)
        except (DlsyncError, KeyboardInterrupt) as error:
            _write_failure(error, arguments)
            raise

    parameters: list[inspect.Parameter] = []
    for name in sorted(own, key=lambda name: name == "server"):
        parameters += fields[name].values() if name in groups else [own[name]]
    parameters.append(inspect.Parameter("debug", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=_Debug))
    keyword_only = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in parameters]
    run.__dict__["__signature__"] = inspect.Signature(keyword_only)  # what inspect looks for (PEP 362)
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in keyword_only}
    return run


def _write_failure(error: DlsyncError | KeyboardInterrupt, arguments: Mapping[str, Any]) -> None:
    """Print why a command with these arguments failed or was interrupted; see :func:`write_failure`."""
    output, server = arguments.get("output", "text"), arguments.get("server")
    everywhere = arguments.get("all_environments", False)
    directory = arguments.get("directory", CURRENT)
    marker = server.marker(directory, output, all_environments=everywhere) if server else ""
    if isinstance(error, DlsyncError):
        write_failure(error, output, directory, marker)
        return
    with suppress(DlsyncError, BrokenPipeError):  # Ctrl-C ends the reader too
        write_failure(DlsyncError("interrupted"), output, directory, marker)


def family(name: str) -> typer.Typer:
    """Return the app of a group, to which its commands are added."""
    return typer.Typer(name=name, cls=Group, help=PURPOSES[name], add_completion=False, rich_markup_mode=None)


def subcommand(app: typer.Typer, name: str, purpose: str | None = None) -> Callable[[Callable[..., int | None]], None]:
    """Return a decorator that adds a command to an app; see :func:`command`."""

    def add(function: Callable[..., int | None]) -> None:
        app.command(name, help=purpose)(command(function))

    return add
