"""Databases of the server, and clients of its application without a socket."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx2
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from dlsync.server import keys
from dlsync.server.app import App
from dlsync.server.engines import perform_in
from dlsync.server.operation import Settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

    from dlsync.server.database import Database
    from dlsync.server.keys import Role
    from dlsync.server.store import Row, Store


@contextmanager
def client_of(database: Database, **settings: Any) -> Iterator[TestClient]:
    """Run the application in this block, and yield a client whose paths begin at the account."""
    app = App(database, Settings(**settings))
    opened = Starlette(routes=[Mount("/", app)], lifespan=lambda _: app.opened())
    base = "http://test/api/v1/orgs/acme/accounts/default/"
    with TestClient(opened, base, headers={"Authorization": "Bearer changeme"}) as client:
        yield client


def transact(database: Database, perform: Callable[[Store], Awaitable[Any]]) -> Any:
    """Open a database, call a function in a transaction, and close it."""

    async def run() -> Any:
        await database.open()
        try:
            async with database.transaction(write=True) as store:
                return await perform(store)
        finally:
            await database.close()

    return asyncio.run(run())


def rows_of(database: Database, table: str, *arguments: str) -> list[Row]:
    """Return the rows of a table."""
    rows: list[Row] = transact(database, lambda store: store.rows(table, *arguments))
    return rows


def create(database: Database) -> None:
    """Create or migrate a database."""

    async def nothing(_: Store) -> None:
        pass

    transact(database, nothing)


BEFORE = datetime(2026, 1, 1, tzinfo=UTC)


def new_key(db: Path | str, name: str, role: Role = "read", accounts: str = "*", expires: str = "") -> str:
    """Create a key at the beginning of 2026, also while a server uses the database; return its secret."""
    key = keys.key_of(name, role, accounts, expires, BEFORE)
    return asyncio.run(perform_in(str(db), lambda store: keys.create(store, key)))


def lost(then: Any, now: Any, at: str = "") -> list[str]:
    """Return where responses differ from those of an earlier version; later ones may have more fields and paths."""
    if isinstance(then, dict) and isinstance(now, dict):
        return [place for key, value in then.items() for place in lost(value, now.get(key), f"{at} {key}")]
    if isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        pairs = zip(then, now, strict=True)
        return [place for number, (one, other) in enumerate(pairs) for place in lost(one, other, f"{at} {number}")]
    return [] if then == now else [at]


def answers_of(url: str) -> dict[str, Any]:
    """Return all responses for the organisation acme, by path; documents as text and as JSON."""
    headers = {"Authorization": "Bearer changeme"}
    with httpx2.Client(base_url=f"{url}/orgs/acme/accounts", headers=headers) as client:

        def read(path: str, **headers: str) -> Any:
            answer = client.get(path, headers=headers).raise_for_status()
            found = answer.text if headers.get("Accept") == "application/yaml" else answer.json()
            answers[" ".join([path, *headers.values()])] = found
            return found

        answers: dict[str, Any] = {}
        for account in (item["name"] for item in read("")):
            for kind in ("dashboards", "rules"):
                for item in read(f"{account}/{kind}"):
                    for accept in ("application/yaml", "application/json"):
                        read(f"{account}/{kind}/{item['name']}", Accept=accept)
            for kind, name in (("plugins", "name"), ("links", "id"), ("agents", "id")):
                for item in read(f"{account}/{kind}"):
                    read(f"{account}/{kind}/{item[name]}")
            for stream in read(f"{account}/annotations"):
                read(f"{account}/annotations/{stream}")
            read(f"{account}/tags")
    return answers
