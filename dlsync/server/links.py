"""Links: which plugin goes to the agents of which tags."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from dlsync.server import bodies
from dlsync.server.operation import ACCOUNT, Call, Operation, answer, fault
from dlsync.server.store import new_id

if TYPE_CHECKING:
    from starlette.responses import Response

    from dlsync.server.operation import Fault
    from dlsync.server.store import Row

ONE = f"{ACCOUNT}/links/{{id}}"
_JOINED = """SELECT links.id, links.tags, plugins.name FROM links JOIN plugins ON plugins.id = links.plugin
             WHERE links.account = ?"""


def list_all(call: Call) -> Response:
    """GET ``links``."""
    return answer([_view(call, row) for row in call.rows(f"{_JOINED} ORDER BY links.seq")])


def create(call: Call) -> Response:
    """POST ``links``: tags as a list or as text separated by commas."""
    sent = bodies.fields(call)
    bodies.refuse_other_fields(sent, "plugin", "tags", "id", "org")  # the last two are the server's own
    plugin, tags = bodies.text(sent.get("plugin"), "plugin"), bodies.names_list(sent.get("tags"), "tags")
    row = call.store.row("SELECT id FROM plugins WHERE account = ? AND name = ?", call.account, plugin)
    if row is None:
        raise fault(422, "plugin: no plugin is called {}", plugin)
    sql, identifier = "INSERT INTO links (id, account, plugin, tags) VALUES (?, ?, ?, ?)", new_id()
    call.store.write(sql, identifier, call.account, row["id"], json.dumps(tags))
    return answer(_view(call, _find(call, identifier)), 201)


def get(call: Call) -> Response:
    """GET ``links/<id>``."""
    return answer(_view(call, _find(call, call.names["id"])))


def delete(call: Call) -> Response:
    """DELETE ``links/<id>``."""
    identifier = call.names["id"]
    return call.delete(_missing(identifier), "DELETE FROM links WHERE account = ? AND id = ?", identifier)


def _find(call: Call, identifier: str) -> Row:
    return call.row(_missing(identifier), f"{_JOINED} AND links.id = ?", identifier)


def _missing(identifier: str) -> Fault:
    return fault(404, "no link has the id {}", identifier)


def _view(call: Call, row: Row) -> dict[str, object]:
    return {"org": call.org, "plugin": row["name"], "id": row["id"], "tags": json.loads(row["tags"])}


OPERATIONS = (
    Operation("GET", f"{ACCOUNT}/links", list_all),
    Operation("POST", f"{ACCOUNT}/links", create, documented=False),
    Operation("GET", ONE, get, documented=False),
    Operation("DELETE", ONE, delete, documented=False),
)
