from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest

from dlsync.server.app import BASE, OPERATIONS
from dlsync.server.demo.hosts import HOSTS
from dlsync.server.run import running
from tests.builders.openapi import SCHEMAS, SHAPES, description, name_of
from tests.builders.served import account_of
from tests.server.test_operations import CONTENT

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx2

DOCUMENT = description()
AGENT, OTHER = HOSTS[0].id, HOSTS[1].id

# an operation, and a request that it answers
ASKED: dict[str, tuple[str, dict[str, Any]]] = {
    "accounts.list_orgs": ("../../../../orgs", {}),
    "accounts.list_accounts": ("../../accounts", {}),
    "accounts.get_account": ("../../accounts/default", {}),
    "accounts.create_account": ("../../accounts", {"json": {"name": "new"}}),
    "agents.list_all": ("agents", {}),
    "agents.get": (f"agents/{AGENT}", {}),
    "agents.ping": ("agents/8ccf/ping", {"data": {"name": "a"}}),
    "agents.register": ("agents/8ccf/register", {"json": {"name": "a", "container_id": "c0ff"}}),
    "agents.deregister": (f"agents/{OTHER}/deregister", {}),
    "agents.list_plugins": (f"agents/{AGENT}/plugins", {}),
    "agents.set_tags": (f"agents/{OTHER}/tags", {"json": {"names": ["a", "b"]}}),
    "agents.remove_tags": (f"agents/{OTHER}/tags", {"json": {"tags": ["b"]}}),
    "annotations.list_streams": ("annotations", {}),
    "annotations.get_stream": ("annotations/there", {}),
    "annotations.create": ("annotations/new", {"json": {"name": "v1"}}),
    "annotations.get": ("annotations/there/{annotation}", {}),
    "annotations.update": ("annotations/there/{annotation}", {"json": {"description": "new"}}),
    "dashboards.list_all": ("dashboards", {}),
    "dashboards.put": ("dashboards/new", {"content": "title: A\n"}),
    "links.list_all": ("links", {}),
    "links.create": ("links", {"json": {"plugin": "there", "tags": ["web"]}}),
    "links.get": ("links/{link}", {}),
    "metrics.list_all": ("metrics?tag=all", {}),
    "metrics.series": ("metrics/base.cpu/series?tag=all&resolution=60", {}),
    "metrics.change_status": (f"metrics/base.cpu/series?source={OTHER}", {"data": {"status": "expired"}}),
    "metrics.change_status_of_all": (f"metrics/series?source={OTHER}", {"data": {"status": "valid"}}),
    "plugins.list_all": ("plugins", {}),
    "plugins.create": ("plugins", {"json": {"name": "new", "extension": "py", "content": CONTENT}}),
    "plugins.get": ("plugins/there", {}),
    "plugins.update": ("plugins/there", {"json": {"content": CONTENT}}),
    "rules.list_all": ("rules", {}),
    "rules.create": ("rules", {"json": {"name": "new"}}),
    "rules.get": ("rules/there", {}),
    "rules.put": ("rules/new", {"content": "title: A\n"}),
    "rules.patch": ("rules/there", {"json": {"mute": True}}),
    "rules.criteria": ("rules/there/criteria", {}),
    "tags.list_all": ("tags", {}),
}
YAML_OR_NOTHING = {"dashboards.get"} | {name for name in SHAPES if SHAPES[name].status == 204}


def test_each_operation_of_the_server_is_described_once() -> None:
    served = {(BASE + operation.path, operation.method.lower()) for operation in OPERATIONS}
    described = {
        (path, method) for path, item in DOCUMENT["paths"].items() for method in item if method != "parameters"
    }
    assert described == served
    names = [name_of(operation) for operation in OPERATIONS]
    assert sorted(names) == sorted(SHAPES)
    assert set(names) == set(ASKED) | YAML_OR_NOTHING


def test_the_document_says_which_operations_are_documented() -> None:
    flags = {name_of(operation): operation.documented for operation in OPERATIONS}
    items = [item for path in DOCUMENT["paths"].values() for key, item in path.items() if key != "parameters"]
    assert {item["operationId"]: item["x-documented"] for item in items} == flags


def test_each_name_in_a_path_is_a_parameter() -> None:
    for path, item in DOCUMENT["paths"].items():
        assert {f"{{{parameter['name']}}}" for parameter in item["parameters"]} == {
            part for part in path.split("/") if part.startswith("{")
        }


def test_the_document_uses_exactly_its_schemas_and_each_schema_is_valid() -> None:
    text = json.dumps(DOCUMENT)
    used = {part.partition('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert used == set(SCHEMAS)
    for schema in SCHEMAS.values():
        jsonschema_rs.meta.validate(schema)


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[httpx2.Client, dict[str, str]]]:
    """A server that all requests share, since they create, read and change different resources."""
    with running(demo=True) as server, account_of(server) as client:
        client.put("dashboards/there", content="title: A\n")
        client.put("rules/there", content="title: A\ncriteria: [{metric: a}]\n")
        client.post("plugins", json={"name": "there", "extension": "py", "content": CONTENT})
        annotation = client.post("annotations/there", json={"name": "v0"}).json()["id"]
        yield client, {"annotation": annotation, "link": client.get("links").json()[0]["id"]}


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if name_of(one) in ASKED], ids=name_of)
def test_a_response_matches_its_schema(served: tuple[httpx2.Client, dict[str, str]], operation: Any) -> None:
    client, ids = served
    path, sent = ASKED[name_of(operation)]
    response = client.request(operation.method, path.format(**ids), **sent)
    responses = DOCUMENT["paths"][BASE + operation.path][operation.method.lower()]["responses"]
    schema = responses[str(response.status_code)]["content"]["application/json"]["schema"]
    jsonschema_rs.validate({**schema, "components": DOCUMENT["components"]}, response.json())


def test_an_error_response_matches_the_error_schema(served: tuple[httpx2.Client, dict[str, str]]) -> None:
    client, _ = served
    jsonschema_rs.validate(SCHEMAS["Error"], client.get("metrics").json())
