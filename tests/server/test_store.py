from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from dlsync.errors import SettingsError
from dlsync.server import sqlite as sqlite_module
from dlsync.server.operation import Limits
from dlsync.server.refusals import error_response
from dlsync.server.run import running
from dlsync.server.sqlite import APPLICATION_ID, MIGRATIONS, VERSION, Sqlite
from tests.builders.commands import ROOT
from tests.builders.databases import answers_of, client_of, create, lost, rows_of, transact
from tests.builders.raw import DASHBOARD, connect, head, next_answer
from tests.builders.served import account_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dlsync.server.store import Store

PAGE = 4096

SERVE = """
import sys
from pathlib import Path
from dlsync.server.run import serve
serve(db=Path(sys.argv[1]), announce=lambda url: print(url, flush=True))
"""


def refusing(path: Path) -> None:
    """Start a server with a file that it refuses."""
    with running(db=path):
        pass  # pragma: no cover -- it does not start


def test_acknowledged_writes_survive_kill_9(tmp_path: Path) -> None:
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


def test_a_database_file_keeps_ids_across_restarts(tmp_path: Path) -> None:
    ids = []
    for _ in range(2):
        with running(db=tmp_path / "server.db") as server, account_of(server) as client:
            ids.append(client.get(f"{server.url}/orgs").json() + client.get(f"{server.url}/orgs/acme/accounts").json())
    assert ids[0] == ids[1]


def test_servers_with_databases_in_memory_share_nothing() -> None:
    with running() as one, running() as other, account_of(one) as client, account_of(other) as stranger:
        client.put("dashboards/a", content="title: A\n")
        assert stranger.get("dashboards").json() == []


def test_a_failed_transaction_stores_nothing(tmp_path: Path) -> None:
    async def fail(store: Store) -> None:
        await store.insert("orgs", id="o", name="acme")
        raise ValueError("the request fails")

    path = tmp_path / "server.db"
    with pytest.raises(ValueError, match="the request fails"):
        transact(Sqlite(path), fail)
    assert rows_of(Sqlite(path), "orgs") == []


def test_only_the_owner_can_read_the_database_files(tmp_path: Path) -> None:
    with running(db=tmp_path / "server.db"):
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {"server.db": 0o600, "server.db-wal": 0o600, "server.db-shm": 0o600}


def test_a_file_that_is_not_a_database_is_refused_and_left_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database, however long this text may be")
    with pytest.raises(SettingsError, match=r"notes\.txt: cannot be used as the server's database: file is not"):
        refusing(path)
    assert path.read_text() == "not a database, however long this text may be"


