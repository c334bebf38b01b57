"""Each of the 28 documented operations over a socket, and that the server marks no other operation as documented."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from dlsync.server import app
from dlsync.server.demo.hosts import HOSTS
from dlsync.server.run import running
from tests.builders.served import account_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx2

ACCOUNT = "/orgs/{org}/accounts/{account}"
YAML = "title: A\n"
CONTENT = base64.b64encode(b"print('OK')\n").decode()

# family and operation: method, path below the base URL, names in it, query or body, status, a field of the answer
OPERATIONS: dict[str, tuple[str, str, dict[str, str], dict[str, Any], int, str]] = {
    "accounts: list": ("GET", "/orgs/{org}/accounts", {}, {}, 200, "agent_keys"),
    "accounts: create": ("POST", "/orgs/{org}/accounts", {}, {"json": {"name": "new"}}, 201, "agent_keys"),
    "accounts: delete": ("DELETE", ACCOUNT, {}, {}, 204, ""),
    "agents: list": ("GET", f"{ACCOUNT}/agents", {}, {}, 200, "heartbeat"),
    "agents: get": ("GET", f"{ACCOUNT}/agents/{{id}}", {"id": "agent"}, {}, 200, "interfaces"),
    "agents: delete": ("DELETE", f"{ACCOUNT}/agents/{{id}}", {"id": "agent"}, {}, 204, ""),
    "dashboards: export": ("GET", f"{ACCOUNT}/dashboards/{{name}}", {"name": "there"}, {}, 200, ""),
    "dashboards: import": ("PUT", f"{ACCOUNT}/dashboards/{{name}}", {"name": "new"}, {"content": YAML}, 200, "name"),
    "links: list": ("GET", f"{ACCOUNT}/links", {}, {}, 200, "plugin"),
    "metrics: of an agent": ("GET", f"{ACCOUNT}/metrics", {}, {"params": {"source": "agent"}}, 200, "data_type"),
    "metrics: of a tag": ("GET", f"{ACCOUNT}/metrics", {}, {"params": {"tag": "web"}}, 200, "data_type"),
    "series: of an agent": (
        *("GET", f"{ACCOUNT}/metrics/{{name}}/series", {"name": "base.cpu"}),
        *({"params": {"source": "agent"}}, 200, "points"),
    ),
    "series: of a tag": (
        *("GET", f"{ACCOUNT}/metrics/{{name}}/series", {"name": "base.cpu"}),
        *({"params": {"tag": "web"}}, 200, "points"),
    ),
    "plugins: list": ("GET", f"{ACCOUNT}/plugins", {}, {}, 200, "plugin"),
    "plugins: export": ("GET", f"{ACCOUNT}/plugins/{{name}}", {"name": "there"}, {}, 200, "content"),
    "plugins: import": (
        *("POST", f"{ACCOUNT}/plugins", {}),
        *({"json": {"name": "new", "extension": "py", "content": CONTENT}}, 200, "content"),
    ),
    "plugins: update": (
        *("PATCH", f"{ACCOUNT}/plugins/{{name}}", {"name": "there"}),
        *({"json": {"content": CONTENT, "encoding": "base64"}}, 200, "hash"),
    ),
    "plugins: delete": ("DELETE", f"{ACCOUNT}/plugins/{{name}}", {"name": "there"}, {}, 204, ""),
    "rules: export": ("GET", f"{ACCOUNT}/rules/{{name}}", {"name": "there"}, {}, 200, ""),
    "rules: import": ("PUT", f"{ACCOUNT}/rules/{{name}}", {"name": "new"}, {"content": YAML}, 200, "name"),
    "tags: list": ("GET", f"{ACCOUNT}/tags", {}, {}, 200, "name"),
    "annotations: list the streams": ("GET", f"{ACCOUNT}/annotations", {}, {}, 200, ""),
    "annotations: get a stream": ("GET", f"{ACCOUNT}/annotations/{{name}}", {"name": "there"}, {}, 200, "start_time"),
    "annotations: delete a stream": ("DELETE", f"{ACCOUNT}/annotations/{{name}}", {"name": "there"}, {}, 204, ""),
    "annotations: create": (
        *("POST", f"{ACCOUNT}/annotations/{{name}}", {"name": "new"}),
        *({"json": {"name": "v1"}}, 200, "start_time"),
    ),
    "annotations: get": ("GET", f"{ACCOUNT}/annotations/{{name}}/{{id}}", {"name": "there"}, {}, 200, "start_time"),
    "annotations: update": (
        *("PUT", f"{ACCOUNT}/annotations/{{name}}/{{id}}", {"name": "there"}),
        *({"json": {"description": "new"}}, 200, "start_time"),
    ),
    "annotations: delete": ("DELETE", f"{ACCOUNT}/annotations/{{name}}/{{id}}", {"name": "there"}, {}, 204, ""),
}


def test_the_server_marks_exactly_these_operations_as_documented() -> None:
    served = {(one.method, one.path) for one in app.OPERATIONS if one.documented}
    assert served == {(method, path) for method, path, *_ in OPERATIONS.values()}


@pytest.fixture
def client() -> Iterator[httpx2.Client]:
    with running(demo=True, documented_only=True) as server, account_of(server) as client:
        client.put("dashboards/there", content=YAML)
        client.put("rules/there", content=YAML)
        client.post("plugins", json={"name": "there", "extension": "py", "content": ""})
        yield client


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_answers_as_documented(client: httpx2.Client, operation: str) -> None:
    method, path, names, sent, status, field = OPERATIONS[operation]
    annotation = client.post("annotations/there", json={"name": "v0"}).json()["id"]
    ids = {"agent": HOSTS[0].id, "id": annotation}
    url, _, _ = str(client.base_url).partition("/orgs/")
    path = path.format(**{"org": "acme", "account": "default", "id": annotation} | _filled(names, ids))
    response = client.request(method, url + path, **_with_agent(sent, ids))
    assert response.status_code == status
    if field:
        answer = response.json()
        assert all(field in item for item in (answer if isinstance(answer, list) else [answer]))


def _filled(names: dict[str, str], ids: dict[str, str]) -> dict[str, str]:
    return {key: ids.get(value, value) for key, value in names.items()}


def _with_agent(sent: dict[str, Any], ids: dict[str, str]) -> dict[str, Any]:
    return {**sent, "params": _filled(sent["params"], ids)} if "params" in sent else sent
