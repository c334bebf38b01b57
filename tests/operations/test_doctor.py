"""The doctor: it reports problems of settings, files, server, key and account, and writes nothing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest

from dlsync.client import ReadClient
from dlsync.files.settings import Options
from dlsync.operations import session
from dlsync.operations.doctor import Diagnosis, examine
from tests.builders.commands import TREE, environment, lock_by_hand, misbehaving, served
from tests.builders.http import IMPATIENT, KEY, Misbehaviour, Reply, by_request, json_reply
from tests.builders.taps import Asked, recorded
from tests.builders.trees import write_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.builders.http import Seen

ACCOUNTS = "GET /api/v1/orgs/acme/accounts"
LISTED = json_reply([{"name": "default"}])


@pytest.fixture
def asked() -> Iterator[list[Asked]]:
    """The requests that are sent, by a client that does not wait before retries."""
    sent: list[Asked] = []

    def impatient(**options: object) -> ReadClient:
        return recorded(ReadClient(**options, retry=IMPATIENT), sent)  # type: ignore[arg-type] # what settings give

    with patch.object(session, "ReadClient", impatient):
        yield sent


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "tree", TREE)


def examined(tree: Path, env: dict[str, str], **options: bool) -> Diagnosis:
    return asyncio.run(examine(tree, Options(), env, **options))


def said(found: Diagnosis) -> dict[str, str]:
    return {one.name: f"{one.status}: {one.message}" for one in found.checks}


def advice(found: Diagnosis, name: str) -> str:
    return next(one.advice for one in found.checks if one.name == name)


def answered(tree: Path, answer: Callable[[Seen], Reply] | Reply) -> Diagnosis:
    with misbehaving(answer) as server:
        return examined(tree, environment(server.url, key=KEY))


def test_the_doctor_reports_a_working_setup_and_sends_only_get_requests(tree: Path, asked: list[Asked]) -> None:
    with served() as server:
        env = server.account("books")
        found = examined(tree, env)
    assert found.is_well
    checks = said(found)
    assert checks["settings"] == "ok: complete"
    assert checks["files"] == "ok: resources: 3, errors: 0, warnings: 0"
    assert checks["server"] == f"ok: reached at {env['DLSYNC_URL']}"
    assert checks["key"] == "ok: accepted"
    assert checks["accounts"] == "ok: the key sees books, default"
    assert checks["account"] == "ok: acme/books is there"
    assert checks["operation GET dashboards"] == "ok: the server has it"
    assert checks["operation GET links/<id>"] == "unknown: not known, since there is nothing to try it on"
    assert checks["operation DELETE rules/<name>"] == "unknown: not known without writing"
    assert {one.method for one in asked} == {"GET"}


def test_a_held_lock_is_reported_and_is_no_problem(tree: Path) -> None:
    with served() as server:
        env = server.account("locked")
        assert "lock" not in said(examined(tree, env))
        lock_by_hand(env)
        found = examined(tree, env)
    assert found.is_well
    assert said(found)["lock"].startswith("unknown: the account is locked by ann@there since 2026-11-25")


def test_an_operation_that_the_server_lacks_is_no_problem(tree: Path, asked: list[Asked]) -> None:
    answer = by_request({ACCOUNTS: LISTED, "GET rules": Reply(501)}, Reply(404))
    found = answered(tree, answer)
    assert found.is_well
    assert said(found)["operation GET dashboards"].startswith(
        "ok: the server does not have it; dashboards are asked for one"
    )
    assert said(found)["operation GET rules"].startswith("unknown: GET /orgs/acme/accounts/default/rules: the server")


def test_missing_settings_are_a_problem_and_no_request_is_sent(tree: Path, asked: list[Asked]) -> None:
    found = examined(tree, {})
    assert not found.is_well
    assert said(found)["settings"] == (
        "problem: missing settings: url, org, account, key; give url: --url, DLSYNC_URL or `url` in dlsync.yaml; "
        "org: --org, DLSYNC_ORG or `org` in dlsync.yaml; "
        "account: --account, DLSYNC_ACCOUNT or `account` in dlsync.yaml; "
        "key: --api-key-file or DLSYNC_API_KEY (never a committed file)"
    )
    assert said(found)["server"] == "unknown: not checked, because the settings have errors"
    assert asked == []


def test_invalid_files_or_a_missing_directory_are_a_problem(tree: Path, asked: list[Asked]) -> None:
    write_tree(tree, {"rules/bad.yaml": "title: [\n"})
    found = examined(tree, {})
    assert said(found)["files"] == "problem: resources: 3, errors: 1, warnings: 0"
    assert advice(found, "files") == "Run `dlsync validate`, which names each with its line."
    assert said(examined(tree / "nowhere", {}))["files"].endswith("nowhere does not exist")


def test_a_reference_whose_variable_is_not_set_is_a_problem(tree: Path, asked: list[Asked]) -> None:
    write_tree(tree, {"dashboards/hook.yaml": "title: ${env:HOOK}\npositions: []\n"})
    with served() as server:
        env = server.account("books")
        unset, found = examined(tree, env), examined(tree, {**env, "HOOK": "https://hook.example"})
        write_tree(tree, {"dashboards/two.yaml": "title: ${env:HOOK}\npositions: []\n"})
        two = examined(tree, env)
    assert said(found)["files"] == "ok: resources: 4, errors: 0, warnings: 0"
    message = "dashboards/hook.yaml:1:1: ${env:HOOK} is not set: there is no `HOOK` in the environment"
    assert said(unset)["files"] == f"problem: resources: 4, errors: 0, warnings: 1; {message}"
    assert said(two)["files"] == f"problem: resources: 5, errors: 0, warnings: 2; {message} and 1 more"
    assert "dlsync plan" in advice(unset, "files")


@pytest.mark.parametrize(
    "answer",
    [Reply(misbehaviour=Misbehaviour.RESET), Reply(500), Reply(200, b"<html>", (("Content-Type", "text/html"),))],
    ids=["no response", "server error", "web page"],
)
def test_a_server_without_a_valid_response_is_a_problem(tree: Path, asked: list[Asked], answer: Reply) -> None:
    found = answered(tree, answer)
    assert list(said(found)) == ["settings", "files", "server"]
    assert said(found)["server"].startswith("problem: ")
    assert advice(found, "server")


def test_a_key_that_is_not_accepted_is_a_problem(tree: Path, asked: list[Asked]) -> None:
    found = answered(tree, Reply(401))
    assert said(found)["server"].startswith("ok: reached")
    assert said(found)["key"].startswith("problem: GET /orgs/acme/accounts: the server does not accept the API key")
    assert advice(found, "key").startswith("Check the key in DLSYNC_API_KEY")


def test_a_key_that_may_use_the_account_but_not_list_accounts_is_no_problem(tree: Path, asked: list[Asked]) -> None:
    found = answered(tree, by_request({ACCOUNTS: Reply(403), "GET plugins": json_reply([])}, Reply(404)))
    assert found.is_well
    assert said(found)["key"] == "ok: accepted"
    assert said(found)["accounts"] == "unknown: the key may not list the accounts"
    assert "operation GET dashboards" in said(found)


def test_a_request_that_is_refused_is_a_problem(tree: Path, asked: list[Asked]) -> None:
    found = answered(tree, Reply(400))
    assert not found.is_well
    assert said(found)["key"] == "problem: GET /orgs/acme/accounts: the server refuses this (400)"


def test_an_organisation_that_is_not_there_is_a_problem(tree: Path, asked: list[Asked]) -> None:
    found = answered(tree, Reply(404))
    assert said(found)["account"].startswith("problem: organisation 'acme' does not exist")
    assert said(found)["key"] == "unknown: not known before the organisation is found"


def test_a_url_without_the_path_of_the_api_is_a_problem_and_the_advice_gives_the_url(
    tree: Path, asked: list[Asked]
) -> None:
    with misbehaving(lambda seen: LISTED if str(seen) == ACCOUNTS else Reply(404)) as server:
        found = examined(tree, environment(server.url.removesuffix("/api/v1"), key=KEY))
        assert said(found)["server"].startswith("problem: `url` is not the base of the API")
        assert advice(found, "server") == f"Set `url` to {server.url}."
    assert list(said(found)) == ["settings", "files", "server"]


@pytest.mark.parametrize(
    ("account", "words"),
    [
        ("defualt", "Did you mean 'default'?"),
        ("xyz", "Check `account`; `dlsync accounts create` creates one, and so does an apply if `accounts` lists it."),
    ],
)
def test_an_account_that_is_not_there_is_a_problem(tree: Path, asked: list[Asked], account: str, words: str) -> None:
    with misbehaving(LISTED) as server:
        found = examined(tree, environment(server.url, account=account))
    assert said(found)["account"] == f"problem: organisation 'acme' has no account {account!r}"
    assert advice(found, "account") == words


def test_plain_http_to_another_machine_is_a_problem(tree: Path, asked: list[Asked]) -> None:
    found = examined(tree, environment("http://monitoring.example/api/v1"))
    assert "plain HTTP" in said(found)["server"]
    assert asked == []
