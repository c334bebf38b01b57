"""The client against the documented responses, with one cassette for each operation."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import vcr  # type: ignore[import-untyped]  # it has no types
from vcr import matchers
from vcr.cassette import Cassette  # type: ignore[import-untyped]  # see above
from vcr.record_mode import RecordMode  # type: ignore[import-untyped]  # see above

from dlsync.client.accounts import AccountEntry
from dlsync.client.agents import Agent
from dlsync.client.annotations import Annotation
from dlsync.client.links import Link
from dlsync.client.metrics import Metric
from dlsync.client.plugins import Plugin, PluginEntry
from dlsync.client.series import Point, Series, Source
from dlsync.client.tags import Tag
from dlsync.errors import Rejected
from tests.builders.client import DOCUMENTED, Table
from tests.builders.http import Reply, scripted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from dlsync.client import Client
    from dlsync.model import Json
    from tests.builders.http import Seen

pytestmark = pytest.mark.anyio
FOLDER = Path(__file__).parent.parent / "cassettes"
DASHBOARD = b"title: Redis\npositions: []\n"
RULE = b"title: CPU\ncriteria: []\nactions: []\n"
SCRIPT = b"print('OK')\n"
ORG = "52d1bff881f2a2e087000007"
DOES = Table()


def cassette_of(name: str) -> Path:
    return FOLDER / (re.sub(r"\W+", "-", name.lower()).strip("-") + ".yaml")


def headers_of_the_cassette(sent: vcr.request.Request, recorded: vcr.request.Request) -> None:
    """Match a request that sends every header of the documented request."""
    assert {name: sent.headers.get(name) for name in recorded.headers} == dict(recorded.headers)


MATCHERS = (*(getattr(matchers, name) for name in ("method", "scheme", "host", "port", "path", "query", "body")),)


def loaded(path: Path) -> Cassette:
    return Cassette.load(path=path, record_mode=RecordMode.NONE, match_on=(*MATCHERS, headers_of_the_cassette))


def played(cassette: Cassette, seen: Seen) -> Reply:
    """Return the recorded response, as if the request had gone to the documented host; 418 if there is none."""
    request = vcr.request.Request(seen.method, f"https://app.dataloop.io{seen.target}", seen.body, seen.headers)
    if not cassette.can_play_response_for(request):
        return Reply(418)
    response = cassette.play_response(request)
    headers = tuple((name, value) for name, values in response["headers"].items() for value in values)
    return Reply(response["status"]["code"], response["body"]["string"], headers)


@asynccontextmanager
async def replaying(cassette: Cassette) -> AsyncIterator[Client]:
    async with scripted(lambda seen: played(cassette, seen)) as (_, client):
        yield client


@pytest.mark.parametrize("name", DOCUMENTED)
async def test_the_client_reads_the_documented_response(name: str) -> None:
    cassette = loaded(cassette_of(name))
    async with replaying(cassette) as client:
        await DOES[name](client)
    assert len(cassette) == cassette.play_count == 1
    assert cassette.all_played


def test_there_is_one_cassette_for_each_operation_and_no_other() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {cassette_of(name).name for name in DOCUMENTED}
    assert set(DOES) == set(DOCUMENTED)


async def test_a_cassette_does_not_answer_a_request_that_differs_from_the_documented_one() -> None:
    cassette = loaded(cassette_of("POST annotations/<stream name>"))
    async with replaying(cassette) as client:
        with pytest.raises(Rejected, match="418"):
            await client.annotations.create("test-stream", name="deploy v24")
    assert cassette.play_count == 0


@pytest.mark.parametrize("path", sorted(FOLDER.iterdir()), ids=lambda path: path.stem)
def test_no_cassette_holds_a_key(path: Path) -> None:
    sent = {name.lower() for request in loaded(path).requests for name in request.headers}
    assert sent <= {"accept", "content-type"}
    assert not re.search("authorization|bearer|changeme|cookie|token", path.read_text(encoding="utf-8"), re.IGNORECASE)


# ---------------------------------------------------------------------------------------------------------------------
# The call for each operation, and the expected result
# ---------------------------------------------------------------------------------------------------------------------
@DOES.operation("GET accounts")
async def list_accounts(client: Client) -> None:
    keys: Json = ["xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"]
    assert await client.accounts.list() == (AccountEntry("default", keys, {"id": "568aa6f84db8230b69975211"}),)


@DOES.operation("POST accounts")
async def create_account(client: Client) -> None:
    await client.accounts.create("staging")


@DOES.operation("DELETE accounts/<account name>")
async def delete_account(client: Client) -> None:
    await client.accounts.delete("staging")


@DOES.operation("GET agents")
async def list_agents(client: Client) -> None:
    assert await client.agents.list() == (
        Agent(
            id="8ccf364f-e33c-4061-8163-8c952b2f18de",
            name="dataloop",
            tags=("all", "tag1"),
            presence_state="online",
            status="REGISTERED",
            hostname="dcbe63762685",
            mac="02:42:ac:11:00:02",
            os_name="Linux",
            mode="DEFAULT",
            container_name="Linux",
            created="2015-12-11T12:05:09.879Z",
            modified="2016-01-10T14:31:45.066Z",
            heartbeat="2016-01-10T14:31:45.065Z",
        ),
    )


@DOES.operation("GET agents/<id>")
async def get_agent(client: Client) -> None:
    agent = await client.agents.get("0a46e3a3-96dc-4ada-9e37-eea214c9b664")
    assert (agent.id, agent.name, agent.tags, agent.online) == (
        "0a46e3a3-96dc-4ada-9e37-eea214c9b664",
        "dataloop",
        ("all",),
        True,
    )
    assert agent.extra == {
        "interfaces": [{"addresses": [{"family": "AF_INET", "ips": ["127.0.0.1"]}], "interface": "lo0"}],
        "org": ORG,
        "running_plugin_names": ["base"],
        "process_summary": [{"name": "init", "count": 1}],
    }


@DOES.operation("DELETE agents/<id>")
async def delete_agent(client: Client) -> None:
    await client.agents.delete("0a46e3a3-96dc-4ada-9e37-eea214c9b664")


@DOES.operation("GET dashboards/<name>")
async def export_dashboard(client: Client) -> None:
    assert await client.dashboards.export("redis") == DASHBOARD


@DOES.operation("PUT dashboards/<name>")
async def import_dashboard(client: Client) -> None:
    await client.dashboards.put("redis", DASHBOARD)


@DOES.operation("GET links")
async def list_links(client: Client) -> None:
    assert await client.links.list() == (Link("54dcd33803d166c35481367c", "base", ("all",), {"org": ORG}),)


SWAP = Metric("base.swap", "53bcfd6d6f9b5f8269cd8af2", "number", "52d1bffb81f2a2e087000008", "plugin")
CPU = Series(
    metric=Metric("base.cpu", "568aac03aa27ad42a30009cd", "number", collector_type="plugin"),
    source=Source("0c78bf0e-5891-4eff-84d8-82832b824b8c", "dataloop"),
    points=(Point(1455027939, 16),),
    unit="%",
    id="568aac03aa27ad42a30009ea",
    origin=["sts-redis-store"],
)


@DOES.operation("GET metrics?source=<id>")
async def list_metrics_of_an_agent(client: Client) -> None:
    assert await client.metrics.list(agent=CPU.source.id) == (SWAP,)


@DOES.operation("GET metrics?tag=<tag name>")
async def list_metrics_of_a_tag(client: Client) -> None:
    assert await client.metrics.list(tag="all") == (SWAP,)


@DOES.operation("GET metrics/<metric name>/series?source=<id>")
async def get_series_of_an_agent(client: Client) -> None:
    assert await client.series.get("base.cpu", agent=CPU.source.id) == (CPU,)


@DOES.operation("GET metrics/<metric name>/series?tag=<tag name>")
async def get_series_of_a_tag(client: Client) -> None:
    assert await client.series.get("base.cpu", tag="all") == (CPU,)


@DOES.operation("GET plugins")
async def list_plugins(client: Client) -> None:
    extra: dict[str, Json] = {"org": ORG, "id": "54dcd33803d166c35481367c", "tags": ["all"]}
    assert await client.plugins.list() == (PluginEntry("base", extra),)


@DOES.operation("GET plugins/<plugin name>")
async def get_plugin(client: Client) -> None:
    extra: dict[str, Json] = {
        "id": "568aa6f82121ac8ee1fbde31",
        "description": "",
        "interval": 30,
        "hash": "bc4e961de223b88dffee6a3d06f67ec2fb83ef55",
        "params": "",
        "org": "568aa6f84db8230b69975211",
        "shellArgs": "",
        "type": "INPROCESS",
        "pack": "base",
    }
    assert await client.plugins.get("base") == Plugin("base", "py", SCRIPT, extra)


@DOES.operation("POST plugins")
async def create_plugin(client: Client) -> None:
    await client.plugins.create("file", "py", SCRIPT)


@DOES.operation("PATCH plugins/<plugin name>")
async def update_plugin(client: Client) -> None:
    await client.plugins.update("base", SCRIPT)


@DOES.operation("DELETE plugins/<plugin name>")
async def delete_plugin(client: Client) -> None:
    await client.plugins.delete("base")


@DOES.operation("GET rules/<name>")
async def export_rule(client: Client) -> None:
    assert await client.rules.export("cpu") == RULE


@DOES.operation("PUT rules/<name>")
async def import_rule(client: Client) -> None:
    await client.rules.put("cpu", RULE)


@DOES.operation("GET tags")
async def list_tags(client: Client) -> None:
    assert await client.tags.list() == (Tag("all"),)


STREAM, ID = "test-stream", "577e67edd150c070753a1b39"
DEPLOY = Annotation(ID, STREAM, "deploy v23", "", "2016-07-07T14:32:13.144Z")


@DOES.operation("GET annotations")
async def list_streams(client: Client) -> None:
    assert await client.annotations.streams() == ("stream-1", "stream-2", "stream-3")


@DOES.operation("GET annotations/<stream name>")
async def list_annotations(client: Client) -> None:
    assert await client.annotations.list(STREAM) == (
        Annotation("577ce1d21bfffd8b2b072dc9", STREAM, "v4", "", "2016-07-06T10:47:46.951Z"),
        Annotation("577ce1d21bfffd8b2b072dc8", STREAM, "v3", "a", "2016-07-06T10:47:46.853Z"),
        Annotation("577ce1d21bfffd8b2b072dc7", STREAM, "v2", "", "2016-07-06T10:47:46.756Z"),
    )


@DOES.operation("DELETE annotations/<stream name>")
async def delete_stream(client: Client) -> None:
    await client.annotations.delete_stream(STREAM)


@DOES.operation("POST annotations/<stream name>")
async def create_annotation(client: Client) -> None:
    assert await client.annotations.create(STREAM, name="deploy v23") == DEPLOY


@DOES.operation("GET annotations/<stream name>/<id>")
async def get_annotation(client: Client) -> None:
    assert await client.annotations.get(STREAM, ID) == DEPLOY


@DOES.operation("PUT annotations/<stream name>/<id>")
async def update_annotation(client: Client) -> None:
    changed = await client.annotations.update(STREAM, ID, description="new description")
    assert changed == Annotation(ID, STREAM, "deploy v23", "new description", "2016-07-07T14:32:13.144Z")


@DOES.operation("DELETE annotations/<stream name>/<id>")
async def delete_annotation(client: Client) -> None:
    await client.annotations.delete(STREAM, ID)
