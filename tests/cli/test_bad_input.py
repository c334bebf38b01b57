"""Bad input gets an error that names the place and the remedy, exit code 1, and no write."""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.builders.commands import DASHBOARD, RULE, Outcome, by_hand, dlsync, environment, misbehaving
from tests.builders.http import Misbehaviour, Reply, by_request, json_reply
from tests.builders.trees import tree_files, write_tree

if TYPE_CHECKING:
    from collections.abc import Mapping


COMMANDS = ("validate", "plan", "apply", "export")
ONLINE = COMMANDS[1:]
OPTIONS = {"apply": ["--auto-approve"]}
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@dataclass(frozen=True)
class Bad:
    """The content of a file, and the place and the words of its error."""

    content: str | bytes
    place: str
    words: str


CONTENTS = {
    "broken YAML": Bad("title: [\n", ":2:1", "expected ',' or ']': the '[' opened on line 1 is unclosed"),
    "a tab for indentation": Bad("title:\n\t- a\n", ":2:1", "tab"),
    "a key twice": Bad("title: a\ntitle: b\n", ":2:1", "the key 'title' is on line 1 already; remove one of the two"),
    "two documents": Bad(f"{RULE}---\n{RULE}", ":3:1", "a second document begins here; put it into a file of its own"),
    "a tag that runs code": Bad(
        "title: !!python/object:os.system x\n", ":1:8", "this tag is unknown; put a text that begins"
    ),
    "a tag of one's own": Bad("title: !mine x\n", ":1:8", "this tag is unknown; put a text that begins"),
    "aliases that explode": Bad(BOMB, ":5:8", "the aliases expand to more than 10,000 values"),
    "10,000 levels of lists": Bad("[" * 10_000 + "]" * 10_000, ":1:101", "nested more than 100 levels deep"),
    "10,000 levels of mappings": Bad("{a: " * 10_000 + "}" * 10_000, ":1:401", "nested more than 100 levels deep"),
    "10,000 levels of blocks": Bad("- " * 10_000 + "a\n", ":1:201", "nested more than 100 levels deep"),
    "invalid UTF-8": Bad(b"title: \xff\n", ":1:8", "byte 7 (0xFF) is not valid UTF-8; save the file as UTF-8"),
    "UTF-16": Bad("title: a\n".encode("utf-16"), ":1:1", "the file is UTF-16 or UTF-32; save it as UTF-8"),
    "a NUL byte": Bad(b"title: a\0b\n", ":1:9", "the control character U+0000, which YAML does not allow; remove it"),
    "an escape sequence": Bad("title: \x1b[2J\n", ":1:8", "the control character U+001B, which YAML does not allow"),
    "nothing": Bad("", ":1", "expected a dashboard, a mapping that begins with `title:`, but the file holds nothing"),
    "only a comment": Bad("# soon\n", ":1", "but the file holds nothing"),
    "a list": Bad("- title: a\n", ":1", "but the file holds a list"),
    "a text": Bad("title\n", ":1", "but the file holds a single value"),
    "a wrong type": Bad("title: Web\npositions: none\n", ":2:1", '`positions` is "none", expected a list'),
    "a required field missing": Bad("positions: []\n", ":1:1", "the document has no `title`"),
}


def fails(command: str, tree: Path, env: Mapping[str, str]) -> Outcome:
    """Run a command, check that it fails and writes nothing, and return its outcome."""
    before = tree_files(tree)
    done = dlsync(command, tree, *OPTIONS.get(command, []), env=env)
    assert (done.code, done.writes) == (1, [])
    assert tree_files(tree) == before
    assert "Traceback" not in done.err
    assert "bug" not in done.err
    assert command == "validate" or done.out == ""
    return done


def said(done: Outcome) -> list[str]:
    """Return the lines with the errors in the files."""
    return [line for line in (done.out + done.err).splitlines() if ": error: " in line]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", CONTENTS)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_bad_file_is_an_error_at_its_place_before_anything_is_written(
    tree: Path, env: dict[str, str], command: str, name: str
) -> None:
    bad = CONTENTS[name]
    write_tree(tree, {"dashboards/team/bad.yaml": bad.content})
    done = fails(command, tree, env)
    (line, *_) = said(done)
    assert line.startswith(f"dashboards/team/bad.yaml{bad.place}: error: ")
    assert bad.words in line
    assert {one.method for one in done.asked} <= {"GET"}
    assert (done.out + done.err).replace("\n", "").isprintable()


