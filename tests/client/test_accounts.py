from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from dlsync.client.accounts import AccountEntry, Organisation
from dlsync.errors import AccountNotFound, AlreadyExists, BadAnswer, NotFound, Rejected, SettingsError, Unsupported
from tests.builders.http import (
    KEY,
    Misbehaviour,
    Reply,
    by_request,
    json_reply,
    reader_of,
    scripted,
    scripted_server,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.builders.http import Seen

pytestmark = pytest.mark.anyio
ACCOUNTS = "/api/v1/orgs/acme/accounts"


async def test_accounts_are_listed_with_what_the_documentation_shows_and_all_else() -> None:
    async with scripted(json_reply([{"agent_keys": ["k"], "id": "568a", "name": "default"}])) as (server, client):
        assert await client.accounts.list() == (AccountEntry("default", ["k"], {"id": "568a"}),)
    assert server.asked == ["GET /api/v1/orgs/acme/accounts"]


async def test_the_keys_of_agents_are_not_in_the_repr() -> None:
    assert "k3y" not in repr(AccountEntry("default", ["k3y"]))


async def test_an_organisation_that_is_not_there_is_named() -> None:
    async with scripted(Reply(404)) as (_, client):
        with pytest.raises(AccountNotFound, match="organisation 'acme'"):
            await client.accounts.list()


def at_api_v1(otherwise: Reply) -> Callable[[Seen], Reply]:
    """A server whose API is at /api/v1, with something else beside it."""

    def answer(seen: Seen) -> Reply:
        if not seen.target.startswith("/api/v1/orgs/acme/accounts"):
            return otherwise
        return json_reply([{"name": "default"}]) if seen.target == ACCOUNTS else Reply(404)

    return answer


PAGE = Reply(200, b"<!doctype html><title>Monitoring</title>", (("Content-Type", "text/html"),))
LOGIN = Reply(302, headers=(("Location", "/login?next=/"),))


@pytest.mark.parametrize("beside", [Reply(404), PAGE, LOGIN], ids=["nothing", "a web interface", "a login page"])
@pytest.mark.parametrize("path", ["", "/", "/ui", "/api/v1/orgs", "/api/v1/orgs/acme/", "/api/v1/api/v1"])
async def test_a_url_with_a_path_too_little_or_too_much_is_an_error_that_says_what_to_write(
    path: str, beside: Reply
) -> None:
    async with (
        scripted_server(at_api_v1(beside)) as server,
        reader_of(server.url.removesuffix("/api/v1") + path) as client,
    ):
        with pytest.raises(SettingsError, match="`url` is not the base of the API") as caught:
            await client.accounts.list()
    assert caught.value.hint == f"Set `url` to {server.url}."


async def test_a_url_that_is_wrong_is_found_out_by_other_operations_too() -> None:
    async with (
        scripted_server(at_api_v1(Reply(404))) as server,
        reader_of(server.url.removesuffix("/api/v1")) as client,
    ):
        with pytest.raises(SettingsError, match="`url` is not the base of the API"):
            await client.rules.export("redis")


async def test_a_url_is_found_also_where_the_key_is_not_accepted_there() -> None:
    def answer(seen: Seen) -> Reply:
        return Reply(401 if seen.target.startswith("/api/v1/orgs/acme/accounts") else 404)

    async with scripted_server(answer) as server, reader_of(server.url.removesuffix("/api/v1")) as client:
        with pytest.raises(SettingsError) as caught:
            await client.accounts.list()
    assert server.url in caught.value.hint


async def test_where_the_api_is_nowhere_on_the_server_the_hint_names_org_and_url() -> None:
    async with scripted_server(Reply(404)) as server, reader_of(f"{server.url}/more") as client:
        with pytest.raises(AccountNotFound) as caught:
            await client.accounts.list()
    assert caught.value.hint == "Check `org`, and `url`, which usually ends in /api/v1."
    assert {seen.headers["authorization"] for seen in server.seen} == {f"Bearer {KEY}"}


async def test_a_web_page_everywhere_is_a_bad_answer() -> None:
    async with scripted_server(PAGE) as server, reader_of(f"{server.url}/more") as client:
        with pytest.raises(BadAnswer, match="got a web page"):
            await client.accounts.list()


async def test_a_server_that_breaks_while_the_url_is_looked_for_is_not_followed_further() -> None:
    def answer(seen: Seen) -> Reply:
        return Reply(404) if "/more/" in seen.target else Reply(misbehaviour=Misbehaviour.RESET)

    async with scripted_server(answer) as server, reader_of(f"{server.url}/more") as client:
        with pytest.raises(AccountNotFound):
            await client.accounts.list()


async def test_an_account_without_a_name_is_a_bad_answer() -> None:
    async with scripted(json_reply([{"id": "1"}])) as (_, client):
        with pytest.raises(BadAnswer, match="`name`"):
            await client.accounts.list()


async def test_no_message_holds_what_agents_register_with() -> None:
    for body in (b'[{"agent_keys": ["k3y"]', b'[{"agent_keys": ["k3y"]}]', b'{"agent_keys": ["k3y"]}'):
        async with scripted(Reply(body=body)) as (_, client):
            with pytest.raises(BadAnswer) as caught:
                await client.accounts.list()
        assert "k3y" not in str(caught.value)


async def test_create_and_delete_are_about_the_organisation() -> None:
    async with scripted(Reply(201)) as (server, client):
        await client.accounts.create("stag/ing")
        await client.accounts.delete("stag/ing")
    assert server.asked == [f"POST {ACCOUNTS}", f"DELETE {ACCOUNTS}/stag%2Fing"]
    assert json.loads(server.seen[0].body) == {"name": "stag/ing"}


async def test_create_says_where_the_name_is_taken() -> None:
    there = {f"GET {ACCOUNTS}": json_reply([{"name": "staging"}])}
    for refused in (Reply(422), Reply(409)):
        async with scripted(by_request({**there, f"POST {ACCOUNTS}": refused}, Reply(404))) as (_, client):
            with pytest.raises(AlreadyExists):
                await client.accounts.create("staging")


async def test_a_name_that_the_server_refuses_is_rejected_and_not_called_taken() -> None:
    replies = {f"GET {ACCOUNTS}": json_reply([]), f"POST {ACCOUNTS}": json_reply({"error": "too long"}, 422)}
    async with scripted(by_request(replies, Reply(404))) as (_, client):
        with pytest.raises(Rejected, match="422: too long"):
            await client.accounts.create("staging")


async def test_an_account_that_is_not_there_is_told_from_an_organisation_that_is_not() -> None:
    async with scripted(by_request({f"GET {ACCOUNTS}": json_reply([])}, Reply(404))) as (_, client):
        for call in (client.accounts.delete, client.accounts.create):
            with pytest.raises(NotFound):
                await call("staging")
    async with scripted(Reply(404)) as (_, client):
        for call in (client.accounts.delete, client.accounts.create):
            with pytest.raises(AccountNotFound, match="organisation 'acme'"):
                await call("staging")


async def test_organisations_are_those_that_the_key_may_see() -> None:
    async with scripted(json_reply([{"name": "acme", "id": "091f"}])) as (server, client):
        assert await client.accounts.organisations() == (Organisation("acme", {"id": "091f"}),)
    assert server.asked == ["GET /api/v1/orgs"]


async def test_a_server_of_the_documented_operations_alone_lists_no_organisations() -> None:
    async with scripted(by_request({f"GET {ACCOUNTS}": json_reply([{"name": "default"}])}, Reply(404))) as (_, client):
        with pytest.raises(Unsupported, match="`GET orgs`"):
            await client.accounts.organisations()
