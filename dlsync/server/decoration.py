"""Fields that some servers add of their own to what was sent: ids, states, dates."""

from __future__ import annotations

import json
import re
from hashlib import blake2b
from typing import Any

# what JSON may hold as it is and YAML may not (YAML 1.2, 5.1)
_UNPRINTABLE = re.compile("[\x7f-\x84\x86-\x9f\ufffe\uffff]")
_PARTS = {"dashboard": "positions", "rule": "criteria"}


def decorate(document: dict[str, Any], kind: str, identifier: str, modified: str) -> dict[str, Any]:
    """Return the document with the server's fields; the input is left alone."""
    part = _PARTS[kind]
    result = {**document, "id": identifier, "modified": modified}
    if isinstance(result.get(part), list):
        result[part] = [_with_id(item, f"{identifier}/{index}") for index, item in enumerate(result[part])]
    if isinstance(result.get("actions"), list):
        result["actions"] = [_with_status(action) for action in result["actions"]]
    return result


def as_json(decorated: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON view of a decorated document; a rule's was seen with more fields, and ``scopes`` for ``scope``.

    How ``scopes`` looks inside was not seen: here it is a list of what ``scope`` was.
    """
    criteria = decorated.get("criteria")
    if not isinstance(criteria, list):
        return decorated
    return {**decorated, "state": "clear", "criteria": [_with_state(item, decorated["id"]) for item in criteria]}


def dump(document: dict[str, Any]) -> bytes:
    """Return the YAML of a document that no longer is the one sent: JSON, which is YAML and needs no second writer."""
    text = json.dumps(document, indent=2, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text).encode() + b"\n"


def _with_id(item: object, seed: str) -> object:
    digest = blake2b(seed.encode(), digest_size=12).hexdigest()
    return {**item, "id": digest} if isinstance(item, dict) else item


def _with_state(criterion: object, rule: str) -> object:
    if not isinstance(criterion, dict):
        return criterion
    own = {"state": "clear", "sources": [], "data_type": "number", "rule": rule, "scopes": [criterion.get("scope")]}
    return {key: value for key, value in criterion.items() if key != "scope"} | own


def _with_status(action: object) -> object:
    if not isinstance(action, dict) or not isinstance(action.get("details"), dict):
        return action
    return {**action, "details": {**action["details"], "status": "OK"}}
