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


async def test_the_list_reads_the_documented_fields_and_keeps_other_fields() -> None:
    async with scripted(json_reply([{"agent_keys": ["k"], "id": "568a", "name": "default"}])) as (server, client):
        assert await client.accounts.list() == (AccountEntry("default", ["k"], {"id": "568a"}),)
    assert server.asked == ["GET /api/v1/orgs/acme/accounts"]


async def test_the_keys_of_agents_are_not_in_the_repr() -> None:
    assert "k3y" not in repr(AccountEntry("default", ["k3y"]))


async def test_the_error_for_a_missing_organisation_names_the_organisation() -> None:
    async with scripted(Reply(404)) as (_, client):
        with pytest.raises(AccountNotFound, match="organisation 'acme'"):
            await client.accounts.list()


def at_api_v1(otherwise: Reply) -> Callable[[Seen], Reply]:
    """Return the replies of a server whose API is at /api/v1; all other paths get ``otherwise``."""

    def answer(seen: Seen) -> Reply:
        if not seen.target.startswith("/api/v1/orgs/acme/accounts"):
            return otherwise
        return json_reply([{"name": "default"}]) if seen.target == ACCOUNTS else Reply(404)

    return answer


PAGE = Reply(200, b"<!doctype html><title>Monitoring</title>", (("Content-Type", "text/html"),))
LOGIN = Reply(302, headers=(("Location", "/login?next=/"),))


@pytest.mark.parametrize("beside", [Reply(404), PAGE, LOGIN], ids=["nothing", "a web interface", "a login page"])
@pytest.mark.parametrize("path", ["", "/", "/ui", "/api/v1/orgs", "/api/v1/orgs/acme/", "/api/v1/api/v1"])
async def test_the_error_for_a_url_with_a_missing_or_extra_path_names_the_right_url(path: str, beside: Reply) -> None:
    async with (
        scripted_server(at_api_v1(beside)) as server,
        reader_of(server.url.removesuffix("/api/v1") + path) as client,
    ):
        with pytest.raises(SettingsError, match="`url` is not the base of the API") as caught:
            await client.accounts.list()
    assert caught.value.hint == f"Set `url` to {server.url}."


async def test_other_operations_report_a_wrong_url_too() -> None:
    async with (
        scripted_server(at_api_v1(Reply(404))) as server,
        reader_of(server.url.removesuffix("/api/v1")) as client,
    ):
        with pytest.raises(SettingsError, match="`url` is not the base of the API"):
            await client.rules.export("redis")


async def test_the_right_url_is_found_even_if_it_does_not_accept_the_key() -> None:
    def answer(seen: Seen) -> Reply:
        return Reply(401 if seen.target.startswith("/api/v1/orgs/acme/accounts") else 404)

    async with scripted_server(answer) as server, reader_of(server.url.removesuffix("/api/v1")) as client:
        with pytest.raises(SettingsError) as caught:
            await client.accounts.list()
    assert server.url in caught.value.hint


async def test_the_hint_names_org_and_url_if_the_server_has_no_api() -> None:
    async with scripted_server(Reply(404)) as server, reader_of(f"{server.url}/more") as client:
        with pytest.raises(AccountNotFound) as caught:
            await client.accounts.list()
    assert caught.value.hint == "Check `org`, and `url`, which usually ends in /api/v1."
    assert {seen.headers["authorization"] for seen in server.seen} == {f"Bearer {KEY}"}


async def test_a_web_page_at_every_path_is_a_bad_answer() -> None:
    async with scripted_server(PAGE) as server, reader_of(f"{server.url}/more") as client:
        with pytest.raises(BadAnswer, match="got a web page"):
            await client.accounts.list()


async def test_a_connection_error_in_the_search_for_the_right_url_keeps_the_first_error() -> None:
    def answer(seen: Seen) -> Reply:
        return Reply(404) if "/more/" in seen.target else Reply(misbehaviour=Misbehaviour.RESET)

    async with scripted_server(answer) as server, reader_of(f"{server.url}/more") as client:
        with pytest.raises(AccountNotFound):
            await client.accounts.list()


async def test_an_account_without_a_name_is_a_bad_answer() -> None:
    async with scripted(json_reply([{"id": "1"}])) as (_, client):
        with pytest.raises(BadAnswer, match="`name`"):
            await client.accounts.list()


async def test_no_error_message_shows_the_keys_of_agents() -> None:
    for body in (b'[{"agent_keys": ["k3y"]', b'[{"agent_keys": ["k3y"]}]', b'{"agent_keys": ["k3y"]}'):
        async with scripted(Reply(body=body)) as (_, client):
            with pytest.raises(BadAnswer) as caught:
                await client.accounts.list()
        assert "k3y" not in str(caught.value)


async def test_create_and_delete_send_requests_to_the_organisation() -> None:
    async with scripted(Reply(201)) as (server, client):
        await client.accounts.create("stag/ing")
        await client.accounts.delete("stag/ing")
    assert server.asked == [f"POST {ACCOUNTS}", f"DELETE {ACCOUNTS}/stag%2Fing"]
    assert json.loads(server.seen[0].body) == {"name": "stag/ing"}


async def test_a_refused_create_is_already_exists_if_the_account_exists() -> None:
    there = {f"GET {ACCOUNTS}": json_reply([{"name": "staging"}])}
    for refused in (Reply(422), Reply(409)):
        async with scripted(by_request({**there, f"POST {ACCOUNTS}": refused}, Reply(404))) as (_, client):
            with pytest.raises(AlreadyExists):
                await client.accounts.create("staging")


async def test_a_name_that_the_server_refuses_is_rejected_and_not_reported_as_existing() -> None:
    replies = {f"GET {ACCOUNTS}": json_reply([]), f"POST {ACCOUNTS}": json_reply({"error": "too long"}, 422)}
    async with scripted(by_request(replies, Reply(404))) as (_, client):
        with pytest.raises(Rejected, match="422: too long"):
            await client.accounts.create("staging")


async def test_a_missing_account_and_a_missing_organisation_have_different_errors() -> None:
    async with scripted(by_request({f"GET {ACCOUNTS}": json_reply([])}, Reply(404))) as (_, client):
        for call in (client.accounts.delete, client.accounts.create):
            with pytest.raises(NotFound):
                await call("staging")
    async with scripted(Reply(404)) as (_, client):
        for call in (client.accounts.delete, client.accounts.create):
            with pytest.raises(AccountNotFound, match="organisation 'acme'"):
                await call("staging")


async def test_organisations_sends_the_key_and_returns_the_organisations_of_the_response() -> None:
    async with scripted(json_reply([{"name": "acme", "id": "091f"}])) as (server, client):
        assert await client.accounts.organisations() == (Organisation("acme", {"id": "091f"}),)
    assert server.asked == ["GET /api/v1/orgs"]
    assert server.seen[0].headers["authorization"] == f"Bearer {KEY}"


async def test_a_server_with_only_documented_operations_does_not_support_organisations() -> None:
    async with scripted(by_request({f"GET {ACCOUNTS}": json_reply([{"name": "default"}])}, Reply(404))) as (_, client):
        with pytest.raises(Unsupported, match="`GET orgs`"):
            await client.accounts.organisations()
