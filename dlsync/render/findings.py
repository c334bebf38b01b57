"""Collect the findings of a command, and render them for CI systems: SARIF, JUnit, and annotations of GitHub."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from importlib import import_module
from typing import TYPE_CHECKING

from dlsync.messages import visible
from dlsync.model import Code, Plan, Problem, ResourceChange
from dlsync.render.description import describe

if TYPE_CHECKING:
    from dlsync.operations.drift import Drift

LIMIT = 5_000  # findings in a run of SARIF: GitHub shows no more, and none if there are over 25,000
_PLACE = re.compile(r"\b(line|byte) \d+")


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem that a command found; its file is relative to the root of the repository.

    :param subject: the resource with the problem, safe to print; empty for none.
    """

    problem: Problem
    subject: str = ""

    @property
    def message(self) -> str:
        """Return the message, safe to print and on one line."""
        return visible(self.problem.message)


def render(findings: Iterable[Finding], form: str) -> str:
    """Return findings as SARIF, JUnit or annotations, errors first, because GitHub shows only the first ones."""
    ordered = sorted(findings, key=lambda one: (one.problem.severity, one.problem.file, one.problem.line or 0))
    text: str = import_module(f"dlsync.render.{form}").render(ordered)
    return text


def left_out(form: str, total: int) -> str:
    """Return a sentence about the findings that a report leaves out; empty for none."""
    if form != "sarif" or total <= LIMIT:
        return ""
    more = total - LIMIT
    return f"{more:,} of {total:,} findings are left out, warnings first: GitHub takes {LIMIT:,}; --format json has all"


def of_problems(problems: Iterable[Problem], error: str = "") -> list[Finding]:
    """Return problems as findings, with the error of a failed command unless one of them is an error."""
    found = [Finding(one) for one in problems]
    failed = error and not any(one.problem.severity == "error" for one in found)
    return [*found, *([Finding(Problem(Code.RUN_FAILED, error))] if failed else [])]


def of_plan(plan: Plan) -> list[Finding]:
    """Return the reasons why an apply refuses a plan, its warnings, its held changes and its deletes."""
    refused = [Finding(Problem(Code.PLAN_REFUSED, reason)) for reason in plan.refused]
    return [*refused, *of_problems(plan.warnings), *(one for change in plan.changes for one in _of_change(change))]


def _of_change(change: ResourceChange) -> Iterator[Finding]:
    subject = visible(str(change.address))
    if change.held:
        message = f"{change.address}: an apply skips the {change.action}: {change.held}"
        yield Finding(Problem(Code.CHANGE_HELD, message, change.file, change.line), subject)
    elif change.action == "delete":
        message = f"{change.address}: an apply deletes it{f', renamed to {change.renamed}' if change.renamed else ''}"
        yield Finding(Problem(Code.RESOURCE_DELETED, message, change.file, change.line), subject)


def of_drift(drift: "Drift") -> list[Finding]:
    """Return the warnings of drift, and each field that was changed on the server."""
    found = of_problems(drift.warnings)
    for change, words in zip(drift.changes, describe(drift.changes), strict=True):
        place, subject = f"{words.address} was {change.action}d on the server", words.address
        if change.action != "update":
            found.append(Finding(Problem(Code.CHANGED_ON_SERVER, place, change.file, change.line), subject))
            continue
        for field in words.fields:
            values = " -> ".join(one for one in (field.before, field.after) if one is not None)
            what = field.note or values or "its text changed"
            message = f"{subject} was changed on the server: {field.name}: {what}"
            found.append(Finding(Problem(Code.CHANGED_ON_SERVER, message, change.file, field.line), subject))
    return found


def placed(findings: Iterable[Finding], folder: str, environment: str = "") -> list[Finding]:
    """Return findings with their files relative to the root of the repository.

    :param folder: the directory in the repository; ends with a slash unless it is the root.
    :param environment: added to each message; empty for none.
    """
    suffix = f" (environment {environment})" if environment else ""

    def moved(one: Problem) -> Problem:
        return replace(one, file=one.file and folder + one.file, message=one.message + suffix)

    return [replace(one, problem=moved(one.problem)) for one in findings]


def fingerprints(findings: Iterable[Finding]) -> Iterator[str]:
    """Yield an identifier of each finding that does not depend on lines; equal findings are numbered."""
    seen: Counter[str] = Counter()
    for one in findings:
        key = "\0".join((str(one.problem.code), one.problem.file, _PLACE.sub(r"\1", one.message)))
        seen[key] += 1
        yield sha256(f"{key}\0{seen[key]}".encode("utf-8", "surrogatepass")).hexdigest()
