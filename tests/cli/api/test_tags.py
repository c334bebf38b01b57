"""``dlsync tags``."""

from __future__ import annotations

import json

from tests.builders.commands import by_hand, dlsync, environment, misbehaving
from tests.builders.http import json_reply


def test_they_are_listed(demo: dict[str, str]) -> None:
    done = dlsync("tags", "list", env=demo)
    assert (done.code, done.err, done.writes) == (0, "", [])
    assert {"all", "web", "db"} <= set(done.out.splitlines()[1:])
    assert json.loads(dlsync("tags", "list", "--format", "json", env=demo).out) == by_hand(demo, "GET", "tags").json()


def test_an_account_without_any_says_so() -> None:
    with misbehaving(json_reply([])) as server:
        assert dlsync("tags", "list", env=environment(server.url))[:3] == (0, "", "no tags\n")


def test_one_is_taken_from_all_that_carry_it_once_somebody_has_said_so(own_demo: dict[str, str]) -> None:
    refused = dlsync("tags", "delete", "db", env=own_demo, typed="no\n")
    assert (refused.code, refused.asked) == (1, ())
    assert refused.err.startswith("Remove the tag db from everything that has it? [y/N] ")
    assert dlsync("tags", "delete", "db", "--yes", env=own_demo)[:3] == (0, "deleted the tag db\n", "")
    assert "db" not in dlsync("tags", "list", env=own_demo).out.splitlines()


def test_where_the_server_cannot_it_says_what_can_be_done_instead(documented: dict[str, str]) -> None:
    done = dlsync("tags", "delete", "all", "--yes", env=documented)
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        "error: this server has only the documented operations, and `DELETE tags` is not among them\n"
        "Take it out of the settings of the agents that carry it; then it is gone.\n"
    )
