"""The options that several commands share, and how a command that reaches a server gets them."""

from __future__ import annotations

import inspect
import os
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dlsync.cli import suggestions
from dlsync.errors import DlsyncError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dlsync.files.settings import Options, Settings
    from dlsync.operations.plan import PlanOptions
    from dlsync.operations.reconcile import ConflictPolicy
    from dlsync.resources.selector import Targets


def resources(arguments: Sequence[str]) -> tuple[Targets, Path]:
    """Return the resources that are named, and the tree: the one argument that names none.

    :raises SettingsError: an argument names no resources, and is not the one that names a folder.
    """
    from dlsync.resources.selector import Targets, is_pattern, nearest

    patterns = [one for one in arguments if is_pattern(one)]
    others = [one for one in arguments if not is_pattern(one)]
    if len(others) > 1 or (others and "/" in others[0] and nearest(others[0]) and not Path(others[0]).exists()):
        Targets(others)  # says what is wrong with the first
    return Targets(patterns), Path(others[-1]) if others else CURRENT


def named_resources(arguments: Sequence[str]) -> tuple[Targets, Path]:
    """Return :func:`resources`, of which there is one at least.

    :raises SettingsError: none is named.
    """
    targets, directory = resources(arguments)
    if not targets:
        raise SettingsError("no resources are named", hint="For example: dashboard/web-*; all are '*/*'.")
    return targets, directory


def run(arguments: Sequence[str]) -> tuple[str, Path]:
    """Return the run that is named, empty for none, and the tree.

    :raises SettingsError: several arguments name no run.
    """
    from dlsync.state.journal import is_id

    runs = [one for one in arguments if is_id(one)]
    others = [one for one in arguments if not is_id(one)]
    hint = "`dlsync history DIR` lists the runs of a folder."
    if unknown := next((one for one in others if not Path(one).is_dir()), ""):
        folder = "" if len(others) > 1 else ", and it is not a folder"
        raise SettingsError(f"no run has the id {unknown!r}{folder}", hint=hint)
    if len(runs) > 1 or len(others) > 1:
        raise SettingsError("expected one run and one folder at most", hint=hint)
    return next(iter(runs), ""), Path(others[0]) if others else CURRENT


CURRENT = Path()


class Format(StrEnum):
    """How a result is printed."""

    text = "text"
    json = "json"


class PlanFormat(StrEnum):
    """How a plan is printed."""

    text = "text"
    json = "json"
    markdown = "markdown"


class Side(StrEnum):
    """Who wins a conflict."""

    repo = "repo"
    live = "live"


Directory = Annotated[
    Path,
    typer.Argument(metavar="DIR", help="The folder that holds dlsync.yaml, dashboards/, rules/ and plugins/."),
]
Url = Annotated[str | None, typer.Option(metavar="URL", help="The API, http://HOST:PORT/api/v1; else DLSYNC_URL.")]
Org = Annotated[str | None, typer.Option(metavar="NAME", help="The organisation; else DLSYNC_ORG.")]
Account = Annotated[str | None, typer.Option(metavar="NAME", help="The account; else DLSYNC_ACCOUNT.")]
Environment = Annotated[
    str | None,
    typer.Option(
        "--environment",
        "-e",
        metavar="NAME",
        help="One of dlsync.yaml's; else DLSYNC_ENVIRONMENT.",
        autocompletion=suggestions.environments,
    ),
]
ApiKeyFile = Annotated[Path | None, typer.Option(metavar="FILE", help="Holds the API key; else DLSYNC_API_KEY.")]
Insecure = Annotated[bool, typer.Option("--insecure", help="Allow plain HTTP to a host that is not this machine.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
TargetOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--target",
        metavar="KIND/GLOB",
        help="Only these resources, such as dashboard/web-*; repeatable.",
        autocompletion=suggestions.resources,
    ),
]
DeleteAccounts = Annotated[
    list[str] | None,
    typer.Option("--delete-account", metavar="NAME", help="Delete this account, with all in it; repeatable."),
]
Adopt = Annotated[
    bool,
    typer.Option(
        "--adopt", help="Take over what is live already, not managed and unlike its file: make it what the file says."
    ),
]
OnConflict = Annotated[
    Side | None,
    typer.Option(
        "--on-conflict",
        help="Which side wins where the files and the server have both changed; without it, such a resource is held. "
        "`repo` also overwrites what stays as it was changed on the server.",
    ),
]
Resources = Annotated[
    list[str],
    typer.Argument(
        metavar="KIND/GLOB... [DIR]",
        help="The resources, such as dashboard/web-*; then the tree.",
        autocompletion=suggestions.resources,
    ),
]
LockTimeout = Annotated[
    float,
    typer.Option(
        "--lock-timeout",
        metavar="SECONDS",
        help="How long to wait while another apply holds the lock; 0 refuses at once.",
        min=0,
    ),
]
Journals = Annotated[
    Path | None,
    typer.Option(
        "--journal",
        metavar="DIR",
        help="The folder of journals, for `history` and `rollback`; else .dlsync/runs of the tree.",
    ),
]
AutoApprove = Annotated[bool, typer.Option("--auto-approve", help="Do not ask.")]
OutputFormat = Annotated[Format, typer.Option("--format", help="How to print the result.")]
PlanOutputFormat = Annotated[PlanFormat, typer.Option("--format", help="How to print the plan.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show a traceback with an error.")]


