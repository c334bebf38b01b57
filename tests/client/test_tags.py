from __future__ import annotations

import pytest

from dlsync.client.tags import Tag
from dlsync.errors import BadAnswer, NotFound, Unsupported
from tests.builders.http import Reply, by_request, json_reply, scripted

pytestmark = pytest.mark.anyio
ACCOUNTS = {"GET /api/v1/orgs/acme/accounts": json_reply([{"name": "default"}])}


async def test_the_list_reads_the_names_of_the_tags_and_keeps_unknown_fields() -> None:
    async with scripted(json_reply([{"name": "all"}, {"name": "web", "agents": 3}])) as (_, client):
        assert await client.tags.list() == (Tag("all"), Tag("web", {"agents": 3}))


async def test_a_tag_that_is_not_an_object_is_a_bad_answer() -> None:
    async with scripted(json_reply(["all"])) as (_, client):
        with pytest.raises(BadAnswer, match="expected a JSON list of objects"):
            await client.tags.list()


async def test_a_tag_without_a_name_is_a_bad_answer() -> None:
    async with scripted(json_reply([{"agents": 3}])) as (_, client):
        with pytest.raises(BadAnswer, match="`name`"):
            await client.tags.list()


async def test_delete_sends_a_delete_request_with_the_encoded_tag_name() -> None:
    async with scripted(Reply(204)) as (server, client):
        await client.tags.delete("a/b")
    assert server.asked == ["DELETE /api/v1/orgs/acme/accounts/default/tags/a%2Fb"]


async def test_a_404_to_delete_is_unsupported_if_the_list_has_the_tag_and_not_found_otherwise() -> None:
    replies = {**ACCOUNTS, "GET tags": json_reply([{"name": "web"}])}
    async with scripted(by_request(replies, Reply(404))) as (_, client):
        with pytest.raises(NotFound):
            await client.tags.delete("gone")
        with pytest.raises(Unsupported, match="`DELETE tags`"):
            await client.tags.delete("web")
