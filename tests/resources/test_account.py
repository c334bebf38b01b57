"""Accounts: created where dlsync.yaml names them, deleted only on explicit request."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dlsync.diff.compare import compare
from dlsync.diff.list_match import ListMatching
from dlsync.errors import SettingsError
from dlsync.files.redaction import NOTHING_SECRET
from dlsync.files.settings import Settings
from dlsync.resources import LoadContext, SourceFile
from dlsync.resources.account import KIND as ACCOUNT
from dlsync.resources.account import deletions, in_use
from dlsync.state.sealed_values import Seal
from tests.builders.trees import account, address, resource

SETTINGS = Settings(account="default")


def read(content: str, environment: str = "") -> dict[str, int]:
    """Return the accounts that a dlsync.yaml names, with their lines."""
    resources, problems = ACCOUNT.read(
        [SourceFile("dlsync.yaml", content.encode())], LoadContext(environment=environment)
    )
    assert problems == []
    assert {one.file for one in resources} <= {"dlsync.yaml"}
    return {one.name: ACCOUNT.line(one) for one in resources}


def test_dlsync_yaml_names_the_accounts() -> None:
    assert read("org: acme\naccounts:\n  - default\n  - staging\n  - default\n") == {"default": 3, "staging": 4}
    assert ACCOUNT.places == ("dlsync.yaml",)
    assert [ACCOUNT.claims(file) for file in ("dlsync.yaml", "rules/dlsync.yaml")] == [True, False]


def test_the_chosen_environment_may_name_its_own_accounts() -> None:
    content = "accounts: [a]\nenvironments:\n  own:\n    accounts: [b]\n  none: {accounts: []}\n  other: {}\n"
    assert [list(read(content, name)) for name in ("", "own", "none", "other", "missing")] == [
        ["a"],
        ["b"],
        [],
        ["a"],
        ["a"],
    ]
    assert read(content, "own") == {"b": 4}


@pytest.mark.parametrize("content", ["", "accounts: [", "accounts: all\n", "- 1\n", "accounts: [1, '']\n"])
def test_invalid_account_settings_give_no_accounts_and_no_problems(content: str) -> None:
    assert read(content) == {}


def test_accounts_never_differ_and_have_no_files_of_their_own() -> None:
    one = resource("account/a", {}, file="dlsync.yaml")
    assert compare(ACCOUNT, one, resource("account/a", {"agent_keys": ["k"]})).diff == ()
    assert ACCOUNT.located(one, ()) == ("dlsync.yaml", ())
    assert ACCOUNT.new_files(one, "a") == ACCOUNT.edited_files(one, one) == ACCOUNT.removed_files(one) == {}
    assert ACCOUNT.list_rule(()) == ListMatching()


def test_creating_or_deleting_an_account_twice_is_no_error() -> None:
    one = resource("account/other", {})
    with account() as live:
        live.has(one, one)
        assert live.live("account/other") is not None
        live.run(lambda client: ACCOUNT.update(client, one, ()))
        live.lacks("account/other", "account/other")
        assert live.live("account/other") is None
        assert live.run(ACCOUNT.list).names == frozenset({"default"})


def test_an_account_in_use_or_named_by_the_files_is_not_deleted() -> None:
    assert deletions(["old", "older"], SETTINGS, ()) == {address("account/old"), address("account/older")}
    with pytest.raises(SettingsError, match="'default' is the one in use"):
        deletions(["default"], SETTINGS, ())
    with pytest.raises(SettingsError, match=r"`accounts` of dlsync\.yaml names it"):
        deletions(["old"], SETTINGS, {address("account/old")})
    assert in_use(replace(SETTINGS, account="x")) == address("account/x")


def test_an_account_has_no_content_to_blend_or_to_save() -> None:
    one = resource("account/a", {}, file="dlsync.yaml")
    assert ACCOUNT.merge_live(one, resource("account/a", {}), {}) is one
    assert ACCOUNT.to_journal(one, Seal(NOTHING_SECRET)) == {}
    assert ACCOUNT.from_journal("a", {}) == resource("account/a", {}, body=b"")
    assert [*ACCOUNT.metrics(one)] == []
    assert (ACCOUNT.metric_prefix("a"), ACCOUNT.fingerprint_source(one)) == ("", one.body)
