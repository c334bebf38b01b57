from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from dlsync.server.demo.hosts import HOSTS
from dlsync.server.sqlite import Sqlite
from tests.builders.databases import client_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx2
    from starlette.testclient import TestClient

    from tests.server.conftest import Clock

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


def test_a_single_agent_has_details_that_the_list_leaves_out(client: httpx2.Client) -> None:
    client.post("agents/8ccf/ping", data=PING)
    (listed,) = client.get("agents").json()
    one = client.get("agents/8ccf").json()
    assert set(one) - set(listed) == {"interfaces", "running_plugin_names", "process_summary", "org"}
    assert {key: one[key] for key in listed} == listed


def test_a_later_ping_keeps_the_fields_that_it_leaves_out(client: httpx2.Client) -> None:
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


def test_an_agent_is_offline_more_than_60_seconds_after_its_last_ping() -> None:
    now = [datetime(2016, 1, 10, tzinfo=UTC)]
    with client_of(Sqlite(), now=lambda: now[0]) as client:
        assert client.post("agents/8ccf/ping", data=PING).json()["heartbeat"] == "2016-01-10T00:00:00.000Z"
        now[0] += timedelta(seconds=60)
        assert client.get("agents/8ccf").json()["presence_state"] == "online"
        now[0] += timedelta(milliseconds=1)
        assert client.get("agents/8ccf").json()["presence_state"] == "offline"


# Fields that clients were observed to send

REPORT: dict[str, Any] = {
    "name": "worker",
    "mac": "02:42:AC:11:00:02",
    "interfaces": [{"interface": "eth0", "addresses": [{"family": "AF_INET", "ips": ["10.0.0.1"]}]}],
    "processes": [{"name": "init", "pid": 1}],
    "interpreter": "/usr/bin/python2.7",
    "container_id": "c0ffee",
    "parent": "8ccf",
    "labels": [{"key": "tier", "value": "web"}],
    "fingerprint": "77aa",
    "running_plugin_names": ["base"],
    "process_summary": [{"name": "init", "count": 1}],
    "status": "PENDING",
    "something": {"else": [1, None]},
}


@pytest.mark.parametrize("operation", ["ping", "register"])
def test_the_fields_that_an_agent_reports_are_returned(client: httpx2.Client, operation: str) -> None:
    answer = client.post(f"agents/77aa/{operation}", json={**REPORT, "os_name": "Linux", "tag_names": "a,b"}).json()
    assert client.get("agents/77aa").json() == answer
    assert (REPORT | {"osName": "Linux", "tags": ["all", "a", "b"]}).items() <= answer.items()
    (listed,) = client.get("agents").json()
    assert set(answer) - set(listed) == {"interfaces", "running_plugin_names", "process_summary", "processes", "org"}


def test_a_form_can_report_the_same_fields_as_json(client: httpx2.Client) -> None:
    texts = {"name": "worker", "interpreter": "python", "container_id": "c0ffee", "parent": "8ccf"}
    lists = {name: REPORT[name] for name in ("interfaces", "labels", "process_summary")}
    form = {**texts, **{name: json.dumps(value) for name, value in lists.items()}, "running_plugin_names": "base"}
    answer = client.post("agents/77aa/ping", data=form).json()
    assert (texts | lists | {"running_plugin_names": ["base"]}).items() <= answer.items()


def test_text_that_is_not_a_json_list_becomes_a_list_with_one_item(client: httpx2.Client) -> None:
    answer = client.post("agents/77aa/ping", data={"interfaces": "[eth0"}).json()
    assert answer["interfaces"] == ["[eth0"]


def test_a_null_field_becomes_its_default(client: httpx2.Client) -> None:
    answer = client.post("agents/77aa/ping", json={"name": "a", "mac": None, "mode": None, "container_id": None}).json()
    assert (answer["mac"], answer["mode"], answer["container_id"]) == ("", "DEFAULT", None)


