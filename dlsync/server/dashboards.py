"""Dashboards."""

from starlette.responses import Response

from dlsync.server import documents
from dlsync.server.operation import ACCOUNT, Call, operation

KIND = "dashboard"
DASHBOARD = f"{ACCOUNT}/dashboards/{{name}}"


@operation("GET", f"{ACCOUNT}/dashboards", documented=False)
async def list_all(call: Call) -> Response:
    """GET ``dashboards``: complete, as JSON, with their names."""
    rows = await call.store.rows("documents", "view", "name", account=call.account, kind=KIND)
    # each view is JSON: parsing it would take longer than reading it from the database
    return Response(f"[{','.join(row['view'] for row in rows)}]", media_type="application/json")


@operation("GET", DASHBOARD)
async def get(call: Call) -> Response:
    return await documents.get(call, KIND)


@operation("PUT", DASHBOARD)
async def put(call: Call) -> Response:
    return await documents.put(call, KIND)


@operation("DELETE", DASHBOARD, documented=False)
async def delete(call: Call) -> Response:
    return await documents.delete(call, KIND)
