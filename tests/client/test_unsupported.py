from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from dlsync.errors import (
    AccountNotFound,
    AlreadyExists,
    ApiError,
    NotFound,
    Rejected,
    ServerFault,
    Unauthorised,
    Unsupported,
)
from tests.builders.http import Misbehaviour, Reply, Seen, by_request, in_order, json_reply, scripted

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.anyio
ACCOUNTS = "GET /api/v1/orgs/acme/accounts"
DASHBOARDS = "GET /api/v1/orgs/acme/accounts/default/dashboards"
OURS = json_reply([{"name": "other"}, {"name": "default"}])
MISSING = Reply(404)


@pytest.mark.parametrize("status", [404, 405])
async def test_a_list_that_the_server_has_not_is_asked_for_once_and_then_known(status: int) -> None:
    async with scripted(by_request({ACCOUNTS: OURS}, Reply(status))) as (server, client):
        for _ in range(3):
            with pytest.raises(Unsupported, match="`GET dashboards`"):
                await client.dashboards.list()
    assert server.asked == [DASHBOARDS, ACCOUNTS]


async def test_many_at_once_ask_for_the_list_and_for_the_accounts_once() -> None:
    async with scripted(by_request({ACCOUNTS: OURS}, MISSING)) as (server, client):
        calls = [*(client.dashboards.list() for _ in range(20)), *(client.rules.list() for _ in range(20))]
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {Unsupported}
    assert len(server.asked) == len(set(server.asked)) == 3


async def test_a_list_that_the_server_has_is_asked_for_each_time() -> None:
    async with scripted(json_reply([])) as (server, client):
        await asyncio.gather(*(client.dashboards.list() for _ in range(5)))
    assert server.asked == [DASHBOARDS] * 5


async def test_a_list_that_was_there_and_is_not_any_more_is_not_found() -> None:
    async with scripted(by_request({"GET dashboards": in_order(json_reply([]), MISSING), ACCOUNTS: OURS}, MISSING)) as (
        _,
        client,
    ):
        await client.dashboards.list()
        with pytest.raises(NotFound):
            await client.dashboards.list()


async def test_a_wrong_organisation_is_named_for_every_operation_and_asked_about_once() -> None:
    async with scripted(MISSING) as (server, client):
        calls = (client.dashboards.list, client.rules.list, client.plugins.list, client.accounts.list)
        for call in calls:
            with pytest.raises(AccountNotFound, match="organisation 'acme' does not exist") as caught:
                await call()
            assert "`org`" in caught.value.hint
    assert server.asked.count(ACCOUNTS) == 2  # once to find out, once because it was asked for


async def test_a_wrong_account_is_named_with_those_that_exist() -> None:
    others = json_reply([{"name": "prod"}, {"name": "a\u001b[2J"}])
    async with scripted(by_request({ACCOUNTS: others}, MISSING)) as (_, client):
        with pytest.raises(AccountNotFound) as caught:
            await client.dashboards.export("redis")
    assert caught.value.message == (
        "organisation 'acme' has no account 'default'; it has: a [2J, prod; "
        "`dlsync accounts create default` or `accounts:` in dlsync.yaml creates it"
    )


async def test_an_organisation_without_accounts_says_so() -> None:
    async with scripted(by_request({ACCOUNTS: json_reply([])}, MISSING)) as (_, client):
        with pytest.raises(AccountNotFound, match="it has: none"):
            await client.plugins.list()


async def test_an_account_that_was_missing_is_asked_for_again_once_accounts_were_created() -> None:
    accounts = in_order(json_reply([]), json_reply([{"name": "default"}]))
    replies: dict[str, Reply | Callable[[Seen], Reply]] = {
        ACCOUNTS: accounts,
        "POST /api/v1/orgs/acme/accounts": Reply(201),
    }
    async with scripted(by_request(replies, MISSING)) as (_, client):
        with pytest.raises(AccountNotFound):
            await client.dashboards.export("redis")
        await client.accounts.create("default")
        with pytest.raises(NotFound):
            await client.dashboards.export("redis")


@pytest.mark.parametrize("reply", [Reply(401), Reply(403), Reply(405), Reply(501), Reply(200, b"<html>")])
async def test_where_the_accounts_cannot_be_known_a_404_is_just_that(reply: Reply) -> None:
    async with scripted(by_request({ACCOUNTS: reply}, MISSING)) as (server, client):
        with pytest.raises(Unsupported):
            await client.rules.list()
        with pytest.raises(NotFound):
            await client.rules.export("a")
    assert server.asked.count(ACCOUNTS) == 1


@pytest.mark.parametrize(
    ("reply", "error"),
    [(Reply(401), Unauthorised), (Reply(400), Rejected), (Reply(501), ServerFault)],
)
async def test_any_other_failure_says_nothing_about_what_the_server_has(reply: Reply, error: type[ApiError]) -> None:
    async with scripted(by_request({"GET rules": in_order(reply, json_reply([]))}, MISSING)) as (_, client):
        with pytest.raises(error):
            await client.rules.list()
        assert await client.rules.list() == ()


async def test_who_is_cancelled_while_finding_out_leaves_it_to_the_next() -> None:
    asked = asyncio.Event()

    def hang_at_first(_: Seen) -> Reply:
        if asked.is_set():
            return OURS
        asked.set()
        return Reply(misbehaviour=Misbehaviour.HANG)

    async with scripted(by_request({ACCOUNTS: hang_at_first}, MISSING)) as (_, client):
        first = asyncio.ensure_future(client.dashboards.list())
        await asked.wait()
        first.cancel()
        with pytest.raises(Unsupported):
            await client.dashboards.list()
        assert first.cancelled()


async def test_a_delete_answered_404_means_what_the_export_says() -> None:
    replies = {ACCOUNTS: OURS, "GET dashboards/there": Reply(body=b"title: x\n")}
    async with scripted(by_request(replies, MISSING)) as (server, client):
        with pytest.raises(NotFound):
            await client.dashboards.delete("gone")
        with pytest.raises(Unsupported, match="`DELETE dashboards`"):
            await client.dashboards.delete("there")
        asked = len(server.asked)
        with pytest.raises(Unsupported):
            await client.dashboards.delete("there")
        assert len(server.asked) == asked


async def test_a_name_that_is_taken_proves_that_creating_is_there() -> None:
    async with scripted(by_request({"POST rules": in_order(Reply(409), MISSING), ACCOUNTS: OURS}, MISSING)) as (
        _,
        client,
    ):
        with pytest.raises(AlreadyExists):
            await client.rules.create("a")
        with pytest.raises(NotFound):
            await client.rules.create("a")
