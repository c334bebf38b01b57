"""Agents: what they report of themselves, their tags, and whether they are online."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from dlsync.server import bodies, plugins
from dlsync.server.operation import ACCOUNT, Call, Operation, answer, fault, query_value
from dlsync.server.tags import EVERY

if TYPE_CHECKING:
    from starlette.responses import Response

    from dlsync.server.operation import Fault
    from dlsync.server.store import Row

Agent = dict[str, Any]  # the fields of the API, and those of _HIDDEN
ONE = f"{ACCOUNT}/agents/{{id}}"
TAGS = f"{ONE}/tags"
SILENCE = timedelta(seconds=60)
REGISTERED = "REGISTERED"
DEREGISTERED = "DEREGISTERED"

# a field that agents report: its name in answers, and its value until it is reported
_TEXTS = {
    "name": ("name", ""),
    "hostname": ("hostname", ""),
    "mac": ("mac", ""),
    "os_name": ("osName", ""),
    "mode": ("mode", "DEFAULT"),
    "container_name": ("container_name", ""),
}
_DEMO = "demo"
_HIDDEN = (_DEMO, "expired")
_SERVER_FIELDS = ("created", "modified", "heartbeat", "presence_state", "org", *_HIDDEN)
_DETAILS = ("interfaces", "running_plugin_names", "process_summary")
_NOT_LISTED = (*_DETAILS, "processes")
_DOCUMENTED = (
    *("id", "name", "hostname", "mac", "created", "modified", "tags", "osName", "heartbeat", "presence_state"),
    *("status", "container_name", "mode", *_DETAILS),
)
_ROWS = "SELECT document, tags, expired FROM agents WHERE account = ?"
_SAVE = """INSERT INTO agents (account, id, document, tags) VALUES (?, ?, ?, ?)
           ON CONFLICT DO UPDATE SET document = excluded.document, tags = excluded.tags"""


def list_all(call: Call) -> Response:
    """GET ``agents``, or ``agents?mac=<address>``: without the details of each."""
    mac = None if call.settings.documented_only else query_value(call.query, "mac")
    shown = [_view(call, agent) for agent in tagged(call) if mac is None or agent["mac"].lower() == mac.lower()]
    return answer([{key: value for key, value in agent.items() if key not in _NOT_LISTED} for agent in shown])


def get(call: Call) -> Response:
    """GET ``agents/<id>``."""
    return answer({**_view(call, find(call, call.names["id"])), "org": call.org})


def delete(call: Call) -> Response:
    """DELETE ``agents/<id>``."""
    return call.delete(_missing(call.names["id"]), "DELETE FROM agents WHERE account = ? AND id = ?", call.names["id"])


def ping(call: Call) -> Response:
    """POST ``agents/<id>/ping``: registers an unknown agent, and stores what a known one reports."""
    return _report(call, REGISTERED)


def register(call: Call) -> Response:
    """POST ``agents/<id>/register``."""
    return _report(call, REGISTERED)


def deregister(call: Call) -> Response:
    """POST ``agents/<id>/deregister``: the agent is offline until it registers or pings again."""
    find(call, call.names["id"])
    return _report(call, DEREGISTERED)


def set_tags(call: Call) -> Response:
    """PUT ``agents/<id>/tags``: the agent's tags from now on, besides ``all``."""
    agent = find(call, call.names["id"])
    return _save_tags(call, agent, _with_every(_sent_tags(call)))


def remove_tags(call: Call) -> Response:
    """DELETE ``agents/<id>/tags``: the tags of the body."""
    agent, removed = find(call, call.names["id"]), _sent_tags(call)
    if EVERY in removed:
        raise fault(422, "the tag {} belongs to every agent and cannot be removed", EVERY)
    return _save_tags(call, agent, [tag for tag in agent["tags"] if tag not in removed])


def list_plugins(call: Call) -> Response:
    """GET ``agents/<id>/plugins``: those that links deploy to the agent's tags."""
    return plugins.linked_to(call, find(call, call.names["id"])["tags"])


def find(call: Call, identifier: str) -> Agent:
    """Return an agent as it is now; 404 without one."""
    return _now(call, call.row(_missing(identifier), f"{_ROWS} AND id = ?", identifier))


def tagged(call: Call, tag: str = EVERY) -> list[Agent]:
    """Return the agents that carry a tag, as they are now."""
    carried = "EXISTS (SELECT 1 FROM json_each(agents.tags) WHERE value = ?)"
    return [_now(call, row) for row in call.rows(f"{_ROWS} AND {carried} ORDER BY id", tag)]


def set_expired(call: Call, identifier: str, metrics: list[str]) -> None:
    """Store which metrics of an agent are expired, by name."""
    sql = "UPDATE agents SET expired = ? WHERE account = ? AND id = ?"
    call.store.write(sql, json.dumps(metrics), call.account, identifier)


def is_demo(agent: Agent) -> bool:
    """Return whether the demo computes what the agent measures."""
    return _DEMO in agent


