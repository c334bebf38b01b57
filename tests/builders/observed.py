"""A server with the observed responses of the hosted service, based on the embedded server."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from dlsync.files import yaml
from tests.builders.between import below
from tests.builders.http import Reply, json_reply

if TYPE_CHECKING:
    from tests.builders.between import Onward
    from tests.builders.http import Seen

RULE_ID = "5a0f"


@dataclass
class ObservedServer:
    """An ``answer`` for :func:`tests.builders.between.through`.

    Lists of dashboards hold summaries; rules are always JSON views; plugins have a ``format``, and can be read by id.
    """

    formats: dict[str, str] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)

    def __call__(self, seen: Seen, onward: Onward) -> Reply:
        method, _, path = below(seen).partition(" ")
        family, _, name = path.partition("/")
        if family == "plugins" and method in {"POST", "PATCH"}:
            payload = json.loads(seen.body)
            self.formats |= {payload.get("name", unquote(name)): payload["format"]} if "format" in payload else {}
        if family == "plugins" and method == "GET" and name in self.ids:
            return json_reply(self._plugin({"name": self.ids[name], "id": name, "extension": "sh", "content": ""}))
        reply = onward()
        if reply.status != 200 or method != "GET":
            return reply
        if path == "dashboards":
            return json_reply([{"name": one["name"], "title": one.get("title")} for one in json.loads(reply.body)])
        if family == "plugins" and name:
            return json_reply(self._plugin(json.loads(reply.body)))
        return json_reply(rule_view(unquote(name), reply.body)) if family == "rules" and name else reply

    def _plugin(self, plugin: dict[str, Any]) -> dict[str, Any]:
        name = str(plugin["name"])
        return {**plugin, "format": self.formats[name]} if name in self.formats else plugin


def rule_view(name: str, text: bytes) -> dict[str, Any]:
    """Return the JSON view of a rule in YAML."""
    document: Any = yaml.parse(text)
    criteria = [_criterion(place, one) for place, one in enumerate(document.get("criteria", []))]
    owned = {"id": RULE_ID, "name": name, "mute": False, "state": "unknown", "sources": {}}
    return {**document, **owned, "criteria": criteria}


def _criterion(place: int, written: dict[str, Any]) -> dict[str, Any]:
    view = {key: value for key, value in written.items() if key != "scope"}
    scopes = [
        {"type": kind, "id": one, "name": one if kind == "tag" else "a host"}
        for kind, names in written.get("scope", {}).items()
        for one in (names if isinstance(names, list) else [names])
    ]
    owned = {"id": str(place), "rule": RULE_ID, "data_type": "number", "state": "unknown", "sources": {"0c": "unknown"}}
    return {**view, **owned, "scopes": scopes, "triggered_by": [], "triggered_at": None}
