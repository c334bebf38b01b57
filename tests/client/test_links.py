from __future__ import annotations

import json

import pytest

from dlsync.client.links import Link
from dlsync.errors import AlreadyExists, ApiError, BadAnswer, NotFound, Rejected, ServerFault, Unreachable, Unsupported
from tests.builders.http import Misbehaviour, Reply, by_request, json_reply, scripted

pytestmark = pytest.mark.anyio
ACCOUNTS = {"GET /api/v1/orgs/acme/accounts": json_reply([{"name": "default"}])}
BASE = {"org": "52d1", "plugin": "base", "id": "54dc", "tags": ["all", "web"]}
LISTED = {**ACCOUNTS, "GET links": json_reply([BASE])}
LOST = Reply(misbehaviour=Misbehaviour.RESET)


async def test_the_list_reads_plugin_and_tags_and_keeps_unknown_fields() -> None:
    async with scripted(json_reply([BASE])) as (_, client):
        assert await client.links.list() == (Link("54dc", "base", ("all", "web"), {"org": "52d1"}),)


@pytest.mark.parametrize("missing", ["id", "plugin", "tags"])
async def test_a_link_without_a_field_that_it_must_have_is_a_bad_answer(missing: str) -> None:
    left = {name: value for name, value in BASE.items() if name != missing}
    async with scripted(json_reply([left])) as (_, client):
        with pytest.raises(BadAnswer, match=f"GET .*/links: unexpected Link: .* field `{missing}`"):
            await client.links.list()


async def test_get_returns_the_link_with_that_id() -> None:
    async with scripted(by_request({"GET links/54dc": json_reply(BASE)}, Reply(404))) as (_, client):
        assert (await client.links.get("54dc")).plugin == "base"


async def test_a_404_is_unsupported_if_the_list_has_the_link_and_not_found_otherwise() -> None:
    async with scripted(by_request(LISTED, Reply(404))) as (_, client):
        for call in (client.links.get, client.links.delete):
            with pytest.raises(NotFound):
                await call("gone")
            with pytest.raises(Unsupported):
                await call("54dc")


async def test_create_sends_plugin_and_tags() -> None:
    async with scripted(Reply(201)) as (server, client):
        await client.links.create("base", ("all", "web"))
    assert server.asked == ["POST /api/v1/orgs/acme/accounts/default/links"]
    assert json.loads(server.seen[0].body) == {"plugin": "base", "tags": ["all", "web"]}


async def test_a_404_to_create_is_unsupported_if_the_plugin_exists_and_not_found_otherwise() -> None:
    there = {**ACCOUNTS, "GET plugins/base": json_reply({"name": "base"})}
    async with scripted(by_request(there, Reply(404))) as (_, client):
        with pytest.raises(NotFound):
            await client.links.create("gone", ["all"])
        with pytest.raises(Unsupported, match="`POST links`"):
            await client.links.create("base", ["all"])


@pytest.mark.parametrize(("status", "error"), [(422, Rejected), (409, AlreadyExists), (400, Rejected)])
async def test_a_refused_create_is_an_error_with_the_reason_of_the_server(status: int, error: type[ApiError]) -> None:
    async with scripted(json_reply({"error": "no such plugin"}, status)) as (_, client):
        with pytest.raises(error, match="no such plugin"):
            await client.links.create("base", ["all"])


@pytest.mark.parametrize("lost", [LOST, Reply(504), Reply(500)])
async def test_a_create_with_a_lost_response_succeeds_if_the_list_has_the_link(lost: Reply) -> None:
    async with scripted(by_request({**LISTED, "POST links": lost}, Reply(404))) as (server, client):
        await client.links.create("base", ["web", "all"])
    assert [request.method for request in server.seen] == ["POST", "GET"]


@pytest.mark.parametrize(("lost", "error"), [(LOST, Unreachable), (Reply(502), ServerFault)])
async def test_a_create_with_a_lost_response_fails_if_the_list_lacks_the_link(
    lost: Reply, error: type[ApiError]
) -> None:
    async with scripted(by_request({**LISTED, "POST links": lost}, Reply(404))) as (server, client):
        with pytest.raises(error):
            await client.links.create("base", ["all"])
    assert [request.method for request in server.seen] == ["POST", "GET"]


async def test_delete_sends_a_delete_request_with_the_link_id() -> None:
    async with scripted(Reply(204)) as (server, client):
        await client.links.delete("54dc")
    assert server.asked == ["DELETE /api/v1/orgs/acme/accounts/default/links/54dc"]


async def test_an_expected_link_that_the_list_omits_is_requested_by_its_id() -> None:
    answers = {**ACCOUNTS, "GET links": json_reply([]), "GET links/54dc": json_reply(BASE)}
    async with scripted(by_request(answers, Reply(404))) as (server, client):
        client.links.expect(["54dc", "gone"])
        assert [link.id for link in await client.links.list()] == ["54dc"]
        assert [link.id for link in await client.links.list()] == ["54dc"]
    assert sum(request.target.endswith("links/gone") for request in server.seen) == 1


@pytest.mark.parametrize("answer", [Reply(400), Reply(405), json_reply([])])
async def test_an_expected_link_is_omitted_if_the_request_for_it_fails(answer: Reply) -> None:
    answers = {**ACCOUNTS, "GET links": json_reply([]), "GET links/54dc": answer}
    async with scripted(by_request(answers, Reply(404))) as (_, client):
        client.links.expect(["54dc"])
        assert await client.links.list() == ()


@pytest.mark.parametrize(
    ("answer", "listed"),
    [
        (json_reply(BASE, 201), ["54dc"]),
        (Reply(201), []),
        (Reply(204), []),
        (json_reply({"id": ""}, 201), []),
        (json_reply({"id": None}, 201), []),
    ],
)
async def test_a_created_link_is_expected_by_the_id_in_the_response_until_its_deletion(
    answer: Reply, listed: list[str]
) -> None:
    answers = {"GET links": json_reply([]), "POST links": answer, "GET links/54dc": json_reply(BASE)}
    async with scripted(by_request({**answers, "DELETE links/54dc": Reply(204)}, Reply(404))) as (_, client):
        await client.links.create("base", ["all"])
        assert [link.id for link in await client.links.list()] == listed
        await client.links.delete("54dc")
        assert await client.links.list() == ()
