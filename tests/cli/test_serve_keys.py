"""``dlsync serve keys``, and commands that use a read-only key."""

from __future__ import annotations

import re
import shlex
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dlsync.server import admission
from dlsync.server.run import running
from dlsync.server.sqlite import Sqlite
from tests.builders.commands import dlsync, environment
from tests.builders.databases import create, new_key

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parent.parent.parent / "docs" / "server.md"
KEY = re.compile(r"dlsync_[0-9a-f]{40}")
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


@pytest.fixture
def db(tmp_path: Path) -> Path:
    """The database of a server that has been started once."""
    path = tmp_path / "server.db"
    create(Sqlite(path))
    return path


@contextmanager
def as_key(db: Path, key: str, **settings: str) -> Iterator[dict[str, str]]:
    with running(db=db) as server:
        yield environment(server.url, key=key, **settings)


def test_a_running_server_accepts_a_created_key_until_it_is_revoked(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "CACHED_FOR", timedelta(0))
    with running(db=db) as server:
        made = dlsync("serve", "keys", "create", "ci", "--role", "read", "--accounts", "def*", "--db", db)
        assert (made.code, made.err) == (0, "")
        key = made.out.split()[-1]
        assert made.out == f"{key}\n"
        assert KEY.fullmatch(key)
        assert dlsync("accounts", "list", env=environment(server.url, key=key)).code == 0
        listed = dlsync("serve", "keys", "list", env={"DLSYNC_DB": str(db)})
        assert not KEY.search(listed.out)
        heading, row = listed.out.splitlines()
        assert heading.split() == ["NAME", "ROLE", "ACCOUNTS", "CREATED", "EXPIRES", "LAST", "USED", "REVOKED"]
        assert re.fullmatch(rf"ci +read +def\* +{TIME} +never +(never|{TIME}) +never", row)
        assert dlsync("serve", "keys", "revoke", "ci", "--db", "-", env={"DLSYNC_DB": str(db)}) == (0, "", "", ())
        (row,) = dlsync("serve", "keys", "list", "--db", db).out.splitlines()[1:]
        assert re.fullmatch(rf"ci +read +.* +never +(never|{TIME}) +{TIME}", row)
        refused = dlsync("accounts", "list", env=environment(server.url, key=key))
        assert (refused.code, refused.out) == (1, "")
        assert "(401: the API key was revoked)" in refused.err


def test_the_name_of_a_revoked_key_cannot_be_reused(db: Path) -> None:
    new_key(db, "anna")
    for code, reason in ((0, ""), (1, "no key that is still valid is called anna")):
        done = dlsync("serve", "keys", "revoke", "anna", "--db", db)
        assert done.code == code
        assert reason in done.err
    done = dlsync("serve", "keys", "create", "anna", "--role", "read", "--db", db)
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        "error: a key called anna exists already, or was revoked\n"
        "Use another name: both keys work until you revoke the old one, and the audit log tells them apart.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("create ci --role read", "a key called ci exists already"),
        ("create x --role root", "'root' is not one of 'read', 'write', 'admin'"),
        ("create x", "Missing option '--role'"),
        ("create 'a b' --role read", "the name of the key: expected letters"),
        ("create x --role read --expires 2020-01-01", "--expires: 2020-01-01T00:00:00.000Z is not in the future"),
        (
            "create x --role read --expires soon",
            "--expires: expected days such as 90d, a date such as 2030-12-31, or a time such as 2030-12-31T12:00",
        ),
        ("revoke x", "no key that is still valid is called x"),
        ("", "Usage: dlsync serve keys"),
    ],
)
def test_invalid_arguments_of_serve_keys_are_refused(db: Path, arguments: str, reason: str) -> None:
    new_key(db, "ci")
    done = dlsync("serve", "keys", *shlex.split(arguments), env={"DLSYNC_DB": str(db)})
    assert (done.code, done.out) == (1, "")
    assert reason in done.err
    assert len(dlsync("serve", "keys", "list", "--db", db).out.splitlines()) == 2


@pytest.mark.parametrize(
    ("env", "reason"),
    [
        ({}, "no database is given, and the memory of a server cannot be read"),
        ({"DLSYNC_DB": "missing.db"}, "missing.db: there is no such file"),
        ({"DLSYNC_DB": "postgresql://user:s3cret@127.0.0.1:9/shop"}, "cannot be used as the server's database"),
    ],
)
def test_serve_keys_without_a_usable_database_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, env: dict[str, str], reason: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = dlsync("serve", "keys", "list", env=env)
    assert (done.code, done.out) == (1, "")
    assert reason in done.err
    assert "s3cret" not in done.err
    assert list(tmp_path.iterdir()) == []


def test_a_read_key_is_enough_for_plan_drift_and_export_and_apply_names_the_role_it_needs(db: Path, tree: Path) -> None:
    with as_key(db, new_key(db, "plan")) as env:
        for command in ("plan", "drift", "validate", "doctor", "accounts list"):
            done = dlsync(*command.split(), *([] if command == "accounts list" else [tree]), env=env)
            assert (done.code, done.err) == (0, ""), command
            assert {asked.method for asked in done.asked} <= {"GET"}
        assert dlsync("export", tree.parent / "out", env=env).code == 0
        done = dlsync("apply", tree, "--auto-approve", env=env)
        assert done.code == 1
        assert done.err == (
            "error: POST /orgs/acme/accounts/default/plugins: the API key is not allowed to do this (403: this needs a "
            "key with the role write; the key 'plan' has the role read)\n"
            "Put a key that may do this on this account into DLSYNC_API_KEY or the file of --api-key-file.\n"
        )
        assert [asked.method for asked in done.asked if asked.method != "GET"] == ["POST"]  # no retry
        env["DLSYNC_API_KEY"] = new_key(db, "apply", "write")
        assert dlsync("apply", tree, "--auto-approve", env=env).code == 0
        env["DLSYNC_API_KEY"] = new_key(db, "plan-2")
        assert dlsync("plan", tree, "--detailed-exitcode", env=env).code == 0
        assert dlsync("drift", tree, env=env).code == 0
        assert dlsync("export", tree, "--check", env=env).code == 0


def test_a_key_of_another_account_an_expired_key_and_an_unknown_key_are_different_errors(db: Path, tree: Path) -> None:
    with as_key(db, new_key(db, "shop", accounts="shop-*")) as env:
        assert "(403: the key 'shop' is not for the account 'default')" in dlsync("plan", tree, env=env).err
        doctor = dlsync("doctor", tree, env=env)
        assert doctor.code == 1
        env["DLSYNC_API_KEY"] = new_key(db, "old", expires="2026-01-02")
        expired = dlsync("plan", tree, env=env).err
        assert "(401: the API key has expired)" in expired
        assert expired.endswith("or get a new key.\n")
        env["DLSYNC_API_KEY"] = f"dlsync_{'0' * 40}"
        assert "(401: this server does not know the API key)" in dlsync("plan", tree, env=env).err


def test_the_key_commands_in_the_server_docs_work_unchanged(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(db.parent)
    db.rename("data.db")
    block = PAGE.read_text("utf-8").partition("## Keys\n\n```\n")[2].partition("```")[0]
    lines = [shlex.split(line, comments=True) for line in block.splitlines()]
    _, _, place = lines[0][1].partition("=")
    outputs = [dlsync(*line[1:], env={"DLSYNC_DB": place}) for line in lines[1:]]
    assert [(output.code, output.err) for output in outputs] == [(0, "")] * 5
    assert [line.split()[0] for line in outputs[3].out.splitlines()] == ["NAME", "anna", "ci-apply", "ci-plan"]
