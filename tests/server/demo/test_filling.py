from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from dlsync.server.demo.hosts import DATA, HOSTS
from dlsync.server.run import running
from tests.builders.served import account_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from starlette.testclient import TestClient

    from tests.server.conftest import Clock


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "server.db"


def presence(client: TestClient) -> dict[str, str]:
    return {agent["name"]: agent["presence_state"] for agent in client.get("agents").json()}


def test_the_account_has_all_hosts_and_silent_hosts_are_offline(demo: TestClient) -> None:
    assert presence(demo) == {host.name: "offline" if host.silent_minutes else "online" for host in HOSTS}


def test_an_agent_has_all_documented_fields(demo: TestClient) -> None:
    assert set(demo.get(f"agents/{HOSTS[0].id}").json()) == {
        *("id", "name", "hostname", "mac", "interfaces", "created", "modified", "org", "tags", "osName", "heartbeat"),
        *("presence_state", "status", "running_plugin_names", "process_summary", "container_name", "mode"),
    }


def test_heartbeats_follow_the_clock_except_for_silent_hosts(demo: TestClient, clock: Clock) -> None:
    before = {agent["name"]: agent["heartbeat"] for agent in demo.get("agents").json()}
    clock.now += timedelta(days=3)
    assert presence(demo) == {host.name: "offline" if host.silent_minutes else "online" for host in HOSTS}
    after = {agent["name"]: agent["heartbeat"] for agent in demo.get("agents").json()}
    assert {name for name in after if after[name] == before[name]} == {
        host.name for host in HOSTS if host.silent_minutes
    }
    assert after["web-1"] == "2026-03-07T12:00:30.000Z"


def test_links_deploy_existing_plugins_to_tags_that_agents_carry(demo: TestClient) -> None:
    links = {link["plugin"]: link["tags"] for link in demo.get("links").json()}
    assert links == {plugin["name"]: plugin["tags"] for plugin in DATA["plugins"]}
    assert {plugin["name"] for plugin in demo.get("plugins").json()} == set(links)
    tags = {tag["name"] for tag in demo.get("tags").json()}
    assert {tag for carried in links.values() for tag in carried} <= tags
    for agent in demo.get("agents").json():
        running = demo.get(f"agents/{agent['id']}").json()["running_plugin_names"]
        assert {plugin for plugin in links if {*links[plugin]} & {*agent["tags"]}} <= {*running}


def test_an_agent_of_the_demo_can_be_deleted_and_can_lose_a_tag(demo: TestClient) -> None:
    assert demo.delete(f"agents/{HOSTS[0].id}").status_code == 204
    assert HOSTS[0].name not in presence(demo)
    assert demo.delete("tags/cache").status_code == 204
    assert demo.get("metrics?tag=cache").status_code == 404


def test_a_silent_agent_that_pings_is_online_again(demo: TestClient) -> None:
    gone = next(host for host in HOSTS if host.silent_minutes)
    demo.post(f"agents/{gone.id}/ping", json={})
    assert presence(demo)[gone.name] == "online"


def test_other_accounts_stay_empty(demo: TestClient) -> None:
    demo.post("../../accounts", json={"name": "staging"})
    assert demo.get("../staging/agents").json() == []


def test_the_demo_leaves_an_account_with_agents_unchanged(timed: Callable[..., TestClient], file: Path) -> None:
    timed(file).post("agents/8ccf/ping", json={"name": "mine"})
    demo = timed(file, demo=True)
    assert presence(demo) == {"mine": "online"}
    assert [metric["name"] for metric in demo.get("metrics?source=8ccf").json()] == ["agent.status"]


def test_the_demo_keeps_an_existing_plugin_and_adds_no_link_to_it(timed: Callable[..., TestClient], file: Path) -> None:
    timed(file).post("plugins", json={"name": "base", "extension": "py", "content": ""})
    demo = timed(file, demo=True)
    assert demo.get("plugins/base").json()["content"] == ""
    assert {link["plugin"] for link in demo.get("links").json()} == {"ntp", "nginx"}


def test_agents_of_the_demo_go_offline_when_the_server_runs_without_it(
    timed: Callable[..., TestClient], file: Path, clock: Clock
) -> None:
    timed(file, demo=True)
    clock.now += timedelta(minutes=5)
    later = timed(file)
    assert set(presence(later).values()) == {"offline"}
    assert [metric["name"] for metric in later.get("metrics?tag=all").json()] == ["agent.status"]


def test_the_last_heartbeat_of_a_silent_agent_survives_a_restart(tmp_path: Path) -> None:
    heartbeats = []
    for _ in range(2):
        with running(demo=True, db=tmp_path / "db") as server, account_of(server) as client:
            gone = next(host for host in HOSTS if host.silent_minutes)
            heartbeats.append(client.get(f"agents/{gone.id}").json()["heartbeat"])
    assert heartbeats[0] == heartbeats[1]
