"""Alert rules: documents, with ``mute`` kept beside the text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlsync.server import bodies, documents
from dlsync.server.operation import ACCOUNT, Call, Operation, answer, etag_of, fault
from dlsync.server.store import new_id

if TYPE_CHECKING:
    from starlette.responses import Response

    from dlsync.server.store import Row

KIND = "rule"
ONE = f"{ACCOUNT}/rules/{{name}}"
EMPTY = b"{}\n"


def list_all(call: Call) -> Response:
    """GET ``rules``: id, name and mute of each, and the ETag of its export, so that a client need not ask for each."""
    rows = call.rows("SELECT id, name, mute, text FROM documents WHERE account = ? AND kind = ? ORDER BY name", KIND)
    return answer([{**_summary(row), "etag": etag_of(row["text"])} for row in rows])


def create(call: Call) -> Response:
    """POST ``rules``: an empty rule."""
    name = bodies.required_name(bodies.fields(call))
    if call.store.row("SELECT id FROM documents WHERE account = ? AND kind = ? AND name = ?", call.account, KIND, name):
        raise fault(422, "a rule called {} exists already", name)
    identifier = new_id()
    documents.save(call, KIND, identifier, name, text=EMPTY, document={})
    return answer({"id": identifier, "name": name, "mute": False}, 201)


def get(call: Call) -> Response:
    """GET ``rules/<name>``."""
    return documents.get(call, KIND)


def put(call: Call) -> Response:
    """PUT ``rules/<name>``."""
    if call.settings.post_before_put:
        documents.find(call, KIND)
    return documents.put(call, KIND)


def patch(call: Call) -> Response:
    """PATCH ``rules/<name>``: its mute."""
    mute = bodies.boolean(bodies.fields(call).get("mute"), "mute")
    row = documents.find(call, KIND)
    call.store.write("UPDATE documents SET mute = ? WHERE id = ?", mute, row["id"])
    return answer(_summary(documents.find(call, KIND)))


def delete(call: Call) -> Response:
    """DELETE ``rules/<name>``."""
    return documents.delete(call, KIND)


def criteria(call: Call) -> Response:
    """GET ``rules/<name>/criteria``."""
    return answer(documents.view(documents.find(call, KIND)).get("criteria") or [])


def _summary(row: Row) -> dict[str, object]:
    return {"id": row["id"], "name": row["name"], "mute": bool(row["mute"])}


OPERATIONS = (
    Operation("GET", f"{ACCOUNT}/rules", list_all, documented=False),
    Operation("POST", f"{ACCOUNT}/rules", create, documented=False),
    Operation("GET", ONE, get),
    Operation("PUT", ONE, put),
    Operation("PATCH", ONE, patch, documented=False),
    Operation("DELETE", ONE, delete, documented=False),
    Operation("GET", f"{ONE}/criteria", criteria, documented=False),
)
