"""Each documented operation, by name, through the client and the embedded server over a socket."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from dlsync.client import Client
from dlsync.errors import AlreadyExists, NotFound, Rejected
from dlsync.server.app import OPERATIONS
from dlsync.server.run import running
from tests.builders.client import DOCUMENTED, Table, requested
from tests.builders.taps import Asked, recorded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlsync.server.run import RunningServer

pytestmark = pytest.mark.anyio
DASHBOARD = b"title: Redis   # ours\npositions: []\n"
RULE = b"title: CPU\ncriteria: [{metric: base.cpu, scope: {tag: web}}]\nactions: []\n"
HOUR = 3600
DOES = Table()


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with running(demo=True) as started:
        yield started


@pytest.mark.parametrize("name", DOCUMENTED)
async def test_a_documented_operation_works_through_client_and_server(server: RunningServer, name: str) -> None:
    asked: list[Asked] = []
    async with recorded(Client(url=server.url, org="acme", account="default", key="changeme"), asked) as client:
        await DOES[name](client)
    sent = [f"{one.method} {one.path if one.path.startswith('/') else f'/default/{one.path}'}" for one in asked]
    assert any(requested(name).fullmatch(request) for request in sent), sent


def test_every_documented_operation_has_a_call_in_this_file() -> None:
    assert len(DOCUMENTED) == 28
    assert set(DOES) == set(DOCUMENTED)


def test_the_server_marks_exactly_these_operations_as_documented() -> None:
    served = {f"{one.method} {one.path}" for one in OPERATIONS if one.documented}
    account = "/orgs/{org}/accounts/{account}"
    below = {each.replace(f"{account}/", "").replace("/orgs/{org}/", "") for each in served}
    named = {name.partition("?")[0] for name in DOCUMENTED}
    assert {re.sub("{[^}]*}", "<>", each) for each in below} == {re.sub("<[^>]*>", "<>", name) for name in named}


@pytest.mark.parametrize("name", ["GET agents", "GET metrics?tag=<tag name>", "DELETE annotations/<stream name>"])
def test_a_request_matches_only_its_own_operation(name: str) -> None:
    base = "/api/v1/orgs/acme/accounts/default/"
    target = name.replace(" ", f" {base}", 1).replace("<tag name>", "web").replace("<stream name>", "a%2Fb")
    assert [each for each in DOCUMENTED if requested(each).fullmatch(target)] == [name]


# ---------------------------------------------------------------------------------------------------------------------
# accounts
# ---------------------------------------------------------------------------------------------------------------------
async def account_names(client: Client) -> set[str]:
    return {account.name for account in await client.accounts.list()}


@DOES.operation("GET accounts")
async def list_accounts(client: Client) -> None:
    (account,) = [each for each in await client.accounts.list() if each.name == "default"]
    assert isinstance(account.agent_keys, list)
    assert set(account.extra) == {"id"}


@DOES.operation("POST accounts")
async def create_account(client: Client) -> None:
    await client.accounts.create("created")
    assert "created" in await account_names(client)
    with pytest.raises(AlreadyExists):
        await client.accounts.create("created")


@DOES.operation("DELETE accounts/<account name>")
async def delete_account(client: Client) -> None:
    await client.accounts.create("a/b ?#")
    await client.accounts.delete("a/b ?#")
    assert "a/b ?#" not in await account_names(client)
    with pytest.raises(NotFound):
        await client.accounts.delete("a/b ?#")


# ---------------------------------------------------------------------------------------------------------------------
# agents
# ---------------------------------------------------------------------------------------------------------------------
@DOES.operation("GET agents")
async def list_agents(client: Client) -> None:
    agents = await client.agents.list()
    assert {agent.online for agent in agents} == {True, False}
    assert all(agent.heartbeat and "all" in agent.tags for agent in agents)


@DOES.operation("GET agents/<id>")
async def get_agent(client: Client) -> None:
    await client.agents.ping("f1/2", name="mine", hostname="h", mac="00:01", os_name="Linux", tags=["web"], mode="SOLO")
    agent = await client.agents.get("f1/2")
    assert (agent.name, agent.hostname, agent.mac, agent.os_name, agent.mode) == ("mine", "h", "00:01", "Linux", "SOLO")
    assert (set(agent.tags), agent.online) == ({"all", "web"}, True)
    assert {"interfaces", "running_plugin_names", "process_summary"} <= set(agent.extra)
    with pytest.raises(NotFound):
        await client.agents.get("nobody")


@DOES.operation("DELETE agents/<id>")
async def delete_agent(client: Client) -> None:
    await client.agents.ping("f3", name="gone", container_name="c")
    await client.agents.delete("f3")
    assert "f3" not in {agent.id for agent in await client.agents.list()}
    with pytest.raises(NotFound):
        await client.agents.delete("f3")


# ---------------------------------------------------------------------------------------------------------------------
# dashboards and rules
# ---------------------------------------------------------------------------------------------------------------------
@DOES.operation("GET dashboards/<name>")
@DOES.operation("PUT dashboards/<name>")
async def import_and_export_a_dashboard(client: Client) -> None:
    await client.dashboards.put("redis", DASHBOARD)
    assert await client.dashboards.export("redis") == DASHBOARD


@DOES.operation("GET links")
async def list_links(client: Client) -> None:
    await client.plugins.create("linked", "sh", b"exit 0\n")
    await client.links.create("linked", ["web", "db"])
    (link,) = [each for each in await client.links.list() if each.plugin == "linked"]
    assert set(link.tags) == {"web", "db"}
    assert await client.links.get(link.id) == link
    await client.links.delete(link.id)
    with pytest.raises(NotFound):
        await client.links.get(link.id)
    with pytest.raises(Rejected, match="no plugin is called 'nothing'"):
        await client.links.create("nothing", ["web"])


# ---------------------------------------------------------------------------------------------------------------------
# metrics and series
# ---------------------------------------------------------------------------------------------------------------------
async def web_agent(client: Client) -> str:
    return next(agent.id for agent in await client.agents.list() if agent.name == "web-1")


@DOES.operation("GET metrics?source=<id>")
async def list_metrics_of_an_agent(client: Client) -> None:
    metrics = await client.metrics.list(agent=await web_agent(client))
    assert {"agent.status", "base.cpu"} <= {metric.name for metric in metrics}
    assert all(metric.id and metric.data_type and metric.collector_type for metric in metrics)
    with pytest.raises(NotFound):
        await client.metrics.list(agent="nobody")


@DOES.operation("GET metrics?tag=<tag name>")
async def list_metrics_of_a_tag(client: Client) -> None:
    ours = {metric.name for metric in await client.metrics.list(agent=await web_agent(client))}
    assert ours <= {metric.name for metric in await client.metrics.list(tag="web")}


@DOES.operation("GET metrics/<metric name>/series?source=<id>")
async def get_series_of_an_agent(client: Client) -> None:
    agent = await web_agent(client)
    (found,) = await client.series.get("base.cpu", agent=agent, period=HOUR, resolution=60)
    assert (found.source.id, found.source.name, found.metric.name) == (agent, "web-1", "base.cpu")
    assert 0 < len(found.points) <= HOUR // 60 + 1
    assert {later - earlier for earlier, later in zip(found.times, found.times[1:], strict=False)} == {60}


@DOES.operation("GET metrics/<metric name>/series?tag=<tag name>")
async def get_series_of_a_tag(client: Client) -> None:
    end = next(iter(await client.series.get("base.cpu", tag="web"))).times[-1] - HOUR
    found = await client.series.get("base.cpu", tag="web", period=HOUR, end=end, resolution=300)
    assert len({each.source.id for each in found}) == len(found) > 1
    assert all(end - HOUR <= time <= end for each in found for time in each.times)
    assert await client.series.get("base.cpu", tag="web", period=HOUR, end=end, resolution=300) == found


# ---------------------------------------------------------------------------------------------------------------------
# plugins
# ---------------------------------------------------------------------------------------------------------------------
@DOES.operation("GET plugins")
async def list_plugins(client: Client) -> None:
    await client.plugins.create("listed", "sh", b"exit 0\n")
    assert "listed" in {plugin.name for plugin in await client.plugins.list()}


@DOES.operation("GET plugins/<plugin name>")
async def get_plugin(client: Client) -> None:
    await client.plugins.create("got", "py", b"print('OK')\n", interval=60)
    plugin = await client.plugins.get("got")
    assert (plugin.extension, plugin.content, plugin.extra["interval"]) == ("py", b"print('OK')\n", 60)


@DOES.operation("POST plugins")
async def create_plugin(client: Client) -> None:
    await client.plugins.create("posted", "sh", b"exit 0\n")
    with pytest.raises(AlreadyExists):
        await client.plugins.create("posted", "sh", b"exit 1\n")


@DOES.operation("PATCH plugins/<plugin name>")
async def update_plugin(client: Client) -> None:
    await client.plugins.create("patched", "sh", b"exit 0\n")
    await client.plugins.update("patched", b"\x00\xff")
    assert (await client.plugins.get("patched")).content == b"\x00\xff"


@DOES.operation("DELETE plugins/<plugin name>")
async def delete_plugin(client: Client) -> None:
    await client.plugins.create("deleted", "sh", b"exit 0\n")
    await client.plugins.delete("deleted")
    with pytest.raises(NotFound):
        await client.plugins.get("deleted")


@DOES.operation("GET rules/<name>")
@DOES.operation("PUT rules/<name>")
async def import_and_export_a_rule(client: Client) -> None:
    await client.rules.put("cpu", RULE)
    assert await client.rules.export("cpu") == RULE
    assert [each["metric"] for each in await client.rules.criteria("cpu")] == ["base.cpu"]
    await client.rules.mute("cpu")
    assert {rule.name: rule.mute for rule in await client.rules.list()}["cpu"] is True


# ---------------------------------------------------------------------------------------------------------------------
# tags and annotations
# ---------------------------------------------------------------------------------------------------------------------
@DOES.operation("GET tags")
async def list_tags(client: Client) -> None:
    await client.agents.ping("f4", name="tagged", tags=["a/tag"])
    assert {"all", "a/tag"} <= {tag.name for tag in await client.tags.list()}
    await client.tags.delete("a/tag")
    with pytest.raises(NotFound):
        await client.tags.delete("a/tag")


@DOES.operation("GET annotations")
async def list_streams(client: Client) -> None:
    await client.annotations.create("listed stream", name="v1")
    assert "listed stream" in await client.annotations.streams()


@DOES.operation("GET annotations/<stream name>")
async def list_annotations(client: Client) -> None:
    first = await client.annotations.create("a/stream", name="v1")
    second = await client.annotations.create("a/stream", name="v2", description="by hand")
    assert await client.annotations.list("a/stream") == (second, first)


@DOES.operation("DELETE annotations/<stream name>")
async def delete_stream(client: Client) -> None:
    await client.annotations.create("deleted", name="v1")
    await client.annotations.delete_stream("deleted")
    with pytest.raises(NotFound):
        await client.annotations.list("deleted")


@DOES.operation("POST annotations/<stream name>")
@DOES.operation("GET annotations/<stream name>/<id>")
async def create_and_get_an_annotation(client: Client) -> None:
    made = await client.annotations.create("deploys", name="v24", description="ü")
    assert (made.stream, made.name, made.description) == ("deploys", "v24", "ü")
    assert made.start_time
    assert await client.annotations.get("deploys", made.id) == made


@DOES.operation("PUT annotations/<stream name>/<id>")
async def update_an_annotation(client: Client) -> None:
    made = await client.annotations.create("deploys", name="v25", description="before")
    changed = await client.annotations.update("deploys", made.id, description="after")
    assert (changed.name, changed.description, changed.start_time) == ("v25", "after", made.start_time)


@DOES.operation("DELETE annotations/<stream name>/<id>")
async def delete_an_annotation(client: Client) -> None:
    made = await client.annotations.create("deploys", name="v26")
    await client.annotations.delete("deploys", made.id)
    with pytest.raises(NotFound):
        await client.annotations.get("deploys", made.id)
