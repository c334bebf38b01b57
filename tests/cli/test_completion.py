"""Completion in the shell: commands, options and values."""

from __future__ import annotations

import re
import subprocess
import sys
from shutil import which
from typing import TYPE_CHECKING

import pytest

from dlsync.cli.app import PURPOSES
from tests.builders.commands import command_line as arguments
from tests.builders.commands import dlsync, process, process_environment
from tests.builders.trees import write_tree

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("dlsync plan --o", ["--out", "--on-conflict", "--org"]),
        ("dlsync plan --format ", ["text", "json", "markdown", "html", "sarif", "junit", "github"]),
        ("dlsync plan --format m", ["markdown"]),
        ("dlsync series ", ["get"]),
        ("dlsync --deb", ["--debug"]),
        ("dlsync --debug pla", ["plan"]),
        ("dlsync ", list(PURPOSES)),
        ("dlsync pla", ["plan"]),
        ("dlsync x", []),
        ("dlsync nonsense ", list(PURPOSES)),
    ],
)
def test_commands_options_and_option_values_are_completed(words: str, expected: list[str]) -> None:
    cursor = str(words.count(" "))
    done = dlsync(env={"_DLSYNC_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": cursor})
    assert (done.code, done.out.split(), done.err) == (0, expected, "")


@pytest.mark.parametrize(("words", "longest"), [("dlsync plan --", 90), ("dlsync ", 60)])
def test_fish_gets_completions_with_full_descriptions_and_zsh_the_same_completions(words: str, longest: int) -> None:
    env = {"_TYPER_COMPLETE_ARGS": words, "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    in_fish = process(env={"_DLSYNC_COMPLETE": "complete_fish", **env}).out.splitlines()
    assert [one for one in in_fish if not re.fullmatch(r"[\w-]+\t[A-Z].*\.", one)] == []  # each line is a completion
    assert max(map(len, in_fish)) > longest
    in_zsh = process(env={"_DLSYNC_COMPLETE": "complete_zsh", **env}).out.splitlines()
    assert [one.split('"')[1] for one in in_zsh] == [one.split("\t")[0] for one in in_fish]


def test_completion_prints_no_error_when_its_stdout_is_closed() -> None:
    environ = process_environment({"_DLSYNC_COMPLETE": "complete_bash", "COMP_WORDS": "dlsync ", "COMP_CWORD": "1"})
    with subprocess.Popen(
        arguments(), env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL
    ) as started:
        assert started.stdout
        assert started.stderr
        started.stdout.close()
        assert (started.stderr.read(), started.wait()) == (b"", 1)


@pytest.mark.skipif(which("bash") is None, reason="there is no bash here")
def test_completion_works_in_a_real_bash(tmp_path: Path) -> None:
    script = dlsync(env={"_DLSYNC_COMPLETE": "source_bash"}).out
    (tmp_path / "dlsync").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m dlsync "$@"\n', encoding="utf-8")
    (tmp_path / "dlsync").chmod(0o755)
    asked = (
        f"{script}\nPATH={tmp_path}:$PATH; COMP_WORDS=(dlsync pla); COMP_CWORD=1; _dlsync_completion dlsync;"
        'echo "${COMPREPLY[@]}"; COMP_WORDS=(dlsync plan --o); COMP_CWORD=2; _dlsync_completion dlsync;'
        'echo "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", asked], env=process_environment(), capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("plan\n--out --on-conflict --org\n", "")


def offered(words: str, tree: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.chdir(tree)
    env = {"_DLSYNC_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    done = dlsync(env=env)
    assert (done.code, done.err, done.asked) == (0, "", ())
    return done.out.split()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("dlsync plan -e ", ["prod", "test"]),
        ("dlsync plan --environment t", ["test"]),
        ("dlsync plan --target rule/", ["rule/load"]),
        ("dlsync accept d", ["dashboard/web"]),
        ("dlsync release p", ["plugin/disk"]),
        ("dlsync schema r", ["rule"]),
        ("dlsync rollback 2", []),
    ],
)
def test_values_are_completed_from_the_directory(
    words: str, expected: list[str], tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tree(tree, {"dlsync.yaml": "environments: {prod: {}, test: {}}\n"})
    assert offered(words, tree, monkeypatch) == expected


def test_runs_are_completed_from_the_journals(tree: Path, env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert dlsync("apply", tree, "--auto-approve", env=env).code == 0
    (run,) = [file.stem for file in (tree / ".dlsync/runs").iterdir() if file.suffix == ".jsonl"]
    assert offered("dlsync rollback ", tree, monkeypatch) == [run]


@pytest.mark.parametrize("words", ["dlsync plan -e ", "dlsync accept ", "dlsync rollback "])
def test_completion_offers_nothing_from_a_directory_that_cannot_be_read(
    words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dlsync.yaml").write_text("environments: [")
    (tmp_path / "rules").mkdir()
    (tmp_path / ".dlsync").symlink_to("/")
    assert offered(words, tmp_path, monkeypatch) == []