def _report(call: Call, status: str) -> Response:
    """Store what an agent reports, and answer with the agent."""
    identifier, now = call.names["id"], call.timestamp()
    row = call.store.row(f"{_ROWS} AND id = ?", call.account, identifier)
    before = _stored(row) if row else {"id": identifier, "created": now, "tags": [EVERY]}
    fields = bodies.fields(call) if call.body else {}
    agent = {**before, "status": status, **_reported(fields, before), "modified": now, "heartbeat": now}
    if status == DEREGISTERED:  # whatever status the agent reports
        agent["status"] = status
    agent["name"] = agent["name"] or agent["hostname"] or identifier
    document = {key: value for key, value in agent.items() if key not in {"tags", "expired"}}
    call.store.write(_SAVE, call.account, identifier, json.dumps(document), json.dumps(agent["tags"]))
    return get(call)


def _reported(fields: dict[str, object], before: Agent) -> Agent:
    """Return the fields of an agent that its report changes; fields that it does not send stay."""
    for name in _SERVER_FIELDS:
        if name in fields:
            raise fault(422, f"{name}: is set by the server")
    if fields.get("id", before["id"]) != before["id"]:
        raise fault(422, "id: expected the id of the path, not {}", fields["id"])
    reported = {key: value for key, value in fields.items() if key not in _TEXTS and key != "tag_names"}
    for key, (field, default) in _TEXTS.items():
        value = fields.get(key, fields.get(field, before.get(field, default)))
        reported[field] = default if value is None else bodies.text(value, key)
    if "tag_names" in fields or "tags" in fields:
        reported["tags"] = _with_every(_names(fields, "tag_names", "tags"))
    if "status" in fields:
        reported["status"] = bodies.text(fields["status"], "status")
    return {**reported, **_reported_lists(fields)}


def _reported_lists(fields: dict[str, object]) -> dict[str, list[object]]:
    lists = {key: _list(fields[key], key) for key in (*_DETAILS, "labels") if key in fields}
    for label in lists.get("labels", ()):
        if not isinstance(label, dict) or not {"key", "value"} <= label.keys():
            raise fault(422, "labels: expected objects with key and value, not {}", label)
    for name in lists.get("running_plugin_names", ()):
        bodies.text(name, "running_plugin_names")
    return lists


def _list(value: object, name: str) -> list[object]:
    """Return a list; a form sends it as JSON, or has one text for each item."""
    if isinstance(value, str) and value.startswith("["):
        with suppress(ValueError, RecursionError):
            value = json.loads(value)
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list):
        raise fault(422, f"{name}: expected a list, not {{}}", value)
    return items


def _sent_tags(call: Call) -> list[str]:
    fields = bodies.fields(call)
    if fields.pop("finger", call.names["id"]) != call.names["id"]:  # an agent repeats its id in the body
        raise fault(422, "finger: expected the id of the path")
    bodies.refuse_other_fields(fields, "names", "tags")
    if not fields:
        raise fault(422, "names: expected a list of tags")
    return _names(fields, "names", "tags")


def _names(fields: dict[str, object], *keys: str) -> list[str]:
    return [name for key in keys if key in fields for name in bodies.names_list(fields[key], key)]


def _with_every(tags: list[str]) -> list[str]:
    return list(dict.fromkeys([EVERY, *tags]))


def _save_tags(call: Call, agent: Agent, tags: list[str]) -> Response:
    sql = "UPDATE agents SET tags = ? WHERE account = ? AND id = ?"
    call.store.write(sql, json.dumps(tags), call.account, agent["id"])
    return get(call)


def _stored(row: Row) -> Agent:
    return {**json.loads(row["document"]), "tags": json.loads(row["tags"]), "expired": json.loads(row["expired"])}


def _now(call: Call, row: Row) -> Agent:
    """Return an agent with its last heartbeat, which is the current time for those that the demo keeps alive."""
    agent = _stored(row)
    if not call.settings.demo:
        agent.pop(_DEMO, None)  # left by an earlier demo: without one, nothing pings
    elif agent.get(_DEMO) == "alive" and agent["status"] != DEREGISTERED:
        agent["modified"] = agent["heartbeat"] = call.timestamp()
    return agent


def _view(call: Call, agent: Agent) -> dict[str, object]:
    silent = call.settings.now() - datetime.fromisoformat(agent["heartbeat"]) > SILENCE
    state = "offline" if silent or agent["status"] == DEREGISTERED else "online"
    labels: Agent = {"labels": []} if "container_id" in agent else {}
    shown = {**{key: [] for key in _DETAILS}, **labels, **agent, "presence_state": state}
    hidden = shown.keys() - _DOCUMENTED if call.settings.documented_only else _HIDDEN
    return {key: value for key, value in shown.items() if key not in hidden}


def _missing(identifier: str) -> Fault:
    return fault(404, "no agent has the id {}", identifier)


OPERATIONS = (
    Operation("GET", f"{ACCOUNT}/agents", list_all),
    Operation("GET", ONE, get),
    Operation("DELETE", ONE, delete),
    Operation("POST", f"{ONE}/ping", ping, documented=False),
    Operation("POST", f"{ONE}/register", register, documented=False),
    Operation("POST", f"{ONE}/deregister", deregister, documented=False),
    Operation("GET", f"{ONE}/plugins", list_plugins, documented=False),
    Operation("PUT", f"{ONE}/tags", set_tags, documented=False),
    Operation("DELETE", f"{ONE}/tags", remove_tags, documented=False),
)
