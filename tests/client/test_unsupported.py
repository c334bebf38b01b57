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
async def test_an_unsupported_list_is_requested_only_once(status: int) -> None:
    async with scripted(by_request({ACCOUNTS: OURS}, Reply(status))) as (server, client):
        for _ in range(3):
            with pytest.raises(Unsupported, match="`GET dashboards`"):
                await client.dashboards.list()
    assert server.asked == [DASHBOARDS, ACCOUNTS]


async def test_concurrent_calls_request_an_unsupported_list_and_the_accounts_once() -> None:
    async with scripted(by_request({ACCOUNTS: OURS}, MISSING)) as (server, client):
        calls = [*(client.dashboards.list() for _ in range(20)), *(client.rules.list() for _ in range(20))]
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {Unsupported}
    assert len(server.asked) == len(set(server.asked)) == 3


async def test_a_supported_list_is_requested_on_every_call() -> None:
    async with scripted(json_reply([])) as (server, client):
        await asyncio.gather(*(client.dashboards.list() for _ in range(5)))
    assert server.asked == [DASHBOARDS] * 5


async def test_a_404_to_a_list_that_worked_before_is_not_found() -> None:
    async with scripted(by_request({"GET dashboards": in_order(json_reply([]), MISSING), ACCOUNTS: OURS}, MISSING)) as (
        _,
        client,
    ):
        await client.dashboards.list()
        with pytest.raises(NotFound):
            await client.dashboards.list()


async def test_every_operation_names_a_wrong_organisation_after_one_shared_lookup() -> None:
    async with scripted(MISSING) as (server, client):
        calls = (client.dashboards.list, client.rules.list, client.plugins.list, client.accounts.list)
        for call in calls:
            with pytest.raises(AccountNotFound, match="organisation 'acme' does not exist") as caught:
                await call()
            assert "`org`" in caught.value.hint
    assert server.asked.count(ACCOUNTS) == 2  # the lookup, and the call of accounts.list


async def test_the_error_for_a_wrong_account_lists_the_existing_accounts() -> None:
    others = json_reply([{"name": "prod"}, {"name": "a\u001b[2J"}])
    async with scripted(by_request({ACCOUNTS: others}, MISSING)) as (_, client):
        with pytest.raises(AccountNotFound) as caught:
            await client.dashboards.export("redis")
    assert caught.value.message == (
        "organisation 'acme' has no account 'default'; it has: a [2J, prod; "
        "`dlsync accounts create default` or `accounts:` in dlsync.yaml creates it"
    )


async def test_the_error_for_an_organisation_without_accounts_says_none() -> None:
    async with scripted(by_request({ACCOUNTS: json_reply([])}, MISSING)) as (_, client):
        with pytest.raises(AccountNotFound, match="it has: none"):
            await client.plugins.list()


async def test_the_accounts_are_looked_up_again_after_the_creation_of_an_account() -> None:
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
async def test_a_404_is_not_an_account_error_if_the_accounts_cannot_be_listed(reply: Reply) -> None:
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
async def test_other_errors_do_not_mark_an_operation_as_unsupported(reply: Reply, error: type[ApiError]) -> None:
    async with scripted(by_request({"GET rules": in_order(reply, json_reply([]))}, MISSING)) as (_, client):
        with pytest.raises(error):
            await client.rules.list()
        assert await client.rules.list() == ()


async def test_the_next_call_repeats_a_cancelled_lookup_of_the_accounts() -> None:
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


async def test_a_404_to_delete_is_unsupported_if_the_export_works_and_not_found_otherwise() -> None:
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


async def test_a_409_to_create_proves_that_the_server_supports_create() -> None:
    async with scripted(by_request({"POST rules": in_order(Reply(409), MISSING), ACCOUNTS: OURS}, MISSING)) as (
        _,
        client,
    ):
        with pytest.raises(AlreadyExists):
            await client.rules.create("a")
        with pytest.raises(NotFound):
            await client.rules.create("a")