FOREIGN = {
    "a table": "CREATE TABLE notes (text TEXT)",
    "an empty one of another program": "PRAGMA application_id = 252006674",
    "one of another program that numbers its versions": "CREATE TABLE notes (text TEXT); PRAGMA user_version = 1",
    "one that has our tables' names among its own": "CREATE TABLE orgs (id TEXT); CREATE TABLE accounts (id TEXT)",
    "one with a write-ahead log": "PRAGMA journal_mode = WAL; CREATE TABLE notes (text TEXT)",
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_database_of_another_program_is_refused_and_left_unchanged(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "notes.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(FOREIGN[kind])
    before = path.read_bytes(), path.stat().st_mtime_ns
    with pytest.raises(SettingsError, match=r"notes\.db: cannot .* another program made it"):
        refusing(path)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_database_of_another_program_with_tables_only_in_its_wal_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(FOREIGN["one with a write-ahead log"])
        with pytest.raises(SettingsError, match="another program made it"):
            refusing(path)
        assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == [("notes",)]


@pytest.mark.parametrize("application_id", [0, APPLICATION_ID])
def test_a_database_of_version_1_is_accepted_with_or_without_the_application_id(
    tmp_path: Path, application_id: int
) -> None:
    path = tmp_path / "server.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(f"{MIGRATIONS[0]};PRAGMA user_version = 1;PRAGMA application_id = {application_id}")
    create(Sqlite(path))
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        assert connection.execute("PRAGMA user_version").fetchone() == (VERSION,)


def test_an_empty_file_becomes_a_database(tmp_path: Path) -> None:
    path = tmp_path / "a?b#c%41.db"
    path.touch()
    with running(db=path) as server, account_of(server) as client:
        assert client.get("dashboards").json() == []
    assert path.stat().st_size > 0


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["folder", "pipe"])
def test_a_folder_or_pipe_instead_of_a_database_file_is_refused(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "server.db")
    with pytest.raises(SettingsError, match="it is not a regular file"):
        refusing(tmp_path / "server.db")


def test_a_symbolic_link_to_itself_is_refused(tmp_path: Path) -> None:
    (tmp_path / "server.db").symlink_to(tmp_path / "server.db")
    with pytest.raises(SettingsError, match="cannot be used as the server's database"):
        refusing(tmp_path / "server.db")


def _pages(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        (count,) = connection.execute("PRAGMA page_count").fetchone()
    return int(count)


def _damage(path: Path, page: int) -> None:
    with path.open("r+b") as file:
        file.seek((page - 1) * PAGE)
        file.write(b"\xa5" * PAGE)


def test_a_damaged_database_is_refused_wherever_the_damage_is(tmp_path: Path) -> None:
    made = tmp_path / "made.db"
    with running(db=made) as server, account_of(server) as client:
        for number in range(5):
            client.put(f"dashboards/d{number}", content=b"title: A #" + b"x" * 3_000).raise_for_status()
    for page in range(2, _pages(made) + 1):
        path = tmp_path / f"{page}.db"
        path.write_bytes(made.read_bytes())
        _damage(path, page)
        with pytest.raises(SettingsError, match=r"cannot be used as the server's database") as refused:
            refusing(path)
        assert refused.value.hint == "Restore it from a backup, or recover it with `sqlite3 FILE .recover`."


def test_a_database_whose_list_of_tables_is_damaged_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "server.db"
    create(Sqlite(path))
    with path.open("r+b") as file:
        file.seek(100)  # behind the file's header
        file.write(b"\xa5" * 8)
    with pytest.raises(SettingsError, match="malformed") as refused:
        refusing(path)
    assert refused.value.hint == "Restore it from a backup, or recover it with `sqlite3 FILE .recover`."


def test_damage_found_while_the_server_runs_is_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "server.db"
    with running(db=path) as server, account_of(server) as client:
        for number in range(4):  # more than SQLite's cache holds
            client.put(f"dashboards/d{number}", content=b"title: A #" + b"x" * 1_500_000).raise_for_status()
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for page in range(2, path.stat().st_size // PAGE + 1):
            _damage(path, page)
        answer = client.get("dashboards")
        assert answer.status_code == 500
        assert answer.json()["error"].startswith("the server's database is damaged; restore it from a backup")
    assert "malformed" in caplog.text
    assert "Traceback" not in caplog.text


def test_on_a_full_disk_nothing_is_lost_and_the_error_says_why(caplog: pytest.LogCaptureFixture) -> None:
    database = Sqlite()
    with client_of(database) as client:
        client.put("dashboards/a", content="title: A\n").raise_for_status()
        (pages,) = database.connection.execute("PRAGMA page_count").fetchone()
        database.connection.execute(f"PRAGMA max_page_count = {pages + 1}")
        for _ in range(3):
            full = client.put("dashboards/a", content=b"title: B #" + b"x" * 100_000)
            assert full.status_code == 507
            assert full.json()["error"].startswith(
                "the disk that holds the server's database is full; nothing was changed"
            )
        assert client.get("dashboards/a").text == "title: A\n"
        database.connection.execute("PRAGMA max_page_count = 100000")
        assert client.put("dashboards/a", content=b"title: B #" + b"x" * 100_000).is_success
        assert "Traceback" not in caplog.text


LIMITED = """
import resource, signal, sys
from pathlib import Path
from dlsync.server.run import serve
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
serve(db=Path(sys.argv[1]), announce=lambda url: print(url, flush=True))
"""


def test_a_write_beyond_the_file_size_limit_is_reported_as_a_full_disk(tmp_path: Path) -> None:
    db = tmp_path / "server.db"
    with subprocess.Popen([sys.executable, "-c", LIMITED, str(db)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        base = process.stdout.readline().strip() + "/orgs/acme/accounts/default/"
        with httpx2.Client(base_url=base, headers={"Authorization": "Bearer changeme"}) as client:
            assert client.put("dashboards/a", content="title: A\n").is_success
            assert client.put("dashboards/b", content=b"title: B #" + b"x" * 1_000_000).status_code == 507
            assert [one["name"] for one in client.get("dashboards").json()] == ["a"]
            assert client.put("dashboards/c", content="title: C\n").is_success
        process.terminate()
    with running(db=db) as server, account_of(server) as client:
        assert [one["name"] for one in client.get("dashboards").json()] == ["a", "c"]


@contextmanager
def _locked(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield other


def test_a_write_waits_for_a_lock_of_another_process_while_reads_are_answered(tmp_path: Path) -> None:
    path = tmp_path / "server.db"
    with running(db=path) as server, account_of(server) as client, connect(server) as waiting:
        with _locked(path) as other:
            waiting.sendall(head(b"PUT", DASHBOARD, b"Expect: 100-continue", b"Content-Length: 9"))
            assert waiting.recv(65536).startswith(b"HTTP/1.1 100 ")
            waiting.sendall(b"title: A\n")
            for _ in range(20):
                assert client.get("dashboards").json() == []
            other.execute("COMMIT")
        assert next_answer(waiting).status == 200
        assert client.get("dashboards/a").text == "title: A\n"


def test_a_write_to_a_database_that_stays_locked_is_503(tmp_path: Path) -> None:
    path = tmp_path / "server.db"
    with running(db=path, limits=Limits(lock_seconds=0.05)) as server, account_of(server) as client:
        with _locked(path):
            refused = client.put("dashboards/a", content="title: A\n")
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
            assert refused.json()["error"].startswith("another process has locked the server's database")
        assert client.put("dashboards/a", content="title: A\n").is_success


@pytest.mark.parametrize("lock", ["BEGIN IMMEDIATE", "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE"])
def test_a_server_does_not_start_on_a_database_that_stays_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lock: str
) -> None:
    monkeypatch.setattr(sqlite_module, "STARTUP_LOCK_SECONDS", 0.01)
    path = tmp_path / "server.db"
    create(Sqlite(path))
    monkeypatch.setattr(sqlite_module, "monotonic", iter([0.0, 0.0, 1.0]).__next__)  # it tries twice
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.executescript(lock)
        limits = Limits(lock_seconds=0.01)
        with pytest.raises(SettingsError, match="database is locked") as refused, running(db=path, limits=limits):
            pass  # pragma: no cover - it does not start
        assert refused.value.hint == "Another process has locked it: end that process, or wait for it."


def test_a_database_error_caused_by_a_bug_is_logged_as_an_internal_error(caplog: pytest.LogCaptureFixture) -> None:
    for error in (sqlite3.ProgrammingError("closed"), _integrity_error()):
        assert error_response("key", error).status_code == 500
    assert caplog.text.count("a request failed inside the server") == 2


def test_a_wrong_sql_statement_raises_the_error_of_sqlite(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError, match="no such table: nowhere"):
        rows_of(Sqlite(tmp_path / "server.db"), "nowhere")


def _integrity_error() -> sqlite3.Error:
    with closing(sqlite3.connect(":memory:")) as connection:
        try:
            connection.executescript("CREATE TABLE a (b INTEGER UNIQUE); INSERT INTO a VALUES (1), (1)")
        except sqlite3.Error as error:
            return error
    raise AssertionError


def test_an_error_names_a_database_path_in_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"missing.server\.db: cannot be used as the server's database"):
        refusing(tmp_path / "missing" / "server.db")


@pytest.mark.parametrize("replaced", [False, True])
def test_requests_are_503_while_the_database_file_is_moved_away_and_succeed_afterwards(
    tmp_path: Path, replaced: bool, caplog: pytest.LogCaptureFixture
) -> None:
    path, elsewhere = tmp_path / "server.db", tmp_path / "elsewhere.db"
    with running(db=path, limits=Limits(lock_seconds=0.05)) as server, account_of(server) as client:
        client.put("dashboards/a", content="title: A\n").raise_for_status()
        path.rename(elsewhere)
        if replaced:
            path.write_bytes(b"")
        for method in ("GET", "PUT"):
            gone = client.request(method, "dashboards/a", content="title: B\n")
            assert (gone.status_code, gone.headers["retry-after"]) == (503, "1")
            assert gone.json()["error"].startswith("the server cannot reach its database; nothing was changed")
        assert path.exists() == replaced
        elsewhere.rename(path)
        assert client.get("dashboards/a").text == "title: A\n"
        assert client.put("dashboards/a", content="title: B\n").is_success
    assert (
        "server.db or its -wal was moved or replaced while open; put it back, or start the server again" in caplog.text
    )
    with running(db=path) as server, account_of(server) as client:
        assert client.get("dashboards/a").text == "title: B\n"


@pytest.mark.parametrize("link", [False, True])
def test_without_its_wal_file_a_server_refuses_writes_and_keeps_earlier_writes(tmp_path: Path, link: bool) -> None:
    path, real = tmp_path / "server.db", tmp_path / "real.db"
    if link:
        path.symlink_to(real)
    with running(db=path, limits=Limits(lock_seconds=0.05)) as server, account_of(server) as client:
        client.put("dashboards/a", content="title: A\n").raise_for_status()
        (tmp_path / ("real.db-wal" if link else "server.db-wal")).unlink()
        assert client.put("dashboards/b", content="title: B\n").status_code == 503
    with running(db=path) as server, account_of(server) as client:
        assert [row["name"] for row in client.get("dashboards").json()] == ["a"]


READ_ONLY = """
import os, sys
from pathlib import Path
from dlsync.errors import SettingsError
from dlsync.server.run import running
with running():
    pass  # by now, all is imported that root alone may read
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
try:
    with running(db=Path(sys.argv[1])):
        pass
except SettingsError as error:
    print(error, error.hint, sep="\\n")
"""


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_read_only_database_file_or_folder_is_refused_and_left_unchanged(tmp_path: Path, what: str) -> None:
    """Run as an unprivileged user, since root may write to any file."""
    with tempfile.TemporaryDirectory() as folder:  # any user may enter its parents
        path = Path(folder, "server.db")
        create(Sqlite(path))
        path.chmod(0o444 if what == "file" else 0o666)
        path.parent.chmod(0o777 if what == "file" else 0o555)
        before = path.read_bytes()
        done = subprocess.run(
            [sys.executable, "-c", READ_ONLY, path], capture_output=True, text=True, check=True, cwd="/"
        )
        path.parent.chmod(0o777)
        assert path.read_bytes() == before
    assert done.stdout.startswith(f"{path}: cannot be used as the server's database: "), done.stdout
    assert "Let the server's user write to the file and its folder" in done.stdout


def test_a_database_of_a_later_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "server.db"
    create(Sqlite(path))
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.close()
    with pytest.raises(SettingsError, match=f"version {VERSION + 1} was written by a later dlsync"):
        refusing(path)


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


RELEASED = sorted((Path(__file__).parent / "data").glob("*.db"))


def answered(released: Path) -> Any:
    """The answers that the released version gave from its file."""
    return json.loads(released.with_suffix(".json").read_text("utf-8"))


def test_each_version_of_the_changelog_has_a_stored_database_file() -> None:
    released = set(re.findall(r"^## \[?(\d[^\s\]]*)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE))
    assert released <= {path.stem for path in RELEASED}


@pytest.mark.parametrize("released", RELEASED, ids=lambda path: path.stem)
def test_the_file_of_each_released_version_is_migrated_and_loses_nothing(tmp_path: Path, released: Path) -> None:
    path = tmp_path / "server.db"
    path.write_bytes(released.read_bytes())
    for _ in range(2):
        with running(db=path) as server:
            assert lost(answered(released), answers_of(server.url)) == []


def test_servers_that_open_a_file_at_once_migrate_it_once(tmp_path: Path) -> None:
    path = tmp_path / "server.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(f"{MIGRATIONS[0]}{VERSION_1}PRAGMA user_version = 1;")

    def start() -> int:
        with running(db=path) as server, account_of(server) as client:
            return client.get("annotations").status_code

    with ThreadPoolExecutor(4) as threads:
        assert [future.result() for future in [threads.submit(start) for _ in range(4)]] == [200] * 4
    assert [row["name"] for row in rows_of(Sqlite(path), "streams")] == ["deploys"]


def test_a_failed_migration_leaves_the_file_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "server.db"
    connection = sqlite3.connect(path)
    connection.executescript(f"{MIGRATIONS[0]}{VERSION_1}PRAGMA user_version = 1;")
    connection.execute("UPDATE agents SET document = 'no JSON'")
    connection.commit()
    before = "\n".join(connection.iterdump())
    connection.close()
    with pytest.raises(SettingsError, match="cannot be used as the server's database: malformed JSON"):
        refusing(path)
    connection = sqlite3.connect(path)
    assert "\n".join(connection.iterdump()) == before
    assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    connection.close()


def test_a_new_file_has_the_schema_of_a_migrated_file(tmp_path: Path) -> None:
    old, new = tmp_path / "old.db", tmp_path / "new.db"
    connection = sqlite3.connect(old)
    connection.executescript(f"{MIGRATIONS[0]}PRAGMA user_version = 1;")
    connection.close()
    schemas = [rows_of(Sqlite(path), "sqlite_schema", "type, name, sql", "name") for path in (old, new)]
    assert schemas[0] == schemas[1]


def test_a_plugin_survives_the_migration_from_version_1(tmp_path: Path) -> None:
    path = tmp_path / "server.db"
    connection = sqlite3.connect(path)
    connection.executescript(f"""{MIGRATIONS[0]} PRAGMA user_version = 1;
        INSERT INTO orgs VALUES ('o', 'acme');
        INSERT INTO accounts VALUES (1, 'a', 'o', 'default', 'k');
        INSERT INTO plugins VALUES ('p', 'a', 'redis', X'00', 'py', 'd', 30, '', '', 'SCRIPT', 'base');""")
    connection.close()
    (plugin,) = rows_of(Sqlite(path), "plugins", "name, content, pack, extra")
    assert plugin == {"name": "redis", "content": b"\0", "pack": "base", "extra": {}}


def test_migration_keeps_keys_valid_and_converts_their_times_to_milliseconds(tmp_path: Path) -> None:
    path, times = tmp_path / "server.db", ("2026-03-04T12:00:30Z", "2099-12-31T00:00:00Z", "")
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            f"{''.join(MIGRATIONS[:5])}PRAGMA user_version = 5; PRAGMA application_id = {APPLICATION_ID}"
        )
        connection.execute("INSERT INTO api_keys VALUES ('ci', 'd', 'read', '*', ?, ?, ?)", times)
        connection.commit()
    (key,) = rows_of(Sqlite(path), "api_keys", "created, expires, last_used, revoked")
    assert [*key.values()] == ["2026-03-04T12:00:30.000Z", "2099-12-31T00:00:00.000Z", "", ""]
