"""Organisations and their accounts."""

import uuid

from starlette.responses import Response

from dlsync.server import bodies, quotas
from dlsync.server.admission import require_account
from dlsync.server.operation import ORG, Call, Refusal, answer, no_content, operation
from dlsync.server.store import Row, Store, new_id


async def add(store: Store, org: str, account: str) -> str:
    """Create an organisation and an account if they are missing; return the account's id."""
    await store.insert("orgs", id=new_id(), name=org)
    (org_row,) = await store.rows("orgs", name=org)
    await store.insert("accounts", id=new_id(), org=org_row["id"], name=account, agent_key=str(uuid.uuid4()))
    (account_row,) = await store.rows("accounts", org=org_row["id"], name=account)
    return str(account_row["id"])


def _view(row: Row) -> dict[str, object]:
    return {"agent_keys": [row["agent_key"]], "id": row["id"], "name": row["name"]}


@operation("GET", "/orgs", documented=False)
async def list_orgs(call: Call) -> Response:
    return answer(await call.store.rows("orgs", order="name"))


@operation("GET", f"{ORG}/accounts")
async def list_accounts(call: Call) -> Response:
    """GET ``accounts``: those of the key."""
    rows = await call.store.rows("accounts", order="seq", org=call.org)
    return answer([_view(row) for row in rows if call.key.covers(row["name"])])


@operation("POST", f"{ORG}/accounts", role="admin")
async def create_account(call: Call) -> Response:
    sent = bodies.fields(call)
    bodies.refuse_other_fields(sent, "name")
    name = bodies.addressable(bodies.required_name(sent))
    require_account(call.key, name)
    row = {"id": new_id(), "org": call.org, "name": name, "agent_key": str(uuid.uuid4())}
    if not await call.store.insert("accounts", **row):
        raise Refusal(422, "an account called {} exists already", name)
    await quotas.count_accounts(call)
    return answer(_view(row), 201)


@operation("GET", f"{ORG}/accounts/{{account}}", documented=False)
async def get_account(call: Call) -> Response:
    (row,) = await call.store.rows("accounts", id=call.account)
    return answer(_view(row))


@operation("DELETE", f"{ORG}/accounts/{{account}}", role="admin")
async def delete_account(call: Call) -> Response:
    """DELETE ``accounts/<account>``, with its content."""
    await call.store.delete("accounts", id=call.account)
    return no_content()
