"""Fetching live resources: by list operations if the server has them, else by name."""

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


def test_a_fetch_returns_the_wanted_resources_that_exist_in_order(live: Account) -> None:
    wanted = addresses("rule/b", "rule/none", "plugin/a", "plugin/none", "dashboard/b", "dashboard/none")
    assert names(live.run(lambda client: Fetcher(client).fetch(wanted))) == ["dashboard/b", "plugin/a", "rule/b"]


def test_a_fetch_requests_only_the_kinds_of_the_wanted_resources(live: Account, flavour: str) -> None:
    live.run(lambda client: Fetcher(client).fetch(set()))
    assert live.requests() == []
    live.run(lambda client: Fetcher(client).fetch(addresses("plugin/a")))
    # the plugin is fetched although the documented list of plugins may contain links
    assert live.requests() == ["GET plugins", "GET plugins/a"]


LISTED = ["GET dashboards", "GET plugins", "GET plugins/a", "GET plugins/b", "GET rules", "GET rules/a", "GET rules/b"]
UNLISTED = sorted([*LISTED, "GET /api/v1/orgs/acme/accounts", "GET dashboards/a", "GET dashboards/b"])


def test_a_fetch_requests_each_resource_once_unless_the_list_contains_it(live: Account, flavour: str) -> None:
    live.run(lambda client: Fetcher(client).fetch(addresses(*ALL)))
    assert live.requests() == (UNLISTED if flavour == "documented_only" else LISTED)


def test_a_resource_missing_from_a_list_is_requested_unless_that_list_is_empty() -> None:
    with account() as live:
        live.has(*RESOURCES)
        live.lacks("rule/a", "rule/b")
        wanted = addresses("rule/none", "plugin/none", "dashboard/none", "link/none")
        live.run(lambda client: Fetcher(client).fetch(wanted))
        lists = ["GET dashboards", "GET links", "GET plugins", "GET rules"]
        asked = ["GET /api/v1/orgs/acme/accounts", "GET dashboards/none", "GET plugins/none"]
        assert live.requests() == sorted([*lists, *asked])


def test_a_fetch_of_everything_returns_listed_resources_and_names_kinds_without_lists(
    live: Account, flavour: str
) -> None:
    found = live.run(lambda client: Fetcher(client).fetch(addresses("rule/b"), everything=KINDS))
    if flavour == "documented_only":
        assert names(found) == ["plugin/a", "plugin/b", "rule/b"]
        assert found.unlisted == ("plugin", "dashboard", "rule")
    else:
        assert names(found) == sorted(ALL)
        assert found.unlisted == ()


def test_a_fetch_of_everything_in_an_empty_account_names_no_kind_without_a_list() -> None:
    with account() as live:
        assert live.run(lambda client: Fetcher(client).fetch(set(), everything=KINDS)).unlisted == ()


def test_a_fetch_of_one_kind_requests_no_other_kind() -> None:
    with account() as live:
        live.has(*RESOURCES)
        found = live.run(lambda client: Fetcher(client).fetch(set(), everything=["dashboard"]))
        assert names(found) == ["dashboard/a", "dashboard/b"]
        assert live.requests() == ["GET dashboards"]


def test_a_fetch_with_a_filter_requests_only_the_resources_that_pass_it() -> None:
    with account() as live:
        live.has(*RESOURCES)
        found = live.run(
            lambda client: Fetcher(client).fetch(set(), everything=KINDS, admits=lambda one: one == address("rule/a"))
        )
        assert names(found) == ["rule/a"]
        assert live.requests() == ["GET dashboards", "GET plugins", "GET rules", "GET rules/a"]


def test_every_fetched_resource_counts_as_progress(live: Account) -> None:
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
def test_a_final_error_ends_the_fetch_without_a_partial_result(
    replies: dict[str, Reply], error: type[Exception]
) -> None:
    fine = {"GET dashboards": json_reply([]), "GET plugins": json_reply([])}

    async def run() -> None:
        async with scripted(by_request({**fine, **replies}, Reply(500))) as (_, client):
            await Fetcher(client).fetch(addresses("rule/a", "dashboard/a"))

    with pytest.raises(error):
        asyncio.run(run())


# by name


def test_a_fetch_by_name_requests_each_resource_and_returns_its_full_content(live: Account, flavour: str) -> None:
    found = live.run(lambda client: fetch_by_name(client, addresses(*ALL, "rule/none", "plugin/none")))
    assert {str(one) for one in found} == {*ALL}
    assert all(one.body for one in found.values())
    asked = {f"GET {kind}s/{name}" for kind in KINDS for name in ("a", "b")} | {"GET plugins/none", "GET rules/none"}
    assert asked <= {*live.requests()}


def test_a_fetch_by_name_gets_all_links_with_one_request_and_sends_none_without_names() -> None:
    with account() as live:
        live.has(*RESOURCES, *(resource(f"link/{name}", {"tags": ["web"]}) for name in "ab"))
        wanted = addresses("link/a", "link/b", "link/none")
        assert {*live.run(lambda client: fetch_by_name(client, wanted))} == addresses("link/a", "link/b")
        assert live.requests() == ["GET links"]
        assert live.run(lambda client: fetch_by_name(client, [])) == {}
        assert live.requests() == []


def test_an_error_for_one_resource_ends_a_fetch_by_name() -> None:
    async def run() -> None:
        replies = {"GET rules/a": Reply(200, b"title: A")}
        async with scripted(by_request(replies, Reply(500))) as (_, client):
            await fetch_by_name(client, addresses("rule/a", "rule/b"))

    with pytest.raises(ServerFault):
        asyncio.run(run())


@pytest.mark.parametrize(("title", "parsed"), [("Web", 0), ("Other", 1)])
def test_a_response_that_equals_the_file_is_not_parsed(
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


def test_a_fetch_sends_no_more_requests_at_once_than_its_concurrency_allows() -> None:
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