@pytest.mark.parametrize("command", COMMANDS)
def test_all_bad_files_are_named_in_one_run(tree: Path, env: dict[str, str], command: str) -> None:
    write_tree(tree, {"dashboards/web.yaml": "[", "rules/load.yaml": "", "plugins/disk.meta.yaml": "- 1\n"})
    assert [line.partition(":")[0] for line in said(fails(command, tree, env))] == [
        "dashboards/web.yaml",
        "plugins/disk.meta.yaml",
        "rules/load.yaml",
    ]


@pytest.mark.parametrize("command", [*COMMANDS, "drift"])
@pytest.mark.parametrize(
    ("file", "content", "line"), [("rules/load.yaml", "title: [\n", 2), ("dlsync.yaml", "protect: [keep]\n", 1)]
)
def test_errors_in_files_are_in_the_json_document(tree: Path, command: str, file: str, content: str, line: int) -> None:
    write_tree(tree, {file: content})
    env = environment("http://127.0.0.1:1/api/v1")
    done = dlsync(command, tree, "--format", "json", *OPTIONS.get(command, []), env=env)
    document = json.loads(done.out)
    assert (done.code, document["format_version"]) == (1, 1)
    (problem,) = document["problems"]
    assert (problem["severity"], problem["file"], problem["line"]) == ("error", file, line)
    assert problem["column"]
    assert command == "validate" or document["error"].splitlines()[0] in done.err


def test_the_markdown_comment_of_a_failed_plan_lists_errors_first(tree: Path, env: dict[str, str]) -> None:
    write_tree(
        tree, {"dashboards/a.yaml": "title: a\npositions: []\ntitel: b\n", "rules/load.yaml": "title: [ @everyone\n"}
    )
    done = dlsync("plan", tree, "--format", "markdown", env=env)
    assert done.code == 1
    marker, head, _, first, *_ = done.out.split("\n")
    assert marker.startswith("<!-- dlsync plan account=acme%2F")
    assert head == "**dlsync plan failed**: <code>1 error in the files</code>"
    assert first.startswith("- error: <code>rules/load.yaml:1:")
    assert "@" not in done.out


def test_an_unknown_environment_is_an_error_in_the_json_document(tmp_path: Path, env: dict[str, str]) -> None:
    for command in ("validate", "plan", "drift", "export"):
        done = dlsync(command, tmp_path, "--environment", "nowhere", "--format", "json", env=env)
        document = json.loads(done.out)
        assert (done.code, document["problems"]) == (1, [])
        assert f"error: {document['error']}\n" in done.err


@pytest.mark.parametrize(
    "name", ["broken YAML", "a key twice", "a tag that runs code", "aliases that explode", "a list"]
)
@pytest.mark.parametrize("command", COMMANDS)
def test_bad_settings_are_an_error_at_their_place_before_any_request(
    tree: Path, env: dict[str, str], command: str, name: str
) -> None:
    bad = CONTENTS[name]
    write_tree(tree, {"dlsync.yaml": bad.content})
    done = fails(command, tree, env)
    assert f"dlsync.yaml{bad.place}: " in done.out + done.err
    assert done.asked == ()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_of_50_mb_is_not_read(tree: Path, env: dict[str, str], command: str) -> None:
    large = tree / "dashboards/large.yaml"
    large.touch()
    os.truncate(large, 50_000_000)
    done = fails(command, tree, env)
    assert said(done)[0] == (
        "dashboards/large.yaml: error: is too large: 50 MB; expected a file of at most 10 MB; "
        "shorten it, or list it in .dlsyncignore if it is no resource"
    )
    write_tree(tree, {".dlsyncignore": "/dashboards/large.yaml\n"})
    assert "large.yaml" not in dlsync("validate", tree).out


@pytest.mark.parametrize("content", [b"\xef\xbb\xbf" + DASHBOARD.encode(), DASHBOARD.replace("\n", "\r\n").encode()])
def test_a_byte_order_mark_and_crlf_are_accepted_and_kept_by_an_export(
    tree: Path, env: dict[str, str], content: bytes
) -> None:
    write_tree(tree, {"dashboards/web.yaml": content})
    assert dlsync("validate", tree).code == 0
    assert dlsync("apply", tree, "--auto-approve", env=env).code == 0
    assert dlsync("plan", tree, "--detailed-exitcode", env=env).code == 0
    by_hand(env, "PUT", "dashboards/web", DASHBOARD.replace("Web", "Shop"))
    assert dlsync("export", tree, env=env).code == 0
    assert tree_files(tree)["dashboards/web.yaml"] == content.replace(b"Web", b"Shop")


