from __future__ import annotations

import signal
import sqlite3
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx2
import pytest

from dlsync.errors import SettingsError
from dlsync.server.run import running
from dlsync.server.store import MIGRATIONS, SCHEMA, VERSION, Store
from tests.builders.served import account_of

if TYPE_CHECKING:
    from pathlib import Path

SERVE = """
import sys
from pathlib import Path
from dlsync.server.run import serve
serve(db=Path(sys.argv[1]), announce=lambda url: print(url, flush=True))
"""


def test_what_was_answered_survives_kill_9(tmp_path: Path) -> None:
    db = tmp_path / "server.db"
    process = subprocess.Popen([sys.executable, "-c", SERVE, str(db)], stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout
        base = process.stdout.readline().strip() + "/orgs/acme/accounts/default/"
        with httpx2.Client(base_url=base, headers={"Authorization": "Bearer changeme"}) as client:
            for number in range(20):
                assert client.put(f"dashboards/d{number}", content=f"title: {number}\n").is_success
            assert client.post("plugins", json={"name": "p", "extension": "py", "content": ""}).is_success
            assert client.delete("dashboards/d0").is_success
            process.kill()
    assert process.returncode == -signal.SIGKILL
    with running(db=db) as server, account_of(server) as client:
        assert {dashboard["name"] for dashboard in client.get("dashboards").json()} == {f"d{n}" for n in range(1, 20)}
        assert client.get("plugins/p").status_code == 200


def test_a_file_keeps_ids_from_one_run_to_the_next(tmp_path: Path) -> None:
    ids = []
    for _ in range(2):
        with running(db=tmp_path / "server.db") as server, account_of(server) as client:
            ids.append(client.get(f"{server.url}/orgs").json() + client.get(f"{server.url}/orgs/acme/accounts").json())
    assert ids[0] == ids[1]


def test_memory_is_nobody_elses() -> None:
    with running() as one, running() as other, account_of(one) as client, account_of(other) as stranger:
        client.put("dashboards/a", content="title: A\n")
        assert stranger.get("dashboards").json() == []


def test_a_transaction_that_fails_leaves_nothing() -> None:
    store = Store()
    with pytest.raises(ValueError, match="the request fails"):
        _failing_request(store)
    assert store.rows("SELECT * FROM orgs") == []
    store.close()


def _failing_request(store: Store) -> None:
    with store.transaction():
        store.add_org("acme")
        raise ValueError("the request fails")


def test_nobody_else_reads_the_file(tmp_path: Path) -> None:
    with running(db=tmp_path / "server.db"):
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {"server.db": 0o600, "server.db-wal": 0o600, "server.db-shm": 0o600}


def test_what_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database, however long this text may be")
    with pytest.raises(SettingsError, match=r"notes\.txt: cannot be used as the server's database: file is not"):
        Store(path)
    assert path.read_text() == "not a database, however long this text may be"


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"missing.server\.db: cannot be used as the server's database"):
        Store(tmp_path / "missing" / "server.db")


def test_a_database_of_a_later_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "server.db"
    Store(path).close()
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.close()
    with pytest.raises(SettingsError, match=f"version {VERSION + 1} was written by a later dlsync"):
        Store(path)


VERSION_1 = """
INSERT INTO orgs VALUES ('o', 'acme');
INSERT INTO accounts VALUES (1, 'a', 'o', 'default', 'key');
INSERT INTO agents VALUES ('8ccf', 'a', '{"id":"8ccf","created":"2016-01-10T00:00:00.000Z","name":"web-1","mac":"",
    "heartbeat":"2016-01-10T00:00:00.000Z","status":"REGISTERED","tags":["all","web"]}');
INSERT INTO annotations VALUES (1, 'n', 'a', 'deploys', 'v1', '', '2016-01-10T00:00:00.000Z');
INSERT INTO annotations VALUES (2, 'm', 'a', 'deploys', 'v2', '', '2016-01-10T00:00:00.000Z');
"""


def test_a_file_of_version_1_is_migrated(tmp_path: Path) -> None:
    path = tmp_path / "server.db"
    connection = sqlite3.connect(path)
    connection.executescript(f"{MIGRATIONS[0]}{VERSION_1}PRAGMA user_version = 1;")
    connection.close()
    for _ in range(2):
        with running(db=path) as server, account_of(server) as client:
            assert client.get("annotations").json() == ["deploys"]
            assert [item["name"] for item in client.get("annotations/deploys").json()] == ["v2", "v1"]
            assert client.get("agents/8ccf").json()["tags"] == ["all", "web"]
            assert [tag["name"] for tag in client.get("tags").json()] == ["all", "web"]


def test_a_migration_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "server.db"
    connection = sqlite3.connect(path)
    connection.executescript(f"{MIGRATIONS[0]}{VERSION_1}PRAGMA user_version = 1;")
    connection.execute("UPDATE agents SET document = 'no JSON'")
    connection.commit()
    before = "\n".join(connection.iterdump())
    connection.close()
    with pytest.raises(SettingsError, match="cannot be used as the server's database: malformed JSON"):
        Store(path)
    connection = sqlite3.connect(path)
    assert "\n".join(connection.iterdump()) == before
    assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    connection.close()


def test_a_new_file_has_the_schema_of_a_migrated_one(tmp_path: Path) -> None:
    old, new = tmp_path / "old.db", tmp_path / "new.db"
    connection = sqlite3.connect(old)
    connection.executescript(f"{MIGRATIONS[0]}PRAGMA user_version = 1;")
    connection.close()
    schemas = []
    for path in (old, new):
        store = Store(path)
        schemas.append([dict(row) for row in store.rows("SELECT type, name, sql FROM sqlite_schema ORDER BY name")])
        store.close()
    assert schemas[0] == schemas[1]


def test_a_database_of_the_first_version_is_migrated_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "server.db"
    connection = sqlite3.connect(path)
    connection.executescript(f"""{SCHEMA} PRAGMA user_version = 1;
        INSERT INTO orgs VALUES ('o', 'acme');
        INSERT INTO accounts VALUES (1, 'a', 'o', 'default', 'k');
        INSERT INTO plugins VALUES ('p', 'a', 'redis', X'00', 'py', 'd', 30, '', '', 'SCRIPT', 'base');""")
    connection.close()
    store = Store(path)
    (plugin,) = store.rows("SELECT name, content, pack, extra FROM plugins")
    store.close()
    assert tuple(plugin) == ("redis", b"\0", "base", "{}")
