from __future__ import annotations

from urllib.parse import parse_qsl

import pytest

from dlsync.client.agents import Agent
from dlsync.errors import BadAnswer, DlsyncError, NotFound, Unsupported
from tests.builders.http import Reply, by_request, json_reply, scripted

pytestmark = pytest.mark.anyio
ACCOUNTS = {"GET /api/v1/orgs/acme/accounts": json_reply([{"name": "default"}])}
WEB = {"id": "8c-f3", "name": "web-1", "tags": ["all", "web"]}


async def test_the_list_reads_the_documented_fields_and_keeps_unknown_fields() -> None:
    shown = {
        "hostname": "h",
        "mac": "02:42",
        "created": "2015-12-11T12:05:09.879Z",
        "modified": "m",
        "osName": "Linux",
        "heartbeat": "2016-01-10T14:31:45.065Z",
        "presence_state": "online",
        "status": "REGISTERED",
        "container_name": "c",
        "mode": "DEFAULT",
    }
    async with scripted(json_reply([{**WEB, **shown, "zone": 3}, WEB])) as (_, client):
        first, second = await client.agents.list()
    assert first == Agent(
        id="8c-f3",
        name="web-1",
        tags=("all", "web"),
        presence_state="online",
        status="REGISTERED",
        hostname="h",
        mac="02:42",
        os_name="Linux",
        mode="DEFAULT",
        container_name="c",
        created="2015-12-11T12:05:09.879Z",
        modified="m",
        heartbeat="2016-01-10T14:31:45.065Z",
        extra={"zone": 3},
    )
    assert second == Agent("8c-f3", "web-1", ("all", "web"))


def test_an_agent_is_online_if_its_presence_state_is_online() -> None:
    assert Agent("1", "a", (), presence_state="online").online
    assert not Agent("1", "a", (), presence_state="offline").online


async def test_get_returns_an_agent_with_its_details() -> None:
    async with scripted(json_reply({**WEB, "running_plugin_names": ["base"]})) as (server, client):
        assert (await client.agents.get("8c/f3")).extra == {"running_plugin_names": ["base"]}
    assert server.asked == ["GET /api/v1/orgs/acme/accounts/default/agents/8c%2Ff3"]


@pytest.mark.parametrize("missing", ["id", "name", "tags"])
async def test_an_agent_without_a_field_that_it_must_have_is_a_bad_answer(missing: str) -> None:
    left = {name: value for name, value in WEB.items() if name != missing}
    async with scripted(json_reply([left])) as (_, client):
        with pytest.raises(BadAnswer, match=rf"GET .*/agents: unexpected \w+: .*required field `{missing}`"):
            await client.agents.list()


async def test_delete_removes_an_agent_and_reports_a_missing_agent() -> None:
    async with scripted(by_request({**ACCOUNTS, "DELETE agents/8c": Reply(204)}, Reply(404))) as (server, client):
        await client.agents.delete("8c")
        with pytest.raises(NotFound):
            await client.agents.delete("9d")
    assert server.seen[0].method == "DELETE"


async def test_a_ping_sends_the_given_fields_as_a_form() -> None:
    async with scripted(Reply(200)) as (server, client):
        await client.agents.ping("8c", name="web 1", os_name="Linux", tags=["web", "eu"])
        await client.agents.ping("8c", name="web 1", hostname="", mac=None, tags=[])
    first, second = server.seen
    assert str(first) == "POST /api/v1/orgs/acme/accounts/default/agents/8c/ping"
    assert first.headers["content-type"] == "application/x-www-form-urlencoded"
    assert dict(parse_qsl(first.body.decode())) == {"name": "web 1", "os_name": "Linux", "tag_names": "web,eu"}
    sent = dict(parse_qsl(second.body.decode(), keep_blank_values=True))
    assert sent == {"name": "web 1", "hostname": "", "tag_names": ""}


async def test_a_ping_refuses_a_tag_with_a_comma() -> None:
    async with scripted(Reply(200)) as (server, client):
        with pytest.raises(DlsyncError, match=r"'web,eu' holds a comma"):
            await client.agents.ping("8c", name="web", tags=["web,eu"])
    assert server.seen == []


async def test_a_server_with_only_documented_operations_does_not_support_ping() -> None:
    async with scripted(by_request(ACCOUNTS, Reply(404))) as (_, client):
        with pytest.raises(Unsupported, match="`POST agents/ping`"):
            await client.agents.ping("8c", name="web")
