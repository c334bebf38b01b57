"""Agents: those that ping, as they last said who they are."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from dlsync.server import bodies
from dlsync.server.operation import ACCOUNT, Call, Operation, answer
from dlsync.server.tags import EVERY

if TYPE_CHECKING:
    from starlette.responses import Response

    from dlsync.server.store import Row

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
_DETAILS = ("interfaces", "running_plugin_names", "process_summary")


def list_all(call: Call) -> Response:
    """GET ``agents``: without the details of each."""
    rows = call.rows("SELECT document FROM agents WHERE account = ? ORDER BY id")
    return answer([{key: value for key, value in _view(call, row).items() if key not in _DETAILS} for row in rows])


def get(call: Call) -> Response:
    """GET ``agents/<id>``."""
    row = call.row(_missing(call), "SELECT document FROM agents WHERE account = ? AND id = ?", call.names["id"])
    return answer({**_view(call, row), "org": call.org})


def delete(call: Call) -> Response:
    """DELETE ``agents/<id>``."""
    return call.delete(_missing(call), "DELETE FROM agents WHERE account = ? AND id = ?", call.names["id"])


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


def _view(call: Call, row: Row) -> dict[str, object]:
    agent = json.loads(row["document"])
    silent = call.settings.now() - datetime.fromisoformat(agent["heartbeat"]) > SILENCE
    return {**{detail: [] for detail in _DETAILS}, **agent, "presence_state": "offline" if silent else "online"}


def _missing(call: Call) -> str:
    return f"no agent has the id {call.names['id']!r}"


OPERATIONS = (
    Operation("GET", f"{ACCOUNT}/agents", list_all),
    Operation("GET", ONE, get),
    Operation("DELETE", ONE, delete),
    Operation("POST", f"{ONE}/ping", ping, documented=False),
)
