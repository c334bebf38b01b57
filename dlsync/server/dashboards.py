"""Dashboards."""

from __future__ import annotations

from starlette.responses import Response

from dlsync.server import documents
from dlsync.server.operation import ACCOUNT, Call, Operation

KIND = "dashboard"
ONE = f"{ACCOUNT}/dashboards/{{name}}"


def list_all(call: Call) -> Response:
    """GET ``dashboards``: whole, as JSON, each with its name."""
    rows = call.rows("SELECT view FROM documents WHERE account = ? AND kind = ? ORDER BY name", KIND)
    # each view is JSON already: parsing it again would cost more than fetching it
    return Response(f"[{','.join(row['view'] for row in rows)}]", media_type="application/json")


def get(call: Call) -> Response:
    """GET ``dashboards/<name>``."""
    return documents.get(call, KIND)


def put(call: Call) -> Response:
    """PUT ``dashboards/<name>``."""
    return documents.put(call, KIND)


def delete(call: Call) -> Response:
    """DELETE ``dashboards/<name>``."""
    return documents.delete(call, KIND)


OPERATIONS = (
    Operation("GET", f"{ACCOUNT}/dashboards", list_all, documented=False),
    Operation("GET", ONE, get),
    Operation("PUT", ONE, put),
    Operation("DELETE", ONE, delete, documented=False),
)
