"""Agents: those that ping, as they last said who they are."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from dlsync.server import bodies
from dlsync.server.operation import ACCOUNT, Call, Operation, answer, fault
from dlsync.server.tags import EVERY

if TYPE_CHECKING:
    from starlette.responses import Response

    from dlsync.server.operation import Fault
    from dlsync.server.store import Row

Agent = dict[str, Any]  # a document of the store
ONE = f"{ACCOUNT}/agents/{{id}}"
SILENCE = timedelta(seconds=60)
_TEXTS = {
    "name": ("name", ""),
    "hostname": ("hostname", ""),
    "mac": ("mac", ""),
    "os_name": ("osName", ""),
    "mode": ("mode", "DEFAULT"),
    "container_name": ("container_name", ""),
}
_DEMO = "demo"  # a field of the document that no answer shows
_DOCUMENTS = "SELECT document FROM agents WHERE account = ?"
_DETAILS = ("interfaces", "running_plugin_names", "process_summary")


def list_all(call: Call) -> Response:
    """GET ``agents``: without the details of each."""
    shown = [_view(call, agent) for agent in tagged(call)]
    return answer([{key: value for key, value in agent.items() if key not in _DETAILS} for agent in shown])


def get(call: Call) -> Response:
    """GET ``agents/<id>``."""
    return answer({**_view(call, one(call, call.names["id"])), "org": call.org})


def delete(call: Call) -> Response:
    """DELETE ``agents/<id>``."""
    return call.delete(_missing(call.names["id"]), "DELETE FROM agents WHERE account = ? AND id = ?", call.names["id"])


def ping(call: Call) -> Response:
    """POST ``agents/<id>/ping``: registers the agent, or says that it is still there."""
    given, identifier, now = bodies.fields(call), call.names["id"], call.timestamp()
    known = call.store.row("SELECT document FROM agents WHERE account = ? AND id = ?", call.account, identifier)
    before = json.loads(known["document"]) if known else {"id": identifier, "created": now, "tags": [EVERY]}
    agent = {**before, **_said(given, before), "modified": now, "heartbeat": now, "status": "REGISTERED"}
    sql = "INSERT INTO agents VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET document = excluded.document"
    call.store.write(sql, identifier, call.account, json.dumps(agent))
    return get(call)


def _said(given: dict[str, object], before: dict[str, object]) -> dict[str, object]:
    """Return what a ping changes: its own fields; what it leaves out stays."""
    said: dict[str, object] = {
        field: bodies.text(given.get(key, before.get(field, default)), key) for key, (field, default) in _TEXTS.items()
    }
    if "tag_names" in given:
        said["tags"] = list(dict.fromkeys([EVERY, *bodies.names_list(given["tag_names"], "tag_names")]))
    return said


def one(call: Call, identifier: str) -> Agent:
    """Return an agent as it is now; 404 without one."""
    row = call.row(_missing(identifier), f"{_DOCUMENTS} AND id = ?", identifier)
    return _now(call, row)


def tagged(call: Call, tag: str = EVERY) -> list[Agent]:
    """Return the agents that carry a tag, as they are now."""
    carried = "EXISTS (SELECT 1 FROM json_each(document, '$.tags') WHERE value = ?)"
    return [_now(call, row) for row in call.rows(f"{_DOCUMENTS} AND {carried} ORDER BY id", tag)]


def is_demo(agent: Agent) -> bool:
    """Whether the demo made it, and goes on."""
    return _DEMO in agent


def _now(call: Call, row: Row) -> Agent:
    """Return an agent with its last heartbeat, which is just now for those whom the demo keeps alive."""
    agent: Agent = json.loads(row["document"])
    if not call.settings.demo:
        agent.pop(_DEMO, None)  # nobody pings for those of a database that an earlier demo left
    elif agent.get(_DEMO) == "alive":
        agent["modified"] = agent["heartbeat"] = call.timestamp()
    return agent


def _view(call: Call, agent: Agent) -> dict[str, object]:
    silent = call.settings.now() - datetime.fromisoformat(agent["heartbeat"]) > SILENCE
    shown = {key: value for key, value in agent.items() if key != _DEMO}
    return {**{detail: [] for detail in _DETAILS}, **shown, "presence_state": "offline" if silent else "online"}


def _missing(identifier: str) -> Fault:
    return fault(404, "no agent has the id {}", identifier)


OPERATIONS = (
    Operation("GET", f"{ACCOUNT}/agents", list_all),
    Operation("GET", ONE, get),
    Operation("DELETE", ONE, delete),
    Operation("POST", f"{ONE}/ping", ping, documented=False),
)
