"""The program turns each failure into a message and an exit code, and shows a traceback only with --debug."""

from __future__ import annotations

import io
import json
import os
import runpy
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dlsync import operations
from dlsync.__main__ import main
from dlsync.cli import console
from tests.builders.commands import (
    ENDING_SIGNALS,
    TREE,
    Outcome,
    Piped,
    Terminal,
    command_line,
    dlsync,
    environment,
    misbehaving,
    process,
    process_environment,
)
from tests.builders.http import Misbehaviour, Reply, json_reply
from tests.builders.trees import write_tree

if TYPE_CHECKING:
    from dlsync.resources.tree import Tree
    from tests.builders.commands import Served

TRACE = "Traceback (most recent call last):\n"
FULL = Path("/dev/full")
KEY = "s3cret-key-of-ours"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "tree", TREE)


# tracebacks
def test_an_error_has_a_traceback_only_with_debug_at_any_position(tmp_path: Path) -> None:
    lines = ["validate", str(tmp_path / "nowhere")]
    quiet = dlsync(*lines)
    assert TRACE not in quiet.err
    for place in range(3):
        done = dlsync(*lines[:place], "--debug", *lines[place:])
        assert (done.code, done.out) == (1, "")
        assert done.err.startswith(TRACE)
        assert done.err.endswith(quiet.err)


def test_debug_changes_nothing_without_an_error(tree: Path) -> None:
    assert dlsync("--debug", "validate", tree) == dlsync("validate", "--debug", tree) == dlsync("validate", tree)


@pytest.mark.parametrize("how", ["cause", "context"])
def test_an_error_that_came_of_an_interrupt_is_no_bug(tree: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """An import that a signal ends raises another error, at once or when something imports the same again."""

    def broken(*_: object) -> Tree:
        try:
            signal.default_int_handler(signal.SIGINT, None)
        except KeyboardInterrupt as error:
            raise RuntimeError("half-imported") from (error if how == "cause" else None)

    monkeypatch.setattr(operations, "validate", broken)
    done = dlsync("validate", tree)
    assert (done.code, done.out, done.err) == (130, "", "Interrupted.\n")


def test_an_interrupt_while_an_error_is_reported_exits_with_130(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(console, "explain", interrupted)
    done = dlsync("validate", tmp_path / "nowhere")
    assert (done.code, done.out, done.err) == (130, "", "Interrupted.\n")


def test_a_bug_is_reported_as_a_bug_with_a_traceback_only_with_debug(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> Tree:
        raise ZeroDivisionError("a\x1b[2Jb")

    monkeypatch.setattr(operations, "validate", broken)
    done = dlsync("validate", tree)
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        "error: a bug in dlsync: ZeroDivisionError: a\\x1b[2Jb\nPlease report it, with the output of `--debug`.\n"
    )
    debugged = dlsync("validate", tree, "--debug").err
    assert debugged.startswith(TRACE)
    assert "in broken\n" in debugged
    assert "\x1b" not in debugged


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(24, "Too many open files", "/tree/x"), "error: /tree/x: Too many open files\n"),
        (OSError(24, "Too many open files"), "error: Too many open files\n"),
        (OSError("odd"), "error: odd\n"),
    ],
)
def test_an_os_error_is_not_reported_as_a_bug(
    tree: Path, monkeypatch: pytest.MonkeyPatch, error: OSError, words: str
) -> None:
    def refused(*_: object) -> Tree:
        raise error

    monkeypatch.setattr(operations, "validate", refused)
    assert dlsync("validate", tree) == (1, "", words, ())


