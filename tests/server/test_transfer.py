"""``dlsync serve copy`` between engines, and ``backup`` of a file that a server uses."""

from __future__ import annotations

import asyncio
import random
import resource
import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dlsync.errors import DlsyncError, SettingsError
from dlsync.server import transfer
from dlsync.server.engines import database_of
from dlsync.server.run import running
from dlsync.server.sqlite import Sqlite
from dlsync.server.store import Store
from tests.builders.databases import answers_of, create, lost, new_key, rows_of
from tests.builders.served import account_of
from tests.server.test_store import FOREIGN, RELEASED, answered

if TYPE_CHECKING:
    from tests.builders.postgresql import Cluster


TEXT = "\0\1\1\2 ä\U0001f600 \\ ' %s ?"


def copy(source: Path | str, target: Path | str) -> list[transfer.CopiedTable]:
    return asyncio.run(transfer.copy(str(source), str(target)))


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """A migrated file of an earlier version, with a key, the demo and additional resources."""
    path = tmp_path / "filled.db"
    path.write_bytes(RELEASED[0].read_bytes())
    create(Sqlite(path))
    new_key(path, "ci", "write", "shop-*,book*", "2030-12-31")
    with running(db=path, demo=True, account="bookshop") as server, account_of(server, "bookshop") as client:
        client.put("dashboards/%00%01", content=b"title: \xf0\x9f\x98\x80 # mine\n").raise_for_status()
        for name in ("b", "a", "B"):
            plugin = {"name": name, "extension": "sh", "content": "AAH/", "description": TEXT, "more": {"a": TEXT}}
            client.post("plugins", json=plugin).raise_for_status()
            client.post("links", json={"plugin": name, "tags": ["web"]}).raise_for_status()
        for number in range(3):
            client.post("annotations/deploys", json={"name": f"v{number}"}).raise_for_status()
    return path


def test_a_file_that_a_server_uses_is_not_copied(filled: Path, new_db: str) -> None:
    with running(db=filled), pytest.raises(SettingsError) as caught:
        copy(filled, new_db)
    assert str(caught.value) == f"{filled}: a server or another program uses it; nothing was copied"
    assert caught.value.hint == "Stop it first: later changes would be only in the old database."
    assert copy(filled, new_db)


def test_a_symbolic_link_to_a_file_that_a_server_uses_is_not_copied(filled: Path, new_db: str) -> None:
    (link := filled.with_name("link.db")).symlink_to(filled)
    with running(db=filled), pytest.raises(SettingsError, match="a server or another program uses it"):
        copy(link, new_db)


def everything(db: Path | str) -> list[Any]:
    found: list[Any] = []
    with running(db=db, account="bookshop") as server:
        for account in ("default", "bookshop"):
            with account_of(server, account) as client:
                paths = ("dashboards", "rules", "plugins", "links", "agents", "annotations/deploys", "tags")
                answers = [client.get(path) for path in paths]
                found += [[answer.status_code, answer.headers.get("etag"), answer.json()] for answer in answers]
    return [*found, rows_of(database_of(db), "api_keys")]


def test_a_copy_to_another_database_and_back_keeps_all_content_ids_and_order(
    filled: Path, new_db: str, tmp_path: Path
) -> None:
    before, back = everything(filled), tmp_path / "back.db"
    there = copy(filled, new_db)
    rows = {table.name: table.rows for table in there}
    assert rows["links"] > 3
    assert rows["audit"] == 10
    assert everything(new_db) == before
    assert copy(new_db, back) == there
    assert everything(back) == before


@pytest.mark.parametrize("released", RELEASED, ids=lambda path: path.stem)
def test_the_file_of_each_released_version_is_copied_and_loses_nothing(
    tmp_path: Path, new_db: str, released: Path
) -> None:
    path = tmp_path / "server.db"
    path.write_bytes(released.read_bytes())
    copy(path, new_db)
    with running(db=new_db) as server:
        assert lost(answered(released), answers_of(server.url)) == []


def test_a_target_with_content_is_refused_and_left_unchanged(filled: Path, new_db: str) -> None:
    with running(db=new_db, account="mine"):
        pass
    with pytest.raises(SettingsError, match="has content already"):
        copy(filled, new_db)
    with running(db=new_db, account="mine") as server, account_of(server, "mine") as client:
        assert [account["name"] for account in client.get(f"{server.url}/orgs/acme/accounts").json()] == ["mine"]


