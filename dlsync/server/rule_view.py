"""Convert rules to and from their JSON view, which has states, ids, and ``scopes`` in place of ``scope``."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from dlsync.server import metrics
from dlsync.server.agents import Agent
from dlsync.server.documents import Document
from dlsync.server.evaluation import (
    TRIGGERED,
    UNKNOWN,
    Evaluation,
    Points,
    Values,
    criterion_of,
    data_type_of,
    evaluate,
    matches,
    worst,
)
from dlsync.server.operation import Refusal, hashed_id
from dlsync.server.tags import EVERY
from dlsync.server.times import timestamp

Agents = Mapping[str, Agent]  # by id
TAG, AGENT = "tag", "agent"
HIT = "hit"  # the triggered state of a criterion, for clients of the service
RULE_FIELDS = frozenset({"id", "name", "mute", "state"})
CRITERION_FIELDS = frozenset({"id", "rule", "data_type", "state", "sources", "scopes", "triggered_by", "triggered_at"})
CONDITION_DEFAULTS = {"operator": "gt", "timeout": 0}


def rule_of(sent: Document, agents: Agents) -> Document:
    """Return the rule in a client's document, without the server's fields.

    :raises Refusal: 422 for invalid ``scopes``.
    """
    rule = {field: value for field, value in sent.items() if field not in RULE_FIELDS}
    return _with_criteria(rule, lambda criterion, _: _criterion_sent(criterion, agents))


def view_of(rule: Document, identifier: str, agents: Agents) -> Document:
    """Return the view of a rule, without name, mute and states."""
    view = _with_criteria(rule, lambda criterion, index: _criterion_view(criterion, identifier, index, agents))
    return {**view, "id": identifier}


def with_states(view: Document, agents: Agents, now: int, measured: Points = lambda *_: {}) -> Document:
    """Return a rule's view with the states of the rule and its criteria.

    :param now: unix seconds.
    :param measured: returns points of the metrics server, by its names of agents.
    """
    states: list[str] = []

    def stated(criterion: Document, _: int) -> Document:
        evaluation = _evaluate(criterion, agents, now, measured)
        states.append(evaluation.state)
        since = evaluation.triggered_at
        shown = {
            state: HIT if state == TRIGGERED else state for state in {evaluation.state, *evaluation.sources.values()}
        }
        return {
            **criterion,
            "data_type": data_type_of(criterion),
            "state": shown[evaluation.state],
            "sources": {agent: shown[state] for agent, state in evaluation.sources.items()},
            "triggered_by": evaluation.triggered_by,
            "triggered_at": None if since is None else timestamp(datetime.fromtimestamp(since, UTC)),
        }

    view = _with_criteria(view, stated)
    criteria = view.get("criteria")
    others = [UNKNOWN] * (len(criteria) - len(states)) if isinstance(criteria, list) else []
    return {**view, "state": worst([*states, *others])}


def _evaluate(document: Document, agents: Agents, now: int, measured: Points) -> Evaluation:
    tags = {scope["id"] for scope in document["scopes"] if scope["type"] == TAG}
    tagged = [identifier for identifier, agent in agents.items() if tags & {*agent["tags"]}]
    in_scope = dict.fromkeys([*tagged, *(scope["id"] for scope in document["scopes"] if scope["type"] == AGENT)])
    criterion = criterion_of(document)
    if criterion is None:
        return Evaluation(UNKNOWN, dict.fromkeys(in_scope, UNKNOWN))

    def points(identifier: str, pattern: str, times: range) -> Mapping[str, Values]:
        if (agent := agents.get(identifier)) is None:
            return {}
        own = {
            name: {point["time"]: point["value"] for point in metrics.points(agent, metric, times, now)}
            for name, metric in metrics.metrics_of(agent).items()
            if matches(pattern, name)
        }
        return {**measured(agent["measured_as"], pattern, times), **own} if agent["measured_as"] else own

    return evaluate(criterion, in_scope, points, now)


def _with_criteria(rule: Document, change: Callable[[Document, int], Document]) -> Document:
    """Return the rule with ``change`` applied to each criterion and its index; values of other types stay."""
    if not isinstance(criteria := rule.get("criteria"), list):
        return rule
    changed = [change(item, index) if isinstance(item, dict) else item for index, item in enumerate(criteria)]
    return {**rule, "criteria": changed}


def _criterion_sent(sent: Document, agents: Agents) -> Document:
    criterion = {field: value for field, value in sent.items() if field not in CRITERION_FIELDS}
    if "scopes" not in sent:
        return criterion
    scopes = sent["scopes"]
    if not isinstance(scopes, list) or not (scopes or "scope" in sent):
        raise Refusal(422, "criteria: scopes: expected a list of objects with type, id and name, not {}", scopes)
    references = [_reference(scope) for scope in scopes]
    if "scope" not in sent:
        return {**criterion, "scope": _scope_of(references)}
    if references != [(scope["type"], scope["id"]) for scope in _scopes_of(sent["scope"], agents)]:
        raise Refusal(422, "criteria: scope and scopes differ; send one of them")
    return criterion


def _criterion_view(criterion: Document, rule: str, index: int, agents: Agents) -> Document:
    scopes = _scopes_of(criterion.get("scope"), agents)
    view = {**criterion, "id": hashed_id(f"{rule}/{index}"), "rule": rule, "scopes": scopes}
    if isinstance(condition := criterion.get("condition"), dict):
        absent = {field: value for field, value in CONDITION_DEFAULTS.items() if condition.get(field) is None}
        view["condition"] = {**condition, **absent}
    if scopes and criterion.get("scope") == _scope_of([(scope["type"], scope["id"]) for scope in scopes]):
        del view["scope"]
    return view


def _scopes_of(scope: object, agents: Agents) -> list[dict[str, str]]:
    """Return the tags and agents of a scope; without any, the tag ``all``."""
    if scope is None or (isinstance(scope, dict) and not any(scope.values())):
        return [{"type": TAG, "id": EVERY, "name": EVERY}]
    if not isinstance(scope, dict):
        return []
    ids = []
    for name in _texts(scope.get(AGENT)):  # an id or a name; several agents may share a name
        named = [identifier for identifier, agent in agents.items() if agent["name"] == name]
        ids += named if named and name not in agents else [name]
    names = {identifier: agents[identifier]["name"] if identifier in agents else identifier for identifier in ids}
    return [
        *({"type": TAG, "id": tag, "name": tag} for tag in _texts(scope.get(TAG))),
        *({"type": AGENT, "id": identifier, "name": name} for identifier, name in names.items()),
    ]


def _texts(value: object) -> list[str]:
    items = value if isinstance(value, list) else [value]
    return list(dict.fromkeys(item for item in items if item and isinstance(item, str)))


def _reference(scope: object) -> tuple[str, str]:
    """Return the type of a client's scope, and the name of its tag or the id of its agent."""
    if isinstance(scope, dict) and (kind := scope.get("type")) in (TAG, AGENT):
        fields = ("name", "id") if kind == TAG else ("id", "name")
        value = next((scope[field] for field in fields if scope.get(field) is not None), None)
        if value and isinstance(value, str):
            return kind, value
    raise Refusal(422, "criteria: scopes: expected a type (tag or agent) with its id or name, not {}", scope)


def _scope_of(references: list[tuple[str, str]]) -> dict[str, Any]:
    tags, agents = (list(dict.fromkeys(value for kind, value in references if kind == of)) for of in (TAG, AGENT))
    scope = {TAG: tags, AGENT: agents}
    return {kind: values[0] if len(values) == 1 else values for kind, values in scope.items() if values}
