"""``dlsync apply``: make the server what the files say."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dlsync.cli import options
from dlsync.cli.all_environments import AllEnvironments, every
from dlsync.cli.options import CURRENT, Format, Server, command
from dlsync.cli.output import can_ask, is_agreed
from dlsync.errors import EXIT_ERROR, EXIT_OK, EXIT_PARTIAL, EXIT_REFUSED, SettingsError
from dlsync.state.inventory import LOCK_TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from typing import Any

    from dlsync.model import Plan, Problem
    from dlsync.operations import ApplyOptions
    from dlsync.render.progress import Progress

    Work = Callable[[ApplyOptions], Coroutine[Any, Any, Plan | None]]
    from dlsync.operations.plan_file import SavedPlan


@dataclass
class Application:
    """One command that applies plans: one, or one for each environment.

    :param given: nobody is asked.
    :param alone: False where its result is one of several.
    :param review: what to do where nobody can be asked.
    :raises SettingsError: somebody is to be asked, and nobody is there.
    """

    output: Format
    lock_timeout: float
    journals: Path | None
    given: bool
    alone: bool = True
    review: str = "Review `dlsync plan`, then give --auto-approve."
    _known: Callable[[], Plan] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        if not self.given and not can_ask():
            raise SettingsError("there is no terminal to ask on", hint=self.review)

    def run(self, work: Work) -> tuple[Plan | None, int]:
        """Return a plan with its results, None where it was not agreed to, and the exit code that it ends with."""
        from dlsync.cli.output import aside, report, run, tell
        from dlsync.operations import ApplyOptions
        from dlsync.render.progress import Progress

        told: list[Problem] = []
        with Progress("Fetching", sys.stderr) as bar:
            how = ApplyOptions(
                approve=None if self.given else lambda plan: self._agreed(plan, bar),
                show=lambda plan: self._show(plan, bar),
                warn=told.append,
                told=tell,
                begins=lambda known: self._begin(known, bar),
                journals=self.journals,
                lock_timeout=self.lock_timeout,
                progress=bar.advance,
            )
            try:
                done = run(work(how))
            except KeyboardInterrupt:
                plan = self._known and self._known()
                aside(_interruption(plan) if plan else "Nothing was applied.\n")
                raise
        report(told)
        return done, self._shown(done, told)

    def _begin(self, known: Callable[[], Plan], bar: Progress) -> None:
        self._known = known
        bar.restart("Applying")

    def _show(self, plan: Plan, bar: Progress) -> None:
        from dlsync.cli.output import aside, rendered, result

        bar.restart("")
        if self.output is Format.json:
            aside(rendered(plan, Format.text, sys.stderr))
        else:
            result(rendered(plan, Format.text, sys.stdout))

    def _agreed(self, plan: Plan, bar: Progress) -> bool:
        self._show(plan, bar)
        if all(change.held for change in plan.changes):
            return True  # there is nothing to agree to
        agreed = is_agreed(f"Apply this to {plan.target}?")
        bar.restart("Fetching again")
        return agreed

    def _shown(self, done: Plan | None, told: Sequence[Problem]) -> int:
        """Show how it went, or leave that to the one document of several; return its exit code."""
        from dlsync.cli.output import aside, rendered, report, result

        if done is None:
            aside("Nothing was applied.\n")
            return EXIT_ERROR
        if not done and self.output is Format.json:  # a plan with changes has been shown, and its warnings with it
            report(done.warnings)
        if self.alone or self.output is Format.text:
            result(rendered(replace(done, warnings=()) if done else done, self.output, sys.stdout))
        return _code(done, told)


def _interruption(plan: Plan) -> str:
    from dlsync.render.fields import counted

    outcomes = [change.outcome for change in plan.changes if not change.held]
    applied, unknown = outcomes.count("applied"), outcomes.count("unknown")
    least, more = ("At least ", f", {unknown:,} more may have been") if unknown else ("", "")
    return (
        f"{least}{applied:,} of {counted(len(outcomes), 'change')} applied{more}. "
        "Run the same command again to apply the rest.\n"
    )


def _code(done: Plan, told: Sequence[Problem]) -> int:
    undone = [one for one in done.changes if one.result == "failed" or (one.result != "applied" and not one.held)]
    if undone or any(problem.severity == "error" for problem in told):
        return EXIT_PARTIAL
    return EXIT_REFUSED if done.conflicts else EXIT_OK


DirectoryOrPlan = Annotated[
    Path, typer.Argument(metavar="DIR|PLANFILE", help="The tree, or a plan that `dlsync plan --out` kept.")
]


@command
def apply(
    server: Server,
    directory: DirectoryOrPlan = CURRENT,
    auto_approve: options.AutoApprove = False,
    target: options.TargetOptions = None,
    adopt: options.Adopt = False,
    on_conflict: options.OnConflict = None,
    delete_account: options.DeleteAccounts = None,
    lock_timeout: options.LockTimeout = LOCK_TIMEOUT,
    journal: options.Journals = None,
    output: options.OutputFormat = Format.text,
    all_environments: AllEnvironments = False,
) -> int:
    """Show the plan, ask, and apply it."""
    from dlsync import operations

    promised = _promised(directory, narrowed=bool(target or delete_account or adopt or on_conflict))
    application = Application(output, lock_timeout, journal, given=auto_approve, alone=not all_environments)
    wishes = options.wishes(directory, target, delete_account, adopt=adopt, on_conflict=on_conflict)
    if promised:
        wishes = promised.wishes
        server = replace(server, environment=server.environment or wishes.environment or None)

    def once(server: Server) -> tuple[Plan | None, int]:
        settings = server.settings(wishes.directory)
        return application.run(
            lambda how: operations.apply(wishes.directory, settings, wishes=wishes, promised=promised, how=how)
        )

    if not all_environments:
        return once(server)[1]
    if promised:
        raise SettingsError("a saved plan is for one environment", hint="Leave out --all-environments, or give DIR.")
    return every(server, wishes.directory, output, once)


def _promised(plan: Path, *, narrowed: bool) -> SavedPlan | None:
    from dlsync.operations import plan_file
    from dlsync.resources import loader

    if not plan.is_file():
        loader.require_directory(plan)
        _refuse_plans(plan)
        return None
    if narrowed:
        hint = "Leave --target, --adopt, --on-conflict and --delete-account out, or give the tree."
        raise SettingsError("a saved plan has in it what it was asked for", hint=hint)
    return plan_file.read(plan)


def _refuse_plans(folder: Path) -> None:
    """Refuse a folder in which ``plan --all-environments --out`` kept its plans, and which is no tree."""
    files = sorted(one for one in folder.iterdir() if not one.name.startswith("."))
    if files and all(one.suffix == ".json" for one in files):
        hint = f"Apply each plan by itself: `dlsync apply {files[0]}`."
        raise SettingsError(f"{folder} holds saved plans, not a tree", hint=hint)
