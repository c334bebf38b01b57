"""The commands of each ``console`` block in the documentation print the output that the block shows."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dlsync.__main__ import main
from dlsync.resources import all_kinds
from dlsync.server.run import running
from tests.builders.ports import reserved_port
from tests.builders.postgresql import cluster
from tests.builders.repositories import CONFIGURATION
from tests.builders.trees import write_tree

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.untraced

STDERR_TOO = "2>&1"
SHELL = {
    "cat",
    "cp",
    "createdb",
    "curl",
    "for",
    "git",
    "grep",
    "ls",
    "mkdir",
    "openssl",
    "pg_dump",
    "psql",
    "sed",
    "tail",
    "until",
}
SHOWN_URL = "http://127.0.0.1:8080/api/v1"
SHOWN_PORT = re.compile(r"\b808\d\b")
SHOWN_HOST = "db.example"  # of PostgreSQL
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
    """Return whether the output matches the lines; ``...`` is any number of lines, or the rest of a line."""
    patterns = [r"(?:.*\n)*?" if line == "..." else _pattern(line) + r"\n" for line in shown]
    return re.fullmatch("".join(patterns), printed) is not None


def _pattern(line: str) -> str:
    return re.escape(line.removesuffix("...").rstrip()) + ".*" if line.endswith("...") else re.escape(line)


class Terminal:
    """The shell of a page's reader: its variables, its folder and its jobs.

    :param url: the URL of a running server; empty if the page starts its own server.
    """

    def __init__(self, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.code = 0
        self.jobs: dict[str, subprocess.Popen[str]] = {}
        self.stack = ExitStack()
        self._url, self._monkeypatch, self._capsys = url, monkeypatch, capsys
        self._ports: dict[str, str] = {}

    def real(self, text: str) -> str:
        """Replace the addresses that a page shows by those of this test."""
        if self._url:
            return text.replace(SHOWN_URL, self._url)
        return SHOWN_PORT.sub(lambda found: self._port(found[0]), text)

    def shown(self, text: str) -> str:
        """Replace the addresses of this test by those that a page shows."""
        if self._url:
            return text.replace(self._url, SHOWN_URL)
        for shown, port in self._ports.items():
            text = text.replace(f":{port}", f":{shown}")
        return text

    def _port(self, shown: str) -> str:
        if shown not in self._ports:
            self._ports[shown] = str(self.stack.enter_context(reserved_port()))
        return self._ports[shown]

    def export(self, name: str, value: str) -> None:
        """Set a variable; start PostgreSQL where it names its host."""
        if value == SHOWN_HOST:
            database = self.stack.enter_context(cluster())  # without PostgreSQL, this skips the rest of the page
            database.execute("CREATE ROLE monitoring SUPERUSER LOGIN")
            value = str(database.folder)
        self._monkeypatch.setenv(name, self.real(value))

    def run(self, command: str, lines: int) -> str:
        """Run a command, and return what it prints.

        :param lines: how many lines of its output the page shows.
        """
        program, *arguments = shlex.split(self.real(command))
        if program in {"export", "unset", "cd"}:
            for word in arguments:
                self._set(program, *word.split("=", 1))
        elif command.endswith(" &"):
            return self._start(command, lines)
        elif program == "kill":
            self._kill(*arguments)
        elif program == "wait":
            while self.jobs:
                self.jobs.popitem()[1].wait()
        elif program in SHELL:
            return self._output(self.real(command))
        elif program == "echo":
            assert arguments == ["$?"]
            return f"{self.code}\n"
        else:
            assert program == "dlsync"
            self.code, printed = run(arguments, self._capsys)
            return self.shown(printed)
        return ""

    def _set(self, program: str, word: str, value: str = "") -> None:
        if program == "export":
            self.export(word, value)
        elif program == "unset":
            self._monkeypatch.delenv(word)
        else:
            self._monkeypatch.chdir(word)

    def _start(self, command: str, lines: int) -> str:
        """Start a job, and return its first lines."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        line = ["sh", "-c", f"exec {self.real(command).removesuffix(' &')}"]
        job = subprocess.Popen(line, stdout=subprocess.PIPE, text=True, env={**os.environ, "PATH": path})
        self.jobs[command] = job
        self.stack.callback(job.communicate)
        self.stack.callback(job.kill)
        assert job.stdout
        return self.shown("".join(job.stdout.readline() for _ in range(lines)))

    def _kill(self, *options: str) -> None:
        """Send a signal to the job whose command contains a text."""
        *flags, name = options
        (job,) = (job for command, job in self.jobs.items() if name.removeprefix("%?") in self.real(command))
        job.send_signal(signal.SIGKILL if flags == ["-9"] else signal.SIGTERM)

    @staticmethod
    def _output(command: str) -> str:
        author = {
            f"GIT_{role}_{field}": "ada@example.org" for role in ("AUTHOR", "COMMITTER") for field in ("NAME", "EMAIL")
        }
        environment = {**os.environ, **CONFIGURATION, **author, "CHECKOUT": str(ROOT)}
        arguments = ["sh", "-c", command]
        printed = subprocess.run(arguments, capture_output=True, text=True, check=True, env=environment).stdout
        return printed if printed.endswith("\n") or not printed else f"{printed}\n"


