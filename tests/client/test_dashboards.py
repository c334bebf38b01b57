from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dlsync.client.dashboards import NamedDocument
from dlsync.errors import BadAnswer, NotFound
from tests.builders.http import Reply, by_request, json_reply, scripted

if TYPE_CHECKING:
    from dlsync.model import Json

pytestmark = pytest.mark.anyio
PAGE = Reply(body=b"<!DOCTYPE html><title>Dataloop</title>", headers=(("Content-Type", "text/html"),))


async def test_the_list_returns_whole_dashboards_and_separates_their_names() -> None:
    listed = json_reply([{"name": "redis", "title": "Redis", "unknown": [1]}, {"name": "empty"}])
    async with scripted(by_request({"GET dashboards": listed}, Reply(404))) as (_, client):
        assert await client.dashboards.list() == (
            NamedDocument("redis", {"title": "Redis", "unknown": [1]}),
            NamedDocument("empty", {}),
        )


@pytest.mark.parametrize(
    ("document", "is_summary"), [({"title": "Redis"}, True), ({"title": "Redis", "positions": []}, False)]
)
def test_a_dashboard_without_widgets_in_a_list_is_a_summary(document: dict[str, Json], is_summary: bool) -> None:
    assert NamedDocument("redis", document).is_summary is is_summary


async def test_a_web_page_in_place_of_the_list_is_a_bad_answer_on_every_call() -> None:
    async with scripted(PAGE) as (_, client):
        for _ in range(2):
            with pytest.raises(BadAnswer, match="got a web page; got text/html"):
                await client.dashboards.list()


async def test_a_dashboard_without_a_name_is_a_bad_answer() -> None:
    async with scripted(json_reply([{"title": "x"}])) as (_, client):
        with pytest.raises(BadAnswer, match=r"GET /orgs/acme/accounts/default/dashboards.*`name`"):
            await client.dashboards.list()


async def test_an_export_asks_for_yaml_and_returns_the_bytes() -> None:
    async with scripted(Reply(body=b"title: x # \xc3\xa9\r\n")) as (server, client):
        assert await client.dashboards.export("a b") == b"title: x # \xc3\xa9\r\n"
    assert server.asked == ["GET /api/v1/orgs/acme/accounts/default/dashboards/a%20b"]
    assert server.seen[0].headers["accept"] == "application/yaml"


async def test_an_export_that_is_a_web_page_is_a_bad_answer() -> None:
    async with scripted(PAGE) as (_, client):
        with pytest.raises(BadAnswer, match="got a web page"):
            await client.dashboards.export("redis")


async def test_put_sends_the_users_own_bytes_as_yaml() -> None:
    async with scripted(Reply(201)) as (server, client):
        await client.dashboards.put("redis", b"# mine\ntitle: x\n")
    assert server.asked == ["PUT /api/v1/orgs/acme/accounts/default/dashboards/redis"]
    assert server.seen[0].body == b"# mine\ntitle: x\n"
    assert server.seen[0].headers["content-type"] == "application/yaml"


async def test_delete_removes_a_dashboard_and_reports_a_missing_dashboard() -> None:
    accounts = json_reply([{"name": "default"}])
    replies = {"DELETE dashboards/redis": Reply(204), "GET /api/v1/orgs/acme/accounts": accounts}
    async with scripted(by_request(replies, Reply(404))) as (server, client):
        await client.dashboards.delete("redis")
        assert server.asked == ["DELETE /api/v1/orgs/acme/accounts/default/dashboards/redis"]
        with pytest.raises(NotFound):
            await client.dashboards.delete("gone")
