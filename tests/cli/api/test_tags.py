"""``dlsync tags``."""

from __future__ import annotations

import json

from tests.builders.commands import by_hand, dlsync, environment, misbehaving
from tests.builders.http import json_reply


def test_list_shows_the_tags(demo: dict[str, str]) -> None:
    done = dlsync("tags", "list", env=demo)
    assert (done.code, done.err, done.writes) == (0, "", [])
    assert {"all", "web", "db"} <= set(done.out.splitlines()[1:])
    assert json.loads(dlsync("tags", "list", "--format", "json", env=demo).out) == by_hand(demo, "GET", "tags").json()


def test_list_of_an_account_without_tags_says_so() -> None:
    with misbehaving(json_reply([])) as server:
        assert dlsync("tags", "list", env=environment(server.url))[:3] == (0, "", "no tags\n")


def test_delete_removes_a_tag_from_all_agents_after_confirmation(own_demo: dict[str, str]) -> None:
    carriers = ("agents", "list", "--tag", "db")
    refused = dlsync("tags", "delete", "db", env=own_demo, typed="no\n")
    assert (refused.code, refused.asked) == (1, ())
    assert refused.err.startswith("Remove the tag db from everything that has it? [y/N] ")
    assert "db-1" in dlsync(*carriers, env=own_demo).out
    assert dlsync("tags", "delete", "db", "--yes", env=own_demo)[:3] == (0, "deleted the tag db\n", "")
    assert "db" not in dlsync("tags", "list", env=own_demo).out.splitlines()
    assert dlsync(*carriers, env=own_demo)[:3] == (0, "", "no such agents\n")


def test_delete_on_a_documented_only_server_suggests_an_alternative(documented: dict[str, str]) -> None:
    done = dlsync("tags", "delete", "all", "--yes", env=documented)
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        "error: this server has only the documented operations, and `DELETE tags` is not among them\n"
        "Take it out of the settings of the agents that carry it; then it is gone.\n"
    )
