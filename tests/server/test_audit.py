"""The audit log: an entry for each change, in its transaction, and ``dlsync serve audit``."""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psycopg
import pytest

from dlsync.server import audit
from dlsync.server.app import OPERATIONS
from dlsync.server.engines import database_of, perform_in
from dlsync.server.operation import Limits
from dlsync.server.run import running
from dlsync.server.store import Store
from dlsync.state import journal
from tests.builders.commands import ROOT, dlsync, environment
from tests.builders.databases import create, new_key, transact
from tests.builders.served import account_of
from tests.builders.trees import write_tree

if TYPE_CHECKING:
    from pathlib import Path

    import httpx2

    from tests.builders.postgresql import Cluster

OPERATING = ROOT / "docs" / "operating.md"
ACCOUNT = "/orgs/{org}/accounts/{account}"
SENT_BY_AGENTS = {
    *(f"POST {ACCOUNT}/agents/{{id}}/{verb}" for verb in ("ping", "register", "deregister")),
    *(f"PUT {ACCOUNT}/metrics/{path}series" for path in ("", "{name}/")),
}
PLUGIN = {"name": "disk", "extension": "sh", "content": "AAH/"}


def entries_of(new_db: str, **where: str) -> list[dict[str, Any]]:
    return asyncio.run(perform_in(new_db, lambda store: audit.latest(store, "", 1000, **where), write=False))


def change_all(client: httpx2.Client) -> None:
    """Perform each operation that writes."""

    def send(method: str, path: str, **options: Any) -> Any:
        answer = client.request(method, path, **options).raise_for_status()
        return answer.json() if answer.content else None

    send("PUT", "dashboards/web", content=b"title: A\n")
    send("PUT", "dashboards/web", content=b"title: B\n")
    send("DELETE", "dashboards/web")
    rule = send("POST", "rules", json={"name": "load", "criteria": []})
    send("PUT", "rules/load", content=b"title: A\n")
    send("PATCH", f"rules/{rule['id']}", json={"mute": True})
    send("POST", "rules", data={"name": "load"})
    send("DELETE", "rules/load")
    send("POST", "plugins", json=PLUGIN)
    link = send("POST", "links", json={"plugin": "disk", "tags": ["web"]})
    send("DELETE", "tags/web")
    send("DELETE", f"links/{link['id']}")
    send("PATCH", "plugins/disk", json={"name": "disks"})
    send("DELETE", "plugins/disks")
    note = send("POST", "annotations/deploys", json={"name": "v1"})
    send("PUT", f"annotations/deploys/{note['id']}", json={"name": "v2"})
    send("DELETE", f"annotations/deploys/{note['id']}")
    send("DELETE", "annotations/deploys")
    for verb in ("ping", "register", "deregister"):
        send("POST", f"agents/a/{verb}", json={"name": "web1"})
    send("PUT", "agents/a/tags", json={"names": ["db"]})
    send("POST", "agents/a/ping", json={"name": "web2"})
    send("DELETE", "agents/a/tags", json={"names": ["db"]})
    send("DELETE", "agents/a")
    send("POST", "../../accounts", json={"name": "other"})
    send("DELETE", "../other")


def test_each_write_operation_is_audited_except_reports_of_agents() -> None:
    writes = {f"{one.method} {one.path}" for one in OPERATIONS if one.method != "GET"}
    assert {f"{one.method} {one.path}" for one in OPERATIONS if one.audited} == writes - SENT_BY_AGENTS


