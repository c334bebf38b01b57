"""The tags of links and agents, and ``all``."""

from starlette.responses import Response

from dlsync.server.operation import ACCOUNT, Call, Refusal, answer, no_content, operation

EVERY = "all"


async def require(call: Call, tag: str) -> None:
    """Raise 404 for an unknown tag."""
    carried = tag in await known(call)
    call.require_targets(carried)
    if not carried:
        raise Refusal(404, "no link and no agent carries the tag {}", tag)


async def known(call: Call) -> set[str]:
    """Return all tags of the account."""
    carriers = [
        row for table in ("links", "agents") for row in await call.store.rows(table, "tags", account=call.account)
    ]
    return {EVERY}.union(*(row["tags"] for row in carriers), *(target.tags for target in call.targets.values()))


@operation("GET", f"{ACCOUNT}/tags", measured=True)
async def list_all(call: Call) -> Response:
    return answer([{"name": name} for name in sorted(await known(call))])


@operation("DELETE", f"{ACCOUNT}/tags/{{name}}", documented=False)
async def delete(call: Call) -> Response:
    """DELETE ``tags/<tag>``: remove it from links and agents."""
    if call.name == EVERY:
        raise Refusal(422, "the tag {} belongs to every agent and cannot be deleted", EVERY)
    await require(call, call.name)
    for table in ("links", "agents"):
        for row in await call.store.rows(table, "id, tags", account=call.account):
            tags = [tag for tag in row["tags"] if tag != call.name]
            await call.store.update(table, {"tags": tags}, account=call.account, id=row["id"])
    return no_content()
