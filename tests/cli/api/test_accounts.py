"""``dlsync accounts``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.builders.commands import dlsync, environment, misbehaving
from tests.builders.http import json_reply

if TYPE_CHECKING:
    from tests.builders.commands import Served


def test_accounts_are_created_listed_and_deleted(server: Served) -> None:
    env = server.account("books")
    assert dlsync("accounts", "create", "films", env=env)[:3] == (0, "created the account films\n", "")
    listed = dlsync("accounts", "list", env=env)
    assert (listed.code, listed.err, listed.writes) == (0, "", [])
    assert {"default", "books", "films"} <= {line.split()[0] for line in listed.out.splitlines()[1:]}
    assert dlsync("accounts", "delete", "films", "--yes", env=env)[:3] == (0, "deleted the account films\n", "")
    assert "films" not in dlsync("accounts", "list", env=env).out


def test_the_accounts_commands_need_no_account_setting(env: dict[str, str]) -> None:
    env = {name: value for name, value in env.items() if name != "DLSYNC_ACCOUNT"}
    assert dlsync("accounts", "create", "first", env=env)[:3] == (0, "created the account first\n", "")
    assert "first" in dlsync("accounts", "list", env=env).out
    assert dlsync("accounts", "delete", "first", "--yes", env=env).code == 0
    assert dlsync("tags", "list", env=env).err.startswith("error: missing settings: account; give\n")


def test_creating_an_account_with_a_taken_name_is_an_error(env: dict[str, str]) -> None:
    done = dlsync("accounts", "create", env["DLSYNC_ACCOUNT"], env=env)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("error: POST /orgs/acme/accounts: the server did not create it")


def test_delete_removes_an_account_only_after_confirmation(server: Served, env: dict[str, str]) -> None:
    doomed = server.account()["DLSYNC_ACCOUNT"]
    silent = dlsync("accounts", "delete", doomed, env=env)
    assert (silent.code, silent.asked) == (1, ())
    question = f"Delete the account {doomed} and everything in it?"
    hint = "Give --yes where the answer is yes."
    assert silent.err == f"error: there is no terminal to ask on: {question}\n{hint}\n"
    refused = dlsync("accounts", "delete", doomed, env=env, typed="n\n")
    assert (refused.code, refused.asked) == (1, ())
    assert refused.err == f"{question} [y/N] error: nothing was done\n"
    agreed = dlsync("accounts", "delete", doomed, env=env, typed="y\n")
    assert (agreed.code, agreed.out, agreed.writes) == (
        0,
        f"deleted the account {doomed}\n",
        [f"DELETE /api/v1/orgs/acme/accounts/{doomed}"],
    )


def test_the_keys_of_agents_are_never_shown() -> None:
    answer = json_reply([{"id": "7", "name": "books", "agent_keys": ["s3cret-agent-key"], "plan": "small"}])
    with misbehaving(answer) as server:
        env = environment(server.url)
        table, as_json = dlsync("accounts", "list", env=env), dlsync("accounts", "list", "--format", "json", env=env)
    assert table.out == "NAME   ID\nbooks  7\n"
    assert json.loads(as_json.out) == [{"name": "books", "id": "7", "plan": "small"}]
    assert "s3cret" not in table.out + as_json.out


def test_list_of_an_organisation_without_accounts_says_so() -> None:
    with misbehaving(json_reply([])) as server:
        done = dlsync("accounts", "list", env=environment(server.url))
        assert dlsync("accounts", "list", "--format", "json", env=environment(server.url))[:3] == (0, "[]\n", "")
    assert done[:3] == (0, "", "no accounts\n")
