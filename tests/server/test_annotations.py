from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import httpx2


def test_an_annotation_has_the_documented_fields(client: httpx2.Client) -> None:
    made = client.post("annotations/deploys", json={"name": "deploy v23"})
    annotation = made.json()
    assert made.status_code == 200
    assert set(annotation) == {"id", "stream", "name", "description", "start_time"}
    assert (annotation["stream"], annotation["name"], annotation["description"]) == ("deploys", "deploy v23", "")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", annotation["start_time"])
    assert client.get(f"annotations/deploys/{annotation['id']}").json() == annotation


def test_a_stream_lists_its_newest_annotation_first(client: httpx2.Client) -> None:
    for name in ("v1", "v2", "v3"):
        client.post("annotations/a%2Fb", data={"name": name, "description": f"about {name}"})
    client.post("annotations/another", json={"name": "x"})
    assert client.get("annotations").json() == ["a/b", "another"]
    assert [item["name"] for item in client.get("annotations/a%2Fb").json()] == ["v3", "v2", "v1"]


def test_an_update_changes_only_the_fields_that_it_sends(client: httpx2.Client) -> None:
    annotation = client.post("annotations/s", json={"name": "n", "description": "d"}).json()
    changed = client.put(f"annotations/s/{annotation['id']}", json={"description": "new"})
    assert (changed.status_code, changed.json()) == (200, {**annotation, "description": "new"})


def test_an_exported_annotation_can_be_sent_back_unchanged(client: httpx2.Client) -> None:
    annotation = client.post("annotations/s", json={"name": "n", "colour": {"of": ["deploys"]}}).json()
    assert client.put(f"annotations/s/{annotation['id']}", json=annotation).json() == annotation


@pytest.mark.parametrize("field", ["id", "start_time", "stream"])
def test_an_annotation_with_a_field_that_only_the_server_sets_is_refused(client: httpx2.Client, field: str) -> None:
    annotation = client.post("annotations/s", json={"name": "n"}).json()
    path = f"annotations/s/{annotation['id']}"
    for response in (client.put(path, json={field: "x"}), client.post("annotations/s", json={"name": "n", field: "x"})):
        reason = f"{field}: is set by the server and cannot be changed"
        assert (response.status_code, response.json()) == (422, {"error": reason})
    assert client.get("annotations/s").json() == [annotation]


@pytest.mark.parametrize("way", ["json", "data"])
def test_unknown_fields_are_stored(client: httpx2.Client, way: str) -> None:
    fields = {"name": "n", "extra": "1", "account": "2", "colour": "red"}
    sent: dict[str, Any] = {way: fields}
    created = client.post("annotations/s", **sent).json()
    assert fields.items() <= created.items()
    sent = {way: {"colour": "blue"}}
    client.put(f"annotations/s/{created['id']}", **sent)
    assert client.get("annotations/s").json() == [{**created, "colour": "blue"}]


def test_a_null_description_becomes_an_empty_text(client: httpx2.Client) -> None:
    created = client.post("annotations/s", json={"name": "n", "description": None})
    assert (created.status_code, created.json()["description"]) == (200, "")
    path = f"annotations/s/{created.json()['id']}"
    client.put(path, json={"description": "d"})
    assert client.put(path, json={"description": None}).json()["description"] == ""


def test_an_empty_stream_exists_until_it_is_deleted(client: httpx2.Client) -> None:
    annotation = client.post("annotations/s", json={"name": "n"}).json()
    client.delete(f"annotations/s/{annotation['id']}")
    assert client.get("annotations").json() == ["s"]
    assert client.get("annotations/s").json() == []
    assert client.delete("annotations/s").status_code == 204
    assert client.get("annotations/s").status_code == 404


def test_a_delete_removes_one_annotation_or_a_whole_stream(client: httpx2.Client) -> None:
    first, _ = (client.post("annotations/s", json={"name": name}).json()["id"] for name in "ab")
    assert client.delete(f"annotations/s/{first}").status_code == 204
    assert client.delete(f"annotations/s/{first}").status_code == 404
    assert client.delete("annotations/s").status_code == 204
    assert client.delete("annotations/s").status_code == 404
    assert client.get("annotations").json() == []


@pytest.mark.parametrize(
    ("method", "path", "reason"),
    [
        ("GET", "annotations/s", "no annotation stream is called 's'"),
        ("GET", "annotations/s/1", "annotation stream 's' has no annotation '1'"),
        ("PUT", "annotations/s/1", "annotation stream 's' has no annotation '1'"),
    ],
)
def test_a_missing_stream_or_annotation_is_404(client: httpx2.Client, method: str, path: str, reason: str) -> None:
    response = client.request(method, path)
    assert (response.status_code, response.json()) == (404, {"error": reason})


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": 1}, {"name": "n", "description": 0}])
def test_an_annotation_without_a_name_or_with_values_that_are_not_text_is_refused(
    client: httpx2.Client, body: dict[str, object]
) -> None:
    assert client.post("annotations/s", json=body).status_code == 422
    assert client.get("annotations").json() == []
