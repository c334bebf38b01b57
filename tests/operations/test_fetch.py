"""What the server has: by list operations where it has them, by name where it has not."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from dlsync.client import Client, ReadClient
from dlsync.errors import BadAnswer, ServerFault
from dlsync.files import yaml
from dlsync.operations.fetch import Fetcher, fetch_by_name
from tests.builders.http import Reply, by_request, json_reply, scripted
from tests.builders.reporters import Recorder
from tests.builders.taps import tapped
from tests.builders.trees import FLAVOURS, account, address, dashboard, resource, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlsync.client.response import Response
    from dlsync.files.settings import Settings
    from dlsync.model import Address, Json
    from dlsync.operations.fetch import Live
    from tests.builders.taps import Asked, Onward
    from tests.builders.trees import Account

RESOURCES = (
    resource("dashboard/a", dashboard()),
    resource("dashboard/b", dashboard()),
    resource("plugin/a", "1"),
    resource("plugin/b", "2"),
    resource("rule/a", rule()),
    resource("rule/b", rule()),
)
KINDS = ("dashboard", "plugin", "rule")
ALL = [str(one.address) for one in RESOURCES]


@pytest.fixture(params=FLAVOURS)
def flavour(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def live(flavour: str) -> Iterator[Account]:
    with account(**FLAVOURS[flavour]) as live:
        live.has(*RESOURCES)
        yield live


def addresses(*texts: str) -> set[Address]:
    return set(map(address, texts))


def names(found: Live) -> list[str]:
    return [str(one) for one in found.resources]


def test_what_is_wanted_and_there_is_found_in_order(live: Account) -> None:
    wanted = addresses("rule/b", "rule/none", "plugin/a", "plugin/none", "dashboard/b", "dashboard/none")
    assert names(live.run(lambda client: Fetcher(client).fetch(wanted))) == ["dashboard/b", "plugin/a", "rule/b"]


def test_kinds_that_nothing_is_wanted_of_are_not_asked_for(live: Account, flavour: str) -> None:
    live.run(lambda client: Fetcher(client).fetch(set()))
    assert live.requests() == []
    live.run(lambda client: Fetcher(client).fetch(addresses("plugin/a")))
    # the documented list may be of links, but the plugin is fetched all the same
    assert live.requests() == ["GET plugins", "GET plugins/a"]


LISTED = ["GET dashboards", "GET plugins", "GET plugins/a", "GET plugins/b", "GET rules", "GET rules/a", "GET rules/b"]
UNLISTED = sorted([*LISTED, "GET /api/v1/orgs/acme/accounts", "GET dashboards/a", "GET dashboards/b"])


def test_each_resource_is_asked_for_once_and_not_at_all_where_the_list_holds_it(live: Account, flavour: str) -> None:
    live.run(lambda client: Fetcher(client).fetch(addresses(*ALL)))
    assert live.requests() == (UNLISTED if flavour == "documented_only" else LISTED)


def test_what_a_list_does_not_name_is_asked_for_but_where_it_names_nothing() -> None:
    with account() as live:
        live.has(*RESOURCES)
        live.lacks("rule/a", "rule/b")
        wanted = addresses("rule/none", "plugin/none", "dashboard/none", "link/none")
        live.run(lambda client: Fetcher(client).fetch(wanted))
        lists = ["GET dashboards", "GET links", "GET plugins", "GET rules"]
        asked = ["GET /api/v1/orgs/acme/accounts", "GET dashboards/none", "GET plugins/none"]
        assert live.requests() == sorted([*lists, *asked])


def test_everything_is_what_the_server_can_list_and_what_it_cannot_is_said(live: Account, flavour: str) -> None:
    found = live.run(lambda client: Fetcher(client).fetch(addresses("rule/b"), everything=KINDS))
    if flavour == "documented_only":
        assert names(found) == ["plugin/a", "plugin/b", "rule/b"]
        assert found.unlisted == ("plugin", "dashboard", "rule")
    else:
        assert names(found) == sorted(ALL)
        assert found.unlisted == ()


def test_an_empty_account_is_no_reason_for_a_warning() -> None:
    with account() as live:
        assert live.run(lambda client: Fetcher(client).fetch(set(), everything=KINDS)).unlisted == ()


def test_everything_of_one_kind_asks_for_no_other() -> None:
    with account() as live:
        live.has(*RESOURCES)
        found = live.run(lambda client: Fetcher(client).fetch(set(), everything=["dashboard"]))
        assert names(found) == ["dashboard/a", "dashboard/b"]
        assert live.requests() == ["GET dashboards"]


def test_everything_is_narrowed_to_what_is_admitted_and_the_rest_is_not_asked_for() -> None:
    with account() as live:
        live.has(*RESOURCES)
        found = live.run(
            lambda client: Fetcher(client).fetch(set(), everything=KINDS, admits=lambda one: one == address("rule/a"))
        )
        assert names(found) == ["rule/a"]
        assert live.requests() == ["GET dashboards", "GET plugins", "GET rules", "GET rules/a"]


def test_every_resource_that_was_looked_at_counts_as_progress(live: Account) -> None:
    recorder = Recorder()
    live.run(lambda client: Fetcher(client, reporter=recorder).fetch(addresses(*ALL)))
    assert recorder.steps == len(ALL)


@pytest.mark.parametrize(
    ("replies", "error"),
    [
        pytest.param({"GET rules": Reply(500)}, ServerFault, id="a list that fails"),
        pytest.param({"GET rules": json_reply([{"name": "a"}])}, ServerFault, id="one resource that fails"),
        pytest.param({"GET rules": json_reply({"rules": []})}, BadAnswer, id="a list of another shape"),
    ],
)
def test_whatever_fails_for_good_ends_it_and_nothing_partial_is_returned(
    replies: dict[str, Reply], error: type[Exception]
) -> None:
    fine = {"GET dashboards": json_reply([]), "GET plugins": json_reply([])}

    async def run() -> None:
        async with scripted(by_request({**fine, **replies}, Reply(500))) as (_, client):
            await Fetcher(client).fetch(addresses("rule/a", "dashboard/a"))

    with pytest.raises(error):
        asyncio.run(run())


# by name


def test_what_is_fetched_by_name_is_asked_for_whatever_a_list_says_and_is_whole(live: Account, flavour: str) -> None:
    found = live.run(lambda client: fetch_by_name(client, addresses(*ALL, "rule/none", "plugin/none")))
    assert {str(one) for one in found} == {*ALL}
    assert all(one.body for one in found.values())
    asked = {f"GET {kind}s/{name}" for kind in KINDS for name in ("a", "b")} | {"GET plugins/none", "GET rules/none"}
    assert asked <= {*live.requests()}


def test_links_are_fetched_at_once_and_nothing_is_fetched_of_nothing() -> None:
    with account() as live:
        live.has(*RESOURCES, *(resource(f"link/{name}", {"tags": ["web"]}) for name in "ab"))
        wanted = addresses("link/a", "link/b", "link/none")
        assert {*live.run(lambda client: fetch_by_name(client, wanted))} == addresses("link/a", "link/b")
        assert live.requests() == ["GET links"]
        assert live.run(lambda client: fetch_by_name(client, [])) == {}
        assert live.requests() == []


def test_one_that_cannot_be_fetched_by_name_ends_it() -> None:
    async def run() -> None:
        replies = {"GET rules/a": Reply(200, b"title: A")}
        async with scripted(by_request(replies, Reply(500))) as (_, client):
            await fetch_by_name(client, addresses("rule/a", "rule/b"))

    with pytest.raises(ServerFault):
        asyncio.run(run())


@pytest.mark.parametrize(("title", "parsed"), [("Web", 0), ("Other", 1)])
def test_what_a_server_sends_as_it_is_in_the_file_is_not_parsed(
    title: str, parsed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[object] = []
    parse = yaml.parse

    def counting(content: bytes, file: str = "") -> Json:
        calls.append(content)
        return parse(content, file)

    desired = resource("rule/a", "title: Web\n")

    async def run(client: Client) -> Live:
        return await Fetcher(client, {desired.address: desired}).fetch({desired.address})

    with account() as live:
        live.has(resource("rule/a", f"title: {title}\n"))
        monkeypatch.setattr("dlsync.files.yaml.parse", counting)
        found = live.run(run).resources[address("rule/a")]
        assert len(calls) == parsed
        assert (found.body, found.document) == (f"title: {title}\n".encode(), {"title": title})


def test_no_more_is_asked_at_once_than_there_are_connections() -> None:
    under_way, most = 0, 0

    async def tap(asked: Asked, onward: Onward) -> Response:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        try:
            return await onward()
        finally:
            under_way -= 1

    async def run(to: Settings) -> None:
        client = ReadClient(url=to.url, org=to.org, account=to.account, key=to.key, concurrency=3)
        async with tapped(client, tap):
            await Fetcher(client).fetch({address(f"rule/{number}") for number in range(40)})

    with account() as live:
        live.has(*(resource(f"rule/{number}", rule()) for number in range(40)))
        asyncio.run(run(live.settings))
    assert 1 < most <= 3
