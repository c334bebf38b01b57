from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlsync.server.agents import SILENCE
from dlsync.server.demo.hosts import HOSTS
from dlsync.server.documents import dump
from dlsync.server.evaluation import OPERATORS
from dlsync.server.run import running
from dlsync.server.yaml_text import parse
from tests.builders.served import YAML, account_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx2
    from starlette.testclient import TestClient

    from tests.server.conftest import Clock

RULE = b"""\
title: Redis is down   # a comment
criteria:
  - metric: redis.status
    condition: {threshold: false, timeout: 300}
actions: []
"""
AGENT = HOSTS[0]


def test_the_list_contains_rules_without_their_criteria_and_actions(client: httpx2.Client) -> None:
    client.put("rules/b", content=RULE)
    client.put("rules/a", content=b"criteria: []\n")
    rules = client.get("rules").json()
    assert [set(rule) for rule in rules] == [{"id", "name", "title", "mute", "etag"}] * 2
    assert rules[0]["etag"] == client.get("rules/a", headers=YAML).headers["etag"]
    shown = [(rule["name"], rule["title"], rule["mute"]) for rule in rules]
    assert shown == [("a", "a", False), ("b", "Redis is down", False)]


def test_a_post_creates_an_empty_rule_and_never_overwrites_a_rule(client: httpx2.Client) -> None:
    made = client.post("rules", json={"name": "a"})
    (listed,) = client.get("rules").json()
    assert (made.status_code, {**made.json(), "etag": listed["etag"]}) == (201, listed)
    assert (client.get("rules/a", headers=YAML).content, client.get("rules/a/criteria").json()) == (b"{}\n", [])
    client.put("rules/a", content=RULE)
    pushed = client.post("rules", data={"name": "a"})  # as dlcli does before each PUT
    assert (pushed.status_code, pushed.json()["id"]) == (200, listed["id"])
    again = client.post("rules", json={"name": "a"})
    assert (again.status_code, again.json()) == (422, {"error": "a rule called 'a' exists already"})
    assert client.get("rules/a", headers=YAML).content == RULE


def test_a_post_creates_a_whole_rule_whose_default_name_is_its_title(client: httpx2.Client) -> None:
    document = parse(RULE)
    made = client.post("rules", json={**document, "mute": True})
    assert made.json() | {"id": ""} == {"id": "", "name": "Redis is down", "title": "Redis is down", "mute": True}
    assert parse(client.get("rules/Redis is down", headers=YAML).content) == document
    client.post("rules", json={**document, "name": "redis"})
    assert parse(client.get("rules/redis", headers=YAML).content) == document


def test_a_form_creates_a_rule_from_its_fields(client: httpx2.Client) -> None:
    made = client.post("rules", data={"name": "a", "title": "A", "description": "d", "mute": "True"})
    assert (made.status_code, made.json()["mute"]) == (201, True)
    empty: dict[str, object] = {"criteria": [], "actions": []}
    assert parse(client.get("rules/a", headers=YAML).content) == {"title": "A", "description": "d", **empty}


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        ({}, "name: expected, and not empty"),
        ({"title": 1}, "name: expected text, not 1"),
        ({"title": "A", "criteria": "x"}, "criteria: expected a list; send the rule as JSON"),
        ({"title": "A", "mute": "maybe"}, "mute: expected true or false, not 'maybe'"),
    ],
)
def test_an_invalid_post_of_a_rule_is_refused(client: httpx2.Client, sent: dict[str, object], reason: str) -> None:
    response = client.post("rules", json=sent)
    assert (response.status_code, response.json()) == (422, {"error": reason})
    assert client.get("rules").json() == []


def test_mute_set_by_a_patch_survives_a_put_and_does_not_change_the_text(client: httpx2.Client) -> None:
    client.put("rules/a", content=RULE)
    assert client.patch("rules/a", json={"mute": True}).json()["mute"] is True
    client.put("rules/a", content=RULE + b"# changed\n")
    assert client.get("rules").json()[0]["mute"] is True
    assert client.get("rules/a", headers=YAML).content == RULE + b"# changed\n"


