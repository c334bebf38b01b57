"""What dashboards and rules have in common: YAML kept as it was sent, beside its view as JSON."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING

from starlette.responses import Response

from dlsync.server import bodies, decoration
from dlsync.server.operation import Call, answer, fault, json_text
from dlsync.server.store import new_id
from dlsync.server.yaml_text import InvalidYamlError, parse

if TYPE_CHECKING:
    from dlsync.server.operation import Fault
    from dlsync.server.store import Row

YAML, JSON = "yaml", "json"
_QUALITY = re.compile(r"(?:^|;)\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*(?:;|$)")
# a name wins over an id
_FIND = """SELECT * FROM documents WHERE account = ? AND kind = ? AND (name = ? OR id = ?)
           ORDER BY name != ? LIMIT 1"""


def put(call: Call, kind: str) -> Response:
    """Create or replace; answers a small object."""
    text = text_of(call)
    document = parsed(text)
    identifier, name = identity(find(call, kind), call)
    save(call, kind, identifier, name, text=text, document=document)
    return answer({"id": identifier, "name": name})


def text_of(call: Call) -> bytes:
    """Return the YAML of a PUT as it was sent; JSON with the characters escaped that YAML does not take."""
    text = bodies.document(call)
    return decoration.escaped(text.decode()).encode() if is_json(text) else text


def is_json(text: bytes) -> bool:
    """Return whether a body is JSON in UTF-8, which programs write, and not the YAML of people."""
    try:
        json.loads(text.decode())
    except (ValueError, RecursionError):
        return False
    return True


def identity(row: Row | None, call: Call) -> tuple[str, str]:
    """Return the id and the name of a document: those that it has, or a new id and the name in the path."""
    return (new_id(), bodies.addressable(call.name)) if row is None else (row["id"], row["name"])


def parsed(text: bytes) -> dict[str, object]:
    """Return the document of a body, or answer 422 with the place and the reason."""
    try:
        return parse(text)
    except InvalidYamlError as error:
        raise fault(422, "{}", error) from error


def save(call: Call, kind: str, identifier: str, name: str, *, text: bytes, document: dict[str, object]) -> None:
    """Write a document under its id.

    :param document: what JSON shows.
    """
    if call.settings.decorate:
        document = decoration.decorate(document, kind, identifier, call.timestamp())
        text = decoration.dump(document)
    try:
        view = json_text({**document, "name": name})
    except ValueError as error:
        raise fault(422, "the document holds a value that JSON does not have: {}", error) from error
    sql = """INSERT INTO documents (id, account, kind, name, text, view) VALUES (?, ?, ?, ?, ?, ?)
             ON CONFLICT (account, kind, name) DO UPDATE SET text = excluded.text, view = excluded.view"""
    call.store.write(sql, identifier, call.account, kind, name, text, view)


def find(call: Call, kind: str) -> Row | None:
    """Return the row of the document that the path names, or whose id it has; None without one."""
    identifier = "" if call.settings.documented_only else call.name
    return call.store.row(_FIND, call.account, kind, call.name, identifier, call.name)


def found(call: Call, kind: str) -> Row:
    """Return the row of the document in the path; 404 without one."""
    row = find(call, kind)
    if row is None:
        raise missing(kind, call.name)
    return row


def get(call: Call, kind: str) -> Response:
    """Answer with the YAML as it was sent, or with JSON where ``Accept`` asks for that."""
    row = found(call, kind)
    return as_json(row["view"]) if preferred(call, YAML) == JSON else as_yaml(row)


def as_yaml(row: Row) -> Response:
    """Answer with the YAML as it was sent."""
    return Response(row["text"], media_type="application/yaml", headers={"vary": "accept"})


def as_json(view: str) -> Response:
    """Answer with a view, where YAML could have been asked for."""
    return Response(view, media_type="application/json", headers={"vary": "accept"})


def view(row: Row) -> dict[str, object]:
    """Return a document as its JSON view has it."""
    value: dict[str, object] = json.loads(row["view"])
    return value


def delete(call: Call, kind: str) -> Response:
    """Remove the document in the path; 404 without one."""
    identifier = found(call, kind)["id"]
    return call.delete(missing(kind, call.name), "DELETE FROM documents WHERE account = ? AND id = ?", identifier)


def missing(kind: str, name: str) -> Fault:
    """Return what a document that is unknown raises."""
    return fault(404, f"no {kind} is called {{}}", name)


def preferred(call: Call, default: str) -> str:
    """Return which of YAML and JSON ``Accept`` prefers: by quality, then by order, or else the default.

    Only YAML is documented.
    """
    if call.settings.documented_only:
        return YAML
    ranks: dict[str, tuple[float, float]] = {}
    others = 0.0
    for place, item in enumerate(call.headers.get("accept", "").lower().split(",")):
        kind, _, parameters = item.partition(";")
        quality = float(match[1]) if (match := _QUALITY.search(parameters)) else 1.0
        kind = kind.strip()
        if kind.endswith((JSON, YAML)):
            ranks.setdefault(JSON if kind.endswith(JSON) else YAML, (quality, -place))
        elif kind in {"*/*", "application/*"}:
            others = max(others, quality)
    best = max((default, JSON, YAML), key=lambda one: ranks.get(one, (others, -math.inf)))
    return best if ranks.get(best, (others, 0))[0] else default
