"""Read-only commands send only GET requests, in every format, to a server that refuses all other methods.

The account has drifted from the tree, so that a command would have changes to write. A new command goes into a list.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pytest
from typer.main import get_command

from tests.builders.canaries import BEFORE, commands, scene

if TYPE_CHECKING:
    from pathlib import Path

    from tests.builders.http import Seen

pytestmark = pytest.mark.untraced

# the command lines of each command
LOOKS: dict[str, list[str]] = {
    "accept": ["accept --all-drift --check {tree}", "accept --all-drift {tree}"],
    "accounts list": ["accounts list"],
    "agents get": ["agents get web1"],
    "agents list": ["agents list"],
    "annotations get": ["annotations get notes {note}"],
    "annotations list": ["annotations list", "annotations list notes"],
    "dashboards get": ["dashboards get web"],
    "dashboards list": ["dashboards list"],
    "doctor": ["doctor {tree}"],
    "drift": ["drift {tree}", "drift --target rule/* {tree}"],
    "export": [
        "export {tree} --check --mirror",
        "export {tree} --managed --mirror",
        "export {tree} --target rule/*",
        "export {tmp}/new/{format}",
    ],
    "fmt": ["fmt {tree} --check"],
    "history": ["history {tree}"],
    "import-backup": ["import-backup {tmp}/backup {tmp}/imported/{format}"],
    "init": ["init {tmp}/begun", "init {tmp}/ci --ci github --environments prod"],
    "inventory list": ["inventory list {tree}"],
    "links get": ["links get {link}"],
    "links list": ["links list"],
    "metrics list": ["metrics list --agent web1", "metrics list --tag web"],
    "packs list": ["packs list {tree}"],
    "plan": [
        "plan {tree}",
        "plan {tree} --detailed-exitcode --target rule/*",
        "plan {tree} --adopt --on-conflict repo --out {tmp}/plan.json",
        "plan {tree} --all-environments",
        "plan {tree} --delete-account other",
    ],
    "plugins get": ["plugins get disk"],
    "plugins list": ["plugins list"],
    "render": ["render {tree}", "render {tree} -e prod"],
    "rules get": ["rules get load"],
    "rules list": ["rules list"],
    "schema": ["schema", "schema rule"],
    "series get": ["series get agent.status --agent web1"],
    "tags list": ["tags list"],
    "validate": ["validate {tree}", "validate {tree} -e prod"],
}
WRITES = {"adopt", "apply", "inventory rebuild", "release", "rollback", "rules mute", "rules unmute", "unlock"}
WRITES |= {f"{kind}s {verb}" for kind in ("dashboard", "plugin", "rule") for verb in ("create", "update", "delete")}
WRITES |= {f"{kind} {verb}" for kind in ("accounts", "annotations", "links") for verb in ("create", "delete")}
WRITES |= {"annotations update", "agents delete", "tags delete"}
OFFLINE = {"fmt", "history", "import-backup", "init", "packs list", "render", "schema", "validate"}
NOT_OF_THE_API = {"comment", "serve audit", "serve backup", "serve copy"}
NOT_OF_THE_API |= {f"serve keys {verb}" for verb in ("create", "list", "revoke")}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setattr("typer.main.get_command", cache(get_command))
    return tmp_path


@pytest.mark.parametrize("debug", [False, True], ids=["plain", "debug"])
def test_read_only_commands_send_only_get_requests(folder: Path, *, debug: bool) -> None:
    asked: list[Seen] = []

    def refuse(seen: Seen) -> int | None:
        asked.append(seen)
        return None if seen.method == "GET" else 500

    formats = commands()
    with scene(folder, refuse, live=BEFORE) as one:
        for command, lines in LOOKS.items():
            for line in lines:
                for output in formats[command] or ("",):
                    options = (*(("--format", output) if output else ()), *(["--debug"] if debug else []))
                    asked.clear()
                    code, _, err = one.run(line.replace("{format}", output), *options)
                    # an accept leaves out a live value in place of a secret
                    assert code in ({3} if command == "accept" else {0, 2}), (line, options, err)
                    assert {seen.method for seen in asked} <= {"GET"}, (line, options)
                    assert bool(asked) is (command not in OFFLINE), (line, options)


def test_every_command_is_listed_as_read_only_as_writing_or_as_not_of_the_api() -> None:
    assert commands().keys() == LOOKS.keys() | WRITES | NOT_OF_THE_API
