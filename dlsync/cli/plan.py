"""``dlsync plan``, and ``--all-environments`` of plan and apply."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dlsync import errors
from dlsync.cli import console
from dlsync.cli import options as opt
from dlsync.messages import json_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dlsync.model import Plan
    from dlsync.operations.plan import PlanOptions
    from dlsync.render.environments import EnvironmentResult

    RunOnce = Callable[[opt.Server], tuple[Plan | None, int]]

AllEnvironments = Annotated[
    bool, typer.Option("--all-environments", help="All environments of dlsync.yaml, one after the other.")
]
Out = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FILE",
        help="Save the plan too: FILE.html is a page, FILE.json is for `dlsync apply FILE`; repeatable. "
        "With --all-environments, a folder.",
    ),
]
DetailedExitcode = Annotated[bool, typer.Option("--detailed-exitcode", help="Exit with 2 if there are changes.")]
# the exit code of all environments is the first of these that one of them ended with
_WORST_FIRST = (errors.EXIT_ERROR, errors.EXIT_REFUSED, errors.EXIT_PARTIAL, errors.EXIT_CHANGES, errors.EXIT_OK)


@opt.command
def plan(
    directory: opt.Directory = opt.CURRENT,
    *,
    out: Out = None,
    detailed_exitcode: DetailedExitcode = False,
    selection: opt.Selection,
    output: opt.PlanOutput = "text",
    all_environments: AllEnvironments = False,
    server: opt.Server,
) -> int:
    """Show what an apply would change; changes nothing."""
    from dlsync.files.names import file_stem

    options = selection.plan_options()

    def once(server: opt.Server) -> tuple[Plan, int]:
        name = f"{file_stem(server.environment or '')}.json" if all_environments else ""
        plan = _planned(server, directory, options, [file / name for file in out or ()])
        if output in console.FOR_FINDINGS and not all_environments:
            from dlsync.render import findings

            console.write_findings({"": findings.of_plan(console.redacted_plan(plan))}, output, directory)
        elif output == "text" or not all_environments:
            console.write_stdout(console.rendered(plan, output, marker=server.marker(directory, output)))
        if plan.refused:
            return plan, errors.EXIT_ERROR
        return plan, errors.EXIT_CHANGES if plan and detailed_exitcode else errors.EXIT_OK

    return run_everywhere(server, directory, output, once) if all_environments else once(server)[1]


def _planned(server: opt.Server, directory: Path, options: PlanOptions, files: Sequence[Path]) -> Plan:
    from shlex import quote

    from dlsync import operations
    from dlsync.cli.terminal import run_with_progress
    from dlsync.messages import visible
    from dlsync.operations import plan_file

    plan_file.require_names(files)
    pages = [file for file in files if plan_file.is_page(file)]
    saved = [file for file in files if file not in pages]
    for file in files:
        plan_file.remove(file)
    try:
        settings = server.settings(directory)
        context = run_with_progress(
            lambda reporter: operations.plan_tree(directory, settings, options=options, reporter=reporter)
        )
    except errors.DlsyncError as error:
        for file in pages:
            with suppress(errors.DlsyncError):  # the error that is raised says more
                plan_file.write(file, console.page([console.failure(error)]))
        raise
    for file in pages:
        plan_file.write(file, console.rendered(context.plan, "html"))
    for file in saved:
        plan_file.save(file, plan_file.promise(context, options, directory, settings.environment))
        how = "" if context.plan.refused else f"; apply it with `dlsync apply {quote(str(file))}`"
        if context.plan and context.plan.conflicts == len(context.plan.changes):
            how = "; each of its changes is held, so an apply of it changes nothing"
        console.notify(visible(f"saved the plan to {file}{how}"))
    return context.plan


def run_everywhere(server: opt.Server, directory: Path, output: str, once: RunOnce) -> int:
    """Run a command for each environment, even after a failure, print the summary, and return the exit code.

    :param once: shows a plan if the output is text; returns it, None if not approved, and its exit code.
    :raises SettingsError: ``--environment`` is given too, there is no environment, or two are for the same account.
    """
    from dlsync.render import environments as rendering
    from dlsync.resources import environments

    if server.environment:
        raise errors.SettingsError(
            "--all-environments and --environment exclude each other", hint="Leave out one of them."
        )
    results: list[EnvironmentResult] = []
    codes: list[int] = []
    for name in environments.required(directory, server.options, os.environ):
        if output == "text":
            console.write_stdout(rendering.headline(name, color=console.colored()))
        result, code = _run_in(name, once, replace(server, environment=name))
        results.append(result)
        codes.append(code)
        if output == "text":
            console.write_stdout("\n")
    if output in console.FOR_FINDINGS:
        console.write_findings(rendering.findings_of(results), output, directory)
    else:
        marker = server.marker(directory, output, all_environments=True)
        forms = {
            "json": lambda: json_text(rendering.as_document(results)),
            "markdown": lambda: rendering.render_markdown(results, marker=marker),
            "html": lambda: console.page(results),
            "text": lambda: rendering.summary(results, color=console.colored()),
        }
        console.write_stdout(forms[output]())
    return min(codes, key=_WORST_FIRST.index)


def _run_in(name: str, once: RunOnce, server: opt.Server) -> tuple[EnvironmentResult, int]:
    from dlsync.render.environments import EnvironmentResult

    try:
        plan, code = once(server)
    except errors.DlsyncError as error:
        console.explain(error, f"environment {name}: ")
        return console.failure(error, name), error.exit_code
    if plan is None:
        return EnvironmentResult(name, error="not approved"), code
    return EnvironmentResult(name, console.redacted_plan(plan)), code
