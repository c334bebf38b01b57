from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from dlsync.server import keys
from dlsync.server.admission import CACHED_FOR, USE_INTERVAL
from dlsync.server.app import OPERATIONS
from dlsync.server.database import DatabaseError, ErrorCode
from dlsync.server.engines import database_of, perform_in
from dlsync.server.keys import ROLES
from dlsync.server.store import Store
from dlsync.server.times import timestamp
from tests.builders.databases import BEFORE, client_of, create, new_key, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx2
    from starlette.testclient import TestClient

    from dlsync.server.operation import Operation
    from tests.builders.postgresql import Cluster
    from tests.server.conftest import Clock

SERVER = "http://test/api/v1"
ACCOUNTS = f"{SERVER}/orgs/acme/accounts"
NUMBER = count()
EXPECTED = "the API key of this server is expected: Authorization: Bearer <key>"
UNKNOWN = "this server does not know the API key"
REVOKED = "the API key was revoked"
EXPIRED = "the API key has expired"


@pytest.fixture
def db(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without content."""
    if engine == "postgresql":
        postgresql: Cluster = request.getfixturevalue("postgresql")
        made = postgresql.create(f"admission_{next(NUMBER)}")
    else:
        made = str(tmp_path / "server.db")
    create(database_of(made))
    return made


@pytest.fixture
def client(db: str, clock: Clock) -> Iterator[TestClient]:
    """A client with the bootstrap key of a server that uses the test's clock."""
    with client_of(database_of(db), now=lambda: clock.now) as client:
        yield client


def by(key: str) -> dict[str, Any]:
    return {"headers": {"Authorization": f"Bearer {key}"}}


def refusal(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


def revoke(db: str, name: str) -> None:
    asyncio.run(perform_in(db, lambda store: keys.revoke(store, name, BEFORE)))


def used(db: str) -> str:
    (row,) = rows_of(database_of(db), "api_keys")
    value: str = row["last_used"]
    return value


def needed(operation: Operation) -> str:
    if operation.handle.__module__.endswith(".accounts") and operation.method in {"POST", "DELETE"}:
        return "admin"
    return "read" if operation.method == "GET" else "write"


def test_each_operation_is_refused_for_keys_with_a_lower_role(client: TestClient, db: str) -> None:
    made = {role: new_key(db, role, role) for role in ROLES}
    for operation in sorted(OPERATIONS, key=lambda operation: operation.path, reverse=True):  # delete the account last
        path = re.sub(r"\{(name|id)\}", "nope", operation.path).format(org="acme", account="default")
        for role in ROLES:
            answer = client.request(operation.method, f"{SERVER}{path}", **by(made[role]))
            allowed = ROLES.index(role) >= ROLES.index(operation.role)
            assert (answer.status_code != 403) is allowed, (operation, role)
            if not allowed:
                reason = f"this needs a key with the role {needed(operation)}; the key {role!r} has the role {role}"
                assert answer.json() == {"error": reason}


def test_a_read_key_allows_head_requests(client: TestClient, db: str) -> None:
    assert client.head("dashboards", **by(new_key(db, "plan"))).status_code == 200


def test_a_key_works_as_soon_as_it_is_created_and_until_it_is_revoked(
    client: TestClient, db: str, clock: Clock
) -> None:
    old, new = new_key(db, "ci"), new_key(db, "ci-2")
    assert client.get("dashboards", **by(old)).status_code == client.get("dashboards", **by(new)).status_code == 200
    revoke(db, "ci")
    clock.now += CACHED_FOR
    assert refusal(client.get("dashboards", **by(old))) == (401, REVOKED)
    assert client.get("dashboards", **by(new)).status_code == 200
    assert client.get("dashboards").status_code == 200


def test_a_revoked_key_is_accepted_for_two_seconds_at_most_even_if_the_clock_goes_back(
    client: TestClient, db: str, clock: Clock
) -> None:
    key = new_key(db, "ci")
    client.get("dashboards", **by(key)).raise_for_status()
    revoke(db, "ci")
    clock.now += CACHED_FOR - timedelta(milliseconds=1)
    assert client.get("dashboards", **by(key)).status_code == 200
    clock.now -= timedelta(days=1)
    assert client.get("dashboards", **by(key)).status_code == 401


def test_a_key_is_refused_from_the_moment_it_expires(client: TestClient, db: str, clock: Clock) -> None:
    key = new_key(db, "ci", expires="2026-03-04T12:00:31")
    assert client.get("dashboards", **by(key)).status_code == 200
    clock.now += timedelta(seconds=1)
    answer = client.get("dashboards", **by(key))
    assert refusal(answer) == (401, EXPIRED)
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        ("", EXPECTED),
        ("Bearer ", EXPECTED),
        ("Basic {}", EXPECTED),
        ("{}", EXPECTED),
        ("Bearer dlsync_" + "0" * 40, UNKNOWN),
        ("Bearer {}0", UNKNOWN),
        ("Bearer x{}", UNKNOWN),
        ("Bearer " + "é" * 20, UNKNOWN),
    ],
)
def test_a_missing_malformed_or_unknown_key_is_refused(client: TestClient, db: str, sent: str, reason: str) -> None:
    header = sent.format(new_key(db, "ci")).encode()
    answer = client.get("dashboards", headers=[(b"Authorization", header)])
    assert refusal(answer) == (401, reason)


