from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest

from dlsync.client.plugins import Plugin, PluginEntry
from dlsync.errors import AlreadyExists, BadAnswer, NotFound, Rejected
from tests.builders.http import Reply, by_request, in_order, json_reply, scripted

if TYPE_CHECKING:
    from dlsync.model import Json

pytestmark = pytest.mark.anyio
ACCOUNTS = {"GET /api/v1/orgs/acme/accounts": json_reply([{"name": "default"}])}
BASE = "/api/v1/orgs/acme/accounts/default/plugins"
SCRIPT = b"#!/bin/sh\nexit 0\n"
ENCODED = base64.b64encode(SCRIPT).decode()
# the documentation's own answer, but for the content
EXPORT: dict[str, Json] = {
    "content": ENCODED,
    "id": "568aa6f82121ac8ee1fbde31",
    "name": "base",
    "extension": "py",
    "description": "",
    "interval": 30,
    "hash": "bc4e961de223b88dffee6a3d06f67ec2fb83ef55",
    "encoding": "base64",
    "params": "",
    "org": "568aa6f84db8230b69975211",
    "shellArgs": "",
    "type": "INPROCESS",
    "pack": "base",
}


async def test_the_list_accepts_the_documented_and_the_observed_field_for_the_name() -> None:
    listed = json_reply([{"plugin": "base", "tags": ["all"]}, {"name": "disk", "extension": "sh"}])
    async with scripted(listed) as (server, client):
        assert await client.plugins.list() == (
            PluginEntry("base", {"tags": ["all"]}),
            PluginEntry("disk", {"extension": "sh"}),
        )
    assert server.asked == [f"GET {BASE}"]


async def test_get_returns_a_plugin_with_decoded_content_and_all_other_fields() -> None:
    async with scripted(json_reply(EXPORT)) as (_, client):
        plugin = await client.plugins.get("base")
    rest = {key: EXPORT[key] for key in EXPORT if key not in {"name", "extension", "content", "encoding"}}
    assert plugin == Plugin("base", "py", SCRIPT, rest)


@pytest.mark.parametrize(
    ("fields", "content"),
    [
        ({"content": ""}, b""),
        ({"content": base64.encodebytes(SCRIPT * 20).decode()}, SCRIPT * 20),
        ({"content": base64.b64encode(bytes(range(256))).decode()}, bytes(range(256))),
        ({"encoding": None}, SCRIPT),
        ({"encoding": ""}, SCRIPT),
    ],
)
async def test_content_is_any_bytes_in_base64_wrapped_or_not(fields: dict[str, Json], content: bytes) -> None:
    async with scripted(json_reply({**EXPORT, **fields})) as (_, client):
        assert (await client.plugins.get("base")).content == content


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"content": "%%%"}, "`content` is not base64"),
        ({"content": "YQ"}, "`content` is not base64"),
        ({"content": "é"}, "`content` is not base64"),
        ({"content": None}, r"field `content`|`\$\.content`"),
        ({"content": 5}, r"field `content`|`\$\.content`"),
        ({"encoding": "gzip"}, "`encoding` is not base64"),
        ({"encoding": ["base64"]}, "`encoding` is not base64"),
        ({"name": None}, "field `name`"),
    ],
)
async def test_a_plugin_that_cannot_be_read_is_a_bad_answer_that_names_the_field(
    fields: dict[str, Json], problem: str
) -> None:
    async with scripted(json_reply({**EXPORT, **fields})) as (_, client):
        with pytest.raises(BadAnswer, match=problem):
            await client.plugins.get("base")


@pytest.mark.parametrize("extension", [None, 5])
async def test_an_invalid_extension_is_read_as_empty(extension: Json) -> None:
    async with scripted(json_reply({**EXPORT, "extension": extension})) as (_, client):
        assert (await client.plugins.get("base")).extension == ""


async def test_create_sends_the_documented_fields_and_further_fields() -> None:
    async with scripted(Reply(201)) as (server, client):
        await client.plugins.create("disk", "sh", SCRIPT, interval=60, description="é")
    assert server.asked == [f"POST {BASE}"]
    assert server.seen[0].headers["content-type"] == "application/json"
    sent = {"name": "disk", "extension": "sh", "content": ENCODED, "interval": 60, "description": "é"}
    assert json.loads(server.seen[0].body) == sent


async def test_a_422_to_create_is_already_exists_if_the_plugin_exists() -> None:
    replies = {**ACCOUNTS, "POST plugins": Reply(422), "GET plugins/disk": json_reply(EXPORT)}
    async with scripted(by_request(replies, Reply(404))) as (server, client):
        with pytest.raises(AlreadyExists):
            await client.plugins.create("disk", "sh", SCRIPT)
    assert server.asked == [f"POST {BASE}", f"GET {BASE}/disk"]


async def test_a_409_to_create_is_already_exists_without_a_second_request() -> None:
    async with scripted(Reply(409)) as (server, client):
        with pytest.raises(AlreadyExists):
            await client.plugins.create("disk", "sh", SCRIPT)
    assert len(server.seen) == 1


async def test_a_422_for_another_reason_is_rejected_with_that_reason() -> None:
    refused = json_reply({"message": "interval must be positive"}, 422)
    async with scripted(by_request({**ACCOUNTS, "POST plugins": refused}, Reply(404))) as (_, client):
        with pytest.raises(Rejected, match="interval must be positive"):
            await client.plugins.create("disk", "sh", SCRIPT, interval=-1)


async def test_a_400_to_create_is_not_retried() -> None:
    async with scripted(json_reply({"error": "no"}, 400)) as (server, client):
        with pytest.raises(Rejected, match="400: no"):
            await client.plugins.create("disk", "sh", SCRIPT)
    assert len(server.seen) == 1


async def test_create_is_retried_if_the_plugin_is_gone_after_a_422() -> None:
    let_go = in_order(Reply(422), Reply(201))
    async with scripted(by_request({**ACCOUNTS, "POST plugins": let_go}, Reply(404))) as (server, client):
        await client.plugins.create("dlsync-lock", "json", b"{}")
    assert [one.partition(" ")[0] for one in server.asked].count("POST") == 2


async def test_update_sends_content_encoding_and_further_fields_to_the_plugin_itself() -> None:
    async with scripted(Reply(200)) as (server, client):
        await client.plugins.update("a/b", SCRIPT, interval=60)
    assert server.asked == [f"PATCH {BASE}/a%2Fb"]
    assert json.loads(server.seen[0].body) == {"content": ENCODED, "encoding": "base64", "interval": 60}


async def test_delete_removes_a_plugin_and_reports_a_missing_plugin() -> None:
    async with scripted(by_request({**ACCOUNTS, "DELETE plugins/disk": Reply(204)}, Reply(404))) as (server, client):
        await client.plugins.delete("disk")
        with pytest.raises(NotFound):
            await client.plugins.delete("gone")
    assert server.asked[0] == f"DELETE {BASE}/disk"
