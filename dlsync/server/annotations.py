"""Annotations: dated notes in named streams. The first annotation creates its stream."""

from starlette.responses import Response

from dlsync.server import bodies, quotas
from dlsync.server.operation import ACCOUNT, Call, Refusal, answer, no_content, operation, require
from dlsync.server.store import Row, new_id
from dlsync.server.times import timestamp

STREAM = f"{ACCOUNT}/annotations/{{name}}"
ANNOTATION = f"{STREAM}/{{id}}"
NO_STREAM = "no annotation stream is called {}"
NO_ANNOTATION = "annotation stream {} has no annotation {}"
_SERVER_FIELDS = ("id", "start_time", "stream")
_FIELDS = ("description", "id", "name", "start_time", "stream")


@operation("GET", f"{ACCOUNT}/annotations")
async def list_streams(call: Call) -> Response:
    return answer([row["name"] for row in await call.store.rows("streams", order="name", account=call.account)])


@operation("GET", STREAM)
async def get_stream(call: Call) -> Response:
    """GET ``annotations/<stream>``, newest first."""
    require(await call.store.row("streams", account=call.account, name=call.name), NO_STREAM, call.name)
    rows = await call.store.rows("annotations", order="seq DESC", account=call.account, stream=call.name)
    return answer([_view(row) for row in rows])


@operation("DELETE", STREAM)
async def delete_stream(call: Call) -> Response:
    await call.store.delete("annotations", account=call.account, stream=call.name)
    require(await call.store.delete("streams", account=call.account, name=call.name), NO_STREAM, call.name)
    return no_content()


@operation("POST", STREAM)
async def create(call: Call) -> Response:
    stream = bodies.addressable(call.name)
    await quotas.insert(call, "streams", name=stream)
    created = {"id": new_id(), "stream": stream, "start_time": timestamp(call.settings.now()), "description": ""}
    annotation = _changed(call, created)
    await quotas.insert(call, "annotations", **_columns(annotation))
    return answer(annotation)


@operation("GET", ANNOTATION)
async def get(call: Call) -> Response:
    return answer(await _find(call))


@operation("PUT", ANNOTATION)
async def update(call: Call) -> Response:
    """PUT ``annotations/<stream>/<id>``: missing fields stay unchanged."""
    annotation = _changed(call, await _find(call))
    await call.store.update("annotations", _columns(annotation), id=call.id)
    return answer(annotation)


@operation("DELETE", ANNOTATION)
async def delete(call: Call) -> Response:
    existed = await call.store.delete("annotations", account=call.account, stream=call.name, id=call.id)
    require(existed, NO_ANNOTATION, call.name, call.id)
    return no_content()


def _changed(call: Call, annotation: Row) -> Row:
    """Return an annotation with the fields of the body, also unknown ones."""
    fields = bodies.fields(call)
    for name in _SERVER_FIELDS:
        if fields.get(name, annotation[name]) != annotation[name]:
            raise Refusal(422, f"{name}: is set by the server and cannot be changed")
    changed = {**annotation, **fields}
    description = "" if changed["description"] is None else bodies.text(changed["description"], "description")
    return {**changed, "name": bodies.required_name(changed), "description": description}


def _columns(annotation: Row) -> Row:
    extra = {name: value for name, value in annotation.items() if name not in _FIELDS}
    return {**{name: annotation[name] for name in _FIELDS}, "extra": extra}


async def _find(call: Call) -> Row:
    row = await call.store.row("annotations", account=call.account, stream=call.name, id=call.id)
    return _view(require(row, NO_ANNOTATION, call.name, call.id))


def _view(row: Row) -> Row:
    return {**{name: row[name] for name in _FIELDS}, **row["extra"]}