@contextmanager
def terminal_of(page: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Terminal]:
    """A terminal with the variables of a page, and with a server unless the page starts one."""
    with ExitStack() as stack:
        own = re.search(r"^\$ dlsync serve .*&$", page, re.MULTILINE)
        url = "" if own else stack.enter_context(running(demo="\ndlsync serve --demo" in page)).url
        terminal = Terminal(url, monkeypatch, capsys)
        with terminal.stack:
            for name, value in exported(page):
                terminal.export(name, value)
            yield terminal


@pytest.mark.parametrize("page", WITH_BLOCKS, ids=lambda page: page.name)
def test_a_page_shows_what_its_commands_print(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    text = page.read_text(encoding="utf-8")
    with terminal_of(text, monkeypatch, capsys) as terminal:
        for step in STEP.finditer(text):
            if step["file"]:
                write_tree(Path.cwd(), {step["file"]: step["text"]})
                continue
            for command, shown in commands(step["text"]):
                printed = terminal.run(command, len(shown))
                assert matches(shown, printed), f"$ {command}\n{printed}"


def test_the_commands_of_make_in_the_readme_are_targets_of_the_makefile() -> None:
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    shown = re.findall(r"^make (\w+)", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert shown == ["demo", "test"]
    assert set(shown) <= set(targets)


def test_the_demo_ignores_dlsync_variables_of_its_shell_and_leaves_no_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DLSYNC_DB", str(tmp_path / "server.db"))
    monkeypatch.setenv("DLSYNC_API_KEY", "of-another-server")
    monkeypatch.setenv("DLSYNC_ENVIRONMENT", "none-of-these")
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "demo.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert list(tmp_path.iterdir()) == []
    assert list(Path.home().rglob("*")) == []


def test_the_architecture_page_names_every_module_and_package() -> None:
    drawn = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    rooms = [one for one in (ROOT / "dlsync").iterdir() if not one.name.startswith(("_", "py."))]
    names = [f"`{one.name}/`" if one.is_dir() else f"`{one.name}`" for one in rooms]
    assert sorted(name for name in names if name not in drawn) == []


def test_the_row_of_a_folder_in_the_architecture_page_names_exactly_its_modules() -> None:
    rows = dict(
        re.findall(r"^\| `(\w+)/` \|(.*)$", (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"), re.MULTILINE)
    )
    named = {folder: set(re.findall(r"`([a-z_]+)/?`", row)) for folder, row in rows.items()}
    modules = {folder: {one.stem for one in (ROOT / "dlsync" / folder).iterdir()} for folder in rows}
    others = {"__init__", "__pycache__", *(kind.name for kind in all_kinds())}
    for folder in ("diff", "files", "operations", "resources", "state"):
        assert modules[folder] - named[folder] - others == set(), folder
    assert {name for folder in rows for name in named[folder] - modules[folder]} <= rows.keys()