@dataclass(frozen=True)
class Server:
    """What a command line says of the server; see :class:`dlsync.files.settings.Options`."""

    url: Url = None
    org: Org = None
    account: Account = None
    environment: Environment = None
    api_key_file: ApiKeyFile = None
    insecure: Insecure = False

    @property
    def options(self) -> Options:
        """What of these goes before the environment and dlsync.yaml."""
        from dlsync.files.settings import Options

        return Options(self.url, self.org, self.account, self.environment, self.api_key_file)

    def settings(self, directory: Path, *, may_be_missing: bool = False, require_account: bool = True) -> Settings:
        """Return the settings that hold for a tree, from these options, the environment and dlsync.yaml.

        :param may_be_missing: the tree's directory is made later.
        :param require_account: False for what is about the organisation.
        :raises InvalidTree: the directory is none; said before what its settings lack.
        :raises SettingsError: they are wrong or incomplete.
        """
        from dlsync.cli.output import Watched, conceal
        from dlsync.files.settings import load
        from dlsync.resources import loader

        loader.require_directory(directory, may_be_missing=may_be_missing)
        settings = load(directory, self.options, os.environ, require_account=require_account)
        conceal(settings.key)
        return replace(settings, environ=Watched(settings.environ), insecure=self.insecure)


def wishes(
    directory: Path,
    targets: list[str] | None,
    delete_accounts: list[str] | None,
    *,
    adopt: bool,
    on_conflict: Side | None,
) -> PlanOptions:
    """Return what a command line asks of a plan.

    :raises SettingsError: a target names no resources.
    """
    from dlsync.operations.plan import PlanOptions
    from dlsync.resources.selector import Targets

    Targets(targets or ())
    chosen = decisions(adopt=adopt, on_conflict=on_conflict)
    return PlanOptions(directory, "", tuple(targets or ()), tuple(delete_accounts or ()), chosen)


def decisions(*, adopt: bool, on_conflict: Side | None) -> ConflictPolicy:
    """Return what a command line has decided."""
    from dlsync.operations.reconcile import ConflictPolicy

    return ConflictPolicy(adopt, on_conflict.value if on_conflict else None)


def command(function: Callable[..., int]) -> Callable[..., int]:
    """Give a command its ``--debug``, and where it has a parameter ``server``, the options of :class:`Server`.

    Where it fails, it prints why in the format that was asked for.

    The decorated function's signature is what typer reads: without this, every command would list them all.
    """
    own = inspect.signature(function, eval_str=True).parameters
    shared = inspect.signature(Server, eval_str=True).parameters if "server" in own else {}
    debug = inspect.Parameter("debug", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Debug)

    @wraps(function)
    def run(**given: Any) -> int:
        given.pop("debug")
        options = {name: given.pop(name) for name in shared}
        try:
            return function(**given, **({"server": Server(**options)} if shared else {}))
        except DlsyncError as error:
            from dlsync.cli.output import answer_failure

            for output in given.values():
                if isinstance(output, Format | PlanFormat):
                    answer_failure(error, output)
            raise

    parameters = [*(one for name, one in own.items() if name != "server"), *shared.values(), debug]
    keyword_only = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in parameters]
    run.__dict__["__signature__"] = inspect.Signature(keyword_only)  # what inspect looks for (PEP 362)
    run.__annotations__ = {one.name: one.annotation for one in keyword_only}
    return run
