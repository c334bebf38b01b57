"""What the documentation shows is what happens: each ``console`` block is run, and what it prints is compared."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dlsync.__main__ import main
from dlsync.resources import all_kinds
from dlsync.server.run import running
from tests.builders.repositories import CONFIGURATION
from tests.builders.trees import write_tree

if TYPE_CHECKING:
    from collections.abc import Iterator

STDERR_TOO = "2>&1"
SHELL = {"cat", "curl", "git", "sed"}
SHOWN_URL = "http://127.0.0.1:8080/api/v1"
ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# a file whose name is its first line, `# dashboards/web.yaml`, or commands
STEP = re.compile(r"^```((?:yaml|json|sh)\n# (?P<file>[\w./-]+)|console)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
EXPORT = re.compile(r"^export (DLSYNC_.*)$", re.MULTILINE)
WITH_BLOCKS = [page for page in PAGES if BLOCK.search(page.read_text(encoding="utf-8"))]


def commands(block: str) -> Iterator[tuple[str, list[str]]]:
    """The commands of a block, each with the lines that it shows below it."""
    number = 0
    numbered = [(number := number + line.startswith("$ "), line) for line in block.splitlines()]
    for _, group in groupby(numbered, key=lambda pair: pair[0]):
        command, *shown = (line for _, line in group)
        yield command.removeprefix("$ "), shown


def exported(text: str) -> list[tuple[str, str]]:
    """The variables that a page tells its reader to export: with them alone, its commands work."""
    words = [word for line in EXPORT.findall(text) for word in line.split()]
    return [(name, value) for name, _, value in (word.partition("=") for word in words)]


def shell(command: str, url: str) -> str:
    """Run a command in a shell, with the address that a page shows replaced by a server's."""
    author = {
        f"GIT_{role}_{field}": "ada@example.org" for role in ("AUTHOR", "COMMITTER") for field in ("NAME", "EMAIL")
    }
    environment = {**os.environ, **CONFIGURATION, **author}
    arguments = ["sh", "-c", command.replace(SHOWN_URL, url)]
    printed = subprocess.run(arguments, capture_output=True, text=True, check=True, env=environment).stdout
    return printed if printed.endswith("\n") or not printed else f"{printed}\n"


def run(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Run dlsync in this process, and return its exit code and what a terminal or ``> FILE`` gets of its output."""
    arguments, file = (arguments[:-2], arguments[-1]) if ">" in arguments else (arguments, None)
    code = main([argument for argument in arguments if argument != STDERR_TOO])
    captured = capsys.readouterr()
    if file is None:
        return code, captured.out + (captured.err if STDERR_TOO in arguments else "")
    Path(file).write_text(captured.out, encoding="utf-8")
    return code, ""


def matches(shown: list[str], printed: str) -> bool:
    """Whether the lines are those printed; ``...`` stands for any number of them, or for the rest of one."""
    patterns = [r"(?:.*\n)*?" if line == "..." else _pattern(line) + r"\n" for line in shown]
    return re.fullmatch("".join(patterns), printed) is not None


def _pattern(line: str) -> str:
    return re.escape(line.removesuffix("...").rstrip()) + ".*" if line.endswith("...") else re.escape(line)


@pytest.mark.parametrize("page", WITH_BLOCKS, ids=lambda page: page.name)
def test_a_page_shows_what_its_commands_print(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    text = page.read_text(encoding="utf-8")
    code = 0
    with running(demo="\ndlsync serve --demo" in text) as server:
        for name, value in exported(text):
            monkeypatch.setenv(name, value.replace(SHOWN_URL, server.url))
        for step in STEP.finditer(text):
            if step["file"]:
                write_tree(Path.cwd(), {step["file"]: step["text"]})
                continue
            for command, shown in commands(step["text"]):
                program, *arguments = shlex.split(command)
                if program == "unset":
                    monkeypatch.delenv(arguments[0])
                    continue
                if program == "cd":
                    monkeypatch.chdir(arguments[0])
                    continue
                if program in SHELL:
                    printed = shell(command, server.url)
                elif program == "echo":
                    assert arguments == ["$?"]
                    printed = f"{code}\n"
                else:
                    assert program == "dlsync"
                    code, printed = run(arguments, capsys)
                    printed = printed.replace(server.url, SHOWN_URL)
                assert matches(shown, printed), f"$ {command}\n{printed}"


def test_the_two_commands_of_the_readme_are_in_the_makefile() -> None:
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert {"demo", "test", "check"} <= set(targets)


def test_every_module_and_package_of_the_house_is_drawn_in_its_plan() -> None:
    drawn = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    rooms = [one for one in (ROOT / "dlsync").iterdir() if not one.name.startswith(("_", "py."))]
    names = [f"`{one.name}/`" if one.is_dir() else f"`{one.name}`" for one in rooms]
    assert sorted(name for name in names if name not in drawn) == []


def test_the_row_of_a_folder_names_its_modules_and_no_others() -> None:
    rows = dict(
        re.findall(r"^\| `(\w+)/` \|(.*)$", (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"), re.MULTILINE)
    )
    named = {folder: set(re.findall(r"`([a-z_]+)/?`", row)) for folder, row in rows.items()}
    modules = {folder: {one.stem for one in (ROOT / "dlsync" / folder).iterdir()} for folder in rows}
    others = {"__init__", "__pycache__", *(kind.name for kind in all_kinds())}
    for folder in ("diff", "files", "operations", "resources", "state"):
        assert modules[folder] - named[folder] - others == set(), folder
    assert {name for folder in rows for name in named[folder] - modules[folder]} <= rows.keys()
