"""``dlsync links``."""

from __future__ import annotations

import json

import pytest

from tests.builders.commands import by_hand, dlsync


@pytest.fixture
def linked(env: dict[str, str]) -> dict[str, str]:
    """An account in which `disk` is linked to web and db, and `ntp` to all and to web."""
    for plugin in ("disk", "ntp"):
        script = json.dumps({"name": plugin, "extension": "sh", "content": ""})
        by_hand(env, "POST", "plugins", script, "application/json")
    for plugin, *tags in (("disk", "web", "db"), ("ntp", "all"), ("ntp", "web")):
        done = dlsync("links", "create", plugin, *tags, env=env)
        assert done[:3] == (0, f"linked the plugin {plugin} to {', '.join(tags)}\n", "")
    return env


def listed(env: dict[str, str], *arguments: str) -> list[tuple[str, list[str]]]:
    found = json.loads(dlsync("links", "list", *arguments, "--format", "json", env=env).out)
    return sorted((one["plugin"], one["tags"]) for one in found)


def test_list_filters_links_by_plugin_and_by_tag(linked: dict[str, str]) -> None:
    assert listed(linked) == [("disk", ["web", "db"]), ("ntp", ["all"]), ("ntp", ["web"])]
    assert listed(linked, "--plugin", "disk") == [("disk", ["web", "db"])]
    assert listed(linked, "--tag", "web") == [("disk", ["web", "db"]), ("ntp", ["web"])]
    header, line = dlsync("links", "list", "--tag", "db", env=linked).out.splitlines()
    assert header.split() == ["PLUGIN", "TAGS", "ID"]
    assert line.startswith("disk    web, db  ")
    assert dlsync("links", "list", "--tag", "mail", env=linked)[:3] == (0, "", "no such links\n")


def test_list_of_an_account_without_links_says_so(env: dict[str, str]) -> None:
    assert dlsync("links", "list", env=env)[:3] == (0, "", "no links\n")


def test_get_shows_a_link(linked: dict[str, str]) -> None:
    found = json.loads(dlsync("links", "list", "--plugin", "disk", "--format", "json", env=linked).out)[0]
    assert "tags    web, db\n" in dlsync("links", "get", found["id"], env=linked).out
    assert json.loads(dlsync("links", "get", found["id"], "--format", "json", env=linked).out) == found


def test_delete_removes_a_link_by_plugin_or_id_after_confirmation(linked: dict[str, str]) -> None:
    refused = dlsync("links", "delete", "disk", env=linked, typed="n\n")
    assert (refused.code, refused.writes) == (1, [])
    assert refused.err.startswith("Delete the link of the plugin disk to web, db? [y/N] ")
    done = dlsync("links", "delete", "disk", "--yes", env=linked)
    assert done[:2] == (0, "deleted the link of the plugin disk to web, db\n")
    several = dlsync("links", "delete", "ntp", "--yes", env=linked)
    assert (several.code, several.writes) == (1, [])
    assert several.err.startswith("error: there are 2 links 'ntp': ")
    identifier = json.loads(dlsync("links", "list", "--tag", "all", "--format", "json", env=linked).out)[0]["id"]
    assert dlsync("links", "delete", identifier, "--yes", env=linked).code == 0
    assert listed(linked) == [("ntp", ["web"])]


def test_create_on_a_documented_only_server_suggests_an_alternative(documented: dict[str, str]) -> None:
    script = json.dumps({"name": "disk", "extension": "sh", "content": ""})
    by_hand(documented, "POST", "plugins", script, "application/json")
    done = dlsync("links", "create", "disk", "web", env=documented)
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        "error: this server has only the documented operations, and `POST links` is not among them\n"
        "Make and delete links on the server's own pages; `dlsync links list` shows them.\n"
    )
