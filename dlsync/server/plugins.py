"""Plugins: scripts with their settings."""

import base64
import binascii
import hashlib
from typing import Any

from starlette.responses import Response

from dlsync.server import bodies, quotas
from dlsync.server.operation import (
    ACCOUNT,
    Call,
    Refusal,
    answer,
    etag_of,
    json_text,
    no_content,
    operation,
    require,
    row_by_name,
)
from dlsync.server.store import Row, new_id

PLUGINS = f"{ACCOUNT}/plugins"
PLUGIN = f"{PLUGINS}/{{name}}"
NAME_EXISTS = "a plugin called {} exists already"
INTERVAL_DIGITS = 15  # below 2**53, so that every JSON parser reads it exactly
_TEXTS = ("name", "extension", "description", "params", "shellArgs", "type", "pack", "format")
_FIELDS = ("id", "name", "content", "extension", "description", "interval", "params", "shellArgs", "type", "pack")
_READ_ONLY = {"id", "org", "hash", "etag", "encoding"}


@operation("GET", PLUGINS)
async def list_all(call: Call) -> Response:
    """GET ``plugins``: the fields of the export except the content, and its ETag; as documented, four fields."""
    rows = await call.store.rows("plugins", order="name", account=call.account)
    if not call.settings.documented_only:
        return answer([_summary(call, row) for row in rows])
    tags: dict[str, set[str]] = {row["id"]: set() for row in rows}
    for link in await call.store.rows("links", account=call.account):
        tags[link["plugin"]].update(link["tags"])
    return answer(
        [{"org": call.org, "plugin": row["name"], "id": row["id"], "tags": sorted(tags[row["id"]])} for row in rows]
    )


@operation("GET", PLUGIN)
async def get(call: Call) -> Response:
    return answer(_export(call, await _find(call)))


@operation("POST", PLUGINS)
async def create(call: Call) -> Response:
    """POST ``plugins``: create a plugin; 422 if the name exists."""
    sent = _settable(bodies.fields(call))
    absent = [field for field in ("name", "extension", "content") if field not in sent]
    if absent:
        raise Refusal(422, f"{', '.join(absent)}: expected")
    kind = "INPROCESS" if sent["extension"] == "py" else "SCRIPT"
    defaults = {"description": "", "interval": 30, "params": "", "shellArgs": "", "type": kind, "pack": ""}
    row = _row({**defaults, **sent, "id": new_id()})
    if not await quotas.insert(call, "plugins", **row):
        raise Refusal(422, NAME_EXISTS, sent["name"])
    return answer(_export(call, row))


@operation("PATCH", PLUGIN)
async def update(call: Call) -> Response:
    """PATCH ``plugins/<name>``: missing fields stay unchanged."""
    before = await _find(call)
    sent = _settable(bodies.fields(call))
    name = str(sent.get("name", before["name"]))
    if name != before["name"] and await call.store.row("plugins", "id", account=call.account, name=name):
        raise Refusal(422, NAME_EXISTS, name)
    row = _row({**_fields(before), **sent})
    await call.store.update("plugins", row, id=row["id"])
    return answer(_export(call, row))


@operation("DELETE", PLUGIN)
async def delete(call: Call) -> Response:
    """DELETE ``plugins/<name>``, with its links."""
    await call.store.delete("plugins", id=(await _find(call))["id"])
    return no_content()


async def linked_to(call: Call, tags: list[str]) -> Response:
    """Answer with the plugins that links deploy to these tags, in the form of ``GET plugins``."""
    links = await call.store.rows("links", account=call.account)
    plugins = {link["plugin"] for link in links if not set(tags).isdisjoint(link["tags"])}
    rows = [row for plugin in plugins for row in await call.store.rows("plugins", id=plugin)]
    return answer([_summary(call, row) for row in sorted(rows, key=lambda row: str(row["name"]))])


def _settable(sent: dict[str, object]) -> dict[str, Any]:
    """Return the fields that a client may set; check those that the server knows."""
    fields: dict[str, Any] = {field: value for field, value in sent.items() if field not in _READ_ONLY}
    fields |= {field: bodies.text(sent[field], field) for field in _TEXTS if field in sent}
    if "name" in sent:
        bodies.addressable(bodies.required_name(sent))
    if "interval" in sent:
        fields["interval"] = bodies.seconds(sent["interval"], "interval", INTERVAL_DIGITS)
    if sent.get("encoding", "base64") != "base64":
        raise Refusal(422, "encoding: expected base64, the only one there is")
    if "content" in sent:
        lines = bodies.text(sent["content"], "content").splitlines()  # the shell's `base64` breaks lines
        try:
            fields["content"] = base64.b64decode("".join(lines), validate=True)
        except (binascii.Error, ValueError) as error:
            raise Refusal(422, "content: not base64: {}", error) from error
    return fields


async def _find(call: Call) -> Row:
    return require(await row_by_name(call, "plugins"), "no plugin is called {}", call.name)


def _row(fields: dict[str, Any]) -> Row:
    columns = {("shell_args" if field == "shellArgs" else field): fields[field] for field in _FIELDS}
    return {**columns, "extra": {field: value for field, value in fields.items() if field not in _FIELDS}}


def _fields(row: Row) -> dict[str, Any]:
    columns = {field: row["shell_args" if field == "shellArgs" else field] for field in _FIELDS}
    return {**row["extra"], **columns}


def _export(call: Call, row: Row) -> dict[str, object]:
    digest = hashlib.sha1(row["content"], usedforsecurity=False).hexdigest()
    content = base64.b64encode(row["content"]).decode()
    return {**_fields(row), "content": content, "hash": digest, "encoding": "base64", "org": call.org}


def _summary(call: Call, row: Row) -> dict[str, object]:
    export = _export(call, row)
    etag = etag_of(json_text(export).encode())
    del export["content"]
    return {**export, "etag": etag}
