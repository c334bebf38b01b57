"""``dlsync apply``: make the server what the files say."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dlsync.cli import options
from dlsync.cli.asking import can_ask, is_agreed
from dlsync.cli.every import AllEnvironments, every
from dlsync.cli.options import CURRENT, Format, Server, command
from dlsync.errors import EXIT_ERROR, EXIT_OK, EXIT_PARTIAL, SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlsync.model import Plan, Problem
    from dlsync.render.progress import Progress
    from dlsync.saved_plan import SavedPlan
    from dlsync.targets import Targets

DirectoryOrPlan = Annotated[
    Path, typer.Argument(metavar="DIR|PLANFILE", help="The tree, or a plan that `dlsync plan --out` kept.")
]
AutoApprove = Annotated[bool, typer.Option("--auto-approve", help="Do not ask.")]


@command
def apply(
    server: Server,
    directory: DirectoryOrPlan = CURRENT,
    auto_approve: AutoApprove = False,
    target: options.Targets = None,
    delete_account: options.DeleteAccounts = None,
    output: options.OutputFormat = Format.text,
    all_environments: AllEnvironments = False,
) -> int:
    """Show the plan, ask, and make the server what the files say."""
    from dlsync.saved_plan import SavedPlan
    from dlsync.targets import Targets

    if not auto_approve and not can_ask():
        raise SettingsError("there is no terminal to ask on", hint="Review `dlsync plan`, then give --auto-approve.")
    promised = _promised(directory, target or delete_account)
    chosen = promised or SavedPlan(directory, tuple(target or ()), {}, tuple(delete_account or ()))
    targets = Targets(chosen.targets)

    def once(server: Server) -> tuple[Plan | None, int]:
        done = _applied(server, chosen, targets, promised, _Approval(output, given=auto_approve))
        return done, _shown(done, output, alone=not all_environments)

    if not all_environments:
        return once(server)[1]
    if promised:
        raise SettingsError("a saved plan is for one environment", hint="Leave out --all-environments, or give DIR.")
    return every(server, chosen.directory, output, once)


def _shown(done: Plan | None, output: Format, *, alone: bool) -> int:
    """Show how an apply went, or leave that to the one document of several; return its exit code."""
    from dlsync.cli.output import aside, rendered, report, result

    if done is None:
        aside("Nothing was applied.\n")
        return EXIT_ERROR
    if not done and output is Format.json:  # a plan with changes has been shown, and its warnings with it
        report(done.warnings)
    if alone or output is Format.text:
        result(rendered(replace(done, warnings=()) if done else done, output, sys.stdout))
    return EXIT_OK if all(change.result == "applied" for change in done.changes) else EXIT_PARTIAL


def _promised(plan: Path, narrowed: Sequence[str] | None) -> SavedPlan | None:
    from dlsync import saved_plan

    if not plan.is_file():
        return None
    if narrowed:
        hint = "Leave --target and --delete-account out, or give the tree."
        raise SettingsError("a saved plan has its targets in it", hint=hint)
    return saved_plan.read(plan)


def _applied(
    server: Server, chosen: SavedPlan, targets: Targets, promised: SavedPlan | None, approval: _Approval
) -> Plan | None:
    from dlsync import operations
    from dlsync.cli.output import aside, report
    from dlsync.cli.running import run
    from dlsync.render.progress import Progress

    told: list[Problem] = []
    settings = server.settings(chosen.directory)
    try:
        with Progress("Fetching", sys.stderr) as bar:
            done = run(
                operations.apply(
                    chosen.directory,
                    settings,
                    approve=lambda plan: approval.asked(plan, bar),
                    targets=targets,
                    delete_accounts=chosen.delete_accounts,
                    promised=promised,
                    progress=bar.advance,
                    warn=told.append,
                )
            )
    except KeyboardInterrupt:
        if approval.given:
            aside("What was applied stays; the same command again does the rest.\n")
        raise
    report(told)
    return done


class _Approval:
    """Shows a plan and asks for it, unless that was given beforehand."""

    def __init__(self, output: Format, *, given: bool) -> None:
        self._output = output
        self.given = given

    def asked(self, plan: Plan, bar: Progress) -> bool:
        from dlsync.cli.output import aside, rendered, result

        bar.restart("Applying")
        if self._output is Format.json:
            aside(rendered(plan, Format.text, sys.stderr))
        else:
            result(rendered(plan, Format.text, sys.stdout))
        if not self.given:
            self.given = is_agreed(f"Apply this to {plan.target}?")
            bar.restart("Applying")
        return self.given