@pytest.mark.parametrize(("text", "mute"), [("True", True), ("False", False), ("true", True), ("false", False)])
def test_a_form_can_mute_and_unmute_a_rule(client: httpx2.Client, text: str, mute: bool) -> None:
    client.put("rules/a", content=RULE)
    client.patch("rules/a", json={"mute": not mute})
    assert client.patch("rules/a", data={"mute": text}).json()["mute"] is mute


@pytest.mark.parametrize("body", [{}, {"mute": 2}, {"mute": "yes"}, {"mute": None}, {"mute": []}])
def test_a_mute_that_is_not_true_or_false_is_refused(client: httpx2.Client, body: dict[str, object]) -> None:
    client.put("rules/a", content=RULE)
    assert client.patch("rules/a", json=body).status_code == 422


def test_a_patch_of_a_field_other_than_mute_is_refused(client: httpx2.Client) -> None:
    client.put("rules/a", content=RULE)
    refused = client.patch("rules/a", json={"mute": True, "title": "B"})
    assert (refused.status_code, refused.json()) == (422, {"error": "'title': unknown field; expected mute"})
    assert client.get("rules").json()[0]["mute"] is False


def test_a_put_can_mute_a_rule(client: httpx2.Client) -> None:
    client.put("rules/a", content=RULE + b"mute: true\n")
    assert client.get("rules").json()[0]["mute"] is True
    assert client.get("rules/a", headers=YAML).content == RULE + b"mute: true\n"
    assert client.put("rules/a", content=b"mute: maybe\n").status_code == 422
    assert client.get("rules/a", headers=YAML).content == RULE + b"mute: true\n"


def test_a_deleted_rule_is_gone(client: httpx2.Client) -> None:
    client.put("rules/a", content=RULE)
    assert client.delete("rules/a").status_code == 204
    patched = client.patch("rules/a", json={"mute": True})
    for gone in (client.delete("rules/a"), client.get("rules/a"), client.get("rules/a/criteria"), patched):
        assert (gone.status_code, gone.json()) == (404, {"error": "no rule is called 'a'"})


def test_with_post_before_put_a_rule_must_be_posted_before_its_first_put() -> None:
    with running(post_before_put=True) as server, account_of(server) as client:
        assert client.put("rules/a", content=RULE).status_code == 404
        client.post("rules", json={"name": "a"})
        assert client.put("rules/a", content=RULE).status_code == 200
        assert client.get("rules/a", headers=YAML).content == RULE


# Ids


def test_each_operation_accepts_the_id_instead_of_the_name(client: httpx2.Client) -> None:
    identifier = client.put("rules/a", content=RULE).json()["id"]
    one = f"rules/{identifier}"
    assert client.get(one, headers=YAML).content == RULE
    assert client.get(f"{one}/criteria").json() == client.get("rules/a/criteria").json()
    assert client.put(one, content="title: B\n").json() == {"id": identifier, "name": "a"}
    assert client.patch(one, json={"mute": True}).json() == {"id": identifier, "name": "a", "title": "B", "mute": True}
    assert client.delete(one).status_code == 204
    assert client.get("rules").json() == []


def test_a_name_wins_over_an_id(client: httpx2.Client) -> None:
    identifier = client.put("rules/a", content=RULE).json()["id"]
    client.post("rules", json={"name": identifier, "title": "B"})
    assert client.get(f"rules/{identifier}").json()["title"] == "B"
    client.delete(f"rules/{identifier}")
    assert [rule["name"] for rule in client.get("rules").json()] == ["a"]


def test_a_documented_only_server_accepts_names_only_and_exports_yaml() -> None:
    with running(documented_only=True) as server, account_of(server) as client:
        identifier = client.put("rules/a", content=RULE).json()["id"]
        assert client.get("rules/a").content == RULE
        assert client.get(f"rules/{identifier}").status_code == 404


# JSON


