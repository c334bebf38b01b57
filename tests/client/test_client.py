from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from dlsync.client import Client, ReadClient
from dlsync.client.family import Family
from dlsync.errors import (
    AccountNotFound,
    AlreadyExists,
    ApiError,
    DlsyncError,
    NotFound,
    Unauthorised,
    Unsupported,
)
from dlsync.server.run import running
from tests.builders.http import KEY, Reply, json_reply, reader_of, scripted, scripted_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlsync.server.run import RunningServer

pytestmark = pytest.mark.anyio
NAMES = ["redis", "...", "a/b ?#%2F", "übér 🚀"]
RULE = b"# ours\ntitle: cpu\ncriteria: []\nactions: []\n"


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with running() as started:
        yield started


@pytest.fixture(scope="module")
def documented_server() -> Iterator[RunningServer]:
    with running(documented_only=True) as started:
        yield started


def client_of(server: RunningServer, *, org: str = "acme", account: str = "default", key: str = "changeme") -> Client:
    return Client(url=server.url, org=org, account=account, key=key)


@pytest.mark.parametrize("name", NAMES)
async def test_a_dashboard_of_any_name_can_be_put_exported_listed_and_deleted(server: RunningServer, name: str) -> None:
    async with client_of(server) as client:
        await client.dashboards.put(name, b"title: Redis\npositions: []\n")
        assert b"Redis" in await client.dashboards.export(name)
        assert name in {one.name for one in await client.dashboards.list()}
        await client.dashboards.delete(name)
        with pytest.raises(NotFound):
            await client.dashboards.export(name)


@pytest.mark.parametrize("name", NAMES)
async def test_a_rule_of_any_name_can_be_put_exported_listed_and_deleted(server: RunningServer, name: str) -> None:
    async with client_of(server) as client:
        await client.rules.put(name, RULE)
        assert b"cpu" in await client.rules.export(name)
        assert name in {one.name for one in await client.rules.list()}
        with pytest.raises(AlreadyExists):
            await client.rules.create(name)
        await client.rules.delete(name)
        with pytest.raises(NotFound):
            await client.rules.delete(name)


@pytest.mark.parametrize("name", NAMES)
async def test_a_plugin_of_any_name_can_be_created_updated_read_listed_and_deleted(
    server: RunningServer, name: str
) -> None:
    content = bytes(range(256))
    async with client_of(server) as client:
        await client.plugins.create(name, "sh", b"exit 0\n", interval=60)
        with pytest.raises(AlreadyExists):
            await client.plugins.create(name, "sh", b"exit 1\n")
        await client.plugins.update(name, content, interval=90)
        plugin = await client.plugins.get(name)
        assert (plugin.name, plugin.extension, plugin.content, plugin.extra["interval"]) == (name, "sh", content, 90)
        assert name in {one.name for one in await client.plugins.list()}
        await client.plugins.delete(name)
        with pytest.raises(NotFound):
            await client.plugins.get(name)


async def test_put_creates_a_rule_first_if_the_server_requires_it() -> None:
    with running(post_before_put=True) as server:
        async with client_of(server) as client:
            await client.rules.put("cpu", RULE)
            assert b"cpu" in await client.rules.export("cpu")


async def test_a_server_with_only_documented_operations_supports_neither_list_nor_delete(
    documented_server: RunningServer,
) -> None:
    async with client_of(documented_server) as client:
        await client.dashboards.put("redis", b"title: Redis\n")
        await client.rules.put("cpu", RULE)
        for call in (client.dashboards.list, client.rules.list):
            with pytest.raises(Unsupported):
                await call()
        for delete, name in ((client.dashboards.delete, "redis"), (client.rules.delete, "cpu")):
            with pytest.raises(Unsupported):
                await delete(name)
        assert b"Redis" in await client.dashboards.export("redis")


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({"org": "nobody"}, AccountNotFound, "organisation 'nobody' does not exist"),
        ({"account": "nowhere"}, AccountNotFound, "no account 'nowhere'; it has: default"),
        ({"key": "wrong-key"}, Unauthorised, "does not accept the API key"),
    ],
)
async def test_a_wrong_organisation_account_or_key_has_its_own_error(
    server: RunningServer, wrong: dict[str, str], error: type[ApiError], message: str
) -> None:
    async with client_of(server, **wrong) as client:
        for call in (client.dashboards.list, client.rules.list, client.plugins.list):
            with pytest.raises(error, match=message):
                await call()


async def test_a_reading_client_sends_only_get_requests_whatever_method_is_called() -> None:
    writes = set()
    async with scripted_server(json_reply([])) as server, reader_of(server.url) as reader:
        for family in [value for value in vars(reader).values() if isinstance(value, Family)]:
            for name in [name for name in dir(family) if not name.startswith("__") and callable(getattr(family, name))]:
                for arguments in ((), ("a",), ("a", "b"), ("a", "sh", b"x")):
                    for named in ({}, {"tag": "web"}, {"name": "x"}):
                        try:
                            await getattr(family, name)(*arguments, **named)
                        except TypeError:
                            continue
                        except DlsyncError as error:
                            if "reading connection" in str(error) and not name.startswith("_"):
                                writes.add(getattr(family, name))
    assert server.seen
    assert writes
    assert all("Write" in write.__annotations__.get("self", "") for write in writes), "mypy does not refuse it"
    assert {request.method for request in server.seen} == {"GET"}


async def test_both_clients_read_alike_and_count_their_requests() -> None:
    async with scripted(json_reply([])) as (server, client), reader_of(server.url) as reader:
        for each in (client, reader):
            assert (await each.dashboards.list(), await each.rules.list(), await each.plugins.list()) == ((), (), ())
    assert (client.requests, reader.requests) == (3, 3)
    assert len(server.seen) == 6


async def test_urgent_requests_go_first() -> None:
    async with scripted(json_reply([]), concurrency=1) as (server, client):
        other = asyncio.ensure_future(client.tags.list())
        with client.urgently():
            await client.rules.list()
            assert [request.target.rpartition("/")[2] for request in server.seen] == ["rules"]
        await other
    assert client.concurrency == 1


def test_no_repr_shows_the_key() -> None:
    for kind in (Client, ReadClient):
        client = kind(url="https://example.com", org="acme", account="default", key=KEY)
        shown = [repr(client), *map(repr, vars(client).values()), *map(repr, vars(client._connection).values())]
        assert repr(client).startswith(f"{kind.__name__}(")
        assert not [text for text in shown if KEY in text]


async def test_an_exception_inside_the_block_passes_through_and_the_connection_is_closed() -> None:
    async with scripted_server(Reply()) as server:
        client = reader_of(server.url)
        with pytest.raises(KeyError):
            async with client:
                raise KeyError
        with pytest.raises(DlsyncError, match="not open"):
            await client.dashboards.export("a")
