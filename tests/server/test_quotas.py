"""Quotas on the resources and accounts that a server stores."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlsync.cli.serve import serve
from dlsync.server.documents import DOCUMENT_BYTES
from dlsync.server.operation import Limits
from dlsync.server.run import running
from dlsync.server.sqlite import Sqlite
from tests.builders.databases import client_of
from tests.builders.served import account_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.builders.postgresql import Cluster

Sent = tuple[str, str, dict[str, Any]]
PLUGIN = {"extension": "sh", "content": ""}
# for each kind: requests that create another resource, and a request that updates or reads an existing resource
CREATE: dict[str, Callable[[int], Sent]] = {
    "dashboards and rules": lambda n: ("PUT", f"{('rules', 'dashboards')[n % 2]}/d{n}", {"content": "title: A\n"}),
    "plugins": lambda n: ("POST", "plugins", {"json": {**PLUGIN, "name": f"p{n}"}}),
    "links": lambda n: ("POST", "links", {"json": {"plugin": "p0", "tags": ["web"]}}),
    "agents": lambda n: ("POST", f"agents/a{n}/ping", {}),
    "annotations": lambda n: ("POST", "annotations/deploys", {"json": {"name": "v1"}}),
    "annotation streams": lambda n: ("POST", f"annotations/s{n}", {"json": {"name": "v1"}}),
}
UPDATE: dict[str, Sent] = {
    "dashboards and rules": ("PUT", "rules/d0", {"content": "title: B\n"}),
    "plugins": ("PATCH", "plugins/p0", {"json": {"description": "B"}}),
    "links": ("GET", "links", {}),
    "agents": ("POST", "agents/a0/ping", {"json": {"hostname": "B"}}),
    "annotations": ("GET", "annotations/deploys", {}),
    "annotation streams": ("GET", "annotations/s0", {}),
}
DELETE = {
    "dashboards and rules": "dashboards/d1",
    "plugins": "plugins/p1",
    "agents": "agents/a1",
    "annotations": "annotations/deploys",
    "annotation streams": "annotations/s1",
}


@pytest.mark.parametrize("kind", CREATE)
def test_an_account_at_its_quota_refuses_creates_and_allows_updates_and_deletes(kind: str) -> None:
    with client_of(Sqlite(), limits=Limits(resources=2, accounts=1)) as client:
        client.post("plugins", json={**PLUGIN, "name": "p0"}).raise_for_status()
        for number in range(1 if kind == "plugins" else 0, 2):
            method, path, sent = CREATE[kind](number)
            client.request(method, path, **sent).raise_for_status()
        method, path, sent = CREATE[kind](2)
        for _ in range(2):
            refused = client.request(method, path, **sent)
            expected = f"the account has 2 {kind}, the most that this server allows; delete some, or raise"
            assert (refused.status_code, refused.json()["error"]) == (507, f"{expected} --max-resources")
        update, at, changed = UPDATE[kind]
        assert client.request(update, at, **changed).is_success
        gone = DELETE.get(kind) or f"links/{client.get('links').json()[0]['id']}"
        assert client.delete(gone).is_success
        assert client.request(method, path, **sent).is_success


def test_a_duplicate_is_refused_as_a_duplicate_and_not_for_the_quota() -> None:
    with client_of(Sqlite(), limits=Limits(resources=1, accounts=1)) as client:
        client.post("plugins", json={**PLUGIN, "name": "p"}).raise_for_status()
        assert client.post("plugins", json={**PLUGIN, "name": "p"}).status_code == 422
        assert client.post("../../accounts", json={"name": "default"}).status_code == 422


def test_an_organisation_at_its_quota_refuses_another_account() -> None:
    with client_of(Sqlite(), limits=Limits(accounts=2)) as client:
        assert client.post("../../accounts", json={"name": "a"}).is_success
        refused = client.post("../../accounts", json={"name": "b"})
        assert (refused.status_code, refused.json()["error"]) == (
            507,
            "the organisation has 2 accounts, the most that this server allows; delete some, or raise --max-accounts",
        )
        assert client.delete("../a").is_success
        assert client.post("../../accounts", json={"name": "b"}).is_success


def test_a_server_starts_with_more_resources_than_its_quotas_allow() -> None:
    with running(demo=True, limits=Limits(resources=1, accounts=1)) as server, account_of(server) as client:
        assert len(client.get("agents").json()) > 1
        assert client.put("dashboards/a", content="title: A\n").is_success
        assert client.put("dashboards/b", content="title: B\n").status_code == 507


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 39)), min_size=40, max_size=100))
@settings(max_examples=6, deadline=None)
def test_a_quota_is_exact_whatever_was_created_and_deleted_before(steps: list[tuple[bool, int]]) -> None:
    limit, live = 12, set()
    with client_of(Sqlite(), limits=Limits(resources=limit, accounts=2)) as client:
        for create, number in steps:
            path = f"dashboards/d{number}"
            if not create:
                client.delete(path)
                live.discard(number)
                continue
            expected = 200 if number in live or len(live) < limit else 507
            assert client.put(path, content="title: A\n").status_code == expected
            if expected == 200:
                live.add(number)
        assert {item["name"] for item in client.get("dashboards").json()} == {f"d{number}" for number in live}


def test_servers_on_one_database_share_a_quota(postgresql: Cluster) -> None:
    url, limits = postgresql.create("quotas"), Limits(resources=40)
    with (
        running(db=url, limits=limits) as server,
        running(db=url, limits=limits) as other,
        account_of(server) as one,
        account_of(other) as two,
    ):
        answers = [(one, two)[n % 2].put(f"dashboards/d{n}", content="title: A\n").status_code for n in range(50)]
        assert len(one.get("dashboards").json()) == 40
    assert answers == [200] * 40 + [507] * 10


def test_a_document_that_is_too_long_is_refused_with_413() -> None:
    with client_of(Sqlite()) as client:
        client.put("dashboards/a", content="title: A\n").raise_for_status()
        refused = client.put("dashboards/a", content=b"title: " + b"x" * DOCUMENT_BYTES)
        assert (refused.status_code, refused.json()["error"]) == (
            413,
            f"a document of {DOCUMENT_BYTES + 7} bytes, where {DOCUMENT_BYTES} is the most; split it",
        )
        assert client.get("dashboards/a").text == "title: A\n"


def test_the_serve_command_has_the_default_quotas_of_the_server() -> None:
    parameters = inspect.signature(serve).parameters
    defaults = Limits(resources=parameters["max_resources"].default, accounts=parameters["max_accounts"].default)
    assert defaults == Limits()
