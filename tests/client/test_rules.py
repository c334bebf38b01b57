from __future__ import annotations

import json

import pytest

from dlsync.client.rules import RuleEntry
from dlsync.errors import AlreadyExists, BadAnswer, NotFound, Rejected, Unsupported
from tests.builders.http import Reply, by_request, in_order, json_reply, scripted

pytestmark = pytest.mark.anyio
ACCOUNTS = {"GET /api/v1/orgs/acme/accounts": json_reply([{"name": "default"}])}
BASE = "/api/v1/orgs/acme/accounts/default/rules"


def written(asked: list[str]) -> list[str]:
    return [request.replace(BASE, "rules") for request in asked if not request.startswith("GET")]


async def test_the_list_reads_the_rules_and_keeps_unknown_fields() -> None:
    listed = json_reply([{"name": "cpu", "id": "7", "mute": False, "owner": "x"}, {"name": "disk"}])
    async with scripted(listed) as (_, client):
        assert await client.rules.list() == (RuleEntry("cpu", "7", False, {"owner": "x"}), RuleEntry("disk"))


async def test_an_export_returns_the_yaml_as_received() -> None:
    async with scripted(Reply(body=b"title: cpu\n")) as (server, client):
        assert await client.rules.export("cpu") == b"title: cpu\n"
    assert server.seen[0].headers["accept"] == "application/yaml"


@pytest.mark.parametrize(
    ("criterion", "exported"),
    [
        ({"scopes": [{"type": "tag", "id": "web", "name": "web"}]}, {"scope": {"tag": "web"}}),
        ({"scopes": [{"type": "tag", "name": "web"}, {"type": "tag", "id": "db"}]}, {"scope": {"tag": ["web", "db"]}}),
        ({"scopes": [{"type": "agent", "id": "0c78", "name": "web-1"}]}, {"scope": {"agent": "0c78"}}),
        ({"scopes": []}, {}),
        ({"scopes": None}, {}),
        ({"scopes": ["web", {"type": 1}]}, {}),
        ({"scope": {"tag": "web"}, "scopes": []}, {"scope": {"tag": "web"}}),
    ],
)
async def test_a_json_view_is_converted_to_an_export(criterion: dict[str, object], exported: dict[str, object]) -> None:
    view = {"id": "7", "name": "cpu", "mute": True, "title": "a 🚀", "criteria": [{"id": "1", **criterion}, "odd"]}
    async with scripted(json_reply(view)) as (server, client):
        found = await client.rules.export("cpu")
        assert (await client.rules.read("cpu")).content == found
    assert json.loads(found) == {"title": "a 🚀", "criteria": [exported, "odd"]}
    assert "🚀".encode() in found
    assert {seen.headers["accept"] for seen in server.seen} == {"application/yaml"}


@pytest.mark.parametrize("body", [b"title: cpu\n", b"- 1\n", b"[]", b"\xff"])
async def test_a_body_that_is_not_a_json_object_is_exported_unchanged_despite_its_content_type(body: bytes) -> None:
    async with scripted(Reply(body=body, headers=(("Content-Type", "application/json"),))) as (_, client):
        assert await client.rules.export("cpu") == body


async def test_a_json_view_with_null_criteria_is_exported() -> None:
    async with scripted(json_reply({"title": "cpu", "criteria": None})) as (_, client):
        assert json.loads(await client.rules.export("cpu")) == {"title": "cpu", "criteria": None}


@pytest.mark.parametrize("identifier", ["7", 7])
async def test_a_rule_is_exported_by_its_id_and_read_by_its_name_only(identifier: object) -> None:
    async with scripted(json_reply({"id": identifier, "name": "cpu", "title": "x"})) as (_, client):
        assert json.loads(await client.rules.export("7")) == {"title": "x"}
        with pytest.raises(NotFound, match="'7' is the id of another rule"):
            await client.rules.read("7")
    async with scripted(json_reply({"id": identifier, "name": "7"})) as (_, client):
        assert json.loads((await client.rules.read("7")).content) == {}


async def test_an_entry_without_a_name_is_a_bad_answer() -> None:
    async with scripted(json_reply([{"id": "7"}])) as (_, client):
        with pytest.raises(BadAnswer, match=r"rules.*`name`"):
            await client.rules.list()


