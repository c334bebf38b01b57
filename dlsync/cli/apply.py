"""``dlsync apply``, ``rollback`` and ``history``: apply plans, and list the runs."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dlsync.cli import console
from dlsync.cli import options as opt
from dlsync.cli.plan import AllEnvironments, run_everywhere
from dlsync.errors import EXIT_ERROR, EXIT_OK, EXIT_PARTIAL, EXIT_REFUSED, DlsyncError, SettingsError
from dlsync.state.inventory import LOCK_TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Sequence
    from typing import Any

    from dlsync.model import Plan, Problem
    from dlsync.operations.plan_file import SavedPlan

    Operation = Callable[..., Coroutine[Any, Any, Plan | None]]

_NOTHING_APPLIED = "Nothing was applied.\n"

DirectoryOrPlan = Annotated[
    Path, typer.Argument(metavar="DIR|PLANFILE", help="The directory, or a plan that `dlsync plan --out` saved.")
]


@opt.command
@console.outliving_reader()
def apply(
    directory: DirectoryOrPlan = opt.CURRENT,
    *,
    auto_approve: opt.AutoApprove = False,
    selection: opt.Selection,
    lock_timeout: opt.LockTimeout = LOCK_TIMEOUT,
    journal: opt.Journals = None,
    output: opt.ApplyOutput = "text",
    all_environments: AllEnvironments = False,
    server: opt.Server,
) -> int:
    """Show the plan, ask, and apply it."""
    from dlsync import operations
    from dlsync.operations import plan_file

    saved = _saved_plan(directory, narrowed=selection != opt.Selection())
    plan_options = saved.options if saved else selection.plan_options()
    tree = saved.directory if saved else directory

    def once(server: opt.Server) -> tuple[Plan | None, int]:
        settings = server.settings(tree)
        if saved:
            plan_file.require_environment(saved, settings.environment)
        return _run(
            partial(operations.apply, tree, settings, plan_options=plan_options, saved_plan=saved),
            output=output,
            lock_timeout=lock_timeout,
            journals=journal,
            auto_approve=auto_approve,
            shows_result=output == "text" or not all_environments,
            directory=tree,
        )

    if not all_environments:
        environment = server.environment or (saved.environment if saved else "") or None
        return once(replace(server, environment=environment))[1]
    if saved:
        raise SettingsError("a saved plan is for one environment", hint="Leave out --all-environments, or give DIR.")
    return run_everywhere(server, tree, output, once)


def _saved_plan(path: Path, *, narrowed: bool) -> SavedPlan | None:
    """Read a saved plan; return None if the path is a tree, and raise a DlsyncError if it is neither."""
    from dlsync.operations import plan_file

    if not path.is_file():
        _require_tree(path)
        return None
    if narrowed:
        hint = "Leave out --target, --adopt, --on-conflict and --delete-account, or give the directory."
        raise SettingsError("a saved plan is applied with the options that it was made with", hint=hint)
    saved = plan_file.read(path)
    plan_file.require_directory(saved)
    return saved


def _require_tree(directory: Path) -> None:
    from shlex import quote

    from dlsync.resources import loader

    loader.require_directory(directory)
    # `plan --all-environments --out` makes a folder of plans
    files = sorted(file for file in directory.iterdir() if not file.name.startswith("."))
    if files and all(file.suffix == ".json" for file in files):
        commands = ", ".join(f"`dlsync apply {quote(str(file))}`" for file in files)
        hint = f"Apply each plan by itself, in your order: {commands}."
        raise SettingsError(f"{directory} holds saved plans, not files of dlsync", hint=hint)


def _runs(directory: Path) -> Iterable[str]:
    from dlsync.state import journal

    return (record.run.id for record in journal.history(journal.default_folder(directory)))


RunAndDirectory = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[RUN] [DIR]",
        help="The run to revert, as `dlsync history` names it (default: the last), then the directory.",
        autocompletion=opt.completion_from(_runs),
    ),
]


@opt.command
@console.outliving_reader()
def rollback(
    server: opt.Server,
    arguments: RunAndDirectory = None,
    auto_approve: opt.AutoApprove = False,
    on_conflict: opt.OnConflict = None,
    lock_timeout: opt.LockTimeout = LOCK_TIMEOUT,
    journal: opt.Journals = None,
    output: opt.Output = "text",
) -> int:
    """Revert a run: show the plan, ask, and apply it.

    Resources that were changed since the run are held, and the exit code is 4: --on-conflict repo reverts them too,
    --on-conflict live keeps them. A rollback is a run as well, and can be rolled back.
    """
    from dlsync import operations
    from dlsync.operations.reconcile import ConflictPolicy

    run_id, directory = parse_run(arguments or ())
    settings = server.settings(directory)
    policy = ConflictPolicy(on_conflict == "repo", on_conflict)
    return _run(
        partial(operations.rollback, directory, settings, run=run_id, decisions=policy),
        output=output,
        lock_timeout=lock_timeout,
        journals=journal,
        auto_approve=auto_approve,
    )[1]


def parse_run(arguments: Sequence[str]) -> tuple[str, Path]:
    """Return the run in the arguments, empty for none, and the tree.

    :raises SettingsError: an argument is neither a run nor a folder, or there are two of a sort.
    """
    from dlsync.state.journal import is_id

    runs = [argument for argument in arguments if is_id(argument)]
    others = [argument for argument in arguments if not is_id(argument)]
    hint = "`dlsync history DIR` lists the runs of a folder."
    if unknown := next((other for other in others if not Path(other).is_dir()), ""):
        suffix = "" if len(others) > 1 else ", and it is not a folder"
        raise SettingsError(f"no run has the id {unknown!r}{suffix}", hint=hint)
    if len(runs) > 1 or len(others) > 1:
        raise SettingsError("expected one run and one folder at most", hint=hint)
    return next(iter(runs), ""), Path(others[0]) if others else opt.CURRENT


def _run(
    operation: Operation,
    *,
    output: str,
    lock_timeout: float,
    journals: Path | None,
    auto_approve: bool,
    shows_result: bool = True,
    directory: Path = opt.CURRENT,
) -> tuple[Plan | None, int]:
    """Run an operation; return the applied plan, None if it was not approved, and the exit code."""
    from dlsync.cli.terminal import Terminal
    from dlsync.operations import ApplyOptions

    options = ApplyOptions(journals=journals, lock_timeout=lock_timeout)
    with Terminal(output, asks=not auto_approve) as terminal:
        try:
            applied = console.run(operation(options=options, reporter=terminal))
        except KeyboardInterrupt:
            so_far = terminal.results_so_far
            console.write_stderr(_interruption(so_far()) if so_far else _NOTHING_APPLIED)
            raise
    warnings = terminal.warnings
    console.report(warnings)
    if applied is None:
        console.write_stderr(_NOTHING_APPLIED)
        if shows_result:
            console.write_failure(DlsyncError("nothing was applied"), output, directory)
        return None, EXIT_ERROR
    complete = applied.with_warnings(warnings)
    if shows_result:
        _write_result(applied, complete, output, directory)
    return complete, _exit_code(applied, warnings)


def _write_result(applied: Plan, complete: Plan, output: str, directory: Path) -> None:
    """Print the result of an apply; ``complete`` has the warnings of the run too."""
    # a plan with changes was shown, with its warnings
    unshown = replace(applied, warnings=()) if applied else applied
    if output == "github":
        from dlsync.render import findings

        console.write_stderr(console.rendered(unshown, "text", sys.stderr))
        problems = console.redacted_problems(complete.warnings)
        console.write_findings({"": findings.of_problems(problems)}, output, directory)
    else:
        console.write_stdout(console.rendered(complete if output == "json" else unshown, output))


def _interruption(plan: Plan) -> str:
    from dlsync.messages import counted

    outcomes = [change.outcome for change in plan.changes if not change.held]
    if not outcomes:
        return _NOTHING_APPLIED
    applied, unknown = outcomes.count("applied"), outcomes.count("unknown")
    least, more = ("At least ", f", {unknown:,} more may have been") if unknown else ("", "")
    counts = f"{least}{applied:,} of {counted(len(outcomes), 'change')} applied{more}"
    rest = "check and record them" if applied == len(outcomes) else "apply the rest"
    return f"{counts}. Run the same command again to {rest}.\n"


def _exit_code(plan: Plan, warnings: Sequence[Problem]) -> int:
    is_incomplete = any(
        change.result == "failed" or not (change.held or change.result == "applied") for change in plan.changes
    )
    if is_incomplete or any(problem.severity == "error" for problem in warnings):
        return EXIT_PARTIAL
    return EXIT_REFUSED if plan.conflicts else EXIT_OK


@opt.command
def history(
    directory: opt.Directory = opt.CURRENT,
    environment: opt.Environment = None,
    journal: opt.Journals = None,
    output: opt.Output = "text",
) -> None:
    """List the runs that had changes, the latest first.

    Lists only the runs of this machine: each machine has its own journals.
    """
    from dlsync import operations
    from dlsync.messages import visible
    from dlsync.render import state
    from dlsync.state.journal import default_folder

    folder = journal or default_folder(directory)
    chosen = environment or os.environ.get("DLSYNC_ENVIRONMENT")
    records = [record for record in operations.history(folder) if chosen in {None, "", record.run.environment}]
    if not records and output == "text":
        of_environment = f" of environment {chosen}" if chosen else ""
        console.write_stderr(visible(f"no runs{of_environment} in {folder}") + "\n")
        return
    width = console.terminal_width()
    console.show(output, lambda: state.runs_document(records), lambda _: state.render_runs(records, width=width))
