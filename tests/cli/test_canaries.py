"""Canaries: run every command in every format with marked secrets, and search all its output for them.

A new command needs a line in ``LINES``; the test finds its formats. ``SHOWS_LIVE`` names the commands that print live
resources: their output has the secrets, because a server knows no references.
"""

from __future__ import annotations

import re
import signal
import subprocess
from typing import TYPE_CHECKING

import httpx2
import pytest

from tests.builders.canaries import (
    BEFORE,
    KEY,
    OK,
    SECRETS,
    commands,
    everything,
    leaks,
    leaks_below,
    listings,
    scene,
    spellings,
    writes,
)
from tests.builders.commands import ROOT, command_line, misbehaving, process_environment
from tests.builders.http import Misbehaviour, Reply

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.builders.canaries import Scene
    from tests.builders.http import Seen

pytestmark = pytest.mark.untraced

# the command lines of each command, in the order in which the test runs them
LINES: dict[str, list[str]] = {
    "init": ["init {tmp}/new", "init {tree} --ci gitlab --environments prod"],
    "schema": ["schema", "schema rule"],
    "validate": ["validate {tree}", "validate {tree} -e prod"],
    "render": ["render {tree}", "render {tree} -e prod"],
    "fmt": ["fmt {tree} --check"],
    "doctor": ["doctor {tree}"],
    "packs list": ["packs list {tree}"],
    "import-backup": ["import-backup {tmp}/backup {tmp}/imported/{format}"],
    "plan": [
        "plan {tree}",
        "plan {tree} --adopt --out {tmp}/plan.json --out {tmp}/plan.html",
        "plan {tree} --all-environments",
    ],
    "export": ["export {tree} --check", "export {tree} --check --mirror", "export {tree} --check -e prod"],
    "apply": [
        "apply {tmp}/plan.json --auto-approve --lock-timeout 0",
        "apply {tree} --auto-approve --adopt --on-conflict repo --lock-timeout 0",
        "apply {tree} --auto-approve --all-environments --adopt --on-conflict repo --lock-timeout 0",
        "apply {tree} --auto-approve --on-conflict repo --lock-timeout 0",
    ],
    "comment": ["comment --github --repository a/b --number 1 {tree}/dlsync.yaml"],
    "drift": ["drift {tree}"],
    "accept": ["accept --all-drift --check {tree}"],
    "inventory list": ["inventory list {tree}"],
    "inventory rebuild": ["inventory rebuild {tree} --lock-timeout 0"],
    "release": ["release rule/load {tree} --lock-timeout 0"],
    "adopt": ["adopt rule/load {tree} --lock-timeout 0"],
    "history": ["history {tree}"],
    "rollback": ["rollback {tree} --auto-approve --lock-timeout 0"],
    "unlock": ["unlock {tree} --yes"],
    "accounts list": ["accounts list"],
    "accounts create": ["accounts create other{format}"],
    "accounts delete": ["accounts delete other{format} --yes"],
    "agents list": ["agents list"],
    "agents get": ["agents get web1"],
    "annotations list": ["annotations list", "annotations list deploys"],
    "annotations get": ["annotations get notes {note}"],
    "annotations create": ["annotations create notes more"],
    "annotations update": ["annotations update notes {note} --name less"],
    "annotations delete": ["annotations delete notes --yes"],
    "dashboards list": ["dashboards list"],
    "dashboards get": ["dashboards get web"],
    "dashboards create": ["dashboards create web2{format} {tree}/dashboards/web.yaml"],
    "dashboards update": ["dashboards update web {tree}/dashboards/web.yaml"],
    "dashboards delete": ["dashboards delete web2{format} --yes"],
    "links list": ["links list"],
    "links get": ["links get {link}"],
    "links create": ["links create disk db"],
    "links delete": ["links delete {link} --yes"],
    "metrics list": ["metrics list --agent web1", "metrics list --tag web"],
    "plugins list": ["plugins list"],
    "plugins get": ["plugins get disk", "plugins get disk --output {tmp}/disk.sh"],
    "plugins create": ["plugins create {tree}/plugins/disk.sh --name more{format}"],
    "plugins update": ["plugins update disk {tree}/plugins/disk.sh"],
    "plugins delete": ["plugins delete more{format} --yes"],
    "rules list": ["rules list"],
    "rules get": ["rules get load"],
    "rules create": ["rules create load2{format} {tree}/rules/load.yaml"],
    "rules update": ["rules update load {tree}/rules/load.yaml"],
    "rules mute": ["rules mute load"],
    "rules unmute": ["rules unmute load"],
    "rules delete": ["rules delete load2{format} --yes"],
    "series get": ["series get agent.status --agent web1"],
    "tags list": ["tags list"],
    "tags delete": ["tags delete web --yes"],
    "agents delete": ["agents delete web1 --yes"],
}
OFFLINE = {"history", "init", "schema", "validate", "render", "packs list", "import-backup"}
# commands on the database of the server; they and serve have their own tests
SERVES = {"serve audit", "serve backup", "serve copy", *(f"serve keys {verb}" for verb in ("create", "list", "revoke"))}
SHOWS_LIVE = {f"{kind}s {verb}" for kind in ("dashboard", "plugin", "rule", "link") for verb in ("list", "get")}
SHOWS_LIVE |= {"links delete", "tags list"}
# fail on an account without links
NOT_THERE = {"links get {link}", "links delete {link} --yes"}
# fail in some formats, because the run in the first format has done the work already
TAKEN = {
    "drift {tree}",
    "accept --all-drift --check {tree}",
    "release rule/load {tree} --lock-timeout 0",
    "adopt rule/load {tree} --lock-timeout 0",
    "agents delete web1 --yes",
    "annotations delete notes --yes",
    "tags delete web --yes",
}
# exit with 2 for files that would change, or fail for an overlay that no export edits
EXPORTS = {"export {tree} --check", "export {tree} --check --mirror", "export {tree} --check -e prod"}
# commands that read a tree; the others do not know its secrets, so they cannot hide them in an error of a server
READS_TREE = {
    "plan",
    "apply",
    "export",
    "drift",
    "accept",
    "rollback",
    "doctor",
    "inventory list",
    "inventory rebuild",
    "adopt",
    "release",
    "unlock",
    "dashboards create",
    "dashboards update",
    "rules create",
    "rules update",
}
# commands with errors of servers in their results
SAYS_FAILURES = {"plan", "apply", "rollback", "export", "doctor"}
KEYS = ("KEY", "AGENT_KEY")


