"""Links: which plugin goes to the agents of which tags."""

from starlette.responses import Response

from dlsync.server import bodies
from dlsync.server.operation import ACCOUNT, Call, Fault, answer, deleted, found, operation
from dlsync.server.store import Row, new_id

LINK = f"{ACCOUNT}/links/{{id}}"
MISSING = "no link has the id {}"


def _view(call: Call, link: Row) -> dict[str, object]:
    (plugin,) = call.store.rows("plugins", "name", id=link["plugin"])
    return {"org": call.org, "plugin": plugin["name"], "id": link["id"], "tags": link["tags"]}


@operation("GET", f"{ACCOUNT}/links")
def list_all(call: Call) -> Response:
    """GET ``links``."""
    return answer([_view(call, row) for row in call.store.rows("links", order="seq", account=call.account)])


@operation("POST", f"{ACCOUNT}/links", documented=False)
def create(call: Call) -> Response:
    """POST ``links``: tags as a list or as text separated by commas."""
    sent = bodies.fields(call)
    bodies.refuse_other_fields(sent, "plugin", "tags", "id", "org")  # the last two are the server's own
    name, tags = bodies.text(sent.get("plugin"), "plugin"), bodies.names_list(sent.get("tags"), "tags")
    plugin = call.store.row("plugins", "id", account=call.account, name=name)
    if plugin is None:
        raise Fault(422, "plugin: no plugin is called {}", name)
    link = {"id": new_id(), "account": call.account, "plugin": plugin["id"], "tags": tags}
    call.store.insert("links", **link)
    return answer(_view(call, link), 201)


@operation("GET", LINK, documented=False)
def get(call: Call) -> Response:
    """GET ``links/<id>``."""
    return answer(_view(call, found(call.store.row("links", account=call.account, id=call.id), MISSING, call.id)))


@operation("DELETE", LINK, documented=False)
def delete(call: Call) -> Response:
    """DELETE ``links/<id>``."""
    return deleted(call.store.delete("links", account=call.account, id=call.id), MISSING, call.id)
