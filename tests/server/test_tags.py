from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx2


def names(client: httpx2.Client) -> list[str]:
    return [tag["name"] for tag in client.get("tags").json()]


def test_the_tag_all_exists_in_an_empty_account(client: httpx2.Client) -> None:
    assert client.get("tags").json() == [{"name": "all"}]


def test_the_list_contains_the_tags_of_links_and_agents(client: httpx2.Client) -> None:
    client.post("plugins", json={"name": "p", "extension": "py", "content": ""})
    client.post("links", json={"plugin": "p", "tags": ["web", "b/c"]})
    client.post("agents/1/ping", data={"tag_names": "web,production"})
    assert names(client) == ["all", "b/c", "production", "web"]


def test_deleting_a_tag_removes_it_from_links_and_agents(client: httpx2.Client) -> None:
    client.post("plugins", json={"name": "p", "extension": "py", "content": ""})
    client.post("links", json={"plugin": "p", "tags": ["web", "db"]})
    client.post("agents/1/ping", data={"tag_names": "web,production"})
    assert client.delete("tags/web").status_code == 204
    assert names(client) == ["all", "db", "production"]
    assert [link["tags"] for link in client.get("links").json()] == [["db"]]
    assert client.get("agents/1").json()["tags"] == ["all", "production"]


def test_deleting_a_tag_that_nothing_carries_is_404(client: httpx2.Client) -> None:
    response = client.delete("tags/web")
    assert (response.status_code, response.json()) == (404, {"error": "no link and no agent carries the tag 'web'"})


def test_the_tag_all_cannot_be_deleted(client: httpx2.Client) -> None:
    assert client.delete("tags/all").status_code == 422
