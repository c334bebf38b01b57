"""``dlsync agents``."""

from __future__ import annotations

import json

from tests.builders.commands import Terminal, by_hand, dlsync


def ping(env: dict[str, str], agent: str, name: str) -> None:
    by_hand(env, "POST", f"agents/{agent}/ping", json.dumps({"name": name}), "application/json")


def by_name(agent: dict[str, str]) -> str:
    return agent["name"]


def names(table: str) -> list[str]:
    return [line.split()[0] for line in table.splitlines()[1:]]


def test_list_filters_agents_by_tag_and_by_offline_state(demo: dict[str, str]) -> None:
    everything = dlsync("agents", "list", env=demo)
    assert (everything.code, everything.err, everything.writes) == (0, "", [])
    assert everything.out.splitlines()[0].split() == ["NAME", "STATE", "LAST", "SEEN", "TAGS", "ID"]
    assert {"web-1", "db-1", "mail-1"} <= set(names(everything.out))
    assert names(dlsync("agents", "list", "--tag", "db", env=demo).out) == ["db-1", "db-2"]
    assert set(names(dlsync("agents", "list", "--offline", env=demo).out)) == {"web-6", "mail-1"}
    assert dlsync("agents", "list", "--tag", "db", "--offline", env=demo)[:3] == (0, "", "no such agents\n")


def test_json_has_the_agents_with_the_fields_of_the_api(demo: dict[str, str]) -> None:
    found = json.loads(dlsync("agents", "list", "--tag", "web", "--format", "json", env=demo).out)
    live = [one for one in by_hand(demo, "GET", "agents").json() if "web" in one["tags"]]
    timeless = [{field: one[field] for field in one if field not in {"heartbeat", "modified"}} for one in found]
    assert timeless == [{field: one[field] for field in timeless[0]} for one in sorted(live, key=by_name)]
    assert found[0].keys() == live[0].keys()


def test_list_of_an_account_without_agents_says_so(env: dict[str, str]) -> None:
    assert dlsync("agents", "list", env=env)[:3] == (0, "", "no agents\n")


def test_lines_fit_the_terminal_and_ids_stay_whole(demo: dict[str, str]) -> None:
    done = dlsync("agents", "list", env={**demo, "COLUMNS": "80"}, out=Terminal())
    assert max(map(len, done.out.splitlines())) <= 80
    assert "..." in done.out
    ids = {one["id"] for one in by_hand(demo, "GET", "agents").json()}
    assert {line.split()[-1] for line in done.out.splitlines()[1:]} == ids


def test_get_shows_an_agent_by_name_or_by_id(demo: dict[str, str]) -> None:
    by_name = json.loads(dlsync("agents", "get", "web-1", "--format", "json", env=demo).out)
    by_id = json.loads(dlsync("agents", "get", by_name["id"], "--format", "json", env=demo).out)
    assert by_name["name"] == by_id["name"] == "web-1"
    assert "nginx" in by_name["running_plugin_names"]
    shown = dlsync("agents", "get", "web-1", env=demo).out
    assert shown.startswith("FIELD ")
    assert "running_plugin_names  base, disk_space, http_check" in shown


def test_a_missing_agent_is_an_error_that_suggests_the_nearest_name(demo: dict[str, str]) -> None:
    done = dlsync("agents", "get", "wbe-1", env=demo)
    assert (done.code, done.out) == (1, "")
    assert done.err == "error: there is no agent 'wbe-1'; did you mean 'web-1'?\nSee `dlsync agents list`.\n"
    assert dlsync("agents", "get", "xyz", env=demo).err.startswith("error: there is no agent 'xyz'\n")


def test_an_ambiguous_agent_name_is_an_error_that_lists_the_ids(env: dict[str, str]) -> None:
    for agent in ("a1", "a2"):
        ping(env, agent, "twin")
    done = dlsync("agents", "delete", "twin", "--yes", env=env)
    assert (done.code, done.writes) == (1, [])
    assert done.err == "error: there are 2 agents 'twin': a1, a2\nGive the id.\n"
    assert dlsync("agents", "delete", "a1", "--yes", env=env).code == 0
    assert names(dlsync("agents", "list", env=env).out) == ["twin"]


def test_delete_removes_an_agent_after_confirmation(env: dict[str, str]) -> None:
    ping(env, "a1", "web")
    refused = dlsync("agents", "delete", "web", env=env, typed="\n")
    assert (refused.code, refused.writes) == (1, [])
    assert refused.err.startswith("Delete the agent web (online, a1)? [y/N] ")
    assert dlsync("agents", "delete", "web", env=env, typed="yes\n")[:2] == (0, "deleted the agent web\n")
    assert dlsync("agents", "list", env=env).err == "no agents\n"
