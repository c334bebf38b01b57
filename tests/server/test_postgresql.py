"""Behaviour of the server that only PostgreSQL has; the API's tests run on both engines."""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import count
from typing import TYPE_CHECKING

import psycopg
import pytest

from dlsync.errors import DlsyncError, SettingsError
from dlsync.server import postgresql as postgresql_module
from dlsync.server.database import DatabaseError, ErrorCode
from dlsync.server.engines import database_of
from dlsync.server.operation import Limits
from dlsync.server.postgresql import CONNECTIONS, MIGRATIONS, Postgresql, _translated
from dlsync.server.refusals import error_response
from dlsync.server.run import running
from tests.builders.commands import not_installed
from tests.builders.databases import create, rows_of, transact
from tests.builders.postgresql import cluster
from tests.builders.served import account_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from dlsync.server.store import Store
    from tests.builders.postgresql import Cluster

PLUGIN = {"extension": "sh", "content": ""}


@pytest.fixture
def url(postgresql: Cluster, request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a database that this test alone uses."""
    name = f"t{abs(hash(request.node.nodeid))}"
    yield postgresql.create(name)
    postgresql.execute(f"DROP DATABASE {name} WITH (FORCE)")


def database_name(url: str) -> str:
    return url.split("?", maxsplit=1)[0].rpartition("/")[2]


def refusal(url: str) -> SettingsError:
    """The error of a server that refuses to start with a database."""
    with pytest.raises(SettingsError) as refused, running(db=url):
        pass  # pragma: no cover -- it does not start
    return refused.value


def test_several_servers_on_one_database_behave_like_a_single_server(url: str) -> None:
    with ExitStack() as stack:
        servers = [stack.enter_context(running(db=url)) for _ in range(3)]
        clients = [stack.enter_context(account_of(server)) for server in servers]
        clients[0].put("dashboards/a", content="title: A\n")
        assert {client.get("dashboards/a").headers["etag"] for client in clients} == {
            clients[0].get("dashboards/a").headers["etag"]
        }
        for number in range(10):
            plugin = {**PLUGIN, "name": f"p{number}"}
            with ThreadPoolExecutor(3) as threads:
                answers = list(threads.map(lambda client, plugin=plugin: client.post("plugins", json=plugin), clients))
            assert sorted(answer.status_code for answer in answers) == [200, 422, 422]
        assert len(clients[1].get("plugins").json()) == 10


def test_servers_that_start_at_once_create_the_tables_and_the_account_once(url: str) -> None:
    def start() -> list[object]:
        with running(db=url) as server, account_of(server) as client:
            accounts: list[object] = client.get(f"{server.url}/orgs/acme/accounts").json()
            return accounts

    with ThreadPoolExecutor(4) as threads:
        seen = [future.result() for future in [threads.submit(start) for _ in range(4)]]
    assert seen == [seen[0]] * 4
    assert len(rows_of(Postgresql(url), "migrations")) == len(MIGRATIONS)


def test_concurrent_writes_to_the_same_agent_all_succeed(url: str) -> None:
    with running(db=url) as server, account_of(server) as client:
        client.post("agents/8ccf/ping", json={})

        def write(number: int) -> int:
            client.put(f"dashboards/d{number}", content="title: A\n").raise_for_status()
            return client.put("agents/8ccf/tags", json={"names": [f"t{number}"]}).status_code

        with ThreadPoolExecutor(8) as threads:
            assert set(threads.map(write, range(40))) == {200}
        assert len(client.get("dashboards").json()) == 40


def test_requests_are_503_while_the_database_is_down_and_succeed_afterwards(caplog: pytest.LogCaptureFixture) -> None:
    with cluster() as own:
        limits = Limits(lock_seconds=0.1)
        with running(db=own.create("shop"), limits=limits) as server, account_of(server) as client:
            client.put("dashboards/a", content="title: A\n").raise_for_status()
            own.stop()
            for method, path in (("GET", "dashboards/a"), ("PUT", "dashboards/b")):
                gone = client.request(method, path, content="title: B\n", timeout=30)
                assert (gone.status_code, gone.headers["retry-after"]) == (503, "1")
                assert gone.json()["error"].startswith("the server cannot reach its database; nothing was changed")
            own.start()
            assert client.get("dashboards/a", timeout=30).text == "title: A\n"
            assert client.put("dashboards/b", content="title: B\n").is_success
    assert "Traceback" not in caplog.text


def test_a_request_waits_for_a_restart_of_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    attempts, limits = count(1), Limits(lock_seconds=60)
    with cluster() as own, running(db=own.create("shop"), limits=limits) as server, account_of(server) as client:
        client.put("dashboards/a", content="title: A\n").raise_for_status()
        own.stop()
        transaction = Postgresql.transaction

        def restarting(self: Postgresql, *, write: bool) -> AbstractAsyncContextManager[Store]:
            if next(attempts) == 2:  # the first attempt has failed
                own.start()
            return transaction(self, write=write)

        monkeypatch.setattr(Postgresql, "transaction", restarting)
        assert client.get("dashboards/a", timeout=90).text == "title: A\n"


def test_an_error_names_a_missing_database_without_its_password(postgresql: Cluster) -> None:
    error = refusal(f"postgresql://dlsync:s3cret-pass@/shop?host={postgresql.folder}&password=s3cret-pass")
    assert "s3cret" not in f"{error} {error.hint}"
    assert str(error).startswith(f"postgresql://{postgresql.folder}/shop: cannot be used as the server's database: ")
    assert 'database "shop" does not exist' in str(error)
    assert error.hint == "Start it, create the database with createdb, or correct the URL of --db or DLSYNC_DB."


@pytest.mark.parametrize(
    "url", ["postgresql://u:s3cret@[::1/x", "postgresql://u:s3cret@h/x?nonsense=s3cret", "mysql://u:s3cret@h/x"]
)
def test_an_invalid_database_url_is_refused_without_showing_its_password(url: str) -> None:
    error = refusal(url)
    assert "postgresql://USER@HOST:PORT/DATABASE" in str(error)
    assert "s3cret" not in f"{error!r} {error.hint} {error.__cause__!r}"


def test_a_schema_of_another_program_is_refused_and_left_unchanged(url: str, postgresql: Cluster) -> None:
    name = database_name(url)
    postgresql.execute("CREATE SCHEMA dlsync CREATE TABLE orgs (note TEXT)", name)
    assert "another program made its schema dlsync" in str(refusal(url))
    assert postgresql.execute("SELECT relname FROM pg_class WHERE relnamespace = 'dlsync'::regnamespace", name) == [
        ("orgs",)
    ]


def test_an_empty_schema_beside_tables_of_other_programs_is_accepted(url: str, postgresql: Cluster) -> None:
    postgresql.execute("CREATE TABLE orgs (note TEXT)", database_name(url))
    postgresql.execute("CREATE SCHEMA dlsync", database_name(url))
    with running(db=url) as server, account_of(server) as client:
        assert client.get("dashboards").json() == []


def test_tables_of_a_later_version_are_refused(url: str, postgresql: Cluster) -> None:
    create(Postgresql(url))
    postgresql.execute("INSERT INTO dlsync.migrations (version) VALUES (99)", database_name(url))
    assert "version 99 was written by a later dlsync" in str(refusal(url))


def test_a_database_in_another_encoding_is_refused(postgresql: Cluster) -> None:
    postgresql.execute("CREATE DATABASE latin ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0")
    assert "its encoding is SQL_ASCII; create it with ENCODING 'UTF8'" in str(refusal(postgresql.url("latin")))


def test_a_database_that_cannot_be_written_is_refused(url: str, postgresql: Cluster) -> None:
    create(Postgresql(url))
    postgresql.execute(f"ALTER DATABASE {database_name(url)} SET default_transaction_read_only = on")
    error = refusal(url)
    assert "cannot execute INSERT in a read-only transaction" in str(error)
    assert error.hint.startswith("Let the server's user write")


def test_a_user_without_the_right_to_write_is_refused(url: str, postgresql: Cluster) -> None:
    create(Postgresql(url))
    name = database_name(url)
    postgresql.execute("GRANT USAGE ON SCHEMA dlsync TO pg_read_all_data", name)
    postgresql.execute("CREATE ROLE reader LOGIN IN ROLE pg_read_all_data")
    error = refusal(url.replace("dlsync@", "reader@"))
    assert "permission denied for table orgs" in str(error)
    assert error.hint.endswith("where the server's user can write.")


def test_reads_succeed_while_the_database_is_read_only_and_writes_succeed_afterwards(
    url: str, postgresql: Cluster
) -> None:
    name = database_name(url)

    def set_read_only(value: str) -> None:
        postgresql.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = {value}")
        postgresql.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")

    with running(db=url) as server, account_of(server) as client:
        client.put("dashboards/a", content="title: A\n").raise_for_status()
        set_read_only("on")
        for _ in range(2):
            refused = client.put("dashboards/a", content="title: B\n")
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
            assert refused.json()["error"].startswith("the server may only read its database at present")
            assert client.get("dashboards/a").text == "title: A\n"
        postgresql.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = off")
        # the server drops each read-only session only after a write in it has failed
        assert 200 in [client.put("dashboards/a", content="title: B\n").status_code for _ in range(CONNECTIONS + 1)]


@contextmanager
def small_disk(cluster: Cluster) -> Iterator[Path]:
    """A folder for PostgreSQL that holds only a few megabytes."""
    folder = cluster.folder / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=10m", "tmpfs", folder], check=False).returncode:
        pytest.skip("only root can mount a file system")  # pragma: no cover -- depends on the machine
    try:
        shutil.chown(folder, "postgres", "postgres")
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can mount a file system")
def test_on_a_full_disk_nothing_is_lost_and_writes_go_on_once_there_is_room() -> None:
    with cluster() as own, small_disk(own) as folder:
        own.execute(f"CREATE TABLESPACE small LOCATION '{folder}'")
        own.execute("CREATE DATABASE shop TABLESPACE small")
        plugin = {**PLUGIN, "content": base64.b64encode(os.urandom(300_000)).decode()}
        with running(db=own.url("shop")) as server, account_of(server) as client:
            own.execute("CHECKPOINT", "shop")  # so a later flush of earlier writes needs no space
            stored: list[str] = []
            while (answer := client.post("plugins", json={**plugin, "name": f"p{len(stored)}"})).is_success:
                stored.append(f"p{len(stored)}")
            assert (answer.status_code, len(stored) > 0) == (507, True)
            assert answer.json()["error"].startswith("the disk that holds the server's database is full")
            assert [item["name"] for item in client.get("plugins").json()] == sorted(stored)
            assert client.get("plugins/p0").json()["content"] == plugin["content"]
            subprocess.run(["mount", "-o", "remount,size=30m", folder], check=True)
            assert client.post("plugins", json={**plugin, "name": "after"}).is_success
            assert len(client.get("plugins").json()) == len(stored) + 1
        own.execute("DROP DATABASE shop")
        own.execute("DROP TABLESPACE small")


def test_a_name_too_long_for_the_database_index_is_refused(url: str) -> None:
    name = "".join(chr(0x4E00 + number * 7 % 20_000) for number in range(2_500))
    with running(db=url) as server, account_of(server) as client:
        long = client.post("plugins", json={**PLUGIN, "name": name})
        assert (long.status_code, long.json()) == (
            422,
            {"error": "a name or id is longer than the server's database can find"},
        )
        assert client.get("plugins").json() == []


def test_text_with_special_characters_is_stored_unchanged(url: str) -> None:
    text = "\0\1\1\0\0\1\2\0\2 ä\U0001f600 \\ %s ? '"
    with running(db=url) as server, account_of(server) as client:
        client.post("plugins", json={**PLUGIN, "name": "a", "description": text, "more": text}).raise_for_status()
        (plugin,) = client.get("plugins").json()
        assert (plugin["description"], plugin["more"]) == (text, text)


def test_names_are_listed_in_the_same_order_as_with_sqlite(url: str) -> None:
    names = ["\0", "\1", "\1\1", "\2", "B", "_", "a", "a b", "ab", "ä", "\uffff", "\U0001f600"]
    listed = []
    for db in (None, url):
        with running(db=db) as server, account_of(server) as client:
            for name in reversed(names):
                client.post("plugins", json={**PLUGIN, "name": name}).raise_for_status()
            listed.append([plugin["name"] for plugin in client.get("plugins").json()])
    assert listed == [names, names]


def failure(sqlstate: str) -> psycopg.Error:
    return psycopg.errors.lookup(sqlstate)() if sqlstate else psycopg.OperationalError("server closed the connection")


@pytest.mark.parametrize(
    ("sqlstate", "status"),
    [
        ("40001", 503), ("40P01", 503), ("23505", 503), ("55P03", 503), ("57014", 503), ("57P01", 503), ("", 503),
        ("53100", 507), ("25006", 503), ("XX001", 500), ("54000", 422), ("42501", 500),
    ],
)  # fmt: skip
def test_each_database_error_has_its_http_status(sqlstate: str, status: int) -> None:
    with pytest.raises(DatabaseError) as translated, _translated():
        raise failure(sqlstate)
    assert error_response("key", translated.value).status_code == status


def test_a_database_error_caused_by_a_bug_is_not_translated() -> None:
    with pytest.raises(psycopg.errors.UndefinedTable), _translated():
        raise failure("42P01")


def test_a_connection_lost_during_commit_is_reported_as_unconfirmed(url: str, postgresql: Cluster) -> None:
    async def lose(store: Store) -> None:
        await store.insert("orgs", id="o", name="acme")
        postgresql.execute(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database_name(url)}'"
        )

    with pytest.raises(DatabaseError) as lost:
        transact(Postgresql(url), lose)
    assert lost.value.code is ErrorCode.UNCONFIRMED
    answer = error_response("key", lost.value)
    assert (answer.status_code, b"which may be stored or not" in bytes(answer.body)) == (502, True)


def test_a_commit_cancelled_by_a_stop_is_reported_as_unconfirmed(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def cancelled(_: object) -> None:
        raise asyncio.CancelledError

    async def write(store: Store) -> None:
        await store.insert("orgs", id="o", name="acme")
        monkeypatch.setattr(psycopg.AsyncConnection, "commit", cancelled)

    with pytest.raises(DatabaseError) as lost:
        transact(Postgresql(url), write)
    assert lost.value.code is ErrorCode.UNCONFIRMED


def test_a_write_that_waits_too_long_for_other_writes_is_an_error(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql_module, "TURN", 0.01)
    database = Postgresql(url)

    async def write_twice(_: Store) -> None:
        async with database.transaction(write=True):
            pass  # pragma: no cover -- the first transaction has not ended

    with pytest.raises(DatabaseError, match="other writes took") as waited:
        transact(database, write_twice)
    assert waited.value.code is ErrorCode.CONTENDED


def test_without_its_packages_the_postgresql_error_says_how_to_install_them(monkeypatch: pytest.MonkeyPatch) -> None:
    not_installed(monkeypatch, "dlsync.server.postgresql", "psycopg")
    with pytest.raises(DlsyncError, match="PostgreSQL needs the packages psycopg and psycopg-pool") as missing:
        database_of("postgresql://h/x")
    assert missing.value.hint == (
        "Run pip install 'SOURCE[server,postgresql]', where SOURCE is a checkout or a wheel of dlsync."
    )
