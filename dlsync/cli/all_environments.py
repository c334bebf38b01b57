"""``--all-environments``: a command for each environment of a tree, one summary, one exit code."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from dlsync.errors import (
    EXIT_CHANGES,
    EXIT_ERROR,
    EXIT_OK,
    EXIT_PARTIAL,
    EXIT_REFUSED,
    DlsyncError,
    Refused,
    SettingsError,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dlsync.cli.options import Format, PlanFormat, Server
    from dlsync.model import Plan
    from dlsync.render.environments import Ended

    Once = Callable[[Server], tuple[Plan | None, int]]

AllEnvironments = Annotated[
    bool, typer.Option("--all-environments", help="All environments of dlsync.yaml, one after the other.")
]
# the exit code of several is the first of these that one of them ended with
_WORST_FIRST = (EXIT_ERROR, EXIT_REFUSED, EXIT_PARTIAL, EXIT_CHANGES, EXIT_OK)


def every(server: Server, directory: Path, output: Format | PlanFormat, once: Once) -> int:
    """Run a command for each environment, those after one that fails too, and show the summary.

    :param once: shows a plan where the output is text, and returns it with its exit code; None where it was refused by
        whoever was asked.
    :raises SettingsError: one environment was asked for too, there is none, or two are for the same account.
    """
    from dlsync.cli.output import colored, result
    from dlsync.render import environments as rendering
    from dlsync.resources import environments

    if server.environment:
        raise SettingsError("--all-environments takes all of them", hint="Leave out --environment, or the other.")
    ended: list[tuple[Ended, int]] = []
    for name in environments.required(directory, server.options, os.environ):
        if output == "text":
            result(rendering.headline(name, color=colored(sys.stdout)))
        ended.append(_ended(name, once, replace(server, environment=name)))
        if output == "text":
            result("\n")
    all_of_them = [one for one, _ in ended]
    if output == "json":
        result(rendering.render_json(all_of_them))
    elif output == "markdown":
        result(rendering.render_markdown(all_of_them))
    else:
        result(rendering.summary(all_of_them, color=colored(sys.stdout)))
    return min((code for _, code in ended), key=_WORST_FIRST.index)


def _ended(name: str, once: Once, server: Server) -> tuple[Ended, int]:
    from dlsync.cli.output import concealed, discreet, discreet_problems, explain
    from dlsync.render.environments import Ended

    try:
        plan, code = once(server)
    except DlsyncError as error:
        explain(error, f"environment {name}: ")
        if isinstance(error, Refused) and error.plan:
            return Ended(name, discreet(error.plan)), error.exit_code
        problems = tuple(discreet_problems(error.problems))
        return Ended(name, error=concealed(error.message), problems=problems), error.exit_code
    return Ended(name, discreet(plan)) if plan is not None else Ended(name, error="not approved"), code
