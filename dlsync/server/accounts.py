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


def get_account(call: Call) -> Response:
    """GET ``accounts/<account>``."""
    return answer(_view(_find(call, call.account)))


def create_account(call: Call) -> Response:
    """POST ``accounts``."""
    sent = bodies.fields(call)
    bodies.refuse_other_fields(sent, "name")
    name = bodies.addressable(bodies.required_name(sent))
    if not call.store.add_account(call.org, name):
        raise fault(422, "an account called {} exists already", name)
    return answer(_view(_find(call, call.store.account_id(call.org, name))), 201)


def delete_account(call: Call) -> Response:
    """DELETE ``accounts/<account>``, with all that is in it."""
    call.store.write("DELETE FROM accounts WHERE id = ?", call.account)
    return no_content()


def _find(call: Call, identifier: str) -> Row:
    (row,) = call.store.rows("SELECT * FROM accounts WHERE id = ?", identifier)
    return row


def _view(row: Row) -> dict[str, object]:
    return {"agent_keys": [row["agent_key"]], "id": row["id"], "name": row["name"]}


OPERATIONS = (
    Operation("GET", "/orgs", list_orgs, documented=False),
    Operation("GET", f"{ORG}/accounts", list_accounts),
    Operation("POST", f"{ORG}/accounts", create_account),
    Operation("GET", f"{ORG}/accounts/{{account}}", get_account, documented=False),
    Operation("DELETE", f"{ORG}/accounts/{{account}}", delete_account),
)