def test_a_rule_is_exported_as_json_with_its_state_unless_yaml_is_requested(client: httpx2.Client) -> None:
    identifier = client.put("rules/a", content=RULE).json()["id"]
    rule = client.get("rules/a")
    assert rule.headers["content-type"] == "application/json"
    assert rule.json() == {
        "id": identifier,
        "name": "a",
        "title": "Redis is down",
        "mute": False,
        "state": "unknown",
        "criteria": client.get("rules/a/criteria").json(),
        "actions": [],
    }
    (criterion,) = rule.json()["criteria"]
    assert criterion | {"id": ""} == {
        "id": "",
        "rule": identifier,
        "metric": "redis.status",
        "condition": {"threshold": False, "timeout": 300, "operator": "gt"},
        "data_type": "nagios",
        "state": "unknown",
        "scopes": [{"type": "tag", "id": "all", "name": "all"}],
        "sources": {},
        "triggered_by": [],
        "triggered_at": None,
    }


def test_a_put_of_an_unchanged_json_view_keeps_the_yaml_text(client: httpx2.Client) -> None:
    client.put("rules/a", content=RULE)
    view = client.get("rules/a").json()
    assert client.put("rules/a", json={**view, "mute": True}).status_code == 200
    assert client.get("rules/a", headers=YAML).content == RULE
    assert client.get("rules/a").json() == {**view, "mute": True}


def test_a_put_of_a_changed_json_view_stores_only_the_fields_of_a_rule(client: httpx2.Client) -> None:
    client.put("rules/a", content=RULE)
    view = client.get("rules/a").json()
    client.put("rules/a", json={**view, "title": "B"})
    criterion = {"metric": "redis.status", "condition": {"threshold": False, "timeout": 300, "operator": "gt"}}
    assert parse(client.get("rules/a", headers=YAML).content) == {
        "title": "B",
        "criteria": [{**criterion, "scope": {"tag": "all"}}],
        "actions": [],
    }


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"name": "b"}, "name: this rule is called 'a', and a PUT does not rename it"),
        (
            {"criteria": [{"scopes": []}]},
            "criteria: scopes: expected a list of objects with type, id and name, not a list",
        ),
        (
            {"criteria": [{"scopes": "x", "scope": "odd"}]},
            "criteria: scopes: expected a list of objects with type, id and name, not 'x'",
        ),
        (
            {"criteria": [{"scopes": [{"type": [], "id": "x"}]}]},
            "criteria: scopes: expected a type (tag or agent) with its id or name, not an object",
        ),
        (
            {"criteria": [{"scopes": [{"type": "host", "id": "x"}]}]},
            "criteria: scopes: expected a type (tag or agent) with its id or name, not an object",
        ),
        (
            {"criteria": [{"scopes": [{"type": "tag", "id": 1}]}]},
            "criteria: scopes: expected a type (tag or agent) with its id or name, not an object",
        ),
        (
            {"criteria": [{"scopes": [{"type": "tag", "id": "a"}], "scope": {"tag": "b"}}]},
            "criteria: scope and scopes differ; send one of them",
        ),
    ],
)
def test_an_invalid_json_view_is_refused(client: httpx2.Client, change: dict[str, object], reason: str) -> None:
    client.put("rules/a", content=RULE)
    refused = client.put("rules/a", json={**client.get("rules/a").json(), **change})
    assert (refused.status_code, refused.json()) == (422, {"error": reason})
    assert client.get("rules/a", headers=YAML).content == RULE