def test_an_agent_can_report_fields_by_the_names_of_the_response(client: httpx2.Client) -> None:
    answer = client.post("agents/77aa/ping", json={"id": "77aa", "osName": "Linux", "tags": ["a"]}).json()
    assert (answer["osName"], answer["tags"]) == ("Linux", ["all", "a"])


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        ({"heartbeat": "2016-01-10T00:00:00.000Z"}, "heartbeat: is set by the server"),
        ({"presence_state": "online"}, "presence_state: is set by the server"),
        ({"expired": []}, "expired: is set by the server"),
        ({"id": "other"}, "id: expected the id of the path, not 'other'"),
        ({"name": 1}, "name: expected text, not 1"),
        ({"status": ["x"]}, "status: expected text, not a list"),
        ({"interfaces": {"eth0": {}}}, "interfaces: expected a list, not an object"),
        ({"running_plugin_names": [1]}, "running_plugin_names: expected text, not 1"),
        ({"labels": ["a=b"]}, "labels: expected objects with key and value, not 'a=b'"),
        ({"labels": [{"key": "a"}]}, "labels: expected objects with key and value, not an object"),
        ({"tag_names": 1}, "tag_names: expected a list of texts, not 1"),
    ],
)
def test_a_wrong_report_is_refused_and_changes_nothing(
    client: httpx2.Client, sent: dict[str, object], reason: str
) -> None:
    for operation in ("ping", "register"):
        response = client.post(f"agents/77aa/{operation}", json=sent)
        assert (response.status_code, response.json()) == (422, {"error": reason})
    assert client.get("agents").json() == []


def test_only_an_agent_of_a_container_has_labels(client: httpx2.Client) -> None:
    assert client.post("agents/77aa/ping", json={"container_id": "c0ffee"}).json()["labels"] == []
    assert "labels" not in client.post("agents/8ccf/ping", data=PING).json()


def test_the_list_of_agents_can_be_filtered_by_mac_address(client: httpx2.Client) -> None:
    client.post("agents/8ccf/ping", data=PING)
    client.post("agents/77aa/ping", json={"name": "b", "mac": "02:42:ac:11:00:03"})
    assert [agent["id"] for agent in client.get("agents?mac=02:42:AC:11:00:02").json()] == ["8ccf"]
    assert client.get("agents?mac=02:42:ac:11:00:04").json() == []


def test_a_deregistered_agent_is_offline_until_it_pings(client: httpx2.Client) -> None:
    client.post("agents/8ccf/register", data=PING)
    gone = client.post("agents/8ccf/deregister").json()
    assert (gone["status"], gone["presence_state"], gone["name"]) == ("DEREGISTERED", "offline", "web-1")
    back = client.post("agents/8ccf/ping").json()
    assert (back["status"], back["presence_state"]) == ("REGISTERED", "online")
    assert client.post("agents/nope/deregister").status_code == 404
    assert client.post("agents/8ccf/deregister", data={"status": "up"}).json()["status"] == "DEREGISTERED"


def test_the_status_metric_of_a_deregistered_agent_is_down(demo: TestClient, clock: Clock) -> None:
    agent = HOSTS[0].id
    demo.post(f"agents/{agent}/deregister")
    clock.now += timedelta(minutes=1)
    (status,) = demo.get(f"metrics/agent.status/series?source={agent}").json()
    assert [point["value"] for point in status["points"][-2:]] == [1, 0]


def test_the_default_name_of_an_agent_is_its_host_name_or_its_id(client: httpx2.Client) -> None:
    assert client.post("agents/8ccf/register").json()["name"] == "8ccf"
    assert client.post("agents/9dee/ping", data={"hostname": "web"}).json()["name"] == "web"


def test_a_deregistered_agent_of_the_demo_stops_measuring(demo: TestClient, clock: Clock) -> None:
    agent = HOSTS[0].id
    stopped = demo.post(f"agents/{agent}/deregister").json()["heartbeat"]
    clock.now += timedelta(minutes=10)
    assert demo.get(f"agents/{agent}").json()["heartbeat"] == stopped
    (series,) = demo.get(f"metrics/base.cpu/series?source={agent}").json()
    assert series["points"][-1]["time"] < clock.unix() - 540


def test_a_plugin_unknown_to_the_demo_has_no_metrics(demo: TestClient) -> None:
    agent = HOSTS[0].id
    demo.post(f"agents/{agent}/ping", json={"running_plugin_names": ["ntp", "mine"]})
    names = {metric["name"] for metric in demo.get(f"metrics?source={agent}").json()}
    assert names == {"agent.status", "ntp.offset_ms", "ntp.status"}


