"""Organisations and their accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlsync.server import bodies
from dlsync.server.operation import ORG, Call, Operation, answer, fault, no_content

if TYPE_CHECKING:
    from starlette.responses import Response

    from dlsync.server.store import Row


def list_orgs(call: Call) -> Response:
    """GET ``/orgs``."""
    return answer([dict(row) for row in call.store.rows("SELECT id, name FROM orgs ORDER BY name")])


def list_accounts(call: Call) -> Response:
    """GET ``accounts``."""
    return answer(
        [_view(row) for row in call.store.rows("SELECT * FROM accounts WHERE org = ? ORDER BY seq", call.org)]
    )


def create_account(call: Call) -> Response:
    """POST ``accounts``."""
    name = bodies.required_name(bodies.fields(call))
    if not call.store.add_account(call.org, name):
        raise fault(422, "an account called {} exists already", name)
    (row,) = call.store.rows("SELECT * FROM accounts WHERE org = ? AND name = ?", call.org, name)
    return answer(_view(row), 201)


def delete_account(call: Call) -> Response:
    """DELETE ``accounts/<account>``, with all that is in it."""
    call.store.write("DELETE FROM accounts WHERE id = ?", call.account)
    return no_content()


def _view(row: Row) -> dict[str, object]:
    return {"agent_keys": [row["agent_key"]], "id": row["id"], "name": row["name"]}


OPERATIONS = (
    Operation("GET", "/orgs", list_orgs, documented=False),
    Operation("GET", f"{ORG}/accounts", list_accounts),
    Operation("POST", f"{ORG}/accounts", create_account),
    Operation("DELETE", f"{ORG}/accounts/{{account}}", delete_account),
)
