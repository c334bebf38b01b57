from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlsync.errors import SettingsError
from dlsync.server.keys import BOOTSTRAP, FORM, ROLES, Key, key_of
from dlsync.server.sqlite import Sqlite
from tests.builders.databases import BEFORE, create, new_key, rows_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("expires", "moment"),
    [
        ("90d", "2026-04-01T00:00:00.000Z"),
        ("2030-12-31", "2030-12-31T00:00:00.000Z"),
        ("2030-12-31T12:00+02:00", "2030-12-31T10:00:00.000Z"),
        ("", ""),
    ],
)
def test_a_key_expires_after_days_or_at_a_time_in_utc(expires: str, moment: str) -> None:
    assert key_of("ci", "read", "*", expires, BEFORE).expires == moment


@pytest.mark.parametrize(
    "expires", ["90", "0999-12-31", "d", "-1d", "99999d9", "0d", "2020-01-01", "tomorrow", "9999-12-32", "٣d"]
)
def test_an_invalid_expiry_is_refused(expires: str) -> None:
    with pytest.raises(SettingsError, match="--expires: "):
        key_of("ci", "read", "*", expires, BEFORE)


def test_a_number_of_days_beyond_the_calendar_is_refused() -> None:
    with pytest.raises(SettingsError, match="expected days such as 90d"):
        key_of("ci", "read", "*", "99999d", datetime(9999, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("name", ["", "a b", "é", "a\n", "\x1b[2J", "-a", "a" * 65, "bootstrap"])
def test_an_invalid_key_name_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match="the name of the key: expected letters"):
        key_of(name, "read", "*", "", BEFORE)


@pytest.mark.parametrize("accounts", ["", " , "])
def test_a_key_for_no_account_is_refused(accounts: str) -> None:
    with pytest.raises(SettingsError, match="--accounts: "):
        key_of("ci", "read", accounts, "", BEFORE)


@pytest.mark.parametrize("accounts", ["a[", "shop,team-[a,b]", "[!", "[!]", "[]", "x[z-a]"])
def test_an_account_glob_that_cannot_match_any_account_is_refused(accounts: str) -> None:
    with pytest.raises(SettingsError, match=r"--accounts: .* cannot match any account"):
        key_of("ci", "read", accounts, "", BEFORE)


@pytest.mark.parametrize(("accounts", "name"), [("a[[]", "a["), ("[]x]", "]"), ("[!a-c]", "d"), ("a]", "a]")])
def test_an_account_glob_may_contain_a_set_of_characters(accounts: str, name: str) -> None:
    assert key_of("ci", "read", accounts, "", BEFORE).covers(name)


@given(st.text(max_size=20))
def test_a_key_covers_the_accounts_that_its_globs_match(name: str) -> None:
    assert Key("a", "read").covers(name)
    key = key_of("a", "read", "shop, team-?,x*", "", BEFORE)
    assert key.covers(name) is (name == "shop" or (name.startswith("team-") and len(name) == 6) or name[:1] == "x")


def test_a_role_has_the_permissions_of_all_lower_roles() -> None:
    may = {role: [Key("a", own).may(role) for own in ROLES] for role in ROLES}
    assert may == {"read": [True, True, True], "write": [False, True, True], "admin": [False, False, True]}
    assert BOOTSTRAP.may("admin")


def test_the_database_does_not_contain_the_keys_themselves(tmp_path: Path) -> None:
    path = tmp_path / "server.db"
    create(Sqlite(path))
    made = [new_key(path, f"k{number}") for number in range(3)]
    assert len(set(made)) == 3
    assert all(FORM.fullmatch(key) for key in made)
    assert [row["name"] for row in rows_of(Sqlite(path), "api_keys")] == ["k0", "k1", "k2"]
    stored = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert not any(key[7:].encode() in stored or bytes.fromhex(key[7:]) in stored for key in made)
