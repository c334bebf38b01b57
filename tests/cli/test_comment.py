"""``dlsync comment``: one comment with the plan on a pull request."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from dlsync.operations.comment import ALL, marker, with_link
from dlsync.render.plan_markdown import LIMIT
from tests.builders.code_hosts import TOKEN, CodeHosts, Note
from tests.builders.commands import Outcome, dlsync, misbehaving
from tests.builders.http import Reply, json_reply
from tests.builders.repositories import git
from tests.builders.trees import write_tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MARKER = marker("acme/default", "production")
PLAN = f"{MARKER}**dlsync plan** for acme/default: 1 to create.\n"
PLATFORMS = ("github", "gitlab")
OTHERS = [
    Note("1", f"> {PLAN}", own=False),
    Note("2", PLAN, own=False),
    Note("3", f"look:\n{PLAN}"),
    Note("4", f"{marker('acme/default', 'staging')}staging"),
]


@contextmanager
def code_host(*notes: Note) -> Iterator[tuple[CodeHosts, dict[str, str]]]:
    """A code host with comments, and the variables of a CI job on it."""
    host = CodeHosts([*notes])
    with misbehaving(host.answer) as server:
        yield (
            host,
            {
                "GITHUB_API_URL": server.url,
                "GITHUB_TOKEN": TOKEN,
                "GITHUB_REPOSITORY": "acme/monitoring",
                "CI_API_V4_URL": server.url,
                "GITLAB_TOKEN": TOKEN,
                "CI_PROJECT_ID": "acme/monitoring",
                "GITHUB_REF": "refs/pull/12/merge",
                "CI_MERGE_REQUEST_IID": "12",
            },
        )


def comment(platform: str, env: dict[str, str], *options: str, text: str = PLAN) -> Outcome:
    done = dlsync("comment", f"--{platform}", *options, env=env, piped=text.encode())
    assert TOKEN not in done.out + done.err
    return done


@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_first_plan_creates_a_comment_and_the_next_updates_it_among_other_comments(platform: str) -> None:
    place = f"acme/monitoring{'#' if platform == 'github' else '!'}12"
    with code_host(*OTHERS) as (host, env):
        assert comment(platform, env)[:3] == (0, f"created: the comment on {place}\n", "")
        assert comment(platform, env).out == f"unchanged: the comment on {place}\n"
        assert comment(platform, env, text=f"{PLAN}more\n").out == f"updated: the comment on {place}\n"
    assert host.writes == ["create", "update 5"]
    assert host.notes[4].body == f"{PLAN}more\n"


@pytest.mark.parametrize("platform", PLATFORMS)
def test_new_creates_a_comment_and_hides_the_old_comment_unless_the_text_is_the_same(platform: str) -> None:
    with code_host(*OTHERS, Note("5", PLAN.replace("\n", "\r\n").rstrip())) as (host, env):
        assert comment(platform, env, "--new").out.startswith("unchanged: ")
        assert comment(platform, env, "--new", text=f"{PLAN}more\n").out.startswith("created: ")
        assert comment(platform, env, "--new", text=f"{PLAN}more\n").out.startswith("unchanged: ")
    assert host.writes == ["create", "hide 5" if platform == "github" else "update 5"]
    assert host.notes[4].hidden == (platform == "github")
    assert ("outdated" in host.notes[4].body) == (platform == "gitlab")


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize(
    "rivals", [(f"{PLAN}a\n",), (PLAN,), (f"{PLAN}a\n", f"{PLAN}b\n")], ids=["other", "same", "two"]
)
def test_concurrent_first_runs_keep_the_oldest_comment_with_the_latest_text(
    platform: str, rivals: tuple[str, ...]
) -> None:
    with code_host(*OTHERS) as (host, env):
        host.rivals = rivals
        assert comment(platform, env).out.startswith("created: ")
        [kept] = [note for note in host.notes if note.own and not note.hidden and note.body.startswith(MARKER)]
        assert (kept.id, kept.body) == ("5", (*rivals[:1], PLAN, *rivals[1:])[-1])
        writes = len(host.writes)
        assert comment(platform, env, text=kept.body).out.startswith("unchanged: ")
        assert len(host.writes) == writes
    assert [note.body for note in OTHERS] == [note.body for note in host.notes[:4]]


@pytest.mark.parametrize("platform", PLATFORMS)
def test_two_leftover_comments_become_one(platform: str) -> None:
    with code_host(Note("1", f"{PLAN}old\n"), Note("2", PLAN)) as (host, env):
        assert comment(platform, env).out.startswith("unchanged: ")
        assert [note.body for note in host.notes if note.body.startswith(MARKER) and not note.hidden] == [PLAN]


def test_a_failure_before_the_account_is_known_replaces_the_only_comment_of_its_environment() -> None:
    failed = marker("", "production")
    with code_host(*OTHERS, Note("5", PLAN)) as (host, env):
        assert comment("github", env, text=f"{failed}failed\n").out.startswith("updated: ")
        assert comment("github", env).out.startswith("updated: ")
        assert comment("github", env, text=f"{marker('', ALL)}all\n").out.startswith("created: ")
        host.notes.append(Note("7", f"{marker('acme/other', 'production')}other"))
        assert comment("github", env, text=f"{failed}failed\n").out.startswith("created: ")


def test_the_longest_plan_with_the_longest_link_fits_the_limit_of_github() -> None:
    url = f"https://x.io/{'a' * 1987}"
    assert LIMIT + len(with_link("", url)) < 65_536


def test_a_link_to_the_whole_plan_stands_at_the_end() -> None:
    with code_host() as (host, env):
        assert comment("github", env, "--html-url", "https://x.io/a b>?c=1").code == 0
        assert host.notes[0].body == f"{PLAN}\n[The whole plan](<https://x.io/a%20b%3E?c=1>)\n"
        for url in ("https://x.io/run/2", "https://x.io/run/3"):  # another run with the same plan
            assert comment("github", env, "--html-url", url).out.startswith("unchanged: ")
        assert host.notes[0].body.endswith("?c=1>)\n")
        assert comment("github", env).out.startswith("updated: ")
        assert comment("github", env, "--html-url", "https://x.io/run/4").out.startswith("updated: ")
        assert comment("github", env, "--html-url", "https://x.io/5", text=f"{PLAN}more\n").out.startswith("updated: ")
        assert host.notes[0].body.endswith("more\n\n[The whole plan](<https://x.io/5>)\n")
        for url in ("javascript:x", f"https://x.io/{'é' * 400}"):
            assert "--html-url is not an HTTP address of at most 2,000" in comment("github", env, "--html-url", url).err


@pytest.mark.parametrize(
    ("platform", "reply", "expected"),
    [
        ("github", json_reply({"message": f"no {TOKEN}"}, 401), ("does not accept the token in GITHUB_TOKEN", "`env`")),
        ("github", json_reply({"message": "no"}, 403), ("the token in GITHUB_TOKEN is not", "`pull-requests: write`")),
        ("github", json_reply({}, 404), ("not found", "Check the repository and the number")),
        ("github", json_reply({}, 302), ("redirects are not followed", "Check that GITHUB_API_URL")),
        ("github", json_reply([]), ("Expected `object`, got `array`", "Check that GITHUB_API_URL")),
        (
            "github",
            json_reply({"errors": [{"type": "FORBIDDEN", "message": "not accessible by integration"}]}),
            ("not accessible by integration", "`pull-requests: write`"),
        ),
        ("github", json_reply({"errors": [{"message": "Body is too long"}]}), ("refuses this (Body is too long)",)),
        ("github", json_reply({"errors": ["x"]}), ("Expected `object`, got `str`",)),
        ("gitlab", json_reply({}, 401), ("does not accept the token in GITLAB_TOKEN", "scope `api`")),
        ("gitlab", json_reply({}, 403), ("the token in GITLAB_TOKEN is not allowed", "role Reporter")),
        ("gitlab", json_reply({}, 404), ("not found", "scope `api`")),
        ("gitlab", json_reply([]), ("Expected `object`, got `array`", "Check that CI_API_V4_URL")),
    ],
)
def test_an_error_of_the_code_host_says_what_to_check(platform: str, reply: Reply, expected: tuple[str, ...]) -> None:
    with code_host() as (host, env):
        host.failing = [reply]
        done = comment(platform, env)
    assert (done.code, done.out, host.writes) == (1, "", [])
    assert [part for part in expected if part not in done.err] == []


def test_a_gitlab_response_that_is_not_a_list_of_notes_is_an_error() -> None:
    with code_host() as (host, env):
        host.failing = [json_reply({"id": 7}), json_reply({})]
        assert "Expected `array`, got `object`" in comment("gitlab", env).err


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_failed_request_is_retried(platform: str) -> None:
    with code_host() as (host, env):
        host.failing = [json_reply({}, 503)]
        assert comment(platform, env).code == 0
    assert host.writes == ["create"]


@pytest.mark.parametrize(
    ("platform", "changed", "expected"),
    [
        ("github", {"GITHUB_TOKEN": ""}, "GITHUB_TOKEN is not set\nSet it to `${{ github.token }}`"),
        ("github", {"GITHUB_TOKEN": "a b"}, "that a header cannot carry\nCheck it for blanks and line breaks."),
        ("github", {"GITHUB_REPOSITORY": ""}, "GITHUB_REPOSITORY is not set\nGive --repository OWNER/NAME."),
        ("github", {"GITHUB_REPOSITORY": "x"}, "the repository 'x' is not OWNER/NAME"),
        ("github", {"GITHUB_REF": "refs/heads/main"}, "neither GITHUB_EVENT_PATH nor GITHUB_REF names a pull request"),
        ("github", {"GITHUB_EVENT_PATH": "/dev/null"}, "GITHUB_EVENT_PATH names /dev/null, which is not JSON"),
        ("github", {"GITHUB_API_URL": "http://x.io"}, "`GITHUB_API_URL` is plain HTTP, which would send the token to"),
        ("gitlab", {"GITLAB_TOKEN": ""}, "GITLAB_TOKEN is not set"),
        ("gitlab", {"CI_PROJECT_ID": ""}, "CI_MERGE_REQUEST_PROJECT_ID and CI_PROJECT_ID are not set"),
        ("gitlab", {"CI_MERGE_REQUEST_IID": ""}, "CI_MERGE_REQUEST_IID is not set"),
        ("gitlab", {"CI_API_V4_URL": ""}, "CI_API_V4_URL is not set"),
    ],
)
def test_a_variable_that_is_missing_or_wrong_is_named(platform: str, changed: dict[str, str], expected: str) -> None:
    with code_host() as (host, env):
        done = comment(platform, {**env, **changed})
    assert (done.code, host.writes) == (1, [])
    assert expected in done.err.replace("GITHUB_API_URL is", "`GITHUB_API_URL` is")


@pytest.mark.parametrize("event", [{"pull_request": {"number": 12}}, {"issue": {"number": 12}}])
def test_the_pull_request_number_comes_from_the_event_or_the_option(event: object, tmp_path: Path) -> None:
    path = tmp_path / "event.json"
    path.write_text(json.dumps(event))
    with code_host() as (_, env):
        assert comment("github", {**env, "GITHUB_REF": "", "GITHUB_EVENT_PATH": str(path)}).code == 0
        other = {**env, "GITHUB_REF": "", "GITHUB_REPOSITORY": ""}
        options = ("--number", "12", "--repository", "acme/monitoring")
        assert comment("github", other, *options).out.startswith("unchanged: ")


@pytest.mark.parametrize(
    ("arguments", "text", "expected"),
    [
        ((), PLAN, "Give --github or --gitlab."),
        (("--github", "--gitlab"), PLAN, "Give --github or --gitlab."),
        (("--github",), "", "does not begin with the marker of a plan"),
        (("--github",), f"> {PLAN}", "does not begin with the marker of a plan"),
        (("--github", "no-such-file"), PLAN, "no-such-file cannot be read"),
    ],
)
def test_invalid_arguments_or_texts_are_not_posted(arguments: tuple[str, ...], text: str, expected: str) -> None:
    with code_host() as (host, env):
        done = dlsync("comment", *arguments, env=env, piped=text.encode())
    assert (done.code, host.writes) == (1, [])
    assert expected in done.err


def test_input_that_is_not_utf_8_is_an_error() -> None:
    err = dlsync("comment", "--github", piped=b"\xff").err
    assert "- is not text in UTF-8\nGive it what `dlsync plan --format markdown` prints.\n" in err


def test_a_failed_plan_updates_the_comment_of_the_plan(tree: Path, env: dict[str, str]) -> None:
    with code_host() as (host, job):
        for text in (None, "title: [\n"):
            if text:
                (tree / "rules/load.yaml").write_text(text)
            plan = dlsync("plan", tree, "--format", "markdown", env=env).out
            assert comment("github", job, text=plan).code == 0
        failed = dlsync("plan", tree, "--format", "markdown", env={**env, "DLSYNC_ACCOUNT": ""}).out
        assert comment("github", job, text=failed).code == 0
    assert host.writes == ["create", "update 1", "update 1"]
    assert "missing settings: account" in host.notes[0].body


@pytest.mark.parametrize("options", [(), ("--all-environments",)])
def test_two_directories_of_one_repository_have_a_comment_each(
    options: tuple[str, ...], tmp_path: Path, env: dict[str, str]
) -> None:
    git(tmp_path, "init", "--quiet")
    for name in ("shop", "payments"):
        write_tree(tmp_path / name, {"dlsync.yaml": "environments: {staging: {}}\n", "rules/a.yaml": "title: [\n"})
    with code_host() as (host, job):
        for name in ("shop", "payments", "shop"):
            plan = dlsync("plan", tmp_path / name, *options, "--format", "markdown", env={**env, "DLSYNC_ORG": ""}).out
            assert comment("github", job, text=plan).code == 0
    assert host.writes == ["create", "create"]
    assert " directory=shop%2F -->" in host.notes[0].body


def test_long_names_make_a_marker_of_bounded_length() -> None:
    assert len(marker("x" * 999, "--> \n*")) < 200
    assert marker("a", "--> \n*") == "<!-- dlsync plan account=a environment=--%3E%20%5Cn%2A -->\n"