def test_several_keys_in_a_request_are_refused_whatever_their_order(client: TestClient, db: str) -> None:
    headers = [(b"Authorization", f"Bearer {key}".encode()) for key in (new_key(db, "ci"), "changeme", "nope")]
    for sent in (headers[:2], headers[1:], headers[:1] * 2):
        answer = client.get("dashboards", headers=sent)
        assert refusal(answer) == (400, "the request has several headers Authorization; send one")


def test_a_key_is_refused_for_other_accounts_whether_they_exist_or_not(client: TestClient, db: str) -> None:
    client.post(ACCOUNTS, json={"name": "shop-1"}).raise_for_status()
    key = new_key(db, "shop", "admin", "shop-*")
    for account in ("default", "nope"):
        answers = [client.get(f"{ACCOUNTS}/{account}{path}", **by(key)) for path in ("", "/dashboards", "/rules/a")]
        answers.append(client.delete(f"{ACCOUNTS}/{account}", **by(key)))
        expected = 403, f"the key 'shop' is not for the account {account!r}"
        assert [refusal(answer) for answer in answers] == [expected] * 4
    assert refusal(client.post(ACCOUNTS, json={"name": "other"}, **by(key)))[0] == 403
    assert client.post(ACCOUNTS, json={"name": "shop-2"}, **by(key)).status_code == 201
    assert [account["name"] for account in client.get(ACCOUNTS, **by(key)).json()] == ["shop-1", "shop-2"]
    assert [account["name"] for account in client.get(ACCOUNTS).json()] == ["default", "shop-1", "shop-2"]
    assert client.get(f"{ACCOUNTS}/sh%6Fp-1/dashboards", **by(key)).status_code == 200


def test_the_last_use_is_stored_once_an_hour(client: TestClient, db: str, clock: Clock) -> None:
    key, first = new_key(db, "ci"), clock.now
    assert used(db) == ""
    client.get("dashboards", **by(key))
    clock.now += USE_INTERVAL - timedelta(seconds=1)
    client.get("dashboards", **by(key))
    assert used(db) == timestamp(first)
    clock.now += timedelta(seconds=1)
    client.get("dashboards", **by(key))
    assert used(db) == timestamp(first + USE_INTERVAL)


def test_another_server_does_not_store_the_same_use_again(client: TestClient, db: str, clock: Clock) -> None:
    key, first = new_key(db, "ci"), clock.now
    client.get("dashboards", **by(key))
    clock.now += timedelta(minutes=59)
    with client_of(database_of(db), now=lambda: clock.now) as other:
        other.get("dashboards", **by(key)).raise_for_status()
    assert used(db) == timestamp(first)


def test_a_failure_to_store_the_last_use_is_ignored_and_not_retried_by_each_request(
    client: TestClient, db: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, tries = new_key(db, "ci"), list[str]()

    async def fail(_: object, table: str, __: object, name: str) -> None:
        tries.append(f"{table} {name}")
        raise DatabaseError(ErrorCode.FULL, "no space left")

    monkeypatch.setattr(Store, "update", fail)
    assert [client.get("dashboards", **by(key)).status_code for _ in range(3)] == [200] * 3
    assert (tries, used(db)) == (["api_keys ci"], "")


@pytest.mark.parametrize(
    ("error", "status"),
    [(DatabaseError(ErrorCode.DAMAGED, "x"), 500), (asyncio.CancelledError(), 503), (KeyError("x"), 500)],
)
def test_a_failed_key_lookup_is_a_server_error_and_not_401(
    client: TestClient, db: str, monkeypatch: pytest.MonkeyPatch, error: BaseException, status: int
) -> None:
    key = new_key(db, "ci")

    async def fail(_: object, **__: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(keys, "select", fail)
        assert client.get("dashboards", **by(key)).status_code == status
        assert client.get("dashboards").status_code == 200
    assert client.get("dashboards", **by(key)).status_code == 200