def lines(*, failing: bool) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield each command with its command lines and the options of each of its formats.

    :param failing: leave out offline commands, and most formats, because an error looks the same in each of them.
    """
    formats = commands()
    for command, ways in LINES.items():
        wanted = formats[command] if not failing or command in SAYS_FAILURES else formats[command][:1]
        for line in ways if not (failing and command in OFFLINE) else ():
            yield from ((command, line, ("--format", one) if one else ()) for one in wanted or ("",))


def found(scene: Scene, *, failing: bool = False, before: bool = False) -> tuple[list[str], list[str]]:
    """Run every command line; return the secrets that leaked, with their places, and the command lines that failed.

    :param before: search for the former secrets too.
    """
    told, failed = [], []
    marks = scene.marks | ({f"BEFORE {name}": one for name, one in BEFORE.items()} if before else {})
    keys = {name: scene.marks[name] for name in KEYS}
    for command, line, options in lines(failing=failing):
        code, out, err = scene.run(line, *options, "--debug")
        said = keys if failing and command not in READS_TREE else marks
        ran = f"{line} {options} ({code})"
        told += [f"{ran}: {one} in stdout" for one in leaks(out, keys if command in SHOWS_LIVE else said)]
        told += [f"{ran}: {one} in stderr" for one in leaks(err, said)]
        failed += [line] if code else []
    told += [f"kept on the server: {one}" for text in scene.records for one in leaks(text, marks)]
    return told + leaks_below(scene.folder, scene.marks), failed


def test_every_command_has_command_lines_to_run() -> None:
    assert sorted(commands().keys() - SERVES) == sorted(LINES), "a new command needs a line in LINES"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of all output, with the working folder, the home and the folder of temporary files."""
    for name in ("work", "temporary"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    return tmp_path


@pytest.mark.parametrize("live", [None, BEFORE], ids=["new", "changed"])
def test_no_secret_leaks_when_the_server_works(folder: Path, live: dict[str, str] | None) -> None:
    with scene(folder, live=live) as one:
        told, failed = found(one, before=bool(live))
    assert told == []
    # the second apply of the plan file finds it stale, the files are not in the house style, and no code host has a
    # token
    expected = {"apply {tmp}/plan.json --auto-approve --lock-timeout 0", *LINES["fmt"], *LINES["comment"]}
    assert set(failed) <= {*expected, *EXPORTS, *NOT_THERE, *TAKEN}


BLURTS = {
    "refuses writes": writes(422),
    "fails at writes": writes(500),
    "locks out of writing": writes(403),
    "answers writes with 200 and keeps nothing": writes(OK),
    "fails at all": everything(500),
    "knows no key": everything(401),
    "lists nonsense": listings,
}


@pytest.mark.parametrize("how", BLURTS)
def test_no_secret_leaks_when_the_server_repeats_secrets_in_its_responses(folder: Path, how: str) -> None:
    with scene(folder, BLURTS[how], live=SECRETS) as one:
        told, failed = found(one, failing=True)
    assert told == []
    assert failed


def test_no_secret_leaks_with_an_unreachable_server_a_wrong_key_or_invalid_files(folder: Path) -> None:
    with scene(folder) as one:
        nobody = {"DLSYNC_URL": "http://127.0.0.1:9/api/v1"}
        wrong = {"DLSYNC_API_KEY": one.marks["KEY"][::-1]}
        ran = [one.run("plan {tree}", "--debug", env=env) for env in (nobody, wrong)]
        for form in ("text", "json"):
            lines = (
                "validate {wrong}",
                "plan {wrong}",
                "render {wrong}",
                "apply {wrong} --auto-approve",
                "export {wrong}",
            )
            ran += [one.run(line, "--format", form, "--debug") for line in lines]
            ran.append(one.run("validate {wrong} -e prod", "--format", form, "--debug"))
        ran += [one.run(f"{kind}s create x {{wrong}}/{kind}s/{name}.yaml") for kind, name in DOCUMENTS]
        marks = {**one.marks, "WRONG KEY": wrong["DLSYNC_API_KEY"]}
    assert [code for code, _, _ in ran] == [1] * len(ran)
    assert [leak for _, out, err in ran for leak in leaks(out + err, marks)] == []
    assert leaks_below(folder, marks) == []


DOCUMENTS = (("dashboard", "web"), ("rule", "load"))


@pytest.mark.parametrize(
    "key", ["Bearer {key}\nX: {key}", "{key}\x07", "ключ {key}"], ids=["lines", "control", "letters"]
)
def test_an_api_key_that_is_invalid_in_a_header_is_not_printed(folder: Path, key: str) -> None:
    with scene(folder) as one:
        (folder / "work" / "key").write_text(key.format(key=one.marks["KEY"]))
        ran = [
            one.run("plan {tree}", "--debug", env={"DLSYNC_API_KEY": key.format(key=one.marks["KEY"])}),
            one.run("plan {tree} --api-key-file key", "--debug"),
        ]
    assert [code for code, _, _ in ran] == [1, 1]
    assert [leak for _, out, err in ran for leak in leaks(out + err, one.marks)] == []


def test_an_export_into_the_tree_writes_references_instead_of_secrets(folder: Path) -> None:
    with scene(folder, live=SECRETS) as one:
        assert one.run("export {tree}", "--format", "json")[0] == 0
        assert leaks_below(folder, one.marks) == []
        assert "By hand" in (folder / "tree" / "rules" / "load.yaml").read_text()


@pytest.mark.parametrize("command", ["plan {tree}", "apply {tree} --auto-approve", "export {tree} --check"])
@pytest.mark.parametrize("ending", ["interrupted", "failing"])
def test_no_secret_leaks_from_an_interrupted_or_failing_process(folder: Path, command: str, ending: str) -> None:
    running: list[subprocess.Popen[str]] = []

    def answer(seen: Seen) -> Reply:
        if ending == "failing":
            return Reply(403, f"not you: {seen.headers['authorization']} {SECRETS['HOOK']}".encode())
        running[0].send_signal(signal.SIGINT)
        return Reply(misbehaviour=Misbehaviour.HANG)

    with scene(folder) as one, misbehaving(answer) as server:
        arguments = [word.format_map(one.words) for word in command.split()]
        with subprocess.Popen(
            command_line(*arguments, "--debug"),
            env=process_environment({**one.env, "DLSYNC_URL": server.url, "TMPDIR": str(folder / "temporary")}),
            cwd=folder / "work",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as started:
            running.append(started)
            out, err = started.communicate()
    assert started.returncode == (130 if ending == "interrupted" else 1)
    assert leaks(out + err, one.marks) == []
    assert leaks_below(folder, one.marks) == []


def test_serve_prints_no_key_and_does_not_store_its_api_key(folder: Path) -> None:
    database = folder / "work" / "kept.db"
    arguments = command_line("serve", "--db", database, "--debug")
    with subprocess.Popen(
        arguments,
        env=process_environment({"DLSYNC_API_KEY": KEY}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        answers = [
            httpx2.get(f"{url}/orgs/acme/accounts", headers={"Authorization": f"Bearer {key}"})
            for key in (KEY, KEY[::-1])
        ]
        server.send_signal(signal.SIGTERM)
        out, err = server.communicate()
    marks = {"KEY": KEY, "WRONG KEY": KEY[::-1], "AGENT_KEY": answers[0].json()[0]["agent_keys"][0]}
    assert [one.status_code for one in answers] == [200, 401]
    assert leaks(out + err + answers[1].text, marks) == []
    assert leaks_below(folder / "temporary", marks) == []
    assert leaks(database.read_bytes().decode("latin-1"), {"KEY": KEY}) == []  # agent keys have to be in it


def test_the_cassettes_hold_no_key() -> None:
    for cassette in (ROOT / "tests" / "cassettes").iterdir():
        text = cassette.read_text(encoding="utf-8")
        assert not re.search(r"(?i)authorization|bearer|changeme", text), cassette
        keys = re.findall(r'"agent_keys": *\[([^\]]*)\]', text)
        assert all(set(key) <= set('"x-, \n') for key in keys), cassette


def test_the_search_for_leaks_finds_every_spelling_of_a_secret() -> None:
    for name, secret in SECRETS.items():
        for way in spellings(secret):
            assert leaks(f"before {way.swapcase()} after", {name: secret})
    assert leaks(f"{SECRETS['LONG'][:30]}...", {"LONG": SECRETS["LONG"]})
    assert leaks("nothing of the kind, third", SECRETS) == []