# names and folders
@pytest.mark.parametrize("command", COMMANDS)
def test_two_files_for_the_same_resource_are_an_error_that_names_both(
    tree: Path, env: dict[str, str], command: str
) -> None:
    write_tree(tree, {"dashboards/a/same.yaml": DASHBOARD, "dashboards/b/same.yaml": DASHBOARD})
    assert said(fails(command, tree, env)) == [
        "dashboards/b/same.yaml: error: a second file for dashboard/same; the first is dashboards/a/same.yaml"
    ]


@pytest.mark.parametrize("command", COMMANDS)
def test_two_names_that_differ_only_in_case_are_an_error_that_names_both(
    tree: Path, env: dict[str, str], command: str
) -> None:
    write_tree(tree, {"rules/a/Disk.yaml": RULE, "rules/b/disk.yaml": RULE})
    assert said(fails(command, tree, env)) == [
        "rules/b/disk.yaml: error: its name differs from that of rules/a/Disk.yaml in case alone; rename one"
    ]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_loop_of_symbolic_links_is_an_error(tree: Path, env: dict[str, str], command: str) -> None:
    (tree / "dashboards/loop").symlink_to(tree / "dashboards")
    (tree / "rules/self.yaml").symlink_to(tree / "rules/self.yaml")
    lines = said(fails(command, tree, env))
    assert lines[0] == ("dashboards/loop: error: a symbolic link leads back to a folder above it; remove the link")
    assert lines[1].startswith("rules/self.yaml: error: cannot be read: Too many levels of symbolic links")


