from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from dlsync.server.run import running
from tests.builders.served import account_of

if TYPE_CHECKING:
    import httpx2

    from dlsync.server.run import RunningServer

ACCOUNTS = "/orgs/acme/accounts"


def test_a_new_server_has_a_default_account(server: RunningServer, client: httpx2.Client) -> None:
    (account,) = client.get(server.url + ACCOUNTS).json()
    assert account["name"] == "default"
    assert len(bytes.fromhex(account["id"])) == 12
    assert [str(UUID(key)) for key in account["agent_keys"]] == account["agent_keys"]


def test_organisation_and_account_can_have_other_names() -> None:
    with running(org="öl & gas", account="a/b") as server, account_of(server) as client:
        assert [org["name"] for org in client.get(f"{server.url}/orgs").json()] == ["öl & gas"]
        (account,) = client.get(f"{server.url}/orgs/%C3%B6l%20%26%20gas/accounts").json()
        assert account["name"] == "a/b"


def test_creating_an_account_twice_is_refused(server: RunningServer, client: httpx2.Client) -> None:
    made = client.post(server.url + ACCOUNTS, json={"name": "staging"})
    again = client.post(server.url + ACCOUNTS, data={"name": "staging"})
    assert (made.status_code, made.json()) == (201, client.get(server.url + ACCOUNTS).json()[1])
    assert (again.status_code, again.json()) == (422, {"error": "an account called 'staging' exists already"})


def test_an_account_is_found_by_its_name(server: RunningServer, client: httpx2.Client) -> None:
    (listed,) = client.get(server.url + ACCOUNTS).json()
    assert client.get(f"{server.url}{ACCOUNTS}/default").json() == listed
    assert client.get(f"{server.url}{ACCOUNTS}/staging").status_code == 404


def test_creating_an_account_with_an_unknown_field_is_refused(server: RunningServer, client: httpx2.Client) -> None:
    refused = client.post(server.url + ACCOUNTS, json={"name": "staging", "plan": "free"})
    assert (refused.status_code, refused.json()) == (422, {"error": "'plan': unknown field; expected name"})
    assert len(client.get(server.url + ACCOUNTS).json()) == 1


def test_deleting_an_account_deletes_its_resources(server: RunningServer, client: httpx2.Client) -> None:
    client.put("dashboards/d", content="title: d\n")
    client.post("plugins", json={"name": "p", "extension": "py", "content": ""})
    client.post("links", json={"plugin": "p", "tags": ["web"]})
    client.post("annotations/s", json={"name": "n"})
    client.post("agents/1/ping", data={"name": "n"})
    assert client.delete(server.url + ACCOUNTS + "/default").status_code == 204
    assert client.delete(server.url + ACCOUNTS + "/default").status_code == 404
    client.post(server.url + ACCOUNTS, json={"name": "default"})
    families = ["dashboards", "plugins", "links", "annotations", "agents"]
    assert [client.get(family).json() for family in families] == [[]] * 5


def test_accounts_do_not_see_each_other(server: RunningServer, client: httpx2.Client) -> None:
    client.post(server.url + ACCOUNTS, json={"name": "staging"})
    client.put("rules/r", content="title: r\n")
    with account_of(server, "staging") as other:
        assert other.get("rules").json() == []
        assert other.delete("rules/r").status_code == 404
    assert client.get("rules/r").status_code == 200