def test_a_target_that_contains_only_keys_is_refused(filled: Path, new_db: str) -> None:
    create(database_of(new_db))
    new_key(new_db, "mine")
    with pytest.raises(SettingsError, match="has content already"):
        copy(filled, new_db)


def test_a_missing_source_is_refused_and_not_created(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="there is no such file"):
        copy(tmp_path / "missing.db", tmp_path / "target.db")
    assert list(tmp_path.iterdir()) == []


def test_a_copy_that_would_differ_from_its_source_is_rolled_back(
    filled: Path, new_db: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert = Store.insert

    async def lossy(self: Store, table: str, **values: Any) -> bool:
        return await insert(self, table, **{**values, **({"mute": 0} if table == "documents" else {})})

    monkeypatch.setattr(Store, "insert", lossy)
    with pytest.raises(DlsyncError, match=r"would differ from .* in documents; nothing was copied"):
        copy(filled, new_db)
    monkeypatch.undo()
    copy(filled, new_db)


def test_a_copy_with_a_name_too_long_for_postgresql_is_refused_with_a_hint(filled: Path, postgresql: Cluster) -> None:
    name = random.Random(0).randbytes(4000).hex()
    with running(db=filled, account="bookshop") as server, account_of(server, "bookshop") as client:
        client.put(f"dashboards/{name}", content=b"title: A").raise_for_status()
    with pytest.raises(SettingsError, match="exceeds btree") as caught:
        copy(filled, postgresql.create("long"))
    assert caught.value.hint == "PostgreSQL allows names and ids of up to 2,600 bytes: delete longer ones."


def test_a_backup_of_a_running_server_is_consistent(tmp_path: Path) -> None:
    db, file = tmp_path / "server.db", tmp_path / "backup.db"
    with running(db=db) as server, account_of(server) as client:

        def write(number: int) -> None:
            client.put(f"dashboards/d{number}", content="title: A\n").raise_for_status()

        for number in range(20):
            write(number)
        with ThreadPoolExecutor(1) as threads:
            writes = threads.map(write, range(20, 60))
            transfer.backup(str(db), file)
            list(writes)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with running(db=file) as server, account_of(server) as client:
        names = {dashboard["name"] for dashboard in client.get("dashboards").json()}
    assert names == {f"d{number}" for number in range(len(names))}
    assert len(names) >= 20


@pytest.mark.parametrize("name", ["file:server.db", ":memory:"])
def test_a_database_path_with_a_special_meaning_in_sqlite_is_an_ordinary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with running(db=name) as server, account_of(server) as client:
        client.put("dashboards/d", content="title: A\n").raise_for_status()
        transfer.backup(name, Path("file:backup.db"))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, "file:backup.db"])
    with running(db="file:backup.db") as server, account_of(server) as client:
        assert [one["name"] for one in client.get("dashboards").json()] == ["d"]


def test_a_backup_never_overwrites_a_file(filled: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(SettingsError, match="mine: cannot be written: File exists"):
        transfer.backup(str(filled), tmp_path / "mine")
    assert (tmp_path / "mine").read_text() == "mine"


def test_a_file_of_another_program_is_not_backed_up(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "notes.db")) as connection:
        connection.executescript(FOREIGN["a table"])
    with pytest.raises(SettingsError, match=r"notes\.db: cannot be backed up: another program made it"):
        transfer.backup(str(tmp_path / "notes.db"), tmp_path / "backup.db")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.db"]


def test_a_backup_that_runs_out_of_disk_space_leaves_no_file(filled: Path, tmp_path: Path) -> None:
    file, limits = tmp_path / "backup.db", resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, limits[1]))  # above 32 KB, which SQLite needs beside the source
    try:
        with pytest.raises(SettingsError, match="cannot be backed up"):
            transfer.backup(str(filled), file)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not file.exists()


@pytest.mark.parametrize("db", [None, ""])
def test_a_backup_without_a_database_is_refused(tmp_path: Path, db: str | None) -> None:
    with pytest.raises(SettingsError, match="no database is given"):
        transfer.backup(db, tmp_path / "backup.db")


def test_a_backup_of_postgresql_is_refused_with_a_hint_at_pg_dump(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="is no SQLite file") as refused:
        transfer.backup("postgresql://user:s3cret@db.example/shop", tmp_path / "backup.db")
    assert refused.value.hint == "Back PostgreSQL up with pg_dump."
    assert "s3cret" not in str(refused.value)
