"""Alert rules: ``rules/**/<name>.yaml``."""

from collections.abc import Mapping
from typing import ClassVar

from dlsync.client import ReadClient
from dlsync.diff.list_match import A_SET, ITEM, ListMatching, all_but, anywhere, identity
from dlsync.diff.merge_key import MergeKey
from dlsync.errors import BadAnswer, Unsupported
from dlsync.model import Json, Path, Resource
from dlsync.resources.document import DocumentKind, as_text, duration, rest, scope
from dlsync.resources.endpoint import Listing

_CRITERION = ("criteria", ITEM)
_ACTION = ("actions", ITEM)
_DETAILS = "details"
_OPERATORS = {"gt": "is above", "lt": "is below", "ge": "is at least", "le": "is at most", "eq": "is", "ne": "is not"}


def _criterion(item: dict[str, Json]) -> str:
    """Return ``base.cpu is above 90 for 5 min on tag web``."""
    condition = item.get("condition")
    condition = condition if isinstance(condition, dict) else {}
    operator, threshold = as_text(condition.get("operator", "gt")), condition.get("threshold")
    holds = "is down" if threshold is False else f"{_OPERATORS.get(operator, operator)} {as_text(threshold)}"
    lasting = f" for {duration(condition['timeout'])}" if condition.get("timeout") else ""
    more = rest(condition, frozenset({"operator", "threshold", "timeout"}))
    more += rest(item, frozenset({"metric", "scope", "condition"}))
    return f"{as_text(item.get('metric'))} {holds}{lasting}{scope(item.get('scope'))}{more}"


def _action(item: dict[str, Json]) -> str:
    """Return ``emails a@example.org``, ``calls https://example.org``, or what an unknown action has."""
    sort, to = as_text(item.get("type", "EMAIL")), as_text(item.get("emails") or [])
    more = rest(item, frozenset({"type", "url" if sort == "WEBHOOK" else "emails"}))
    if sort == "EMAIL" and not to:
        return more.removeprefix(", ") or "emails no address"
    does = {"EMAIL": f"emails {to}", "WEBHOOK": f"calls {as_text(item.get('url'))}"}
    return does.get(sort, sort) + more


class Rule(DocumentKind):
    """Criteria, any of which triggers the rule, and actions, all of which then run; both are sets.

    An action is spelled ``{emails, message}`` or ``{type: EMAIL, details: {emails, message}}``; the first is canonical.
    """

    name = "rule"
    folder = "rules"
    order = 40
    can_be_muted = True
    list_matching: ClassVar = {
        ("criteria",): ListMatching(
            (identity("metric", "scope"), identity("metric")), alike=(all_but("metric"),), ordered=False
        ),
        (*_CRITERION, "scope", "tag"): A_SET,
        (*_CRITERION, "scope", "agent"): A_SET,
        ("actions",): ListMatching(
            (identity("type", "emails", "url"),), alike=(identity("type"), lambda _: 0), ordered=False
        ),
        (*_ACTION, "emails"): A_SET,
    }
    overlay_keys: ClassVar = {("criteria",): MergeKey(("metric", "scope"))}
    either = frozenset({(*_CRITERION, "scope", "tag"), (*_CRITERION, "scope", "agent")})
    item_sentences: ClassVar = {("criteria",): _criterion, ("actions",): _action}
    closed = frozenset({(*_CRITERION, "scope"), (*_CRITERION, "condition"), _ACTION})

    def flattened(self, path: Path, mapping: Mapping[str, Json]) -> Mapping[str, Json]:
        details = mapping.get(_DETAILS)
        if anywhere(path) != _ACTION or not isinstance(details, dict):
            return mapping
        return {**{field: value for field, value in mapping.items() if field != _DETAILS}, **details}

    def respelled(self, path: Path, written: Mapping[str, Json], flat: dict[str, Json]) -> dict[str, Json]:
        if self.flattened(path, written) is written:
            return flat
        outside = {field: value for field, value in flat.items() if field in written or field == "type"}
        inside = {field: value for field, value in flat.items() if field not in outside}
        return {**outside, _DETAILS: inside}

    def written_path(self, desired: Resource, path: Path) -> Path:
        actions = desired.document.get("actions")
        if anywhere(path[:2]) != _ACTION or len(path) == len(_ACTION) or not isinstance(actions, list):
            return path
        place, field = int(path[1]), path[2]
        action = actions[place] if place < len(actions) else None
        nested = isinstance(action, dict) and field not in action and _DETAILS in action
        return (*path[:2], _DETAILS, *path[2:]) if nested else path

    async def list(self, client: ReadClient, if_none_match: str = "") -> Listing:
        bad: list[BadAnswer] = []
        try:
            rules = await client.rules.list(bad.append)
        except Unsupported:
            return Listing()
        return Listing(
            names=frozenset(rule.name for rule in rules),
            complete=not bad,
            versions={rule.name: rule.etag for rule in rules},
            faults=tuple(one.message for one in bad),
            muted=frozenset(rule.name for rule in rules if rule.mute is True),
        )


KIND = Rule()