async def test_put_sends_one_request_if_the_server_creates_rules_on_put() -> None:
    async with scripted(Reply(204)) as (server, client):
        await client.rules.put("cpu", b"title: cpu\n")
    assert written(server.asked) == ["PUT rules/cpu"]
    assert server.seen[0].headers["content-type"] == "application/yaml"


@pytest.mark.parametrize("created", [Reply(201), Reply(409)])
async def test_put_creates_the_rule_first_if_the_server_answers_404(created: Reply) -> None:
    twice = in_order(Reply(404), Reply(204))
    async with scripted(by_request({**ACCOUNTS, "PUT rules/cpu": twice, "POST rules": created}, Reply(404))) as (
        server,
        client,
    ):
        await client.rules.put("cpu", b"title: cpu\n")
    assert written(server.asked) == ["PUT rules/cpu", "POST rules", "PUT rules/cpu"]
    assert json.loads(server.seen[2].body) == {"name": "cpu"}
    assert server.seen[3].body == b"title: cpu\n"


async def test_put_is_not_found_if_the_server_does_not_support_create() -> None:
    async with scripted(by_request(ACCOUNTS, Reply(404))) as (_, client):
        with pytest.raises(NotFound, match="PUT"):
            await client.rules.put("cpu", b"title: cpu\n")
        with pytest.raises(Unsupported):
            await client.rules.create("cpu")


async def test_a_422_to_create_is_already_exists_if_the_rule_exists() -> None:
    replies = {**ACCOUNTS, "POST rules": Reply(422), "GET rules/cpu": Reply(body=b"title: cpu\n")}
    async with scripted(by_request(replies, Reply(404))) as (_, client):
        with pytest.raises(AlreadyExists):
            await client.rules.create("cpu")


async def test_a_name_that_the_server_refuses_is_rejected_and_not_reported_as_existing() -> None:
    refused = json_reply({"error": "name must not hold a slash"}, 422)
    async with scripted(by_request({**ACCOUNTS, "POST rules": refused}, Reply(404))) as (server, client):
        with pytest.raises(Rejected, match="422: name must not hold a slash"):
            await client.rules.create("a/b")
    assert written(server.asked) == ["POST rules", "POST rules"]


async def test_delete_sends_a_delete_request_with_the_rule_name() -> None:
    async with scripted(Reply(204)) as (server, client):
        await client.rules.delete("cpu")
    assert written(server.asked) == ["DELETE rules/cpu"]


async def test_a_404_to_delete_is_unsupported_if_the_export_works_and_not_found_otherwise() -> None:
    replies = {**ACCOUNTS, "GET rules/there": Reply(body=b"title: x\n")}
    async with scripted(by_request(replies, Reply(404))) as (_, client):
        with pytest.raises(NotFound):
            await client.rules.delete("gone")
        with pytest.raises(Unsupported):
            await client.rules.delete("there")


async def test_mute_sets_and_clears_the_mute_flag_of_a_rule() -> None:
    async with scripted(json_reply({"name": "cpu"})) as (server, client):
        await client.rules.mute("cpu")
        await client.rules.mute("cpu", mute=False)
    assert written(server.asked) == ["PATCH rules/cpu", "PATCH rules/cpu"]
    assert [json.loads(request.body) for request in server.seen] == [{"mute": True}, {"mute": False}]


async def test_criteria_returns_the_criteria_as_received() -> None:
    criteria = [{"metric": "base.cpu", "state": "clear"}]
    async with scripted(json_reply(criteria)) as (server, client):
        assert await client.rules.criteria("cpu") == tuple(criteria)
    assert server.asked == [f"GET {BASE}/cpu/criteria"]


async def test_a_404_to_mute_or_criteria_is_unsupported_if_the_export_works_and_not_found_otherwise() -> None:
    replies = {**ACCOUNTS, "GET rules/there": Reply(body=b"title: x\n")}
    async with scripted(by_request(replies, Reply(404))) as (_, client):
        for call in (client.rules.mute, client.rules.criteria):
            with pytest.raises(NotFound):
                await call("gone")
            with pytest.raises(Unsupported):
                await call("there")
