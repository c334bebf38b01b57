"""Where output goes: results to stdout, all else to stderr, nothing that a terminal would act on to either."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dlsync.cli.options import PlanFormat
    from dlsync.model import Plan, Problem


def result(text: str) -> None:
    """Print what was asked for."""
    sys.stdout.write(text)
    sys.stdout.flush()


def aside(text: str) -> None:
    """Say something beside the result."""
    sys.stderr.write(text)
    sys.stderr.flush()


def warnings(problems: Iterable[Problem]) -> None:
    """Say what a user should know of, a line each."""
    from dlsync.escape import visible

    for problem in problems:
        aside(f"{problem.severity}: {visible(str(problem))}\n")


def colored() -> bool:
    """Whether results are printed in colour."""
    from dlsync.render.color import wants_color

    return wants_color(sys.stdout, os.environ)


def rendered(plan: Plan, output: PlanFormat | str) -> str:
    """Return a plan in the form that was asked for."""
    from dlsync.render import document, markdown, text

    if output == "json":
        return document.render(plan)
    if output == "markdown":
        return markdown.render(plan)
    return text.render(plan, color=colored())
