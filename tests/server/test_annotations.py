from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import httpx2


def test_an_annotation_is_as_documented(client: httpx2.Client) -> None:
    made = client.post("annotations/deploys", json={"name": "deploy v23"})
    annotation = made.json()
    assert made.status_code == 201
    assert set(annotation) == {"id", "stream", "name", "description", "start_time"}
    assert (annotation["stream"], annotation["name"], annotation["description"]) == ("deploys", "deploy v23", "")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", annotation["start_time"])
    assert client.get(f"annotations/deploys/{annotation['id']}").json() == annotation


def test_a_stream_lists_the_newest_first(client: httpx2.Client) -> None:
    for name in ("v1", "v2", "v3"):
        client.post("annotations/a%2Fb", data={"name": name, "description": f"about {name}"})
    client.post("annotations/another", json={"name": "x"})
    assert client.get("annotations").json() == ["a/b", "another"]
    assert [item["name"] for item in client.get("annotations/a%2Fb").json()] == ["v3", "v2", "v1"]


def test_an_update_changes_what_it_gives(client: httpx2.Client) -> None:
    annotation = client.post("annotations/s", json={"name": "n", "description": "d"}).json()
    changed = client.put(f"annotations/s/{annotation['id']}", json={"description": "new", "id": "mine", "stream": "x"})
    assert (changed.status_code, changed.json()) == (200, {**annotation, "description": "new"})


def test_deletes_take_one_or_the_stream(client: httpx2.Client) -> None:
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
def test_what_is_not_there_is_404(client: httpx2.Client, method: str, path: str, reason: str) -> None:
    response = client.request(method, path)
    assert (response.status_code, response.json()) == (404, {"error": reason})


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": 1}, {"name": "n", "description": None}])
def test_an_annotation_needs_a_name_and_texts(client: httpx2.Client, body: dict[str, object]) -> None:
    assert client.post("annotations/s", json=body).status_code == 422
    assert client.get("annotations").json() == []
