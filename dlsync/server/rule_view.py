"""A rule as JSON shows it, and back: fields of the server's own, and ``scopes`` in place of ``scope``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dlsync.server.decoration import part_id
from dlsync.server.operation import fault
from dlsync.server.tags import EVERY

Document = dict[str, Any]
AgentNames = Mapping[str, str]  # by id
TAG, AGENT = "tag", "agent"
RULE_FIELDS = frozenset({"id", "name", "mute", "state"})
CRITERION_FIELDS = frozenset({"id", "rule", "data_type", "state", "sources", "scopes", "triggered_by", "triggered_at"})
DEFAULTS = {"operator": "gt", "timeout": 0}  # of a condition


def rule_of(sent: Document, agents: AgentNames) -> Document:
    """Return the rule that a client sent, without the server's fields.

    :raises HTTPException: 422 for ``scopes`` that cannot be understood.
    """
    rule = {field: value for field, value in sent.items() if field not in RULE_FIELDS}
    return _with_criteria(rule, lambda criterion, _: _criterion_of(criterion, agents))


def view_of(rule: Document, identifier: str, agents: AgentNames) -> Document:
    """Return a rule as JSON shows it, but for its name, mute and what depends on measurements."""
    shown = _with_criteria(rule, lambda criterion, index: _criterion_view(criterion, identifier, index, agents))
    return {**shown, "id": identifier}


def scopes_of(scope: object, agents: AgentNames) -> list[dict[str, str]]:
    """Return the tags and agents that a scope names; the tag of every agent where it names none."""
    if scope is None or (isinstance(scope, dict) and not any(scope.values())):
        return [_scope(TAG, EVERY, EVERY)]
    if not isinstance(scope, dict):
        return []
    tags = [_scope(TAG, tag, tag) for tag in _texts(scope.get(TAG))]
    ids = [identifier for agent in _texts(scope.get(AGENT)) for identifier in _agent_ids(agent, agents)]
    return tags + [_scope(AGENT, identifier, agents.get(identifier, identifier)) for identifier in dict.fromkeys(ids)]


def _with_criteria(rule: Document, change: Callable[[Document, int], Document]) -> Document:
    """Return the rule with each of its criteria changed, by what it is and its index; other shapes stay."""
    if not isinstance(criteria := rule.get("criteria"), list):
        return rule
    changed = [change(item, index) if isinstance(item, dict) else item for index, item in enumerate(criteria)]
    return {**rule, "criteria": changed}


def _criterion_of(sent: Document, agents: AgentNames) -> Document:
    criterion = {field: value for field, value in sent.items() if field not in CRITERION_FIELDS}
    if "scopes" not in sent:
        return criterion
    scopes = sent["scopes"]
    if not isinstance(scopes, list) or not (scopes or "scope" in sent):
        raise fault(422, "criteria: scopes: expected a list of objects with type, id and name, not {}", scopes)
    references = [_sent_reference(scope) for scope in scopes]
    if "scope" not in sent:
        return {**criterion, "scope": _scope_of(references)}
    if references != [_reference(scope) for scope in scopes_of(sent["scope"], agents)]:
        raise fault(422, "criteria: scope and scopes differ; send one of them")
    return criterion


def _criterion_view(criterion: Document, rule: str, index: int, agents: AgentNames) -> Document:
    scopes = scopes_of(criterion.get("scope"), agents)
    view = {**criterion, "id": part_id(rule, index), "rule": rule, "scopes": scopes}
    if isinstance(condition := criterion.get("condition"), dict):
        absent = {field: value for field, value in DEFAULTS.items() if condition.get(field) is None}
        view["condition"] = {**condition, **absent}
    if scopes and criterion.get("scope") == _scope_of([_reference(scope) for scope in scopes]):
        del view["scope"]
    return view


def _texts(value: object) -> list[str]:
    items = value if isinstance(value, list) else [value]
    return list(dict.fromkeys(item for item in items if isinstance(item, str)))


def _scope(kind: str, identifier: str, name: str) -> dict[str, str]:
    return {"type": kind, "id": identifier, "name": name}


def _agent_ids(agent: str, agents: AgentNames) -> list[str]:
    """Return the ids of the agents of an id or else of a name, which several may share."""
    named = [identifier for identifier, name in agents.items() if name == agent]
    return named if named and agent not in agents else [agent]


def _sent_reference(scope: object) -> tuple[str, str]:
    """Return the type of a scope, and the name of its tag or the id of its agent."""
    if isinstance(scope, dict) and (kind := scope.get("type")) in (TAG, AGENT):
        fields = ("name", "id") if kind == TAG else ("id", "name")
        value = next((scope[field] for field in fields if scope.get(field) is not None), None)
        if value and isinstance(value, str):
            return kind, value
    raise fault(422, "criteria: scopes: expected a type (tag or agent) with its id or name, not {}", scope)


def _reference(scope: dict[str, str]) -> tuple[str, str]:
    return scope["type"], scope["id"]


def _scope_of(references: list[tuple[str, str]]) -> Document:
    scope: Document = {}
    for kind in (TAG, AGENT):
        values = list(dict.fromkeys(value for found, value in references if found == kind))
        if values:
            scope[kind] = values[0] if len(values) == 1 else values
    return scope