# interruption
def test_ctrl_c_exits_with_code_130_at_any_time(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(operations, "validate", interrupted)
        assert dlsync("validate", tree) == (130, "", "Interrupted.\n", ())
    monkeypatch.setattr("dlsync.__main__._run", interrupted)
    assert dlsync("validate", tree) == (130, "", "Interrupted.\n", ())


@pytest.mark.parametrize("number", ENDING_SIGNALS)
@pytest.mark.parametrize("command", [["plan"], ["apply", "--auto-approve"], ["export"]])
def test_a_process_that_waits_for_a_server_ends_at_a_signal(
    tree: Path, command: list[str], number: signal.Signals
) -> None:
    asked: list[subprocess.Popen[str]] = []

    def answer(_: object) -> Reply:
        asked[0].send_signal(number)
        return Reply(misbehaviour=Misbehaviour.HANG)

    with (
        misbehaving(answer) as server,
        subprocess.Popen(
            command_line(*command, tree),
            env=process_environment(environment(server.url)),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        ) as running,
    ):
        asked.append(running)
        out, err = running.communicate()
    assert (running.returncode, out, err.splitlines()[-1]) == (130, "", "Interrupted.")
    assert "Traceback" not in err


# streams
def test_a_command_whose_stdout_reader_is_gone_exits_with_1_and_no_message(tree: Path, server: Served) -> None:
    for arguments in (["plan", tree], ["schema", "dashboard"], ["--help"]):
        read, write = os.pipe()
        os.close(read)
        done = subprocess.run(
            command_line(*arguments),
            env=process_environment(server.account()),
            stdout=write,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        os.close(write)
        assert (done.returncode, done.stderr) == (1, "")


def test_an_apply_whose_stdout_reader_is_gone_completes(tree: Path, server: Served) -> None:
    environment = process_environment(server.account())
    said = "stdout was closed by its reader"
    for _ in range(2):  # the second run has no changes to make
        read, write = os.pipe()
        os.close(read)
        apply = command_line("apply", tree, "--auto-approve")
        done = subprocess.run(apply, env=environment, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
        os.close(write)
        assert (done.returncode, done.stderr.count(said), done.stderr.count("\n")) == (0, 1, 1)
    plan = command_line("plan", tree, "--detailed-exitcode")
    assert subprocess.run(plan, env=environment, capture_output=True, check=False).returncode == 0


def test_the_version_option_whose_stdout_reader_is_gone_exits_with_1_and_no_message(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read, write = os.pipe()
    os.close(read)
    said = Terminal()
    monkeypatch.setattr(sys, "stderr", said)
    with os.fdopen(write, "w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        assert (main(["--version"]), said.getvalue()) == (1, "")


def test_shell_completion_whose_stdout_reader_is_gone_exits_with_1_and_no_message(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Gone(io.StringIO):
        def write(self, _: str) -> int:
            raise BrokenPipeError

    said = Terminal()
    monkeypatch.setattr(sys, "stdout", Gone())
    monkeypatch.setattr(sys, "stderr", said)
    for name, value in {"_DLSYNC_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": "dlsync "}.items():
        monkeypatch.setenv(name, value)
    assert (main([]), said.getvalue()) == (1, "")


@pytest.mark.parametrize("command", ["schema", "--version"])
@pytest.mark.skipif(not FULL.exists(), reason="only Linux has such a device")
def test_a_full_device_at_stdout_is_an_error(command: str) -> None:
    with FULL.open("w") as full:
        done = subprocess.run(
            command_line(command),
            env=process_environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (
        1,
        "error: the result cannot be written to stdout: No space left on device\n",
    )


def in_a_shell(line: str, tree: Path, env: dict[str, str]) -> Outcome:
    done = subprocess.run(
        ["sh", "-c", line, "sh", *command_line()],
        cwd=tree,
        env=process_environment(env),
        capture_output=True,
        text=True,
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def test_an_apply_with_closed_stdout_fails_before_any_change(tree: Path, server: Served) -> None:
    env = server.account()
    done = in_a_shell('exec "$@" apply --auto-approve >&-', tree, env)
    assert (done.code, done.err) == (
        1,
        "error: stdout is closed, but results are written to it\nSend it to a file or to /dev/null.\n",
    )
    assert "Plan: 3 to create" in dlsync("plan", tree, env=env).out


def test_an_apply_works_with_closed_stderr_and_stdin(tree: Path, server: Served) -> None:
    env = server.account()
    done = in_a_shell('exec "$@" apply --auto-approve 2>&- <&-', tree, env)
    assert (done.code, done.out.rpartition("Applied: ")[2]) == (0, "3 created, 0 updated, 0 deleted, 0 failed.\n")
    assert in_a_shell('exec "$@" validate nowhere 2>&- <&-', tree, env).code == 1


def test_main_detects_closed_streams_in_the_same_process(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = Terminal()
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", said)
    assert main(["validate", str(tree)]) == 1
    assert said.getvalue().startswith("error: stdout is closed")
    monkeypatch.setattr(sys, "stderr", None)
    assert main(["validate", str(tree)]) == 1
    sys.stderr.close()


def test_characters_that_stdout_cannot_encode_are_escaped(tmp_path: Path, server: Served) -> None:
    write_tree(tmp_path, {"dashboards/größe.yaml": "title: Größe\npositions: []\n"})
    assert "+ dashboard/gr\\xf6\\xdfe  create" in dlsync("plan", tmp_path, env=server.account(), out=Piped("ascii")).out
    done = process("plan", tmp_path, env={**server.account(), "PYTHONIOENCODING": "ascii"})
    assert (done.code, done.err) == (0, "")
    assert "+ dashboard/gr\\xf6\\xdfe  create" in done.out


def test_main_writes_to_any_text_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    stdout = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stdout)
    assert main(["--version"]) == 0
    assert stdout.getvalue().startswith("dlsync ")


def test_the_program_ends_by_os_exit_with_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The threads of the HTTP library can abort the process while the interpreter shuts down."""
    monkeypatch.setattr(sys, "argv", ["dlsync", "--version"])
    monkeypatch.delitem(sys.modules, "dlsync.__main__")
    monkeypatch.setattr("gc.set_threshold", lambda _: None)
    codes: list[int] = []
    monkeypatch.setattr("os._exit", codes.append)
    runpy.run_module("dlsync", run_name="__main__")
    assert codes == [0]
    assert capsys.readouterr().out.startswith("dlsync ")


def test_shell_completion_does_not_import_rich(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Typer would wrap help texts with rich, whose import takes as long as that of typer."""
    monkeypatch.setattr(sys, "argv", ["dlsync"])
    monkeypatch.delitem(sys.modules, "dlsync.__main__")
    monkeypatch.setitem(sys.modules, "rich", sys)
    monkeypatch.setattr("gc.set_threshold", lambda _: None)
    monkeypatch.setattr("os._exit", lambda _: None)
    env = {"_TYPER_COMPLETE_ARGS": "dlsync plan --o", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    for name, value in {"_DLSYNC_COMPLETE": "complete_fish", **env}.items():
        monkeypatch.setenv(name, value)
    runpy.run_module("dlsync", run_name="__main__")
    assert sys.modules.get("rich") is None
    assert capsys.readouterr().out.startswith("--out\t")


def test_completion_ends_without_an_exception(monkeypatch: pytest.MonkeyPatch) -> None:
    env = {"_DLSYNC_COMPLETE": "complete_bash", "COMP_WORDS": "dlsync validate --fo", "COMP_CWORD": "2"}
    assert dlsync(env=env)[:3] == (0, "--format\n", "")


# the key
ECHO = f"the key {KEY} \x1b[2J"
ANSWERS = {
    "refused": json_reply({"error": ECHO}, 401),
    "lost": json_reply({"error": ECHO}, 404),
    "failed": json_reply({"error": ECHO}, 500),
    "moved": Reply(302, b"", (("Location", f"https://elsewhere.example/{KEY}"),)),
    "html": Reply(200, f"<html>{ECHO}".encode(), (("Content-Type", f"text/html; {KEY}"),)),
    "unlike": json_reply({"plugins": KEY}),
    "no http": Reply(body=f"{KEY} is no HTTP\r\n\r\n".encode(), misbehaviour=Misbehaviour.GARBAGE),
}


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("command", ["plan", "apply", "export"])
def test_the_key_appears_in_no_output_and_no_file_for_any_answer_of_the_server(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, answer: str
) -> None:
    monkeypatch.setattr(console, "_secrets", {})
    write_tree(tmp_path, {"key": KEY})
    for output_format in ("text", "json"):
        for debug in ([], ["--debug"]):
            with misbehaving(ANSWERS[answer]) as server:
                env = environment(server.url)
                del env["DLSYNC_API_KEY"]
                options = ["--format", output_format, "--api-key-file", tmp_path / "key", *debug]
                done = dlsync(command, tree, *options, *(["--auto-approve"] if command == "apply" else []), env=env)
            assert (done.code, done.writes) == (1, [])
            assert done.out == "" if output_format == "text" else json.loads(done.out)["problems"] == []
            assert KEY not in done.out + done.err
            assert "\x1b" not in done.out + done.err
            assert (TRACE in done.err) == bool(debug)
            assert all(KEY not in body.decode(errors="replace") for body in tree_contents(tree))


def tree_contents(tree: Path) -> list[bytes]:
    return [file.read_bytes() for file in tree.rglob("*") if file.is_file()]


def test_the_key_is_in_no_result_and_no_saved_plan(tree: Path, tmp_path: Path) -> None:
    from dlsync.server.run import running

    with running(api_key=KEY) as server:
        env = environment(server.url, key=KEY)
        shown = [
            dlsync("plan", tree, "--out", tmp_path / "plan.json", "--debug", env=env),
            *(dlsync("plan", tree, "--format", one, env=env) for one in ("json", "markdown")),
            dlsync("apply", tmp_path / "plan.json", "--auto-approve", "--format", "json", env=env),
            dlsync("export", tmp_path / "export", "--format", "json", env=env),
        ]
    assert [one.code for one in shown] == [0] * len(shown)
    written = [*tree_contents(tmp_path / "export"), (tmp_path / "plan.json").read_bytes()]
    assert KEY not in "".join(one.out + one.err for one in shown) + "".join(map(repr, written))


def test_an_error_does_not_print_a_key_that_was_given_as_an_option(tree: Path) -> None:
    for arguments in ([f"--api-key={KEY}"], ["--api-key", KEY]):
        done = dlsync("plan", tree, *arguments)
        assert (done.code, KEY in done.err) == (1, False)