@pytest.mark.parametrize(
    "sent", [{"json": {"names": ["a", "b"]}}, {"data": {"tags": "a,b"}}, {"json": {"tags": "a,b"}}]
)
def test_a_put_replaces_the_tags_of_an_agent(client: httpx2.Client, sent: dict[str, Any]) -> None:
    client.post("agents/8ccf/ping", data=PING)
    answer = client.put("agents/8ccf/tags", **sent)
    assert (answer.status_code, answer.json()["tags"]) == (200, ["all", "a", "b"])
    assert client.get("agents/8ccf").json() == answer.json()
    assert client.put("agents/8ccf/tags", json={"names": []}).json()["tags"] == ["all"]


@pytest.mark.parametrize("sent", [{"json": {"tags": ["web", "nope"]}}, {"data": {"tags": "web"}}])
def test_a_delete_removes_tags_from_an_agent(client: httpx2.Client, sent: dict[str, Any]) -> None:
    client.post("agents/8ccf/ping", data=PING)
    answer = client.request("DELETE", "agents/8ccf/tags", **sent)
    assert (answer.status_code, answer.json()["tags"]) == (200, ["all", "production"])
    assert client.get("tags").json() == [{"name": "all"}, {"name": "production"}]


@pytest.mark.parametrize(
    ("method", "sent", "reason"),
    [
        ("PUT", {}, "names: expected a list of tags"),
        ("DELETE", {}, "names: expected a list of tags"),
        ("PUT", {"tag": "a"}, "'tag': unknown field; expected names or tags"),
        ("PUT", {"tags": "a", "finger": "77aa"}, "finger: expected the id of the path"),
        ("DELETE", {"tags": ["web", "all"]}, "the tag 'all' belongs to every agent and cannot be removed"),
    ],
)
def test_wrong_tags_are_refused_and_change_nothing(
    client: httpx2.Client, method: str, sent: dict[str, Any], reason: str
) -> None:
    client.post("agents/8ccf/ping", data=PING)
    response = client.request(method, "agents/8ccf/tags", json=sent)
    assert (response.status_code, response.json()) == (422, {"error": reason})
    assert client.request(method, "agents/nope/tags", json={"tags": "a"}).status_code == 404
    assert client.get("agents/8ccf").json()["tags"] == ["all", "web", "production"]


def test_the_plugins_of_an_agent_are_those_linked_to_its_tags(client: httpx2.Client) -> None:
    for name, tags in {"b": "web,db", "a": "production", "c": "db"}.items():
        client.post("plugins", json={"name": name, "extension": "py", "content": ""})
        client.post("links", json={"plugin": name, "tags": tags})
    client.post("agents/8ccf/ping", data=PING)
    listed = {plugin["name"]: plugin for plugin in client.get("plugins").json()}
    assert client.get("agents/8ccf/plugins").json() == [listed["a"], listed["b"]]
    assert client.get("agents/nope/plugins").status_code == 404


def test_a_documented_only_server_shows_only_documented_fields(timed: Callable[..., TestClient]) -> None:
    client = timed(demo=True, documented_only=True)
    agents = client.get("agents?mac=none").json()
    assert len(agents) == len(HOSTS)
    for agent in agents:
        assert set(client.get(f"agents/{agent['id']}").json()) - set(agent) == {
            *("interfaces", "running_plugin_names", "process_summary", "org")
        }
        assert set(agent) == {
            *("id", "name", "hostname", "mac", "created", "modified", "tags", "osName", "heartbeat", "presence_state"),
            *("status", "container_name", "mode"),
        }


def test_a_report_is_stored_up_to_100_levels_and_else_refused(client: httpx2.Client) -> None:
    def status(depth: int) -> int:
        body = b'{"name": "a", "x": ' + b"[" * depth + b"]" * depth + b"}"
        return client.post(f"agents/{depth}/ping", content=body).status_code

    # the parser and the writer of Python end at different depths
    assert [status(depth) for depth in (99, 100, *range(940, 970), 100_000)] == [200, *[400] * 32]
    assert [agent["id"] for agent in client.get("agents").json()] == ["99"]


def test_text_of_a_form_that_is_json_of_more_levels_becomes_one_item(client: httpx2.Client) -> None:
    for depth in (101, *range(940, 970)):
        text = "[" * depth + "]" * depth
        assert client.post("agents/77aa/ping", data={"interfaces": text}).json()["interfaces"] == [text]
