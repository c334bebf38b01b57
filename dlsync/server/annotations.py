"""Annotations: dated notes in named streams. A stream exists from its first annotation until it is deleted."""

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

STREAM = f"{ACCOUNT}/annotations/{{name}}"
_SERVER_FIELDS = ("id", "start_time", "stream")
_ROWS = "SELECT description, id, name, start_time, stream, extra FROM annotations WHERE account = ? AND stream = ?"
_SAVE = """INSERT INTO annotations (account, stream, id, start_time, name, description, extra)
           VALUES (:account, :stream, :id, :start_time, :name, :description, :extra)
           ON CONFLICT (id) DO UPDATE SET (name, description, extra) = (:name, :description, :extra)"""


def list_streams(call: Call) -> Response:
    """GET ``annotations``."""
    return answer([row["name"] for row in call.rows("SELECT name FROM streams WHERE account = ? ORDER BY name")])


def get_stream(call: Call) -> Response:
    """GET ``annotations/<stream>``, the newest first."""
    call.row(_no_stream(call), "SELECT name FROM streams WHERE account = ? AND name = ?", call.name)
    return answer([_view(row) for row in call.rows(f"{_ROWS} ORDER BY seq DESC", call.name)])


def delete_stream(call: Call) -> Response:
    """DELETE ``annotations/<stream>``."""
    call.store.write("DELETE FROM annotations WHERE account = ? AND stream = ?", call.account, call.name)
    return call.delete(_no_stream(call), "DELETE FROM streams WHERE account = ? AND name = ?", call.name)


def create(call: Call) -> Response:
    """POST ``annotations/<stream>``."""
    stream = bodies.addressable(call.name)
    call.store.write("INSERT INTO streams VALUES (?, ?) ON CONFLICT DO NOTHING", call.account, stream)
    created: dict[str, object] = {"id": new_id(), "stream": stream, "start_time": call.timestamp()}
    return answer(_save(call, {**created, "description": ""}))


def get(call: Call) -> Response:
    """GET ``annotations/<stream>/<id>``."""
    return answer(_find(call))


def update(call: Call) -> Response:
    """PUT ``annotations/<stream>/<id>``: fields that are not sent stay."""
    return answer(_save(call, _find(call)))


def delete(call: Call) -> Response:
    """DELETE ``annotations/<stream>/<id>``."""
    sql = "DELETE FROM annotations WHERE account = ? AND stream = ? AND id = ?"
    return call.delete(_no_annotation(call), sql, call.name, call.names["id"])


def _save(call: Call, annotation: dict[str, object]) -> dict[str, object]:
    """Store an annotation with the fields of the body and return it; unknown fields are stored too."""
    fields = bodies.fields(call)
    for name in _SERVER_FIELDS:
        if fields.get(name, annotation[name]) != annotation[name]:
            raise fault(422, f"{name}: is set by the server and cannot be changed")
    changed = {**annotation, **fields}
    changed["name"] = bodies.required_name(changed)
    description = changed["description"]
    changed["description"] = "" if description is None else bodies.text(description, "description")
    known = {name: changed[name] for name in (*_SERVER_FIELDS, "name", "description")}
    extra = {name: value for name, value in changed.items() if name not in known}
    call.store.write_fields(_SAVE, {**known, "account": call.account, "extra": json.dumps(extra)})
    return changed


def _find(call: Call) -> dict[str, object]:
    return _view(call.row(_no_annotation(call), f"{_ROWS} AND id = ?", call.name, call.names["id"]))


def _view(row: Row) -> dict[str, object]:
    annotation = dict(row)
    extra = json.loads(annotation.pop("extra"))
    return {**annotation, **extra}


def _no_stream(call: Call) -> Fault:
    return fault(404, "no annotation stream is called {}", call.name)


def _no_annotation(call: Call) -> Fault:
    return fault(404, "annotation stream {} has no annotation {}", call.name, call.names["id"])


OPERATIONS = (
    Operation("GET", f"{ACCOUNT}/annotations", list_streams),
    Operation("GET", STREAM, get_stream),
    Operation("DELETE", STREAM, delete_stream),
    Operation("POST", STREAM, create),
    Operation("GET", f"{STREAM}/{{id}}", get),
    Operation("PUT", f"{STREAM}/{{id}}", update),
    Operation("DELETE", f"{STREAM}/{{id}}", delete),
)
