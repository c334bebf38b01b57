from __future__ import annotations

import json

import pytest

from dlsync.client.annotations import Annotation
from dlsync.errors import BadAnswer, NotFound, Unreachable
from tests.builders.http import Misbehaviour, Reply, by_request, json_reply, scripted

pytestmark = pytest.mark.anyio
BASE = "/api/v1/orgs/acme/accounts/default/annotations"
SHOWN = {"id": "577e", "stream": "deploys", "name": "v24", "description": "", "start_time": "2016-07-07T14:32:13.144Z"}
ONE = Annotation("577e", "deploys", "v24", "", "2016-07-07T14:32:13.144Z")


async def test_streams_returns_the_names_of_the_streams() -> None:
    async with scripted(json_reply(["a", "b"])) as (_, client):
        assert await client.annotations.streams() == ("a", "b")


async def test_a_stream_s_annotations_come_in_the_server_s_order_with_all_their_fields() -> None:
    async with scripted(json_reply([SHOWN, {"id": "1", "name": "x", "by": "me"}])) as (server, client):
        found = await client.annotations.list("deploys")
    assert found == (ONE, Annotation("1", "deploys", "x", extra={"by": "me"}))
    assert server.asked == [f"GET {BASE}/deploys"]


@pytest.mark.parametrize("missing", ["id", "name"])
async def test_an_annotation_without_a_field_that_it_must_have_is_a_bad_answer(missing: str) -> None:
    left = {name: value for name, value in SHOWN.items() if name != missing}
    async with scripted(json_reply(left)) as (_, client):
        with pytest.raises(BadAnswer, match=rf"annotations/deploys/577e: unexpected \w+: .*required field `{missing}`"):
            await client.annotations.get("deploys", "577e")


async def test_create_sends_the_name_and_an_optional_description() -> None:
    async with scripted(json_reply(SHOWN, 201)) as (server, client):
        assert await client.annotations.create("deploys", name="v24") == ONE
        await client.annotations.create("deploys", name="v24", description="by hand")
    assert server.asked == [f"POST {BASE}/deploys"] * 2
    assert [json.loads(request.body) for request in server.seen] == [
        {"name": "v24"},
        {"name": "v24", "description": "by hand"},
    ]


async def test_a_create_with_a_lost_response_is_not_retried() -> None:
    async with scripted(Reply(misbehaviour=Misbehaviour.RESET)) as (server, client):
        with pytest.raises(Unreachable, match="the server may have carried it out"):
            await client.annotations.create("deploys", name="v24")
    assert len(server.seen) == 1


async def test_update_sends_only_the_given_fields() -> None:
    async with scripted(json_reply({**SHOWN, "description": "new"})) as (server, client):
        assert (await client.annotations.update("deploys", "577e", description="new")).description == "new"
        await client.annotations.update("deploys", "577e", name="v25", description="")
    assert server.asked == [f"PUT {BASE}/deploys/577e"] * 2
    assert [json.loads(request.body) for request in server.seen] == [
        {"description": "new"},
        {"name": "v25", "description": ""},
    ]


async def test_delete_removes_an_annotation_or_a_whole_stream() -> None:
    async with scripted(Reply(204)) as (server, client):
        await client.annotations.delete("deploys", "577e")
        await client.annotations.delete_stream("de/ploys")
    assert server.asked == [f"DELETE {BASE}/deploys/577e", f"DELETE {BASE}/de%2Fploys"]


async def test_a_missing_stream_is_not_found() -> None:
    accounts = {"GET /api/v1/orgs/acme/accounts": json_reply([{"name": "default"}])}
    async with scripted(by_request(accounts, Reply(404))) as (_, client):
        with pytest.raises(NotFound):
            await client.annotations.list("gone")
        with pytest.raises(NotFound):
            await client.annotations.create("gone", name="x")