texts = st.sampled_from(["web", "db", "all", AGENT.id, AGENT.name, "é", "*", ""])
either = texts | st.lists(texts, max_size=3)
odd = st.none() | st.integers() | st.text(max_size=3)
scopes = st.dictionaries(st.sampled_from(["tag", "agent", "other"]), either | odd, max_size=3) | odd
conditions = st.fixed_dictionaries(
    {"threshold": st.booleans() | st.integers(-9, 9) | st.floats(-9, 9)},
    optional={
        "timeout": st.integers(0, 900) | st.none(),
        "operator": st.sampled_from([*OPERATORS]) | st.none(),
        "x": odd,
    },
)
criteria = st.fixed_dictionaries(
    {"metric": st.sampled_from(["base.cpu", "agent.status", "*.status", "nginx.status", "a.b"])},
    optional={"scope": scopes, "condition": conditions | odd, "note": odd},
)
actions = st.fixed_dictionaries({}, optional={"type": texts, "details": st.dictionaries(texts, odd, max_size=2)})
rules = st.fixed_dictionaries(
    {},
    optional={
        "title": st.text(min_size=1, max_size=9),
        "description": odd,
        "mute": st.booleans(),
        "criteria": st.lists(criteria | st.integers(), max_size=3) | st.none(),
        "actions": st.lists(actions, max_size=2),
        "extra": odd,
    },
)


@pytest.fixture(scope="module")
def module_demo() -> Iterator[httpx2.Client]:
    with running(demo=True) as server, account_of(server) as client:
        yield client


def seen(client: httpx2.Client, name: str) -> dict[str, Any]:
    """A rule's JSON view without the fields that differ between rules of equal content or change with time."""
    view = client.get(f"rules/{name}").json()
    shown = view.get("criteria")
    moments = ("id", "rule", "state", "sources", "triggered_by", "triggered_at")
    if isinstance(shown, list):
        shown = [
            {key: value for key, value in item.items() if key not in moments} if isinstance(item, dict) else item
            for item in shown
        ]
    return {**view, "id": "", "name": "", "state": "", "criteria": shown}


@settings(deadline=None)
@given(rules)
def test_a_rule_is_the_same_whether_sent_as_json_or_as_yaml(module_demo: httpx2.Client, rule: dict[str, Any]) -> None:
    """Create it by POST, by PUT of JSON and by PUT of YAML; then PUT its JSON view in place and by another name."""
    client = module_demo
    for name in ("posted", "json", "yaml", "again"):
        client.delete(f"rules/{name}")
    assert client.post("rules", json={**rule, "name": "posted"}).status_code == 201
    assert client.put("rules/json", json=rule).status_code == 200
    assert client.put("rules/yaml", content=b"# a comment\n" + dump(rule)).status_code == 200
    first = seen(client, "yaml")
    assert first == seen(client, "json") == seen(client, "posted")
    assert {key: value for key, value in rule.items() if key != "criteria"}.items() <= first.items()

    for name in ("posted", "json", "yaml"):
        export = client.get(f"rules/{name}", headers=YAML).content
        assert client.put(f"rules/{name}", content=client.get(f"rules/{name}").content).status_code == 200
        assert client.get(f"rules/{name}", headers=YAML).content == export
        assert seen(client, name) == first
    view = client.get("rules/yaml").json()
    assert client.put("rules/again", json={**view, "name": "again"}).status_code == 200
    assert seen(client, "again") == first
    stored = json.dumps(parse(client.get("rules/again", headers=YAML).content))
    assert not any(
        f'"{field}":' in stored for field in ("scopes", "sources", "state", "triggered_by", "data_type", "id")
    )


# States


def put_criterion(client: TestClient | httpx2.Client, **criterion: object) -> None:
    client.put("rules/a", content=json.dumps({"criteria": [criterion]})).raise_for_status()


def criterion_of(client: TestClient | httpx2.Client) -> dict[str, Any]:
    (criterion,) = client.get("rules/a/criteria").json()
    return dict(criterion)


