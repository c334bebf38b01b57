"""Dashboards on the server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from dlsync.diff.compare import compare
from dlsync.errors import BadAnswer
from dlsync.resources import Listing, kind_of
from tests.builders.http import Reply, json_reply, scripted
from tests.builders.trees import FLAVOURS, account, address, dashboard, resource, widget

if TYPE_CHECKING:
    from dlsync.model import Resource

DASHBOARD = kind_of("dashboard")
TEXT = "\N{ZERO WIDTH NO-BREAK SPACE}# ours\r\ntitle:   'Web'\r\npositions: [ ]\r\n"
WEB = resource("dashboard/web", TEXT)


def test_create_and_update_send_a_dashboard_byte_for_byte() -> None:
    changed = resource("dashboard/web", TEXT + "period: 60 # a minute\r\n")
    with account() as live:
        live.run(lambda client: DASHBOARD.create(client, WEB))
        live.run(lambda client: DASHBOARD.update(client, changed, ()))
        assert [(str(one), one.body) for one in live.asked] == [
            ("PUT dashboards/web", WEB.body),
            ("PUT dashboards/web", changed.body),
        ]
        found = live.live("dashboard/web")
    assert found is not None
    assert found.body == changed.body


@pytest.mark.parametrize("name", ["a/b", "...", "%2F", "ü ?#", "a\0b", "CON"])
def test_a_dashboard_with_any_name_can_be_fetched_and_listed(name: str) -> None:
    with account() as live:
        live.has(resource(f"dashboard/{name}", dashboard()))
        found = live.live(f"dashboard/{name}")
        listing = live.run(DASHBOARD.list)
    assert found is not None
    assert found.document == dashboard()
    assert listing.names == frozenset({name})


def test_a_listing_holds_whole_dashboards_and_their_names() -> None:
    with account() as live:
        live.has(WEB, resource("dashboard/db", dashboard(widget("cpu"))))
        listing = live.run(DASHBOARD.list)
        assert live.requests() == ["GET dashboards"]
    assert listing.names == frozenset({"web", "db"})
    assert listing.complete
    assert {one.address: one.document["title"] for one in listing.resources} == {
        address("dashboard/web"): "Web",
        address("dashboard/db"): "Web",
    }


def test_a_server_without_a_listing_gives_an_empty_listing() -> None:
    with account(documented_only=True) as live:
        assert live.run(DASHBOARD.list) == Listing()


def test_fetching_a_missing_dashboard_returns_none_and_deleting_it_is_no_error() -> None:
    with account() as live:
        live.has(WEB)
        live.run(lambda client: DASHBOARD.delete(client, "web"))
        assert live.live("dashboard/web") is None
        live.run(lambda client: DASHBOARD.delete(client, "web"))


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_a_fetched_dashboard_does_not_differ_from_the_sent_dashboard(flavour: str) -> None:
    sent = resource("dashboard/web", dashboard(widget("cpu")))
    with account(**FLAVOURS[flavour]) as live:
        live.has(sent)
        found = live.live("dashboard/web")
    assert found is not None
    assert not compare(DASHBOARD, sent, found).diff


def test_a_web_page_is_an_error_and_a_response_that_is_no_dashboard_is_unreadable() -> None:
    async def run(reply: Reply) -> Resource | None:
        async with scripted(reply) as (_, client):
            return await DASHBOARD.fetch(client, "web")

    with pytest.raises(BadAnswer):
        asyncio.run(run(Reply(200, b"<html>")))
    for reply in (Reply(200, b"a: ["), json_reply([])):
        found = asyncio.run(run(reply))
        assert found is not None
        assert found.unreadable


def test_a_widget_that_is_no_mapping_is_shown_as_it_is() -> None:
    assert kind_of("dashboard").item(("positions", 0), "none").sentence == '"none"'
