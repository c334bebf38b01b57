"""The states of rules, evaluated on what the account's agents measure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dlsync.server import agents, measurements
from dlsync.server.evaluation import (
    TRIGGERED,
    UNKNOWN,
    Evaluation,
    Values,
    criterion_of,
    data_type_of,
    evaluate,
    matches,
    worst,
)
from dlsync.server.operation import timestamp
from dlsync.server.rule_view import TAG

if TYPE_CHECKING:
    from dlsync.server.operation import Call
    from dlsync.server.rule_view import Document

HIT = "hit"  # what the service's own clients compare the state of a criterion with


class RuleStates:
    """Evaluates rules for one request."""

    def __init__(self, call: Call) -> None:
        self._agents = {agent["id"]: agent for agent in agents.tagged(call)}
        self._now = int(call.settings.now().timestamp())

    @property
    def agent_names(self) -> dict[str, str]:
        """The names of the account's agents, by id."""
        return {identifier: agent["name"] for identifier, agent in self._agents.items()}

    def added_to(self, view: Document) -> Document:
        """Return a rule's view with its state and those of its criteria."""
        criteria = view.get("criteria")
        if not isinstance(criteria, list):
            return {**view, "state": UNKNOWN}
        found = [self._evaluate(item) if isinstance(item, dict) else None for item in criteria]
        shown = [
            item if evaluation is None else {**item, **_state_fields(item, evaluation)}
            for item, evaluation in zip(criteria, found, strict=True)
        ]
        return {**view, "criteria": shown, "state": worst(item.state if item else UNKNOWN for item in found)}

    def _evaluate(self, criterion: Document) -> Evaluation:
        ids, evaluated = self._in_scope(criterion["scopes"]), criterion_of(criterion)
        if evaluated is None:
            return Evaluation(UNKNOWN, dict.fromkeys(ids, UNKNOWN))
        return evaluate(evaluated, ids, self._points, self._now)

    def _in_scope(self, scopes: list[dict[str, str]]) -> list[str]:
        tags = {scope["id"] for scope in scopes if scope["type"] == TAG}
        named = [scope["id"] for scope in scopes if scope["type"] != TAG]
        tagged = [identifier for identifier, agent in self._agents.items() if tags & {*agent["tags"]}]
        return list(dict.fromkeys(tagged + named))

    def _points(self, identifier: str, pattern: str, times: range) -> dict[str, Values]:
        agent = self._agents.get(identifier)
        metrics = measurements.metrics_of(agent) if agent else {}
        return {
            name: _values(measurements.points(agent, metric, times, self._now))
            for name, metric in metrics.items()
            if agent and matches(pattern, name)
        }


def _values(points: list[dict[str, Any]]) -> Values:
    return {point["time"]: point["value"] for point in points}


def _state_fields(criterion: Document, evaluation: Evaluation) -> Document:
    since = evaluation.triggered_at
    return {
        "data_type": data_type_of(criterion),
        "state": _shown(evaluation.state),
        "sources": {agent: _shown(state) for agent, state in evaluation.sources.items()},
        "triggered_by": evaluation.triggered_by,
        "triggered_at": None if since is None else timestamp(datetime.fromtimestamp(since, UTC)),
    }


def _shown(state: str) -> str:
    return HIT if state == TRIGGERED else state