@pytest.mark.parametrize("command", COMMANDS)
def test_an_unreadable_file_is_an_error(
    tree: Path, env: dict[str, str], command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = os.open

    def refusing(file: str, *how: Any, **more: Any) -> int:
        if Path(file).name == "load.yaml":
            raise PermissionError(13, "Permission denied", str(file))  # simulated: root can read every file
        return opened(file, *how, **more)

    before = tree_files(tree)
    with monkeypatch.context() as patched:
        patched.setattr("os.open", refusing)
        done = dlsync(command, tree, *OPTIONS.get(command, []), env=env)
    assert done.code == 1
    assert {one.method for one in done.asked} <= {"GET"}
    assert said(done) == ["rules/load.yaml: error: cannot be read: Permission denied"]
    assert tree_files(tree) == before


# empty trees
def test_an_empty_tree_never_empties_an_account(tmp_path: Path, env: dict[str, str]) -> None:
    by_hand(env, "PUT", "dashboards/web", DASHBOARD)
    write_tree(tmp_path, {"dlsync.yaml": "prune: all\n"})
    words = f"the files hold no resources, and the plan would delete 1 from acme/{env['DLSYNC_ACCOUNT']}"
    shown = dlsync("plan", tmp_path, env=env)
    assert (shown.code, shown.writes) == (1, [])
    assert words in shown.out
    done = dlsync("apply", tmp_path, "--auto-approve", env=env)
    assert (done.code, done.writes) == (4, [])
    assert "- dashboard/web  delete" in done.out
    assert words in done.err
    assert "Check the directory." in done.err


# servers
@pytest.mark.parametrize("command", ONLINE)
def test_a_wrong_key_is_an_error_that_says_where_keys_come_from(tree: Path, env: dict[str, str], command: str) -> None:
    done = fails(command, tree, {**env, "DLSYNC_API_KEY": "of-another"})
    assert "the server does not accept the API key (401" in done.err
    assert "DLSYNC_API_KEY or --api-key-file" in done.err


@pytest.mark.parametrize("command", ONLINE)
def test_a_wrong_organisation_and_a_wrong_account_are_told_apart(tree: Path, env: dict[str, str], command: str) -> None:
    org = fails(command, tree, {**env, "DLSYNC_ORG": "acne"}).err
    assert "organisation 'acne' does not exist on this server, or not for this API key" in org
    account = fails(command, tree, {**env, "DLSYNC_ACCOUNT": "defualt"}).err
    assert "organisation 'acme' has no account 'defualt'; it has: " in account
    assert "acne" not in account


@pytest.mark.parametrize("command", ONLINE)
def test_an_unreachable_server_is_an_error_that_names_its_url(tree: Path, env: dict[str, str], command: str) -> None:
    done = fails(command, tree, {**env, "DLSYNC_URL": "http://127.0.0.1:9/api/v1"})
    # one attempt, if another request has found the server down before
    assert re.search("no usable answer after (5 attempts|1 attempt)", done.err)
    assert "Check that the server at http://127.0.0.1:9 runs and can be reached from here" in done.err


HTML = Reply(200, b"<!DOCTYPE html><html><title>Sign in</title></html>", (("Content-Type", "text/html"),))
WHOLE = json.dumps([{"name": "web", "title": "Web", "positions": []}]).encode()
AS_JSON = (("Content-Type", "application/json"),)
SERVERS = {
    "HTML": (HTML, "got text/html, beginning"),
    "HTML that says it is JSON": (Reply(200, HTML.body, AS_JSON), "got a web page; got application/json, beginning"),
    "HTML, and an error": (Reply(500, HTML.body, HTML.headers), "the server answered 500"),
    "an answer cut short": (Reply(200, WHOLE, AS_JSON, Misbehaviour.CUT_SHORT), "the response was cut short"),
    "half of a JSON text": (Reply(200, WHOLE[:20], AS_JSON), "expected JSON"),
    "JSON of another shape": (json_reply({"items": []}), "Check that `url` is the API's base"),
    "a connection reset": (Reply(misbehaviour=Misbehaviour.RESET), "no usable answer after 9 attempts and 30.0 s"),
    "a connection closed": (Reply(misbehaviour=Misbehaviour.CLOSE), "no usable answer after 9 attempts and 30.0 s"),
    "no HTTP": (Reply(body=b"220 smtp ready\r\n\r\n", misbehaviour=Misbehaviour.GARBAGE), "is not HTTP"),
    "a redirect": (Reply(302, b"", (("Location", "/login"),)), "points to /login; redirects are not followed"),
    "an overload": (json_reply({"error": "slow down"}, 503), "the server answered 503: slow down"),
    "an overload for an hour": (
        Reply(429, b"", (("Retry-After", "3600"),)),
        "it asks to wait for 3600 s, more than the 30 s left of 30 s",
    ),
    "a ban": (json_reply({"error": "not you"}, 403), "the API key is not allowed to do this (403: not you)"),
}


@pytest.mark.parametrize("name", SERVERS)
@pytest.mark.parametrize("command", ONLINE)
def test_an_unusable_response_is_an_error_that_describes_the_response(tree: Path, command: str, name: str) -> None:
    reply, words = SERVERS[name]
    with misbehaving(reply) as server:
        done = fails(command, tree, environment(server.url))
    assert words in done.err
    assert "/orgs/acme" in done.err
    assert done.err.startswith("error: ")
    assert done.err.replace("\n", "").isprintable()


@pytest.mark.parametrize("command", ONLINE)
def test_a_single_unusable_response_fails_the_command(tree: Path, command: str) -> None:
    nothing_managed = {"GET plugins/dlsync-inventory": json_reply({}, 404)}
    good = {**nothing_managed, **{f"GET {folder}": json_reply([]) for folder in ("plugins", "rules")}}
    with misbehaving(by_request({**good, "GET dashboards": HTML}, otherwise=json_reply([]))) as server:
        done = fails(command, tree, environment(server.url))
    assert "/dashboards: expected an answer of the API, got a web page; got text/html" in done.err


def test_an_export_fails_when_a_file_cannot_be_written(tree: Path, env: dict[str, str], tmp_path: Path) -> None:
    dlsync("apply", tree, "--auto-approve", env=env)
    (tmp_path / "new/dashboards/web.yaml").mkdir(parents=True)  # a folder where a file belongs
    done = dlsync("export", tmp_path / "new", "--target", "dashboard/*", env=env)
    assert (done.code, done.out) == (1, "")
    assert "dashboards/web.yaml cannot be written: " in done.err


def test_an_export_never_writes_outside_of_its_folder(tree: Path, env: dict[str, str], tmp_path: Path) -> None:
    by_hand(env, "PUT", "dashboards/..%2F..%2Fetc%2Fcron", DASHBOARD)
    (tmp_path / "new").mkdir()
    assert dlsync("export", tmp_path / "new", env=env).code == 0
    assert set(tree_files(tmp_path / "new")) == {"dashboards/%2E.%2F..%2Fetc%2Fcron.yaml"}
    shutil.rmtree(tmp_path / "new" / "dashboards")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "new" / "dashboards").symlink_to(tmp_path / "elsewhere")
    done = dlsync("export", tmp_path / "new", env=env)
    assert (done.code, tree_files(tmp_path / "elsewhere")) == (1, {})
    assert "leads outside" in done.err
