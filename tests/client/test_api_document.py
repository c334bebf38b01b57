"""`api_document`: a record as the JSON of the API."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from dlsync.client.accounts import AccountEntry
from dlsync.client.plugins import Plugin
from dlsync.client.record import api_document
from tests.builders.http import json_reply, scripted

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from dlsync.client import Client
    from dlsync.model import Json

AGENT: Json = {
    "id": "a1",
    "name": "web-1",
    "tags": ["all"],
    "presence_state": "online",
    "status": "REGISTERED",
    "hostname": "h",
    "mac": "m",
    "osName": "Linux",
    "mode": "DEFAULT",
    "container_name": "c",
    "created": "2016-07-06T10:47:46.951Z",
    "modified": "",
    "heartbeat": "",
    "seen_by_nobody": {"x": [1]},
}
METRIC: Json = {"name": "base.cpu", "id": "m1", "data_type": "number", "collector_id": "", "collector_type": "plugin"}
SERIES: Json = {
    "metric": METRIC,
    "source": {"id": "a1", "name": "web-1", "more": True},
    "points": [{"time": 60, "value": 1.5}],
    "uom": "%",
    "id": "s1",
    "origin": ["store"],
    "further": None,
}
ANSWERS: dict[str, tuple[Json, Callable[[Client], Awaitable[object]]]] = {
    "agents": ([AGENT], lambda client: client.agents.list()),
    "an agent": (AGENT, lambda client: client.agents.get("a1")),
    "streams": (["deploys"], lambda client: client.annotations.streams()),
    "dashboards": ([{"name": "web", "title": "Web", "positions": []}], lambda client: client.dashboards.list()),
    "links": ([{"id": "1", "plugin": "disk", "tags": ["all"], "org": 7}], lambda client: client.links.list()),
    "series": ([SERIES], lambda client: client.series.get("base.cpu", agent="a1")),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_api_document_returns_the_response_as_received_with_unknown_fields(case: str) -> None:
    answer, ask = ANSWERS[case]

    async def asked() -> Json:
        async with scripted(json_reply(answer)) as (_, client):
            return api_document(await ask(client))

    assert asyncio.run(asked()) == answer


def test_api_document_omits_the_keys_of_agents() -> None:
    assert api_document(AccountEntry("books", ["s3cret"], {"id": "1"})) == {"name": "books", "id": "1"}


def test_api_document_encodes_plugin_content_in_base64() -> None:
    assert api_document(Plugin("disk", "sh", b"exit 0\n", {"interval": 60})) == {
        "name": "disk",
        "extension": "sh",
        "content": "ZXhpdCAwCg==",
        "interval": 60,
    }
