from __future__ import annotations

import pytest

from dlsync.client.accounts import AccountEntry
from dlsync.errors import AccountNotFound, BadAnswer
from tests.builders import Reply, json_reply, scripted

pytestmark = pytest.mark.anyio


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


async def test_an_account_without_a_name_is_a_bad_answer() -> None:
    async with scripted(json_reply([{"id": "1"}])) as (_, client):
        with pytest.raises(BadAnswer, match="`name`"):
            await client.accounts.list()
