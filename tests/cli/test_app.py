"""The command line as a whole: its help, its version, its completion, and its usage errors."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from dlsync import __version__
from dlsync.cli.app import PURPOSES, loaded
from tests.builders.commands import dlsync, process, process_environment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

COMMANDS = (
    *("init", "import-backup", "validate", "fmt", "render", "packs", "plan", "apply", "comment", "drift", "accept"),
    "export",
    *("adopt", "release", "inventory", "history", "rollback", "unlock", "doctor", "schema", "serve"),
)
FAMILIES = ("accounts", "agents", "annotations", "dashboards", "links", "metrics", "plugins", "rules", "series", "tags")
GROUPS = (*FAMILIES, "inventory", "packs")
HEAVY = {
    "asyncio",
    "deepdiff",
    "msgspec",
    "pyreqwest",
    "jsonschema_rs",
    "plotille",
    "rich",
    "ryaml",
    "sqlite3",
    "ssl",
    "starlette",
}
HEAVY |= {"uvicorn", "yaml"}
COMPLETING = {"_DLSYNC_COMPLETE": "complete_bash", "COMP_WORDS": "dlsync pl", "COMP_CWORD": "1"}


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_names_every_command_in_a_whole_sentence_and_the_exit_codes(option: str) -> None:
    done = dlsync(option)
    assert (done.code, done.err) == (0, "")
    listed = done.out.partition("\nFiles:\n")[2].partition("\n\n  Exit codes")[0]
    assert tuple(re.findall(r"^  ([\w-]+)  +[A-Z].*\.$", listed, re.MULTILINE)) == COMMANDS + FAMILIES
    assert re.findall(r"^[A-Z].*:$", listed, re.MULTILINE) == [
        *("Files and server:", "Managed resources:", "Runs:", "Tools:", "The API by hand:")
    ]
    assert "..." not in listed
    assert "130 interrupted" in done.out


@pytest.mark.parametrize("command", [one for one in COMMANDS if one not in GROUPS])
def test_each_command_has_help(command: str) -> None:
    done = dlsync(command, "--help")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"Usage: dlsync {command} [OPTIONS]")
    assert "--debug" in done.out


@pytest.mark.parametrize("family", GROUPS)
def test_a_command_group_without_a_command_is_an_error_that_shows_its_commands(family: str) -> None:
    done = dlsync(family)
    assert (done.code, done.out) == (1, "")
    assert done.err == dlsync(family, "--help").out
    assert done.err.startswith(f"Usage: dlsync {family} [OPTIONS] COMMAND [ARGS]...")
    assert re.search(r"^  \w+ +[A-Z].*\.$", done.err, re.MULTILINE)


@pytest.mark.parametrize("arguments", [["--version"], ["--debug", "--version"], ["--version", "plan"]])
def test_version_prints_the_version_of_the_package(arguments: list[str]) -> None:
    assert dlsync(*arguments) == (0, f"dlsync {__version__}\n", "", ())


def test_no_arguments_are_an_error_that_shows_the_help() -> None:
    done = dlsync()  # an error, because a script that lost its command has done nothing
    assert (done.code, done.out) == (1, "")
    assert done.err == dlsync("--help").out


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["paln"], "No such command 'paln'. Did you mean 'plan'?", "dlsync"),
        (["plan", "--fromat", "json"], "No such option: --fromat (Possible options: --format", "dlsync plan"),
        (["plan", "--format", "xml"], "'xml' is not one of 'text', 'json', 'markdown', 'html'", "dlsync plan"),
        (["apply", "--format", "markdown"], "'markdown' is not one of 'text', 'json'", "dlsync apply"),
        (["plan", "a", "b"], "Got unexpected extra argument(s) (b)", "dlsync plan"),
        (["plan", "--out"], "Option '--out' requires an argument", "dlsync"),
        (["serve", "--port", "70000"], "less than or equal to 65535", "dlsync serve"),
        (["plan", "\x1b[2J", "x"], "Got unexpected extra argument(s) (x)", "dlsync plan"),
        (["\x1b[2J"], r"No such command '\x1b[2J'", "dlsync"),
        (["--debug"], "Missing command", "dlsync"),
    ],
)
def test_wrong_usage_is_an_error_that_names_the_mistake_and_the_help_command(
    arguments: list[str], message: str, hint: str
) -> None:
    done = dlsync(*arguments)
    assert (done.code, done.out) == (1, "")
    said = done.err.partition("error: ")[2]
    assert message in said
    assert said.endswith(f"\nSee `{hint} --help`.\n")
    assert "Value error" not in said


@pytest.mark.parametrize("chosen", [["--format", "json"], ["--format=json"]])
def test_wrong_usage_with_format_json_prints_a_json_document(chosen: list[str]) -> None:
    done = dlsync("plan", "a", "b", *chosen)
    message = "Got unexpected extra argument(s) (b)"
    assert done.code == 1
    assert json.loads(done.out) == {"format_version": 1, "error": message, "problems": []}
    assert done.err == f"error: {message}\nSee `dlsync plan --help`.\n"


def test_completion_completes_commands() -> None:
    done = process(
        env={"_DLSYNC_COMPLETE": "complete_bash", "COMP_WORDS": "dlsync pla", "COMP_CWORD": "1"},
    )
    assert (done.code, done.out.split(), done.err) == (0, ["plan"], "")


@pytest.mark.parametrize(
    ("arguments", "env", "own"),
    [
        (["--version"], {}, set()),
        (["--help"], {}, set()),
        (["bogus"], {}, set()),
        (["plan", "--help"], {}, {"options", "plan"}),
        (["series", "get", "--help"], {}, {"api", "options"}),
        ([], COMPLETING, set()),
        ([], {**COMPLETING, "COMP_WORDS": "dlsync plan --o", "COMP_CWORD": "2"}, {"options", "plan"}),
    ],
    ids=[
        *("version", "help", "usage", "command's help", "family's help"),
        *("completion of a command's name", "completion of an option's name"),
    ],
)
def test_help_usage_errors_and_completion_import_no_other_command_and_no_slow_package(
    arguments: list[str], env: dict[str, str], own: set[str]
) -> None:
    imported = modules(*arguments, env=env)
    commands = {name.split(".")[2] for name in imported if name.startswith("dlsync.cli.")}
    assert commands == own | {"app", "console", "signals"}
    assert sorted(imported & HEAVY) == []
    slow = ("dlsync.client", "dlsync.resources", "dlsync.operations")
    assert [name for name in imported if name.startswith(slow)] == []


def test_validate_of_an_empty_tree_imports_no_slow_package(tmp_path: Path) -> None:
    imported = modules("validate", tmp_path)
    assert "dlsync.operations.validate" in imported
    assert sorted(imported & {"jsonschema_rs", "rich"}) == []


def modules(*arguments: str | Path, env: Mapping[str, str] | None = None) -> set[str]:
    """Return the modules that a fresh process imports to run a command line."""
    code = "import sys; from dlsync.__main__ import main; main(sys.argv[1:]); print('\\nIMPORTED', *sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=process_environment(env),
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.rpartition("IMPORTED ")[2].split())


def test_the_help_of_dlsync_and_of_each_command_state_the_same_purpose() -> None:
    said = {name: str(loaded(name).help).partition("\n")[0] for name in PURPOSES}
    assert said == PURPOSES
    assert {name: loaded(name).name for name in PURPOSES} == {name: name for name in PURPOSES}