def test_each_change_has_an_audit_entry_except_reports_of_agents(new_db: str) -> None:
    with running(db=new_db) as server, account_of(server) as client:
        change_all(client)
    entries = entries_of(new_db)
    assert {one["operation"] for one in entries} == {f"{one.method} {one.path}" for one in OPERATIONS if one.audited}
    assert len(entries) == 23
    for entry in entries:
        assert (entry["key"], entry["role"], entry["address"]) == ("bootstrap", "admin", "127.0.0.1")
        assert (entry["org"], entry["status"] // 100, entry["run"], entry["revision"]) == ("acme", 2, "", "")
        assert entry["account"] == ("other" if entry["name"] == "other" else "default")
    assert [one["name"] for one in entries[:13]] == [*["web"] * 3, *["load"] * 5, "disk", "", "web", "", "disk"]


def test_an_entry_starts_from_the_digest_that_the_previous_entry_ended_with(new_db: str) -> None:
    with running(db=new_db) as server, account_of(server) as client:
        change_all(client)
    chains: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for entry in entries_of(new_db):
        if "/tags/{" not in entry["operation"] and not entry["operation"].endswith("links/{id}"):
            chains.setdefault((entry["id"], entry["name"] if not entry["id"] else ""), []).append(entry)
    for chain in chains.values():
        assert all(one["after"] == next_one["before"] for one, next_one in pairwise(chain))
        assert chain[-1]["after"] == "" or "links" in chain[-1]["operation"]
    assert sum(len(chain) for chain in chains.values()) == 21
    dashboard = next(iter(chains.values()))
    assert [bool(one["before"]) for one in dashboard] == [False, True, True]
    assert len({one["after"] for one in dashboard}) == 3


def test_deleting_an_account_adds_a_single_entry_and_keeps_its_earlier_entries(new_db: str) -> None:
    with running(db=new_db) as server, account_of(server) as client:
        client.post("../../accounts", json={"name": "other"}).raise_for_status()
        client.put("../other/dashboards/web", content=b"title: A\n").raise_for_status()
        client.delete("../other").raise_for_status()
    operations = [one["operation"].partition(" ")[0] for one in entries_of(new_db, account="other")]
    assert operations == ["POST", "PUT", "DELETE"]  # the entries outlive the account


def test_deleting_a_plugin_deletes_its_links_with_a_single_entry(new_db: str) -> None:
    with running(db=new_db) as server, account_of(server) as client:
        client.post("plugins", json=PLUGIN).raise_for_status()
        client.post("links", json={"plugin": "disk", "tags": ["web"]}).raise_for_status()
        client.delete("plugins/disk").raise_for_status()
        assert client.get("links").json() == []
    operations = [one["operation"] for one in entries_of(new_db)]
    assert operations == [f"POST {ACCOUNT}/plugins", f"POST {ACCOUNT}/links", f"DELETE {ACCOUNT}/plugins/{{name}}"]


@pytest.mark.parametrize(
    ("method", "path", "options", "status"),
    [
        ("PUT", "dashboards/web", {"content": b"title: ["}, 422),
        ("PUT", "dashboards/one-more", {"content": b"title: A"}, 507),
        ("PUT", "../missing/dashboards/web", {"content": b"title: A"}, 404),
        ("DELETE", "dashboards/missing", {}, 404),
        ("DELETE", "annotations/missing", {}, 404),
        ("POST", "plugins", {"json": {"name": "disk"}}, 422),
        ("DELETE", "../default", {}, 403),
        ("GET", "dashboards", {}, 200),
        ("HEAD", "dashboards", {}, 200),
        ("POST", "dashboards", {}, 405),
    ],
)
def test_a_refused_request_and_a_read_have_no_audit_entry(
    tmp_path: Path, method: str, path: str, options: dict[str, Any], status: int
) -> None:
    new_db = str(tmp_path / "server.db")
    create(database_of(new_db))
    key = new_key(new_db, "ci", "write")
    with running(db=new_db, limits=Limits(resources=1)) as server, account_of(server, key=key) as client:
        client.put("dashboards/web", content=b"title: A").raise_for_status()
        assert client.request(method, path, **options).status_code == status
    assert [(one["key"], one["role"]) for one in entries_of(new_db)] == [("ci", "write")]


def test_a_change_is_rolled_back_if_its_audit_entry_cannot_be_stored(
    new_db: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert = Store.insert

    async def broken(self: Store, table: str, **values: Any) -> bool:
        if table == "audit":
            raise ZeroDivisionError
        return await insert(self, table, **values)

    with running(db=new_db) as server, account_of(server) as client:
        with monkeypatch.context() as patched:
            patched.setattr(Store, "insert", broken)
            assert client.put("dashboards/web", content=b"title: A").status_code == 500
        assert client.get("dashboards").json() == []
    assert entries_of(new_db) == []


def test_the_database_refuses_to_change_or_to_delete_an_entry(new_db: str) -> None:
    with running(db=new_db) as server, account_of(server) as client:
        client.put("dashboards/web", content=b"title: A").raise_for_status()
    with pytest.raises(Exception, match="append-only"):
        transact(database_of(new_db), lambda store: store.update("audit", {"key": "anna"}))
    with pytest.raises(Exception, match="append-only"):
        transact(database_of(new_db), lambda store: store.delete("audit"))
    assert [one["key"] for one in entries_of(new_db)] == ["bootstrap"]


def test_the_database_refuses_to_replace_or_truncate_audit_entries(new_db: str, request: pytest.FixtureRequest) -> None:
    with running(db=new_db) as server, account_of(server) as client:
        client.put("dashboards/web", content=b"title: A").raise_for_status()
    before = entries_of(new_db)

    def change() -> None:
        if "://" in new_db:
            cluster: Cluster = request.getfixturevalue("postgresql")
            cluster.execute("TRUNCATE dlsync.audit", urlsplit(new_db).path.removeprefix("/"))
            return
        with closing(sqlite3.connect(new_db, isolation_level=None)) as connection:
            connection.execute("INSERT OR REPLACE INTO audit SELECT * FROM audit")

    with pytest.raises((sqlite3.IntegrityError, psycopg.errors.RaiseException), match="append-only"):
        change()
    assert entries_of(new_db) == before


def test_the_documented_statements_delete_old_audit_entries_and_restore_the_protection(
    new_db: str, request: pytest.FixtureRequest
) -> None:
    with running(db=new_db, now=lambda: datetime(2025, 12, 31, tzinfo=UTC)) as server, account_of(server) as client:
        client.put("dashboards/old", content=b"title: A").raise_for_status()
    with running(db=new_db) as server, account_of(server) as client:
        client.put("dashboards/new", content=b"title: A").raise_for_status()
        sqlite, postgresql = re.findall(r'"(BEGIN;.*?COMMIT)"', OPERATING.read_text(encoding="utf-8"), re.DOTALL)
        if "://" in new_db:
            cluster: Cluster = request.getfixturevalue("postgresql")
            cluster.execute(postgresql, urlsplit(new_db).path.removeprefix("/"))
        else:
            with closing(sqlite3.connect(new_db, isolation_level=None)) as connection:
                connection.executescript(f"{sqlite};")
        client.put("dashboards/new", content=b"title: B").raise_for_status()
    assert [one["name"] for one in entries_of(new_db)] == ["new", "new"]
    with pytest.raises(Exception, match="append-only"):
        transact(database_of(new_db), lambda store: store.delete("audit"))


def test_two_servers_on_one_database_lose_no_entry(postgresql: Cluster) -> None:
    new_db = postgresql.create("audited_by_two")
    with running(db=new_db) as one, running(db=new_db) as other, account_of(one) as first, account_of(other) as second:

        def put(number: int) -> int:
            client = (first, second)[number % 2]
            return client.put("dashboards/web", content=f"title: {number}\n".encode()).status_code

        with ThreadPoolExecutor(8) as threads:
            assert set(threads.map(put, range(40))) == {200}
    entries = entries_of(new_db)
    assert len(entries) == 40
    by_before = {entry["before"]: entry["after"] for entry in entries}
    assert len(by_before) == 40
    digest, length = "", 0
    while digest in by_before:
        digest, length = by_before[digest], length + 1
    assert length == 40


HOSTILE = "\x1b[2J\u202e\x00\n##[error]::set-env\x7f ä\U0001f600" + "x" * 300


def test_client_text_in_the_audit_log_is_truncated_and_printed_as_ascii(new_db: str) -> None:
    headers = {"Dlsync-Run": "a b" * 50, "Dlsync-Commit": "\x7f"}
    with running(db=new_db) as server, account_of(server) as client:
        plugin = {**PLUGIN, "name": HOSTILE.replace("\n", "")}
        client.post("plugins", json=plugin, headers=headers).raise_for_status()
        client.put("dashboards/changeme", content=b"password: s3cret\n").raise_for_status()
    printed = dlsync("serve", "audit", "--db", new_db)
    assert printed.code == 0
    assert printed.out.isascii()
    assert "s3cret" not in printed.out
    assert "changeme" not in printed.out
    lines = printed.out.splitlines()
    assert all(line.isprintable() and "#" not in line for line in lines)
    entry = json.loads(lines[0])
    assert HOSTILE.replace("\n", "").startswith(entry["name"])
    assert (len(entry["name"]), entry["run"], entry["revision"]) == (audit.LONGEST, "", "")


def test_the_audit_command_filters_by_account_key_time_and_limit(tmp_path: Path) -> None:
    new_db = str(tmp_path / "server.db")
    create(database_of(new_db))
    key = new_key(new_db, "ci", "write")
    with running(db=new_db) as server, account_of(server) as admin, account_of(server, key=key) as client:
        admin.post("../../accounts", json={"name": "other"}).raise_for_status()
        for name in ("a", "b"):
            client.put(f"dashboards/{name}", content=b"title: A").raise_for_status()

    def names(*options: str) -> list[str]:
        printed = dlsync("serve", "audit", *options, env={"DLSYNC_DB": new_db})
        assert (printed.code, printed.err) == (0, "")
        return [json.loads(line)["name"] for line in printed.out.splitlines()]

    assert names() == ["other", "a", "b"]
    assert names("--account", "default", "--limit", "1") == ["b"]
    assert names("--key", "bootstrap") == ["other"]
    assert names("--since", "2026-01-01") == names("--since", "2026-01-01T00:00:00+02:00") == ["other", "a", "b"]
    assert names("--since", "9999-12-31") == []
    assert names("--account", "default", "--key", "bootstrap") == []
    for wrong in ("yesterday", "0001-01-01T00:00:00+02:00"):
        refused = dlsync("serve", "audit", "--since", wrong, "--db", new_db)
        assert refused.code == 1
        assert "--since: expected a date" in refused.err
    assert dlsync("serve", "audit").code == 1


def test_filtering_by_a_key_or_account_that_never_existed_is_an_error(new_db: str) -> None:
    with running(db=new_db) as server, account_of(server) as admin:
        new_key(new_db, "idle")
        admin.post("../../accounts", json={"name": "gone"}).raise_for_status()
        admin.delete("../../accounts/gone").raise_for_status()
    for known in (("--key", "idle"), ("--key", "bootstrap"), ("--account", "default"), ("--account", "gone")):
        printed = dlsync("serve", "audit", *known, "--since", "9999-12-31", "--db", new_db)
        assert (printed.code, printed.out, printed.err) == (0, "", "")
    for option, name in (("--key", "idel"), ("--account", "defualt"), ("--key", "' OR 1=1 --")):
        refused = dlsync("serve", "audit", option, name, "--db", new_db)
        assert (refused.code, refused.out) == (1, "")
        assert refused.err == (
            f"error: {option}: {name} is not in the audit log, nor in the database\n"
            "Correct the name: `dlsync serve keys list` and `dlsync accounts list` show them.\n"
        )


def test_audit_entries_of_apply_and_rollback_name_their_run_and_commit(tmp_path: Path) -> None:
    new_db = str(tmp_path / "server.db")
    tree = write_tree(tmp_path / "tree", {"dashboards/web.yaml": "title: A\npositions: []\n"})
    git = ("git", "-C", str(tree), "-c", "user.name=a", "-c", "user.email=a@example.com")
    for arguments in (("init", "-q"), ("add", "."), ("commit", "-q", "-m", "a")):
        subprocess.run([*git, *arguments], check=True)
    commit = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    with running(db=new_db) as server:
        env = environment(server.url)
        assert dlsync("apply", tree, "--auto-approve", env=env).code == 0
        assert dlsync("rollback", tree, "--auto-approve", env=env).code == 0
    entries = [one for one in entries_of(new_db) if one["name"] == "web"]
    assert [one["operation"].partition(" ")[0] for one in entries] == ["PUT", "DELETE"]
    assert [one["revision"] for one in entries] == [commit, commit]
    assert [one["run"] for one in entries] == [one.run.id for one in journal.history(journal.default_folder(tree))][
        ::-1
    ]
