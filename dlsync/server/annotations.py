"""Annotations: dated notes in named streams. A stream is there as long as it has one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlsync.server import bodies
from dlsync.server.operation import ACCOUNT, Call, Operation, answer, fault
from dlsync.server.store import new_id

if TYPE_CHECKING:
    from starlette.responses import Response

    from dlsync.server.operation import Fault

STREAM = f"{ACCOUNT}/annotations/{{name}}"
_FIELDS = "SELECT description, id, name, start_time, stream FROM annotations WHERE account = ? AND stream = ?"


def list_streams(call: Call) -> Response:
    """GET ``annotations``."""
    rows = call.rows("SELECT DISTINCT stream FROM annotations WHERE account = ? ORDER BY stream")
    return answer([row["stream"] for row in rows])


def get_stream(call: Call) -> Response:
    """GET ``annotations/<stream>``, the newest first."""
    call.row(_no_stream(call), f"{_FIELDS} LIMIT 1", call.name)
    return answer([dict(row) for row in call.rows(f"{_FIELDS} ORDER BY seq DESC", call.name)])


def delete_stream(call: Call) -> Response:
    """DELETE ``annotations/<stream>``."""
    return call.delete(_no_stream(call), "DELETE FROM annotations WHERE account = ? AND stream = ?", call.name)


def create(call: Call) -> Response:
    """POST ``annotations/<stream>``."""
    given = bodies.fields(call)
    name, identifier = bodies.required_name(given), new_id()
    description = bodies.text(given.get("description", ""), "description")
    sql = "INSERT INTO annotations (account, stream, id, name, description, start_time) VALUES (?, ?, ?, ?, ?, ?)"
    call.store.write(sql, call.account, call.name, identifier, name, description, call.timestamp())
    return answer(_one(call, identifier), 201)


def get(call: Call) -> Response:
    """GET ``annotations/<stream>/<id>``."""
    return answer(_one(call, call.names["id"]))


def update(call: Call) -> Response:
    """PUT ``annotations/<stream>/<id>``: what is not given stays."""
    annotation = {**_one(call, call.names["id"]), **bodies.fields(call)}
    values = bodies.required_name(annotation), bodies.text(annotation["description"], "description")
    call.store.write("UPDATE annotations SET name = ?, description = ? WHERE id = ?", *values, call.names["id"])
    return get(call)


def delete(call: Call) -> Response:
    """DELETE ``annotations/<stream>/<id>``."""
    sql = "DELETE FROM annotations WHERE account = ? AND stream = ? AND id = ?"
    return call.delete(_no_annotation(call, call.names["id"]), sql, call.name, call.names["id"])


def _one(call: Call, identifier: str) -> dict[str, object]:
    return dict(call.row(_no_annotation(call, identifier), f"{_FIELDS} AND id = ?", call.name, identifier))


def _no_stream(call: Call) -> Fault:
    return fault(404, "no annotation stream is called {}", call.name)


def _no_annotation(call: Call, identifier: str) -> Fault:
    return fault(404, "annotation stream {} has no annotation {}", call.name, identifier)


OPERATIONS = (
    Operation("GET", f"{ACCOUNT}/annotations", list_streams),
    Operation("GET", STREAM, get_stream),
    Operation("DELETE", STREAM, delete_stream),
    Operation("POST", STREAM, create),
    Operation("GET", f"{STREAM}/{{id}}", get),
    Operation("PUT", f"{STREAM}/{{id}}", update),
    Operation("DELETE", f"{STREAM}/{{id}}", delete),
)
