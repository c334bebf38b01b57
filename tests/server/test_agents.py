from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from starlette.testclient import TestClient

from dlsync.server.app import create_app
from dlsync.server.operation import Settings
from dlsync.server.store import Store

if TYPE_CHECKING:
    import httpx2

PING = {
    "name": "web-1",
    "hostname": "dcbe63762685",
    "mac": "02:42:ac:11:00:02",
    "os_name": "Linux",
    "tag_names": "web, production,,web",
    "mode": "DEFAULT",
    "container_name": "Linux",
}


def test_a_ping_registers_an_agent(client: httpx2.Client) -> None:
    assert client.post("agents/8ccf/ping", data=PING).status_code == 200
    (agent,) = client.get("agents").json()
    assert {key: agent[key] for key in ("id", "name", "hostname", "mac", "osName", "mode", "container_name")} == {
        "id": "8ccf",
        "name": "web-1",
        "hostname": "dcbe63762685",
        "mac": "02:42:ac:11:00:02",
        "osName": "Linux",
        "mode": "DEFAULT",
        "container_name": "Linux",
    }
    assert agent["tags"] == ["all", "web", "production"]
    assert (agent["status"], agent["presence_state"]) == ("REGISTERED", "online")
    assert agent["created"] == agent["modified"] == agent["heartbeat"]


def test_one_agent_has_the_details_that_the_list_leaves_out(client: httpx2.Client) -> None:
    client.post("agents/8ccf/ping", data=PING)
    (listed,) = client.get("agents").json()
    one = client.get("agents/8ccf").json()
    assert set(one) - set(listed) == {"interfaces", "running_plugin_names", "process_summary", "org"}
    assert {key: one[key] for key in listed} == listed


def test_what_a_later_ping_leaves_out_stays(client: httpx2.Client) -> None:
    before = client.post("agents/8ccf/ping", data=PING).json()
    after = client.post("agents/8ccf/ping", json={"name": "web-2"}).json()
    times = {"modified", "heartbeat"}
    assert {k: v for k, v in after.items() if k not in times} == {
        **{k: v for k, v in before.items() if k not in times},
        "name": "web-2",
    }


def test_a_deleted_agent_is_gone(client: httpx2.Client) -> None:
    client.post("agents/8ccf/ping", data=PING)
    assert client.delete("agents/8ccf").status_code == 204
    assert client.delete("agents/8ccf").json() == {"error": "no agent has the id '8ccf'"}
    assert client.get("agents/8ccf").status_code == 404
    assert client.get("agents").json() == []


def test_an_agent_that_falls_silent_is_offline() -> None:
    now = [datetime(2016, 1, 10, tzinfo=UTC)]
    store = Store()
    app: Any = create_app(store, Settings(now=lambda: now[0]))
    client = TestClient(app, headers={"Authorization": "Bearer changeme"})
    path = "/api/v1/orgs/acme/accounts/default/agents/8ccf"
    assert client.post(f"{path}/ping", data=PING).json()["heartbeat"] == "2016-01-10T00:00:00.000Z"
    now[0] += timedelta(seconds=60)
    assert client.get(path).json()["presence_state"] == "online"
    now[0] += timedelta(milliseconds=1)
    assert client.get(path).json()["presence_state"] == "offline"
    store.close()
