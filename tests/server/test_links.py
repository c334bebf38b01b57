from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import httpx2


@pytest.fixture(autouse=True)
def _plugin(client: httpx2.Client) -> None:
    client.post("plugins", json={"name": "redis", "extension": "py", "content": ""})


def test_a_link_has_the_documented_fields(client: httpx2.Client) -> None:
    made = client.post("links", json={"plugin": "redis", "tags": ["web", "db", "web"]})
    link = made.json()
    assert made.status_code == 201
    assert set(link) == {"org", "plugin", "id", "tags"}
    assert (link["plugin"], link["tags"]) == ("redis", ["web", "db"])
    assert client.get("links").json() == [link]
    assert client.get(f"links/{link['id']}").json() == link


def test_a_form_separates_tags_with_commas(client: httpx2.Client) -> None:
    assert client.post("links", data={"plugin": "redis", "tags": "web, db,"}).json()["tags"] == ["web", "db"]


def test_a_plugin_can_have_several_links_with_several_tags_each(client: httpx2.Client) -> None:
    for tags in (["web", "db"], "cache,web"):
        client.post("links", json={"plugin": "redis", "tags": tags})
    links = client.get("links").json()
    assert [link["tags"] for link in links] == [["web", "db"], ["cache", "web"]]
    client.delete(f"links/{links[0]['id']}")
    assert client.get("links").json() == links[1:]


def test_a_link_from_a_backup_can_be_created_again(client: httpx2.Client) -> None:
    link = client.post("links", json={"plugin": "redis", "tags": ["web", "db"]}).json()
    client.delete(f"links/{link['id']}")
    again = client.post("links", json=link)
    assert (again.status_code, {**again.json(), "id": ""}) == (201, {**link, "id": ""})


def test_a_deleted_link_is_gone(client: httpx2.Client) -> None:
    identifier = client.post("links", json={"plugin": "redis", "tags": ["web"]}).json()["id"]
    assert client.delete(f"links/{identifier}").status_code == 204
    assert client.delete(f"links/{identifier}").json() == {"error": f"no link has the id '{identifier}'"}
    assert client.get(f"links/{identifier}").status_code == 404


def test_deleting_a_plugin_deletes_its_links(client: httpx2.Client) -> None:
    client.post("links", json={"plugin": "redis", "tags": ["web"]})
    client.delete("plugins/redis")
    assert client.get("links").json() == []


def test_a_renamed_plugin_keeps_its_links(client: httpx2.Client) -> None:
    client.post("links", json={"plugin": "redis", "tags": ["web"]})
    client.patch("plugins/redis", json={"name": "valkey"})
    assert [link["plugin"] for link in client.get("links").json()] == ["valkey"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"tags": ["web"]}, "plugin: expected text, not None"),
        ({"plugin": "redis", "tags": [], "x": 1}, "'x': unknown field; expected plugin or tags or id or org"),
        ({"plugin": "nope", "tags": []}, "plugin: no plugin is called 'nope'"),
        ({"plugin": "redis"}, "tags: expected a list of texts, not None"),
        ({"plugin": "redis", "tags": [1]}, "tags: expected text, not 1"),
    ],
)
def test_an_invalid_link_is_refused(client: httpx2.Client, body: dict[str, object], reason: str) -> None:
    response = client.post("links", json=body)
    assert (response.status_code, response.json()) == (422, {"error": reason})
    assert client.get("links").json() == []
