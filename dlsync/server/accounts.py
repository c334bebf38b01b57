"""Organisations and their accounts."""

import uuid

from starlette.responses import Response

from dlsync.server import bodies
from dlsync.server.operation import ORG, Call, Fault, answer, operation
from dlsync.server.store import Row, Store, new_id


def add(store: Store, org: str, account: str) -> str:
    """Create an organisation and an account by their names unless they exist; return the account's id."""
    store.insert("orgs", id=new_id(), name=org)
    (org_row,) = store.rows("orgs", name=org)
    _insert(store, org_row["id"], account)
    (account_row,) = store.rows("accounts", org=org_row["id"], name=account)
    return str(account_row["id"])


def _insert(store: Store, org: str, name: str) -> bool:
    return store.insert("accounts", id=new_id(), org=org, name=name, agent_key=str(uuid.uuid4()))


def _view(row: Row) -> dict[str, object]:
    return {"agent_keys": [row["agent_key"]], "id": row["id"], "name": row["name"]}


@operation("GET", "/orgs", documented=False)
def list_orgs(call: Call) -> Response:
    """GET ``/orgs``."""
    return answer(call.store.rows("orgs", order="name"))


@operation("GET", f"{ORG}/accounts")
def list_accounts(call: Call) -> Response:
    """GET ``accounts``."""
    return answer([_view(row) for row in call.store.rows("accounts", order="seq", org=call.org)])


@operation("POST", f"{ORG}/accounts")
def create_account(call: Call) -> Response:
    """POST ``accounts``."""
    sent = bodies.fields(call)
    bodies.refuse_other_fields(sent, "name")
    name = bodies.addressable(bodies.required_name(sent))
    if not _insert(call.store, call.org, name):
        raise Fault(422, "an account called {} exists already", name)
    (row,) = call.store.rows("accounts", org=call.org, name=name)
    return answer(_view(row), 201)


@operation("GET", f"{ORG}/accounts/{{account}}", documented=False)
def get_account(call: Call) -> Response:
    """GET ``accounts/<account>``."""
    (row,) = call.store.rows("accounts", id=call.account)
    return answer(_view(row))


@operation("DELETE", f"{ORG}/accounts/{{account}}")
def delete_account(call: Call) -> Response:
    """DELETE ``accounts/<account>``, with all that is in it."""
    call.store.delete("accounts", id=call.account)
    return Response(status_code=204)
