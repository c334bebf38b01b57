"""What dashboards and rules have in common: YAML kept as it was sent, beside its view as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from starlette.responses import Response

from dlsync.server import bodies, decoration
from dlsync.server.operation import Call, answer, fault, json_text
from dlsync.server.store import new_id
from dlsync.server.yaml_text import InvalidYamlError, parse

if TYPE_CHECKING:
    from dlsync.server.operation import Fault
    from dlsync.server.store import Row


def put(call: Call, kind: str) -> Response:
    """Create or replace; answers a small object."""
    text = bodies.document(call)
    document = parsed(text)
    known = call.store.row(
        "SELECT id FROM documents WHERE account = ? AND kind = ? AND name = ?", call.account, kind, call.name
    )
    identifier = new_id() if known is None else known["id"]
    save(call, kind, identifier, call.name, text=text, document=document)
    return answer({"id": identifier, "name": call.name})


def parsed(text: bytes) -> dict[str, object]:
    """Return the document of a body, or answer 422 with the place and the reason."""
    try:
        return parse(text)
    except InvalidYamlError as error:
        raise fault(422, "{}", error) from error


def save(call: Call, kind: str, identifier: str, name: str, *, text: bytes, document: dict[str, object]) -> None:
    """Write a document under its id."""
    if call.settings.decorate:
        decorated = decoration.decorate(document, kind, identifier, call.timestamp())
        text, document = decoration.dump(decorated), decoration.as_json(decorated)
    try:
        view = json_text({**document, "name": name})
    except ValueError as error:
        raise fault(422, "the document holds a value that JSON does not have: {}", error) from error
    sql = """INSERT INTO documents (id, account, kind, name, text, view) VALUES (?, ?, ?, ?, ?, ?)
             ON CONFLICT (account, kind, name) DO UPDATE SET text = excluded.text, view = excluded.view"""
    call.store.write(sql, identifier, call.account, kind, name, text, view)


def find(call: Call, kind: str) -> Row:
    """Return the row of the document in the path; 404 without one."""
    sql = "SELECT * FROM documents WHERE account = ? AND kind = ? AND name = ?"
    return call.row(missing(kind, call.name), sql, kind, call.name)


def get(call: Call, kind: str) -> Response:
    """Answer with the YAML as it was sent, or with JSON where ``Accept`` asks for that."""
    row = find(call, kind)
    if prefers_json(call.headers.get("accept", "")):
        return Response(row["view"], media_type="application/json", headers={"vary": "accept"})
    return Response(row["text"], media_type="application/yaml", headers={"vary": "accept"})


def view(row: Row) -> dict[str, object]:
    """Return a document as its JSON view has it."""
    value: dict[str, object] = json.loads(row["view"])
    return value


def delete(call: Call, kind: str) -> Response:
    """Remove the document in the path; 404 without one."""
    sql = "DELETE FROM documents WHERE account = ? AND kind = ? AND name = ?"
    return call.delete(missing(kind, call.name), sql, kind, call.name)


def missing(kind: str, name: str) -> Fault:
    """Return what a document that is unknown raises."""
    return fault(404, f"no {kind} is called {{}}", name)


def prefers_json(accept: str) -> bool:
    """Whether JSON is named in ``Accept``, and YAML not before it; without a word, YAML is what the export is."""
    for item in accept.lower().split(","):
        kind = item.partition(";")[0].strip()
        if kind.endswith(("json", "yaml")):
            return kind.endswith("json")
    return False
