"""Plugins: scripts with their settings. POST creates where the name is free, and is refused where it is not."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from typing import TYPE_CHECKING, Any

from dlsync.server import bodies
from dlsync.server.operation import ACCOUNT, Call, Operation, answer, etag_of, fault, json_text
from dlsync.server.store import new_id

if TYPE_CHECKING:
    from starlette.responses import Response

    from dlsync.server.operation import Fault
    from dlsync.server.store import Row

ALL = f"{ACCOUNT}/plugins"
ONE = f"{ALL}/{{name}}"
MAX_INTERVAL = 2**53
_TEXTS = ("name", "extension", "description", "params", "shellArgs", "type", "pack", "format")
_COLUMNS = ("name", "content", "extension", "description", "interval", "params", "shellArgs", "type", "pack")
_READ_ONLY = {"id", "org", "hash", "etag", "encoding"}
_TAGS = "SELECT DISTINCT value FROM links, json_each(links.tags) WHERE account = ? AND plugin = ? ORDER BY value"
_LINKED = """SELECT * FROM plugins WHERE account = ? AND id IN (
               SELECT plugin FROM links, json_each(links.tags) AS tag
               WHERE tag.value IN (SELECT value FROM json_each(?)))
             ORDER BY name"""
_SAVE = """INSERT INTO plugins VALUES (:id, :account, :name, :content, :extension, :description, :interval, :params,
                                       :shellArgs, :type, :pack, :extra)
           ON CONFLICT (id) DO UPDATE SET
           (name, content, extension, description, interval, params, shell_args, type, pack, extra) =
           (:name, :content, :extension, :description, :interval, :params, :shellArgs, :type, :pack, :extra)"""
# a name wins over an id
_FIND = "SELECT * FROM plugins WHERE account = ? AND (name = ? OR id = ?) ORDER BY name != ? LIMIT 1"


def list_all(call: Call) -> Response:
    """GET ``plugins``: the export's fields without the content, and its ETag; or as documented, a link's keys."""
    shape = _documented if call.settings.documented_only else _summary
    return answer([shape(call, row) for row in call.rows("SELECT * FROM plugins WHERE account = ? ORDER BY name")])


def get(call: Call) -> Response:
    """GET ``plugins/<name>``."""
    return answer(_export(call, _find(call)))


def create(call: Call) -> Response:
    """POST ``plugins``: creates a plugin; 422 for a name that exists."""
    sent = _checked(bodies.fields(call))
    absent = [field for field in ("name", "extension", "content") if field not in sent]
    if absent:
        raise fault(422, f"{', '.join(absent)}: expected")
    _refuse_taken(call, sent["name"])
    kind = "INPROCESS" if sent["extension"] == "py" else "SCRIPT"
    defaults = {"description": "", "interval": 30, "params": "", "shellArgs": "", "type": kind, "pack": ""}
    return _saved(call, {**defaults, **sent, "id": new_id()})


def update(call: Call) -> Response:
    """PATCH ``plugins/<name>``: a field that is not sent stays."""
    row = _find(call)
    sent = _checked(bodies.fields(call))
    if sent.get("name", row["name"]) != row["name"]:
        _refuse_taken(call, sent["name"])
    return _saved(call, {**_fields(row), **sent})


def delete(call: Call) -> Response:
    """DELETE ``plugins/<name>``, its links included."""
    identifier = _find(call)["id"]
    return call.delete(_missing(call.name), "DELETE FROM plugins WHERE account = ? AND id = ?", identifier)


def linked_to(call: Call, tags: list[str]) -> Response:
    """Answer with the plugins that links deploy to an agent with these tags, as ``GET plugins`` shows them."""
    return answer([_summary(call, row) for row in call.rows(_LINKED, json.dumps(tags))])


def _checked(sent: dict[str, object]) -> dict[str, Any]:
    """Return the fields that a client may set, those that the server knows of their type."""
    checked: dict[str, Any] = {field: value for field, value in sent.items() if field not in _READ_ONLY}
    checked |= {field: bodies.text(sent[field], field) for field in _TEXTS if field in sent}
    if "name" in sent:
        bodies.addressable(bodies.required_name(sent))
    if "interval" in sent:
        checked["interval"] = _interval(sent["interval"])
    if sent.get("encoding", "base64") != "base64":
        raise fault(422, "encoding: expected base64, the only one there is")
    if "content" in sent:
        checked["content"] = _content(bodies.text(sent["content"], "content"))
    return checked


def _interval(value: object) -> int:
    """Return a number of seconds; a form has it as text."""
    digits = value if isinstance(value, str) else str(value) if type(value) is int else ""
    if not (digits.isascii() and digits.isdigit() and len(digits) < len(str(MAX_INTERVAL)) and int(digits)):
        raise fault(422, "interval: expected a whole number of seconds, 1 or more, not {}", value)
    return int(digits)


def _content(value: str) -> bytes:
    """Return the bytes of base64, which may be wrapped in lines, as ``base64`` in a shell leaves it."""
    try:
        return base64.b64decode("".join(value.splitlines()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise fault(422, "content: not base64: {}", error) from error


def _saved(call: Call, plugin: dict[str, Any]) -> Response:
    extra = {field: value for field, value in plugin.items() if field not in {"id", *_COLUMNS}}
    call.store.write_fields(_SAVE, {**plugin, "account": call.account, "extra": json_text(extra)})
    row = call.row(_missing(plugin["name"]), "SELECT * FROM plugins WHERE account = ? AND id = ?", plugin["id"])
    return answer(_export(call, row))


def _find(call: Call) -> Row:
    """Return the row of the plugin that the path names, or whose id it has; 404 without one."""
    identifier = "" if call.settings.documented_only else call.name
    return call.row(_missing(call.name), _FIND, call.name, identifier, call.name)


def _refuse_taken(call: Call, name: str) -> None:
    if call.store.row("SELECT id FROM plugins WHERE account = ? AND name = ?", call.account, name):
        raise fault(422, "a plugin called {} exists already", name)


def _missing(name: str) -> Fault:
    return fault(404, "no plugin is called {}", name)


def _fields(row: Row) -> dict[str, Any]:
    columns = {field: row["shell_args" if field == "shellArgs" else field] for field in ("id", *_COLUMNS)}
    return {**json.loads(row["extra"]), **columns}


def _listed(call: Call, row: Row) -> dict[str, object]:
    fields = _fields(row)
    digest = hashlib.sha1(fields.pop("content"), usedforsecurity=False).hexdigest()
    return {**fields, "hash": digest, "encoding": "base64", "org": call.org}


def _export(call: Call, row: Row) -> dict[str, object]:
    return {"content": base64.b64encode(row["content"]).decode(), **_listed(call, row)}


def _summary(call: Call, row: Row) -> dict[str, object]:
    return {**_listed(call, row), "etag": etag_of(bytes(answer(_export(call, row)).body))}


def _documented(call: Call, row: Row) -> dict[str, object]:
    tags = [tag["value"] for tag in call.rows(_TAGS, row["id"])]
    return {"org": call.org, "plugin": row["name"], "id": row["id"], "tags": tags}


OPERATIONS = (
    Operation("GET", ALL, list_all),
    Operation("POST", ALL, create),
    Operation("GET", ONE, get),
    Operation("PATCH", ONE, update),
    Operation("DELETE", ONE, delete),
)
