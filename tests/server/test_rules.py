from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dlsync.server.run import running
from tests.builders.served import account_of

if TYPE_CHECKING:
    import httpx2

RULE = b"""\
title: Redis is down   # a comment
criteria:
  - metric: redis.status
    condition: {threshold: false, timeout: 300}
actions: []
"""


def test_the_list_names_rules_without_what_is_in_them(client: httpx2.Client) -> None:
    client.put("rules/b", content=RULE)
    client.put("rules/a", content=RULE)
    rules = client.get("rules").json()
    assert [set(rule) for rule in rules] == [{"id", "name", "mute", "etag"}] * 2
    assert rules[0]["etag"] == client.get("rules/a").headers["etag"]
    assert [(rule["name"], rule["mute"]) for rule in rules] == [("a", False), ("b", False)]


def test_a_post_makes_an_empty_rule_once(client: httpx2.Client) -> None:
    made = client.post("rules", json={"name": "a"})
    (listed,) = client.get("rules").json()
    assert (made.status_code, {**made.json(), "etag": listed["etag"]}) == (201, listed)
    assert (client.get("rules/a").content, client.get("rules/a/criteria").json()) == (b"{}\n", [])
    client.put("rules/a", content=RULE)
    again = client.post("rules", data={"name": "a"})
    assert (again.status_code, again.json()) == (422, {"error": "a rule called 'a' exists already"})
    assert client.get("rules/a").content == RULE


def test_mute_is_kept_beside_the_text(client: httpx2.Client) -> None:
    client.put("rules/a", content=RULE)
    assert client.patch("rules/a", json={"mute": True}).json()["mute"] is True
    client.put("rules/a", content=RULE + b"# changed\n")
    assert client.get("rules").json()[0]["mute"] is True
    assert client.get("rules/a").content == RULE + b"# changed\n"
    assert client.patch("rules/a", data={"mute": "false"}).json()["mute"] is False


@pytest.mark.parametrize("body", [{}, {"mute": 1}, {"mute": "yes"}, {"mute": None}, {"mute": []}])
def test_mute_is_true_or_false(client: httpx2.Client, body: dict[str, object]) -> None:
    client.put("rules/a", content=RULE)
    assert client.patch("rules/a", json=body).status_code == 422


def test_criteria_are_those_of_the_document(client: httpx2.Client) -> None:
    client.put("rules/a", content=RULE)
    assert client.get("rules/a/criteria").json() == [
        {"metric": "redis.status", "condition": {"threshold": False, "timeout": 300}}
    ]


def test_a_deleted_rule_is_gone(client: httpx2.Client) -> None:
    client.put("rules/a", content=RULE)
    assert client.delete("rules/a").status_code == 204
    patched = client.patch("rules/a", json={"mute": True})
    for gone in (client.delete("rules/a"), client.get("rules/a"), client.get("rules/a/criteria"), patched):
        assert (gone.status_code, gone.json()) == (404, {"error": "no rule is called 'a'"})


def test_some_servers_want_a_post_before_the_first_put() -> None:
    with running(post_before_put=True) as server, account_of(server) as client:
        assert client.put("rules/a", content=RULE).status_code == 404
        client.post("rules", json={"name": "a"})
        assert client.put("rules/a", content=RULE).status_code == 200
        assert client.get("rules/a").content == RULE
