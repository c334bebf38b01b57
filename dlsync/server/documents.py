"""The base of dashboards and rules: YAML stored as the client sent it, together with its view as JSON."""

import json
import math
import re
from typing import Any

from starlette.responses import Response

from dlsync.server import bodies, quotas
from dlsync.server.operation import Call, Refusal, answer, hashed_id, json_text, no_content, require, row_by_name
from dlsync.server.store import Row, new_id
from dlsync.server.times import timestamp
from dlsync.server.yaml_text import InvalidYamlError, parse

Document = dict[str, Any]
DOCUMENT_BYTES = 2 * 1024 * 1024  # the server answers no other request while it parses one
YAML, JSON = "yaml", "json"
_QUALITY = re.compile(r"(?:^|;)\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*(?:;|$)")
_UNPRINTABLE = re.compile("[\x7f-\x84\x86-\x9f\ufffe\uffff]")  # JSON allows them, YAML does not (YAML 1.2, 5.1)
_PARTS = {"dashboard": "positions", "rule": "criteria"}  # lists to which some servers add ids


async def put(call: Call, kind: str) -> Response:
    """Create or replace a document; answer with its id and name."""
    text = text_of(call)
    document = parsed(text)
    return await save(
        call, await row_by_name(call, "documents", kind=kind) or await new_row(call, kind, call.name), text, document
    )


async def get(call: Call, kind: str) -> Response:
    """Answer with the stored YAML, or with JSON if ``Accept`` asks for it."""
    row = await find(call, kind)
    kind = preferred(call, YAML)
    return representation(row["view" if kind == JSON else "text"], kind)


async def delete(call: Call, kind: str) -> Response:
    """Delete the document in the path."""
    await call.store.delete("documents", id=(await find(call, kind))["id"])
    return no_content()


async def find(call: Call, kind: str) -> Row:
    """Return the row of the document in the path; raise 404 if it is missing."""
    return require(await row_by_name(call, "documents", kind=kind), f"no {kind} is called {{}}", call.name)


def text_of(call: Call) -> bytes:
    """Return the YAML of a PUT; in JSON, escape the characters that YAML does not allow."""
    text = bodies.document(call)
    return _escaped(text.decode()).encode() if is_json(text) else text


def is_json(text: bytes) -> bool:
    """Return whether a body is JSON in UTF-8, as programs send it, and not only YAML."""
    try:
        json.loads(text.decode())
    except (ValueError, RecursionError):
        return False
    return True


def parsed(text: bytes) -> Document:
    """Parse a body as a document; raise 422 with the line and the reason if it is invalid, 413 if it is too long."""
    if len(text) > DOCUMENT_BYTES:
        raise Refusal(413, f"a document of {len(text)} bytes, where {DOCUMENT_BYTES} is the most; split it")
    try:
        return parse(text)
    except InvalidYamlError as error:
        raise Refusal(422, "{}", error) from error


def dump(document: Document) -> bytes:
    """Return a document as JSON, which is YAML too, so that the server needs no YAML writer."""
    return _escaped(json.dumps(document, indent=2, ensure_ascii=False)).encode() + b"\n"


def _escaped(text: str) -> str:
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


async def new_row(call: Call, kind: str, name: str) -> Row:
    """Insert an empty document and return its row; raise 422 for a name that no URL can hold."""
    row = {"id": new_id(), "kind": kind, "name": bodies.addressable(name), "mute": False}
    await quotas.insert(call, "documents", **row, text=b"", view="{}")
    return row


async def save(call: Call, row: Row, text: bytes, document: Document, **columns: object) -> Response:
    """Store a document in its row; answer with its id and name.

    :param document: the content of its JSON view.
    """
    if call.settings.decorate:
        document = decorate(document, row["kind"], row["id"], timestamp(call.settings.now()))
        text = dump(document)
    try:
        view = json_text({**document, "name": row["name"]})
    except ValueError as error:
        raise Refusal(422, "the document holds a value that JSON does not have: {}", error) from error
    await call.store.update("documents", {"text": text, "view": view, **columns}, id=row["id"])
    return answer({"id": row["id"], "name": row["name"]})


def decorate(document: Document, kind: str, identifier: str, modified: str) -> Document:
    """Return the document with fields that some servers add: ids, a date, the status of actions."""
    part, result = _PARTS[kind], {**document, "id": identifier, "modified": modified}
    if isinstance(items := result.get(part), list):
        result[part] = [
            {**item, "id": hashed_id(f"{identifier}/{index}")} if isinstance(item, dict) else item
            for index, item in enumerate(items)
        ]
    if isinstance(actions := result.get("actions"), list):
        result["actions"] = [_with_status(action) for action in actions]
    return result


def _with_status(action: object) -> object:
    if not isinstance(action, dict) or not isinstance(action.get("details"), dict):
        return action
    return {**action, "details": {**action["details"], "status": "OK"}}


def representation(content: bytes | str, kind: str) -> Response:
    """Answer with the stored YAML or the JSON view."""
    return Response(content, media_type=f"application/{kind}", headers={"vary": "accept"})


def preferred(call: Call, default: str) -> str:
    """Return which of YAML and JSON ``Accept`` prefers: by quality, then by order; without either, the default.

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
    best = max((default, JSON, YAML), key=lambda kind: ranks.get(kind, (others, -math.inf)))
    return best if ranks.get(best, (others, 0))[0] else default
