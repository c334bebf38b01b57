"""Links: each deploys a plugin to the agents with its tags."""

from starlette.responses import Response

from dlsync.server import bodies, quotas
from dlsync.server.operation import ACCOUNT, Call, Refusal, answer, no_content, operation, require
from dlsync.server.store import Row, new_id

LINK = f"{ACCOUNT}/links/{{id}}"
MISSING = "no link has the id {}"


async def _views(call: Call, links: list[Row]) -> list[dict[str, object]]:
    names = {row["id"]: row["name"] for row in await call.store.rows("plugins", "id, name", account=call.account)}
    return [
        {"org": call.org, "plugin": names[link["plugin"]], "id": link["id"], "tags": link["tags"]} for link in links
    ]


@operation("GET", f"{ACCOUNT}/links")
async def list_all(call: Call) -> Response:
    return answer(await _views(call, await call.store.rows("links", order="seq", account=call.account)))


@operation("POST", f"{ACCOUNT}/links", documented=False)
async def create(call: Call) -> Response:
    """POST ``links``: tags are a list, or a text with commas."""
    sent = bodies.fields(call)
    bodies.refuse_other_fields(sent, "plugin", "tags", "id", "org")  # the last two are ignored
    name, tags = bodies.text(sent.get("plugin"), "plugin"), bodies.names_list(sent.get("tags"), "tags")
    plugin = await call.store.row("plugins", "id", account=call.account, name=name)
    if plugin is None:
        raise Refusal(422, "plugin: no plugin is called {}", name)
    link = {"id": new_id(), "plugin": plugin["id"], "tags": tags}
    await quotas.insert(call, "links", **link)
    return answer({"org": call.org, "plugin": name, "id": link["id"], "tags": tags}, 201)


@operation("GET", LINK, documented=False)
async def get(call: Call) -> Response:
    link = require(await call.store.row("links", account=call.account, id=call.id), MISSING, call.id)
    return answer((await _views(call, [link]))[0])


@operation("DELETE", LINK, documented=False)
async def delete(call: Call) -> Response:
    require(await call.store.delete("links", account=call.account, id=call.id), MISSING, call.id)
    return no_content()