def test_a_criterion_is_evaluated_on_the_metrics_of_the_demo(demo: TestClient, clock: Clock) -> None:
    query = "resolution=10&period=600"
    latest = {
        series["source"]["id"]: series["points"][-1]["value"]
        for series in demo.get(f"metrics/nginx.requests/series?tag=web&{query}").json()
        if series["points"] and series["points"][-1]["time"] >= clock.unix() - 10
    }
    agents, threshold = list(latest), sorted(latest.values())[len(latest) // 2]
    put_criterion(demo, metric="nginx.requests", scope={"agent": agents}, condition={"threshold": threshold})
    found = criterion_of(demo)
    above = [agent for agent, value in latest.items() if value > threshold]
    assert 0 < len(above) < len(agents)
    assert (found["state"], found["triggered_by"]) == ("hit", above)
    assert found["sources"] == {agent: "hit" if agent in above else "clear" for agent in agents}
    assert found["triggered_at"] <= clock.now.isoformat()
    assert demo.get("rules/a").json()["state"] == "triggered"


def test_an_agent_in_scope_without_the_metric_makes_a_criterion_unknown(demo: TestClient) -> None:
    put_criterion(demo, metric="nginx.requests", scope={"tag": ["web", "all"]}, condition={"threshold": 10**6})
    found = criterion_of(demo)
    assert (found["state"], set(found["sources"].values())) == ("unknown", {"clear", "unknown"})


def test_a_silent_agent_triggers_after_the_timeout(timed: Callable[..., TestClient], clock: Clock) -> None:
    client = timed()
    client.post("agents/1/ping", data={"name": "web-1"})
    put_criterion(
        client, metric="agent.status", scope={"agent": "web-1"}, condition={"threshold": False, "timeout": 60}
    )
    assert criterion_of(client)["scopes"] == [{"type": "agent", "id": "1", "name": "web-1"}]
    assert criterion_of(client)["state"] == "clear"
    clock.now += SILENCE
    assert criterion_of(client)["state"] == "clear"
    clock.now += timedelta(seconds=70)
    found = criterion_of(client)
    assert (found["state"], found["triggered_by"], found["sources"]) == ("hit", ["1"], {"1": "hit"})
    assert found["triggered_at"] == "2026-03-04T12:02:40.000Z"


def test_an_agent_name_in_a_scope_covers_all_agents_with_that_name(
    timed: Callable[..., TestClient], clock: Clock
) -> None:
    client = timed()
    for identifier in "123":
        client.post(f"agents/{identifier}/ping", data={"name": "web-1" if identifier != "3" else "1"})
    put_criterion(client, metric="agent.status", scope={"agent": ["web-1", "2", "1"]}, condition={"threshold": False})
    found = criterion_of(client)
    assert found["scopes"] == [{"type": "agent", "id": identifier, "name": "web-1"} for identifier in "12"]
    assert found["scope"] == {"agent": ["web-1", "2", "1"]}
    clock.now += SILENCE
    client.post("agents/2/ping", data={"name": "web-1"})
    clock.now += timedelta(seconds=30)
    found = criterion_of(client)
    assert (found["state"], found["sources"]) == ("hit", {"1": "hit", "2": "clear"})
    view = client.get("rules/a").json()
    assert client.put("rules/a", json=view).is_success
    assert criterion_of(client)["scope"] == found["scope"]


def test_without_data_a_criterion_is_unknown(client: httpx2.Client) -> None:
    for criterion in (
        {"metric": "a.b", "scope": {"agent": "gone"}, "condition": {"threshold": 1}},
        {"metric": "a.b", "scope": "odd", "condition": {"threshold": 1}},
        {"metric": "a.b", "condition": "odd"},
    ):
        put_criterion(client, **criterion)
        assert criterion_of(client)["state"] == "unknown"


@pytest.mark.parametrize("mute", [True, False])
def test_an_export_contains_the_mute_that_was_set_last(client: httpx2.Client, mute: bool) -> None:
    text = b"title: A # mine\ncriteria: []\nmute: true\n"
    client.put("rules/a", content=text)
    assert client.patch("rules/a", json={"mute": mute}).json()["mute"] is mute
    exported = client.get("rules/a", headers=YAML).content
    assert parse(exported)["mute"] is client.get("rules/a").json()["mute"] is mute
    assert (exported == text) is mute
    client.put("rules/a", content=exported)
    assert client.get("rules/a").json()["mute"] is mute
