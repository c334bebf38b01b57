from __future__ import annotations

import pytest

from dlsync.client.metrics import Metric
from dlsync.errors import BadAnswer, DlsyncError
from tests.builders.http import Reply, json_reply, scripted

pytestmark = pytest.mark.anyio
BASE = "GET /api/v1/orgs/acme/accounts/default/metrics"


async def test_the_list_requests_the_metrics_of_an_agent_or_of_a_tag() -> None:
    async with scripted(json_reply([])) as (server, client):
        assert await client.metrics.list(agent="8c-f3") == ()
        assert await client.metrics.list(tag="a&b") == ()
    assert server.asked == [f"{BASE}?source=8c-f3", f"{BASE}?tag=a%26b"]


@pytest.mark.parametrize(("agent", "tag"), [(None, None), ("8c", "web"), ("", ""), ("", None)])
async def test_the_list_needs_exactly_one_of_agent_and_tag(agent: str | None, tag: str | None) -> None:
    async with scripted(Reply()) as (server, client):
        with pytest.raises(DlsyncError, match="of an agent or of a tag"):
            await client.metrics.list(agent=agent, tag=tag)
    assert server.seen == []


async def test_a_metric_reads_the_documented_fields_and_keeps_unknown_fields() -> None:
    shown = {
        "id": "53bc",
        "name": "base.swap",
        "data_type": "number",
        "collector_id": "52d1",
        "collector_type": "plugin",
    }
    async with scripted(json_reply([{**shown, "unit": "MB"}, {"name": "x"}])) as (_, client):
        found = await client.metrics.list(tag="all")
    assert found == (Metric("base.swap", "53bc", "number", "52d1", "plugin", {"unit": "MB"}), Metric("x"))


async def test_a_metric_without_a_name_is_a_bad_answer() -> None:
    async with scripted(json_reply([{"id": "53bc"}])) as (_, client):
        with pytest.raises(BadAnswer, match=r"metrics\?tag=all: unexpected \w+: .*required field `name`"):
            await client.metrics.list(tag="all")
