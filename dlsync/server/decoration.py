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
        result[part] = [_with_id(item, part_id(identifier, index)) for index, item in enumerate(result[part])]
    if isinstance(result.get("actions"), list):
        result["actions"] = [_with_status(action) for action in result["actions"]]
    return result


def dump(document: dict[str, Any]) -> bytes:
    """Return the YAML of a document that no longer is the one sent: JSON, which is YAML and needs no second writer."""
    return escaped(json.dumps(document, indent=2, ensure_ascii=False)).encode() + b"\n"


def escaped(text: str) -> str:
    """Return JSON whose strings hold no character that YAML does not take as it is."""
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def part_id(identifier: str, index: int) -> str:
    """Return the id of a dashboard's widget or a rule's criterion, by the id of the whole."""
    return blake2b(f"{identifier}/{index}".encode(), digest_size=12).hexdigest()


def _with_id(item: object, identifier: str) -> object:
    return {**item, "id": identifier} if isinstance(item, dict) else item


def _with_status(action: object) -> object:
    if not isinstance(action, dict) or not isinstance(action.get("details"), dict):
        return action
    return {**action, "details": {**action["details"], "status": "OK"}}
