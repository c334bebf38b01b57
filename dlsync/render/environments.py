"""How each environment of a tree ended, one after the other, and all of them in one summary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dlsync.messages import json_text, visible
from dlsync.model import Plan, Target
from dlsync.operations.plan_document import as_document, counts
from dlsync.render import plan_markdown
from dlsync.render.fields import counted
from dlsync.render.problems import failure
from dlsync.render.table import painter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlsync.model import Problem

FORMAT_VERSION = 1
_ROOM_FOR_HEADINGS = 200  # characters, of each environment's section in Markdown


@dataclass(frozen=True)
class Ended:
    """How one environment ended.

    :param plan: None where it failed.
    :param error: why it failed; no secret in it.
    :param problems: what is wrong in the files, likewise.
    """

    environment: str
    plan: Plan | None = None
    error: str = ""
    problems: tuple[Problem, ...] = ()


def headline(environment: str, *, color: bool) -> str:
    """Return what stands above an environment's plan."""
    return painter(color=color)(f"Environment {visible(environment)}:", "bold") + "\n\n"


def summary(ended: Sequence[Ended], *, color: bool) -> str:
    """Return a line for each environment and one for all of them together."""
    paint = painter(color=color)
    width = max(len(visible(one.environment)) for one in ended)
    lines = [f"  {visible(one.environment):{width}}  {_said(one)}" for one in ended]
    return (
        "\n".join([paint("All environments:", "bold"), *lines, paint(f"Total: {_total_said(ended)}.", "bold")]) + "\n"
    )


def render_json(ended: Sequence[Ended]) -> str:
    """Return one document of all: a plan's own, or an error, by environment."""
    environments: dict[str, Any] = {
        one.environment: failure(one.error, one.problems) if one.plan is None else as_document(one.plan)
        for one in ended
    }
    whole = {
        "format_version": FORMAT_VERSION,
        "environments": environments,
        "summary": {**_total(ended).summary, "failed": _failed(ended), "refused": _refused(ended)},
    }
    return json_text(whole)


def render_markdown(ended: Sequence[Ended]) -> str:
    """Return a section for each environment, all of them together no longer than one plan may be."""
    limit = plan_markdown.LIMIT // len(ended) - _ROOM_FOR_HEADINGS
    sections = [f"### {plan_markdown.code(one.environment)}\n\n{_section(one, limit)}" for one in ended]
    return "\n".join([*sections, f"**Total**: {_total_said(ended)}.\n"])


def _section(one: Ended, limit: int) -> str:
    return (
        plan_markdown.render_failure(one.error, one.problems, limit)
        if one.plan is None
        else plan_markdown.render(one.plan, limit)
    )


def _said(one: Ended) -> str:
    if one.plan is None:
        return f"failed: {visible(' '.join(one.error.split()))}"
    if one.plan.refused:
        return f"refused by an apply: {visible(' '.join(one.plan.refused))}"
    return counts(one.plan) if one.plan else f"no changes, {one.plan.unchanged:,} unchanged"


def _total(ended: Sequence[Ended]) -> Plan:
    plans = [one.plan for one in ended if one.plan is not None]
    changes = tuple(change for plan in plans for change in plan.changes)
    return Plan(Target("", "", ""), changes, sum(plan.unchanged for plan in plans))


def _total_said(ended: Sequence[Ended]) -> str:
    troubles = ((_failed(ended), "failed"), (_refused(ended), "refused by an apply"))
    said = [f"; {count:,} of {counted(len(ended), 'environment')} {trouble}" for count, trouble in troubles if count]
    return counts(_total(ended)) + "".join(said)


def _failed(ended: Sequence[Ended]) -> int:
    return sum(one.plan is None for one in ended)


def _refused(ended: Sequence[Ended]) -> int:
    return sum(one.plan is not None and bool(one.plan.refused) for one in ended)
