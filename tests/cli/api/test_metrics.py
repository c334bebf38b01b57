"""``dlsync metrics``."""

from __future__ import annotations

import json

import pytest

from tests.builders.commands import dlsync, environment, misbehaving
from tests.builders.http import json_reply


@pytest.mark.parametrize("whose", [("--agent", "db-1"), ("--tag", "db")])
def test_list_shows_the_metrics_of_an_agent_or_a_tag(demo: dict[str, str], whose: tuple[str, str]) -> None:
    done = dlsync("metrics", "list", *whose, env=demo)
    assert (done.code, done.err, done.writes) == (0, "", [])
    header, *lines = done.out.splitlines()
    assert header.split() == ["NAME", "TYPE", "ID"]
    assert lines == sorted(lines)
    assert any(line.startswith("agent.status ") for line in lines)
    found = json.loads(dlsync("metrics", "list", *whose, "--format", "json", env=demo).out)
    assert [one["name"] for one in found] == [line.split()[0] for line in lines]


def test_an_agent_may_be_named_by_its_id(demo: dict[str, str]) -> None:
    identifier = json.loads(dlsync("agents", "get", "db-1", "--format", "json", env=demo).out)["id"]
    by_id = dlsync("metrics", "list", "--agent", identifier, env=demo)
    assert by_id.out == dlsync("metrics", "list", "--agent", "db-1", env=demo).out


def test_list_without_metrics_says_so() -> None:
    with misbehaving(json_reply([])) as server:
        done = dlsync("metrics", "list", "--tag", "web", env=environment(server.url))
    assert done[:3] == (0, "", "no metrics\n")


@pytest.mark.parametrize("whose", [(), ("--agent", "db-1", "--tag", "db")])
@pytest.mark.parametrize("command", [("metrics", "list"), ("series", "get", "base.cpu")])
def test_exactly_one_of_agent_and_tag_is_required(command: tuple[str, ...], whose: tuple[str, ...]) -> None:
    done = dlsync(*command, *whose)
    assert (done.code, done.out) == (1, "")
    assert done.err == "error: expected either --agent or --tag\nGive one of the two.\n"
