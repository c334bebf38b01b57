"""Render the results of all environments of a tree, and their summary."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dlsync.messages import counted, visible
from dlsync.model import Plan, Problem, Target
from dlsync.operations import plan_document
from dlsync.render import findings, plan_markdown
from dlsync.render.findings import Finding
from dlsync.render.problems import failure
from dlsync.render.table import painter


@dataclass(frozen=True)
class EnvironmentResult:
    """The result of one environment.

    :param plan: None if it failed.
    :param error: why it failed, without secrets.
    """

    environment: str
    plan: Plan | None = None
    error: str = ""
    problems: tuple[Problem, ...] = ()


def headline(environment: str, *, color: bool) -> str:
    """Return the heading of an environment's plan."""
    return painter(color=color)(f"Environment {visible(environment)}:", "bold") + "\n\n"


def summary(results: Sequence[EnvironmentResult], *, color: bool) -> str:
    """Return a line for each environment, and a line for all of them together."""
    paint = painter(color=color)
    names = [visible(result.environment) for result in results]
    width = max(map(len, names))
    lines = [f"  {name:{width}}  {_outcome(result)}\n" for name, result in zip(names, results, strict=True)]
    return f"{paint('All environments:', 'bold')}\n{''.join(lines)}{paint(f'Total: {_total(results)}.', 'bold')}\n"


def as_document(results: Sequence[EnvironmentResult]) -> dict[str, Any]:
    """Return one JSON document with the plan or the error of each environment."""
    environments: dict[str, Any] = {
        result.environment: failure(result.error, result.problems)
        if result.plan is None
        else plan_document.as_document(result.plan)
        for result in results
    }
    plan, failed, refused = _combined(results)
    counts = {**plan.summary, "failed": failed, "refused": refused}
    return {"format_version": 1, "environments": environments, "summary": counts}


def findings_of(results: Sequence[EnvironmentResult]) -> dict[str, list[Finding]]:
    """Return the findings of each environment."""
    return {
        one.environment: findings.of_problems(one.problems, one.error)
        if one.plan is None
        else findings.of_plan(one.plan)
        for one in results
    }


def render_markdown(results: Sequence[EnvironmentResult], *, limit: int = plan_markdown.LIMIT, marker: str = "") -> str:
    """Return a section for each environment, all of them together within the limit of one plan."""
    sections = [
        (
            plan_markdown.section_of_failure(result.error, result.problems)
            if result.plan is None
            else plan_markdown.section_of(result.plan)
        ).headed(result.environment)
        for result in results
    ]
    return plan_markdown.assemble(sections, limit=limit, start=marker, end=f"\n**Total**: {_total(results)}.\n")


def _outcome(result: EnvironmentResult) -> str:
    if result.plan is None:
        return f"failed: {visible(' '.join(result.error.split()))}"
    if result.plan.refused:
        return "refused by an apply"
    return plan_document.counts(result.plan) if result.plan else f"no changes, {result.plan.unchanged:,} unchanged"


def _combined(results: Sequence[EnvironmentResult]) -> tuple[Plan, int, int]:
    """Return one plan of all changes, and the numbers of failed and of refused environments."""
    plans = [result.plan for result in results if result.plan is not None]
    changes = tuple(change for plan in plans for change in plan.changes)
    combined = Plan(Target("", "", ""), changes, sum(plan.unchanged for plan in plans))
    return combined, len(results) - len(plans), sum(bool(plan.refused) for plan in plans)


def _total(results: Sequence[EnvironmentResult]) -> str:
    plan, failed, refused = _combined(results)
    total = plan_document.counts(plan)
    for count, outcome in ((failed, "failed"), (refused, "refused by an apply")):
        if count:
            total += f"; {count:,} of {counted(len(results), 'environment')} {outcome}"
    return total
