"""``dlsync apply``: make the server what the files say."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dlsync.cli import options
from dlsync.cli.asking import can_ask, is_agreed
from dlsync.cli.options import CURRENT, Format, Server, command
from dlsync.errors import EXIT_ERROR, EXIT_OK, EXIT_PARTIAL, SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlsync.model import Plan, Problem
    from dlsync.render.progress import Progress
    from dlsync.saved_plan import SavedPlan

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
    output: options.OutputFormat = Format.text,
) -> int:
    """Show the plan, ask, and make the server what the files say."""
    from dlsync.cli.output import aside, rendered, report, result

    if not auto_approve and not can_ask():
        raise SettingsError("there is no terminal to ask on", hint="Review `dlsync plan`, then give --auto-approve.")
    promised = _promised(directory, target)
    if promised:
        directory, target = promised.directory, list(promised.targets)
    told: list[Problem] = []
    done = _applied(server, directory, target or (), promised, _Approval(output, told, given=auto_approve))
    report(told)
    if done is None:
        aside("Nothing was applied.\n")
        return EXIT_ERROR
    if not done and output is Format.json:  # a plan with changes has been shown, and its warnings with it
        report(done.warnings)
    result(rendered(replace(done, warnings=()) if done else done, output, sys.stdout))
    return EXIT_OK if all(change.result == "applied" for change in done.changes) else EXIT_PARTIAL


def _promised(plan: Path, target: Sequence[str] | None) -> SavedPlan | None:
    from dlsync import saved_plan

    if not plan.is_file():
        return None
    if target:
        raise SettingsError("a saved plan has its targets in it", hint="Leave --target out, or give the tree.")
    return saved_plan.read(plan)


def _applied(
    server: Server, directory: Path, target: Sequence[str], promised: SavedPlan | None, approval: _Approval
) -> Plan | None:
    from dlsync import operations
    from dlsync.cli.output import aside
    from dlsync.cli.running import run
    from dlsync.render.progress import Progress
    from dlsync.targets import Targets

    targets = Targets(target)
    settings = server.settings(directory)
    try:
        with Progress("Fetching", sys.stderr) as bar:
            return run(
                operations.apply(
                    directory,
                    settings,
                    approve=lambda plan: approval.asked(plan, bar),
                    targets=targets,
                    promised=promised,
                    progress=bar.advance,
                    warn=approval.told.append,
                )
            )
    except KeyboardInterrupt:
        if approval.given:
            aside("What was applied stays; the same command again does the rest.\n")
        raise


class _Approval:
    """Shows a plan and asks for it, unless that was given beforehand."""

    def __init__(self, output: Format, told: list[Problem], *, given: bool) -> None:
        self._output = output
        self.told = told
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
