"""Tags: those that links and agents carry, and ``all``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from dlsync.server.operation import ACCOUNT, Call, Operation, answer, fault, no_content

if TYPE_CHECKING:
    from starlette.responses import Response

    from dlsync.server.operation import Fault

EVERY = "all"
_KNOWN = """SELECT tag.value AS name FROM links, json_each(links.tags) AS tag WHERE account = ?1
            UNION SELECT tag.value FROM agents, json_each(agents.tags) AS tag WHERE account = ?1"""


def list_all(call: Call) -> Response:
    """GET ``tags``."""
    return answer([{"name": name} for name in sorted(known(call))])


def delete(call: Call) -> Response:
    """DELETE ``tags/<tag>``: links and agents carry it no longer."""
    if call.name == EVERY:
        raise fault(422, "the tag {} belongs to every agent and cannot be deleted", EVERY)
    if call.name not in known(call):
        raise missing(call.name)
    for table in ("links", "agents"):
        for row in call.rows(f"SELECT id, tags FROM {table} WHERE account = ?"):  # noqa: S608 -- a constant's names
            sql = f"UPDATE {table} SET tags = ? WHERE account = ? AND id = ?"  # noqa: S608 -- as above
            call.store.write(sql, _without(call, row["tags"]), call.account, row["id"])
    return no_content()


def known(call: Call) -> set[str]:
    """Return all tags of the account."""
    return {EVERY, *(row["name"] for row in call.rows(_KNOWN))}


def missing(tag: str) -> Fault:
    """Return what a tag that is unknown raises."""
    return fault(404, "no link and no agent carries the tag {}", tag)


def _without(call: Call, tags: str) -> str:
    return json.dumps([tag for tag in json.loads(tags) if tag != call.name])


OPERATIONS = (
    Operation("GET", f"{ACCOUNT}/tags", list_all),
    Operation("DELETE", f"{ACCOUNT}/tags/{{name}}", delete, documented=False),
)
