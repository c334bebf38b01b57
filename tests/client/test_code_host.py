"""The client of GitHub and GitLab: its requests, its retries and its errors."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from dlsync.client.code_host import OUTDATED, Access, Comment, GitHub, GitLab
from dlsync.errors import (
    ApiError,
    BadAnswer,
    Forbidden,
    NotFound,
    Rejected,
    ServerFault,
    SettingsError,
    Unauthorised,
    Unreachable,
)
from tests.builders.code_hosts import TOKEN, CodeHosts, Note
from tests.builders.http import IMPATIENT, Misbehaviour, Reply, json_reply, scripted_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.builders.http import ScriptedServer

pytestmark = pytest.mark.anyio
KINDS = pytest.mark.parametrize("kind", [GitHub, GitLab])
NOTES = [
    Note("1", "a"),
    Note("2", "of another", own=False),
    Note("3", "b"),
    Note("4", "c", hidden=True),
    Note("5", "d"),
]


@asynccontextmanager
async def connected(
    kind: type[GitHub | GitLab], host: CodeHosts
) -> AsyncIterator[tuple[GitHub | GitLab, ScriptedServer]]:
    async with (
        scripted_server(host.answer) as server,
        kind(Access(server.url, "THE_URL", TOKEN, "THE_TOKEN", retry=IMPATIENT), "acme/monitoring", "12") as client,
    ):
        yield client, server


async def failure(kind: type[GitHub | GitLab], *replies: Reply, write: bool = False) -> ApiError:
    """Return the error of a request that gets these replies."""
    host = CodeHosts(failing=[*replies])
    with pytest.raises(ApiError) as caught:
        async with connected(kind, host) as (client, _):
            await (client.create("plan") if write else client.comments())
    assert TOKEN not in f"{caught.value!r} {caught.value} {caught.value.hint}"
    return caught.value


@KINDS
async def test_own_comments_are_read_from_all_pages(kind: type[GitHub | GitLab]) -> None:
    async with connected(kind, CodeHosts([*NOTES])) as (client, _):
        own = [Comment("1", "a"), Comment("3", "b"), Comment("4", "c"), Comment("5", "d")]
        assert await client.comments() == [one for one in own if kind is GitLab or one.id != "4"]


@KINDS
async def test_a_comment_is_created_replaced_and_hidden(kind: type[GitHub | GitLab]) -> None:
    host = CodeHosts()
    async with connected(kind, host) as (client, server):
        await client.comments()
        await client.create("plan")
        await client.update(Comment("1", "plan"), "new plan")
        assert host.notes == [Note("1", "new plan")]
        await client.hide(Comment("1", "new plan"))
    assert host.notes == [Note("1", "new plan", hidden=True) if kind is GitHub else Note("1", OUTDATED)]
    assert {one.headers["user-agent"] for one in server.seen} == {"dlsync"}


@KINDS
@pytest.mark.parametrize(
    ("reply", "error", "said", "hint"),
    [
        (
            json_reply({"message": f"no {TOKEN}"}, 401),
            Unauthorised,
            "the token in THE_TOKEN",
            "GITHUB_TOKEN|GITLAB_TOKEN",
        ),
        (json_reply({"message": "no"}, 403), Forbidden, "the token in THE_TOKEN is not", "permission|role Reporter"),
        (json_reply({}, 404), NotFound, "not found", "Check the repository|role Reporter"),
        (json_reply({"message": "too long"}, 422), Rejected, r"refuses this \(422: too long\)", ""),
        (json_reply({}, 409), Rejected, r"refuses this \(409\)", ""),
        (json_reply({}, 302), BadAnswer, "redirects are not followed", "Check that THE_URL"),
        (Reply(200, b"<!doctype html>Log in"), BadAnswer, "got a web page", "Check that THE_URL"),
        (Reply(200, b"\xff"), BadAnswer, "expected JSON", "Check that THE_URL"),
        (Reply(200, b""), BadAnswer, "expected JSON", "Check that THE_URL"),
        (Reply(200, b"[" * 200 + b"]" * 200), BadAnswer, "too many nested levels", "Check that THE_URL"),
        (json_reply(None), BadAnswer, "Expected `object`, got `null`", "Check that THE_URL"),
    ],
)
async def test_an_error_or_malformed_response_is_an_error_that_says_what_to_check(
    kind: type[GitHub | GitLab], reply: Reply, error: type[ApiError], said: str, hint: str
) -> None:
    found = await failure(kind, reply)
    assert type(found) is error
    assert re.search(said, found.message)
    assert re.search(hint, found.hint or "")


MALFORMED = [
    {"id": 1, "body": "x", "author": None},
    {"id": "1", "body": "x", "author": {"id": 7}},
    {"id": 1, "body": None, "author": {"id": 7}},
    {"body": "x", "author": {"id": 7}},
]


@pytest.mark.parametrize("note", MALFORMED)
async def test_a_gitlab_note_with_an_invalid_or_missing_field_is_an_error(note: object) -> None:
    found = await failure(GitLab, json_reply({"id": 7}), json_reply([note]))
    assert re.search(r"at `\$\[0\]|missing required field `id`", found.message)


@pytest.mark.parametrize(
    "data",
    [
        None,
        {"repository": None},
        {"repository": {"pullRequest": None}},
        {"repository": {"pullRequest": {"id": "PR", "comments": {"nodes": None}}}},
        {"repository": {"pullRequest": {"id": "PR", "comments": {"nodes": [{"id": 1}], "pageInfo": {}}}}},
    ],
)
async def test_a_github_pull_request_with_an_invalid_or_missing_field_is_an_error(data: object) -> None:
    assert type(await failure(GitHub, json_reply({"data": data}))) is BadAnswer


@pytest.mark.parametrize(
    ("type_", "status", "hint"),
    [
        ("FORBIDDEN", 403, "`pull-requests: write`"),
        ("INSUFFICIENT_SCOPES", 403, "`pull-requests: write`"),
        ("NOT_FOUND", 404, "Check the repository and the number"),
        ("RATE_LIMITED", 429, "Run this again later"),
        ("", 422, ""),
    ],
)
async def test_a_graphql_error_has_the_status_and_hint_of_its_http_equivalent(
    type_: str, status: int, hint: str
) -> None:
    error = {"message": f"no\x1b[2J {TOKEN}", **({"type": type_} if type_ else {})}
    found = await failure(GitHub, json_reply({"data": None, "errors": [error, {"message": "more"}]}))
    assert (type(found), found.status) == (Rejected, status)
    assert found.message.endswith("the code host refuses this (no [2J [key])")
    assert hint in (found.hint or "")
    assert type(await failure(GitHub, json_reply({"errors": ["x"]}))) is BadAnswer


@KINDS
@pytest.mark.parametrize("status", [403, 429, 500, 502, 503, 504])
async def test_a_temporary_error_status_is_retried(kind: type[GitHub | GitLab], status: int) -> None:
    passing = Reply(status, b"{}", (("Retry-After", "2"),))
    host = CodeHosts([Note("1", "a")], failing=[passing, passing])
    async with connected(kind, host) as (client, _):
        assert await client.comments() == [Comment("1", "a")]
    found = await failure(kind, *[passing] * 99)
    assert found.status == (429 if status == 403 else status)
    assert "no usable answer after" in found.message
    assert (found.hint or "").startswith("Run this again later") == (status in {403, 429})


@KINDS
async def test_a_comment_that_may_already_exist_is_not_posted_again(kind: type[GitHub | GitLab]) -> None:
    cut = Reply(200, misbehaviour=Misbehaviour.CLOSE)
    assert "may have carried it out" in (await failure(kind, cut, write=True)).message
    assert type(await failure(kind, json_reply({}, 502), write=True)) is ServerFault


@KINDS
async def test_the_hint_for_an_unreachable_code_host_names_its_variable(kind: type[GitHub | GitLab]) -> None:
    async with scripted_server(Reply()) as server:
        url = server.url
    with pytest.raises(Unreachable) as caught:
        async with kind(Access(url, "THE_URL", TOKEN, "THE_TOKEN", retry=IMPATIENT), "acme/monitoring", "12") as client:
            await client.comments()
    assert caught.value.hint == "Check that THE_URL is the API's address, and can be reached from here."


@KINDS
@pytest.mark.parametrize(
    ("url", "token", "said"),
    [
        ("http://example.org/api", TOKEN, "THE_URL is plain HTTP, which would send the token"),
        ("ftp://example.org", TOKEN, "THE_URL"),
        ("https://example.org", f"{TOKEN}\r\nX: y", "THE_TOKEN holds a character"),
        ("https://example.org", f"{TOKEN}é", "THE_TOKEN holds a character"),
    ],
)
async def test_an_invalid_url_or_token_is_refused_before_any_request(
    kind: type[GitHub | GitLab], url: str, token: str, said: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        kind(Access(url, "THE_URL", token, "THE_TOKEN"), "acme/monitoring", "12")
    assert said in caught.value.message
    assert TOKEN not in f"{caught.value.message} {caught.value.hint}"


async def test_each_name_is_encoded_as_one_segment_of_the_path() -> None:
    async with (
        scripted_server(json_reply({"id": 7})) as server,
        GitLab(Access(server.url, "URL", TOKEN, "TOKEN", retry=IMPATIENT), "a/b?c#d/../e", "1/2") as client,
    ):
        await client.update(Comment("3/../4", ""), "x")
    path = "/api/v1/projects/a%2Fb%3Fc%23d%2F..%2Fe/merge_requests/1%2F2/notes/3%2F..%2F4"
    assert server.asked == [f"PUT {path}"]
